"""Fixtures of all tests in Python. APUS_BIN names the server's binary; `make test` sets it."""

import os
import shutil
import subprocess
import uuid

import pytest

from apus_server import ApusServer
from aws_double import Moto
from event_grid import EventGrid
from hook import Hook


@pytest.fixture(scope="session")
def apus_server(tmp_path_factory):
    """A server that all tests share, each with topics of its own; APUS_URL has its address. Tests that kill
    or configure a server take `new_server`."""
    server = ApusServer(tmp_path_factory.mktemp("shared")).start()
    os.environ["APUS_URL"] = server.url
    yield server
    server.kill()


@pytest.fixture
def new_server(tmp_path):
    """Makes servers of the test's own, not yet started: new_server("--option", "value")."""
    made = []

    def make(*arguments):
        folder = tmp_path / f"server-{len(made)}"
        folder.mkdir()
        made.append(ApusServer(folder, arguments))
        return made[-1]

    yield make
    for server in made:
        server.kill()


@pytest.fixture
def topic(apus_server):
    """A new topic of one partition on the shared server."""
    name = f"t-{uuid.uuid4().hex[:12]}"
    apus_server.create_topic(name)
    return name


@pytest.fixture
def event_grid():
    """Starts doubles of an Event Grid namespace: event_grid("--lock", "5", make=False)."""
    made = []

    def make(*arguments, **options):
        made.append(EventGrid(*arguments, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def moto(tmp_path):
    """A double of AWS of the test's own, running: it keeps what it knows in tables that its threads share, so tests are kept apart."""
    server = Moto(tmp_path).start()
    yield server
    server.kill()


@pytest.fixture
def aws(moto):
    """The address of a double of AWS of the test's own."""
    return moto.url


@pytest.fixture
def hook():
    """A webhook that takes everything, unless it is told otherwise."""
    made = Hook()
    yield made
    made.close()


@pytest.fixture
def strace():
    """The command strace; the test is skipped where it is missing."""
    path = shutil.which("strace")
    if path is None:
        pytest.skip("strace is not installed")
    return path


@pytest.fixture(scope="session")
def bus_check():
    """The program that holds a broker against the contract; `make test` sets BUS_CHECK_BIN."""
    path = os.environ.get("BUS_CHECK_BIN")
    if not path:
        pytest.skip("BUS_CHECK_BIN names no apus-bus-check")
    return path


@pytest.fixture(scope="session")
def shop():
    """Runs Examples/orders on a broker and returns what it said, once every order has ended exactly one way; `make test` sets ORDERS_BIN."""
    path = os.environ.get("ORDERS_BIN")
    if not path:
        pytest.skip("ORDERS_BIN names no program")

    def run(url, *arguments):
        result = subprocess.run(
            [path, url, "--patience", "240", *arguments], capture_output=True, text=True, timeout=400)
        assert result.returncode == 0, result.stdout + result.stderr
        assert "ended exactly one way" in result.stdout
        return result.stdout

    return run
