"""The server under test and its HTTP API, with nothing but Python's own library."""

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
                [self.binary, "serve", "--data", str(self.data), "--listen", f"127.0.0.1:{self.port}",
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

    def request(self, method, path, body=None):
        """The answer's JSON and headers; an error status raises with the server's explanation."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.url + path, data=data, method=method,
            headers={"Content-Type": "application/json", "Accept": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                text = response.read()
                return json.loads(text) if text else None, response.headers
        except urllib.error.HTTPError as error:
            raise ApiError(method, path, error) from None

    def partitions(self, topic):
        """How many partitions a topic has; 0 if there is no such topic."""
        try:
            described, _ = self.request("GET", f"/v1/topics/{topic}")
        except ApiError as error:
            if error.status == 404:
                return 0
            raise
        partitions = described["partitions"]
        return partitions if isinstance(partitions, int) else len(partitions)

    def events(self, topic, partition):
        """All events of a partition, in order, each with its offset."""
        offset = 0
        while True:
            query = urllib.parse.urlencode({"partition": partition, "from": offset, "limit": 1000})
            page, _ = self.request("GET", f"/v1/topics/{topic}/events?{query}")
            for record in page["events"]:
                yield record["offset"], record["event"]
            if page["next"] >= page["end"] or page["next"] == offset:
                return
            offset = page["next"]

    def end_offsets(self, topic, partitions):
        """Where each partition ends, to see whether anything still arrives."""
        ends = []
        for partition in range(partitions):
            _, headers = self.request("GET", f"/v1/topics/{topic}/events?partition={partition}&from=0&limit=1")
            ends.append(int(headers["Apus-End-Offset"]))
        return ends
