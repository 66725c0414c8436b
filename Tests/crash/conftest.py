"""What the crash tests share: one line of figures from each, shown at the end of the run."""

import pytest
from disks import mount_small_disk, unmount

FIGURES = "figures"


@pytest.fixture
def report(request):
    """Adds a line to the figures shown at the end. As a property of the test it reaches the process that shows them."""
    return lambda line: request.node.user_properties.append((FIGURES, f"{request.node.name}: {line}"))


@pytest.fixture
def small_disk_server(new_server):
    """A server, not yet started, whose data folder is a disk of its own."""
    server = new_server("--journal-size", "32MiB")
    mount_small_disk(server)
    yield server
    server.kill()
    unmount(server)


def pytest_terminal_summary(terminalreporter):
    ended = [test for outcome in ("passed", "failed") for test in terminalreporter.stats.get(outcome, [])]
    lines = [line for test in ended for name, line in test.user_properties if name == FIGURES]
    if lines:
        terminalreporter.section("crash tests")
    for line in lines:
        terminalreporter.line(line)
