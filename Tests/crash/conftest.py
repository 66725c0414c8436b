"""What the crash tests share: one line of figures from each, shown at the end of the run."""

import pytest

LINES = pytest.StashKey[list]()


def pytest_configure(config):
    config.stash[LINES] = []


@pytest.fixture
def report(request):
    """Adds a line to the figures shown at the end."""
    return lambda line: request.config.stash[LINES].append(f"{request.node.name}: {line}")


def pytest_terminal_summary(terminalreporter, config):
    if config.stash[LINES]:
        terminalreporter.section("crash tests")
        for line in config.stash[LINES]:
            terminalreporter.line(line)
