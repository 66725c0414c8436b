"""moto's server as AWS: it can be stopped and killed, and has forgotten everything when it starts again."""

import pathlib
import signal
import subprocess
import sys
import time
import urllib.request

from free_ports import free_port

REGION = "eu-central-1"
KEYS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": REGION}
READY_SECONDS_MAX = 60


class Moto:
    """One process after the other on the same port."""

    def __init__(self, folder):
        self.log = pathlib.Path(folder) / "moto.log"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None

    def start(self):
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-u", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + READY_SECONDS_MAX
        while not self.answers():
            assert time.monotonic() < deadline, f"moto's server does not answer: {self.log_tail()}"
            time.sleep(0.05)
        return self

    def answers(self):
        assert self.process.poll() is None, f"moto's server ended: {self.log_tail()}"
        try:
            urllib.request.urlopen(f"{self.url}/moto-api/", timeout=5).close()
            return True
        except OSError:
            return False

    def log_tail(self):
        return self.log.read_text(errors="replace")[-2000:]

    def stop(self):
        """Its sockets stay open and take what is sent, and nothing is answered."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        """With all that it had."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
