"""A real Apus server for tests in Python: started from APUS_BIN on a free port, killed and started again at
will, and spoken to over its HTTP API."""

import os
import pathlib
import signal
import subprocess
import time

import requests

from free_ports import free_port

READY_SECONDS_MAX = 20
BATCH = "application/cloudevents-batch+json"
STRUCTURED = "application/cloudevents+json"


def event(identity, data=None, type="test.happened.v1", source="/tests", **attributes):
    """A CloudEvent as its JSON object."""
    made = {"specversion": "1.0", "id": str(identity), "type": type, "source": source, **attributes}
    if data is not None:
        made["data"] = data
    return made


class ServerEnded(AssertionError):
    """The server ended before it was ready."""


class ApusServer:
    """One server process after the other over the same data folder and port."""

    def __init__(self, folder, arguments=()):
        self.binary = os.environ.get("APUS_BIN", "apus")
        self.folder = pathlib.Path(folder)
        self.data = self.folder / "data"
        self.log = self.folder / "server.log"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.kafka_port = free_port()
        self.kafka = f"127.0.0.1:{self.kafka_port}"
        self.arguments = list(arguments)
        self.process = None
        self.http = requests.Session()

    # The process

    def start(self, wrapper=()):
        """Starts the server and waits until it is ready. A wrapper is a command to run it under, such as
        strace with its options."""
        self.launch(wrapper)
        self.wait_until_ready()
        return self

    def launch(self, wrapper=()):
        """Starts the server without waiting: it may well end before it is ready."""
        command = [
            *wrapper, self.binary, "serve", "--data", str(self.data), "--listen", f"127.0.0.1:{self.port}",
            "--kafka-listen", self.kafka, *self.arguments]
        with self.log.open("ab") as log:
            # A session of its own, so that a wrapper and what it runs are killed together.
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    @property
    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def wait_until_ready(self):
        deadline = time.monotonic() + READY_SECONDS_MAX
        while time.monotonic() < deadline:
            if not self.is_running:
                raise ServerEnded(f"the server ended with {self.process.returncode}:\n{self.log_tail()}")
            try:
                if self.http.get(f"{self.url}/health/ready", timeout=1).status_code == 200:
                    return
            except requests.RequestException:
                pass
            time.sleep(0.02)
        raise AssertionError(f"the server is not ready after {READY_SECONDS_MAX} s:\n{self.log_tail()}")

    def kill(self):
        """Ends the server with SIGKILL: no goodbye, nothing flushed."""
        self._end(signal.SIGKILL)

    def stop(self):
        """Ends the server as an operator would, and returns its exit status."""
        return self._end(signal.SIGTERM)

    def _end(self, number):
        if self.process is None:
            return None
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass
        try:
            status = self.process.wait(timeout=READY_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            raise AssertionError(f"the server did not end on signal {number}:\n{self.log_tail()}") from None
        self._wait_for_group(self.process.pid)
        self.process = None
        # Connections of the old process would fail the next request.
        self.http.close()
        self.http = requests.Session()
        return status

    @staticmethod
    def _wait_for_group(group, seconds=5):
        """Waits until what a wrapper ran has ended too: only then is the data folder free. One that nobody reaps is left after a while."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                os.killpg(group, 0)
            except ProcessLookupError:
                return
            time.sleep(0.01)

    def restart(self):
        """Kills the server and starts it over the same data."""
        self.kill()
        return self.start()

    def log_tail(self, lines=30):
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    # The HTTP API

    def request(self, method, path, **options):
        """A request of the API; its timeout is 10 s unless said otherwise."""
        options.setdefault("timeout", 10)
        return self.http.request(method, self.url + path, **options)

    def succeed(self, method, path, **options):
        """A request that must be answered with 2xx."""
        response = self.request(method, path, **options)
        assert response.ok, f"{method} {path}: {response.status_code} {response.text}"
        return response

    def create_topic(self, name, partitions=1, **settings):
        return self.succeed("PUT", f"/v1/topics/{name}", json={"partitions": partitions, **settings})

    def publish(self, topic, *events):
        """Publishes CloudEvents, given as their JSON objects: one structured, several as a batch."""
        kind, body = (STRUCTURED, events[0]) if len(events) == 1 else (BATCH, list(events))
        return self.succeed(
            "POST", f"/v1/topics/{topic}/events", headers={"Content-Type": kind}, json=body)

    def read(self, topic, partition=0, offset=0, limit=1000):
        """One page of a partition: the events and the offset to go on from."""
        response = self.succeed(
            "GET", f"/v1/topics/{topic}/events", headers={"Accept": BATCH},
            params={"partition": partition, "from": offset, "limit": limit})
        return response.json(), int(response.headers["Apus-Next-Offset"])

    def read_all(self, topic, partition=0, offset=0):
        """All events of a partition from an offset to its end."""
        events = []
        while True:
            page, following = self.read(topic, partition, offset)
            events += page
            if not page or following == offset:
                return events
            offset = following

    def create_rule(self, name, topic, pattern, targets):
        return self.succeed(
            "PUT", f"/v1/rules/{name}", json={"topic": topic, "pattern": pattern, "targets": targets})

    def metrics(self):
        """The Prometheus text."""
        return self.succeed("GET", "/metrics").text
