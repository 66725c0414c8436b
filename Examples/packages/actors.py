"""Who acts on the server in the demo: the one who publishes, and the one who kills."""

import json
import subprocess
import threading
import time

# `apus publish` has so many events under way at most: 4 requests of 500.
UNDER_WAY_MAX = 2000
# For so long a publisher goes on trying.
RETRY_SECONDS_MAX = 60


class Killer:
    """Kills the server and starts it again, at most one at a time, and remembers when."""

    def __init__(self, server, say):
        self.server = server
        self.say = say
        self.kills = []
        self.lock = threading.Lock()

    def strike(self, occasion):
        with self.lock:
            self.server.kill()
            self.kills.append(time.monotonic())
            self.say(f"server killed with SIGKILL while {occasion}")
            begun = time.monotonic()
            self.server.start()
            self.say(f"server ready again after {(time.monotonic() - begun) * 1000:.0f} ms")

    def strike_when(self, reached, occasion):
        """Kills the server once something is reached, in a thread of its own."""
        def wait():
            while not reached():
                time.sleep(0.01)
            self.strike(occasion)

        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        return thread


class Publisher:
    """Publishes a file of events with one run of `apus publish`, which goes on by itself after a kill."""

    def __init__(self, server, topic, file):
        self.command = [
            server.binary, "publish", topic, "--file", str(file), "--url", server.url, "--json",
            "--retry-for", f"{RETRY_SECONDS_MAX}s"]
        # Line of the file -> its receipt, in the order in which they came.
        self.receipts = {}

    def publish(self, count, at=None, then=None):
        """Publishes the file, which has so many events; when `at` of them are acknowledged, `then` is called. Gives
        the events per second until then, or in all."""
        begun, rate = time.monotonic(), None
        with subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True) as running:
            for line in running.stdout:
                answer = json.loads(line)
                if "number" in answer:
                    self.receipts[answer["number"]] = answer
                    if len(self.receipts) == at:
                        rate = at / (time.monotonic() - begun)
                        then()
        if running.returncode != 0 or len(self.receipts) != count:
            raise RuntimeError(
                f"apus publish ended with {running.returncode} and {len(self.receipts)} of {count} receipts")
        return rate or count / (time.monotonic() - begun)
