# SPDX-License-Identifier: Apache-2.0
"""What is promised of the program as a file: it needs nothing beside libraries that every system has, and it is there at once and small."""

import os
import socket
import statistics
import subprocess
import time

from apus_server import ApusServer

# Of libraries that a static link of Swift's runtime leaves to the system.
SYSTEM = ("linux-vdso", "ld-linux", "libc.so", "libm.so", "libgcc_s", "libstdc++", "libz.so", "libpthread", "libdl")
# With the package trait Kafka, which is a build's choice: librdkafka, and what that stands on.
KAFKA = ("librdkafka", "liblz4", "libzstd", "libsasl2", "libssl", "libcrypto")


def test_the_runtime_is_inside():
    listed = subprocess.run(
        ["ldd", os.environ["APUS_BIN"]], check=True, capture_output=True, text=True).stdout
    names = [line.split()[0].rsplit("/", 1)[-1] for line in listed.splitlines()]
    allowed = SYSTEM + KAFKA if any(name.startswith("librdkafka") for name in names) else SYSTEM
    assert [name for name in names if not name.startswith(allowed)] == []


def first_receipt(folder):
    """Milliseconds from the start of a process with an empty folder to its first receipt, and its memory in MiB then."""
    server = ApusServer(folder, ["--auto-create-topics"])
    request = (
        b"POST /v1/topics/t/events HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        b"content-length: 2\r\n\r\n{}")
    begun = time.monotonic()
    server.launch()
    try:
        while True:
            try:
                with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
                    connection.sendall(request)
                    assert connection.recv(100).startswith(b"HTTP/1.1 200")
                    break
            except ConnectionRefusedError:
                assert time.monotonic() < begun + 10, server.log_tail()
                time.sleep(0.001)
        elapsed = (time.monotonic() - begun) * 1000
        with open(f"/proc/{server.process.pid}/status", encoding="ascii") as file:
            resident = next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))
        return elapsed, resident / 1024
    finally:
        server.kill()


def test_it_is_there_at_once_and_small(tmp_path):
    figures = []
    for attempt in range(5):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        figures.append(first_receipt(folder))
    print(figures)
    # How many milliseconds it takes is a figure of docs/performance.md; here only that nothing makes a start wait.
    assert min(elapsed for elapsed, _ in figures) < 1000
    assert statistics.median(resident for _, resident in figures) < 40
