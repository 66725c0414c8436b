# SPDX-License-Identifier: Apache-2.0
"""Runs of apus-kafka-check, the program on the library's transport for Kafka."""

import subprocess
import threading
import time


class Program:
    """A run of apus-kafka-check, whose lines are kept as they come."""

    def __init__(self, *command):
        self.lines = []
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.strip())

    def wait_for(self, condition, what, seconds=60):
        deadline = time.monotonic() + seconds
        while not condition(self.lines):
            assert time.monotonic() < deadline, f"{what}: {self.lines[-10:]}"
            assert self.process.poll() is None or condition(self.lines), f"it ended: {self.lines[-10:]}"
            time.sleep(0.02)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.reader.join()


def run(*command):
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout.split("\n")
