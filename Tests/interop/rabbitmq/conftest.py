"""A broker that the tests share, and a program on the transport to talk to it with. APUS_AMQP_CHECK names the program; `make test` sets it."""

import os
import subprocess

import pytest

import broker


@pytest.fixture(scope="session")
def name_server():
    reason = broker.missing()
    if reason:
        pytest.skip(reason)
    server = broker.NameServer()
    yield server
    server.stop()


class RunningBroker:
    """A broker that somebody else started."""

    def __init__(self, url):
        self.url = url


@pytest.fixture(scope="session")
def rabbitmq(request, tmp_path_factory):
    """A node that tests share, each with names of its own: that at APUS_RABBITMQ_URL if it is set, or one of theirs."""
    if "APUS_RABBITMQ_URL" in os.environ:
        yield RunningBroker(os.environ["APUS_RABBITMQ_URL"])
        return
    names = request.getfixturevalue("name_server")
    node = broker.Node(tmp_path_factory.mktemp("rabbitmq"), names).start()
    try:
        yield node.wait_until_ready()
    finally:
        node.kill()


@pytest.fixture
def new_node(name_server, tmp_path):
    """Makes nodes of the test's own, not yet started."""
    nodes = []

    def make(*configuration):
        nodes.append(
            broker.Node(tmp_path / f"node{len(nodes)}", name_server, f"apus-{len(nodes)}", configuration))
        return nodes[-1]

    yield make
    for node in nodes:
        node.kill()


class Program:
    """The check program, running; its lines go to a file, so that it never waits for a reader."""

    def __init__(self, folder, number, arguments):
        self.path = folder / f"check-{number}"
        with open(self.path, "wb") as output:
            self.process = subprocess.Popen(
                [os.environ["APUS_AMQP_CHECK"], *map(str, arguments)], stdout=output, stderr=subprocess.STDOUT)

    def lines(self):
        return self.path.read_text(errors="replace").splitlines()

    def ids(self, word):
        return [int(line.split()[1]) for line in self.lines() if line.startswith(word + " ")]

    def wait(self, seconds):
        return self.process.wait(timeout=seconds)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@pytest.fixture
def check(tmp_path):
    """Starts the check program: check("produce", url, topic, 100)."""
    if "APUS_AMQP_CHECK" not in os.environ:
        pytest.skip("APUS_AMQP_CHECK does not name the program on the RabbitMQ transport")
    programs = []

    def start(*arguments):
        programs.append(Program(tmp_path, len(programs), arguments))
        return programs[-1]

    yield start
    for program in programs:
        program.kill()
