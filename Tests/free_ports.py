"""Ports for servers that tests start. They lie below those that the system gives to connections, so that none of these takes the port of a server
that was killed and is about to start again; and each test process hands out its own, each once, so that tests run beside each other."""

import os
import random
import socket

# Linux gives connections 32768 and above, unless somebody has set it otherwise. Browsers refuse some ports that other protocols are known by, the highest of which is 10080.
FIRST, LAST = 10_100, 32_000
# How many processes of one test run have ports of their own.
WORKERS = 8


def _ports():
    share = (LAST - FIRST) // WORKERS
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % WORKERS
    start = random.Random(os.getpid()).randrange(share)
    while True:
        for number in range(share):
            yield FIRST + worker * share + (start + number) % share


_NEXT = _ports()


def free_port():
    """A port that nobody listens on now. The server gets it as a number, so that it keeps it when it is started again."""
    for port in _NEXT:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
