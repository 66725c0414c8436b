"""Outside brokers for the tests of bridges: RabbitMQ nodes that can be killed."""

import pathlib
import sys

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
def bridged(apus_server):
    return Bridged(apus_server)
