"""Outside brokers for the tests of bridges: RabbitMQ nodes that can be killed, and moto's server as AWS."""

import pathlib
import subprocess
import sys
import time
import urllib.request

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "rabbitmq"))

import broker  # noqa: E402
from bridging import Bridged  # noqa: E402


@pytest.fixture(scope="session")
def name_server():
    reason = broker.missing()
    if reason:
        pytest.skip(reason)
    server = broker.NameServer()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def rabbitmq(name_server, tmp_path_factory):
    """A node that tests share, each with names of its own."""
    node = broker.Node(tmp_path_factory.mktemp("rabbitmq"), name_server).start()
    try:
        yield node.wait_until_ready()
    finally:
        node.kill()


@pytest.fixture
def new_node(name_server, tmp_path):
    """A node of the test's own, running."""
    node = broker.Node(tmp_path / "rabbitmq", name_server).start()
    yield node.wait_until_ready()
    node.kill()


@pytest.fixture
def aws(tmp_path):
    """The address of a double of AWS of the test's own."""
    log = tmp_path / "moto.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-u", "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"], stdout=output,
            stderr=subprocess.STDOUT)
    deadline = time.monotonic() + 60
    address = None
    while address is None:
        assert server.poll() is None and time.monotonic() < deadline, log.read_text()
        for line in log.read_text().splitlines():
            if "Running on http://" in line:
                address = line.split("Running on ")[1].strip()
        time.sleep(0.05)
    while True:
        try:
            urllib.request.urlopen(f"{address}/moto-api/", timeout=5).close()
            break
        except OSError:
            assert time.monotonic() < deadline, "moto's server does not answer"
    yield address
    server.kill()
    server.wait()


@pytest.fixture
def bridged(apus_server):
    return Bridged(apus_server)
