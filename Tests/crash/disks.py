# SPDX-License-Identifier: Apache-2.0
"""Small disks for servers, filled by others, and servers that start on a full one."""

import os
import subprocess
import time

import pytest

DISK = "320m"
RECOVER_SECONDS_MAX = 20


def mount_small_disk(server):
    """Gives the server's data folder a memory file system of its own, which only root can mount; the test is skipped where that cannot be."""
    server.data.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "apus-test", str(server.data)],
        capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")


def unmount(server):
    subprocess.run(["umount", "--lazy", str(server.data)], check=True)


def fill(path, leaving=0):
    """Takes all space that is left, or all but so many bytes."""
    left = os.statvfs(path.parent).f_bavail * os.statvfs(path.parent).f_frsize
    with path.open("wb", buffering=0) as file:
        try:
            while left > leaving:
                left -= file.write(b"\0" * min(1 << 20, left - leaving))
        except OSError:
            pass


def launch_when_full(server):
    """Starts the server, which is alive but not ready while the disk is full."""
    server.launch()
    deadline = time.monotonic() + RECOVER_SECONDS_MAX
    while time.monotonic() < deadline:
        assert server.is_running, server.log_tail()
        try:
            if server.request("GET", "/health/live", timeout=1).status_code == 200:
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(server.log_tail())


def wait_for_journal(server):
    """What the server can still write when others leave no space is the journal file that it prepared before:
    waits until a whole one is free again."""
    deadline = time.monotonic() + RECOVER_SECONDS_MAX
    while True:
        sizes = [path.stat().st_size for path in (server.data / "journal").iterdir()]
        if len(sizes) > 1 and max(sizes) == 8 << 20:
            return
        assert time.monotonic() < deadline, f"no journal file is prepared: {sizes}"
        time.sleep(0.1)
