"""Load for bridges whose sides are killed, and the count at the end."""

import threading
import time

import requests

from apus_server import event

# How long anything is waited for, in seconds: much longer than it takes beside other tests.
PATIENCE = 120


class Publisher(threading.Thread):
    """Publishes to Apus until everything is acknowledged, however often the server is away: so many events or, if no number is given, until it is told to finish. It waits while
    there is no room for more."""

    def __init__(self, server, topic, events=None, batch=50, pause=0.02, room=lambda: True):
        super().__init__(daemon=True)
        self.server, self.topic, self.events, self.batch, self.pause = server, topic, events, batch, pause
        self.room = room
        self.acknowledged = 0
        self.failures = []
        self.enough = threading.Event()

    def run(self):
        http = requests.Session()
        headers = {"Content-Type": "application/cloudevents-batch+json"}
        while not self.enough.is_set() and (self.events is None or self.acknowledged < self.events):
            if not self.room():
                self.enough.wait(self.pause)
                continue
            start = self.acknowledged
            events = [event(n, {"n": n, "pad": "x" * 500}) for n in range(start, start + self.batch)]
            deadline = time.monotonic() + PATIENCE
            while True:
                try:
                    answer = http.post(
                        f"{self.server.url}/v1/topics/{self.topic}/events", json=events, headers=headers, timeout=10)
                    if answer.ok:
                        break
                except requests.RequestException:
                    http = requests.Session()
                if time.monotonic() > deadline:
                    return self.failures.append(start)
                time.sleep(0.05)
            self.acknowledged = start + self.batch
            # Slow enough that whoever is killed has work under way.
            time.sleep(self.pause)

    def finish(self):
        """How many events were acknowledged: those with the ids from 0 to below this number."""
        if self.events is None:
            self.enough.set()
        self.join(PATIENCE + 60)
        assert not self.is_alive() and not self.failures
        return self.acknowledged


def stored(server, topic):
    """How many events a topic has, repeats included; 0 while its server is away."""
    try:
        positions = server.succeed("GET", f"/v1/topics/{topic}").json()["positions"]
    except requests.RequestException:
        return 0
    return sum(each["end"] for each in positions)


def verdict(server, topic, events, seconds, partitions=1):
    """Waits until every event is there and returns how many came more than once."""
    deadline = time.monotonic() + seconds
    expected = {str(n) for n in range(events)}
    while True:
        ids = [each["id"] for partition in range(partitions) for each in server.read_all(topic, partition)]
        assert expected >= set(ids)
        missing = events - len(set(ids))
        if missing == 0:
            return len(ids) - events
        assert time.monotonic() < deadline, f"{missing} events are missing of {events} in '{topic}'; {len(ids)} came"
        time.sleep(0.5)
