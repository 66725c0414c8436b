"""What the crash tests share: one line of figures from each, shown at the end of the run."""

import pytest
from disks import mount_small_disk, unmount

LINES = pytest.StashKey[list]()


def pytest_configure(config):
    config.stash[LINES] = []


@pytest.fixture
def report(request):
    """Adds a line to the figures shown at the end."""
    return lambda line: request.config.stash[LINES].append(f"{request.node.name}: {line}")


@pytest.fixture
def small_disk_server(new_server):
    """A server, not yet started, whose data folder is a disk of its own."""
    server = new_server("--journal-size", "32MiB")
    mount_small_disk(server)
    yield server
    server.kill()
    unmount(server)


def pytest_terminal_summary(terminalreporter, config):
    if config.stash[LINES]:
        terminalreporter.section("crash tests")
        for line in config.stash[LINES]:
            terminalreporter.line(line)
