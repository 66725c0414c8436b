"""The server under test and its HTTP API, with nothing but Python's own library."""

import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

READY_SECONDS_MAX = 30


class ApiError(RuntimeError):
    """An answer with an error status, and the server's explanation."""

    def __init__(self, method, path, error):
        super().__init__(f"{method} {path}: {error.code} {error.read().decode(errors='replace')}")
        self.status = error.code


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """One process after the other over the same data and port."""

    def __init__(self, binary, folder):
        self.binary = binary
        self.data = pathlib.Path(folder) / "data"
        self.log = pathlib.Path(folder) / "server.log"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None

    def start(self):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [self.binary, "serve", "--data", str(self.data), "--listen", f"127.0.0.1:{self.port}", "--no-kafka",
                 "--allow-private-webhooks"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.wait_until_ready()

    def wait_until_ready(self):
        deadline = time.monotonic() + READY_SECONDS_MAX
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended with {self.process.returncode}; see {self.log}")
            try:
                with urllib.request.urlopen(f"{self.url}/health/ready", timeout=1):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.02)
        raise RuntimeError(f"the server is not ready after {READY_SECONDS_MAX} s; see {self.log}")

    def kill(self):
        """Ends the process with SIGKILL."""
        if self.process and self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def request(self, method, path, body=None, content_type="application/json"):
        """The answer's JSON and headers; an error status raises with the server's explanation."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.url + path, data=data, method=method,
            headers={"Content-Type": content_type, "Accept": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                text = response.read()
                return json.loads(text) if text else None, response.headers
        except urllib.error.HTTPError as error:
            raise ApiError(method, path, error) from None

    def ask(self, method, path, body=None):
        """The answer's JSON, from whichever process answers first. For requests that can be sent again."""
        deadline = time.monotonic() + 2 * READY_SECONDS_MAX
        while True:
            try:
                return self.request(method, path, body)[0]
            except ApiError as error:
                if error.status != 503 or time.monotonic() > deadline:
                    raise
            except (OSError, http.client.HTTPException):
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.05)

    def command(self, *arguments):
        """Runs a command of the same program against the server, and gives the objects that it prints."""
        finished = subprocess.run(
            [self.binary, *arguments, "--url", self.url, "--json"], capture_output=True, text=True)
        if finished.returncode != 0:
            raise RuntimeError(
                f"apus {' '.join(arguments)} ended with {finished.returncode}: {finished.stderr}")
        return [json.loads(line) for line in finished.stdout.splitlines()]

    def partitions(self, topic):
        """How many partitions a topic has; 0 if there is no such topic."""
        try:
            return self.ask("GET", f"/v1/topics/{topic}")["partitions"]
        except ApiError as error:
            if error.status == 404:
                return 0
            raise

    def records(self, topic, partition):
        """All that a partition holds, in order, as the API gives it: offset, time, event."""
        offset = 0
        while True:
            query = urllib.parse.urlencode({"partition": partition, "from": offset, "limit": 1000})
            page = self.ask("GET", f"/v1/topics/{topic}/events?{query}")
            yield from page["events"]
            if page["next"] >= page["end"] or page["next"] == offset:
                return
            offset = page["next"]

    def listed(self, path, members, **which):
        """All elements of a list, page by page; `which` are parameters of the query."""
        after = None
        while True:
            query = urllib.parse.urlencode({**which, "limit": 1000, **({"after": after} if after else {})})
            page = self.ask("GET", f"{path}?{query}")
            yield from page[members]
            after = page["next"]
            if after is None:
                return

    def count(self, topic):
        """How many events a topic was given, in all partitions."""
        try:
            described = self.ask("GET", f"/v1/topics/{topic}")
        except ApiError as error:
            if error.status == 404:
                return 0
            raise
        return sum(position["end"] for position in described["positions"])
