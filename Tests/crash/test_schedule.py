# SPDX-License-Identifier: Apache-2.0
"""The server is killed with SIGKILL while delayed events are accepted, wait, are cancelled and come due."""

import random
import threading
import time

from traffic import Client, NO_ANSWER, cycles

TOPIC = "later"


class Scheduler:
    """Delays and cancels events, and notes what it was told."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.count = 0
        # By event id: due time in seconds, and what it waits as.
        self.accepted = {}
        self.unknown = set()
        self.cancelled = set()
        self.maybe_cancelled = set()

    def run(self, server, is_stopped):
        client = Client(server)
        try:
            while not is_stopped():
                self.delay(client)
                if self.random.random() < 0.1:
                    self.cancel(client)
        except NO_ANSWER:
            pass
        finally:
            client.close()

    def delay(self, client):
        self.count += 1
        name = f"d{self.count}"
        milliseconds = self.random.choice((0, 50, 200, 1000, 3000, 8000))
        due = time.time() + milliseconds / 1000
        self.unknown.add(name)
        event = {"specversion": "1.0", "id": name, "source": "/crash", "type": "t", "data": self.count}
        status, answer = client.request(
            "POST", f"/v1/topics/{TOPIC}/events?delay={milliseconds}ms&key={self.count % 5}", event,
            "application/cloudevents+json")
        assert status == 202, f"delaying: {status} {answer}"
        self.unknown.discard(name)
        self.accepted[name] = (due, answer["id"])

    def cancel(self, client):
        waiting = [name for name, (due, _) in self.accepted.items()
                   if due > time.time() + 0.5 and name not in self.cancelled | self.maybe_cancelled]
        if not waiting:
            return
        name = self.random.choice(waiting)
        self.maybe_cancelled.add(name)
        status, answer = client.request("DELETE", f"/v1/delayed/{self.accepted[name][1]}")
        self.maybe_cancelled.discard(name)
        if status == 204:
            self.cancelled.add(name)
        else:
            assert status == 404, f"cancelling: {status} {answer}"


def stored(server):
    """How often each event is in the topic, and when it arrived."""
    found = {}
    for partition in range(3):
        offset = "earliest"
        while True:
            answer = server.succeed(
                "GET", f"/v1/topics/{TOPIC}/events?partition={partition}&from={offset}&limit=1000").json()
            for event in answer["events"]:
                found.setdefault(event["event"]["id"], []).append(event["time"])
            if not answer["events"]:
                break
            offset = answer["next"]
    return found


def test_delayed_events_come_once_through_sigkill(new_server):
    server = new_server("--journal-size", "32MiB")
    server.start()
    server.succeed("PUT", f"/v1/topics/{TOPIC}", json={"partitions": 3})
    server.succeed("PUT", "/v1/schedules/tick", json={
        "topic": TOPIC, "schedule": "rate(1 second)", "event": {"type": "tick"}, "catch_up": 100})
    scheduler = Scheduler(seed=3)
    chance = random.Random(4)
    for _ in range(cycles(15)):
        stop = threading.Event()
        thread = threading.Thread(target=scheduler.run, args=(server, stop.is_set))
        thread.start()
        time.sleep(chance.uniform(0.1, 1.5))
        server.kill()
        stop.set()
        thread.join()
        time.sleep(chance.uniform(0, 0.5))
        server.start()
    deadline = time.monotonic() + 60
    expected = set(scheduler.accepted) - scheduler.cancelled - scheduler.maybe_cancelled
    while time.monotonic() < deadline and not expected <= set(stored(server)):
        time.sleep(0.5)
    found = stored(server)
    missing = expected - set(found)
    assert not missing, f"{len(missing)} of {len(expected)} never came: {sorted(missing)[:5]}"
    twice = {name for name, times in found.items() if len(times) > 1}
    assert not twice, f"{len(twice)} came twice: {sorted(twice)[:5]}"
    came = scheduler.cancelled & set(found)
    assert not came, f"{len(came)} came although they were cancelled: {sorted(came)[:5]}"
    known = set(scheduler.accepted) | scheduler.unknown
    # Those of the schedule have a slash in their names, which may begin with any hexadecimal digit.
    strange = {name for name in found if name.startswith("d") and "/" not in name} - known
    assert not strange
    assert sum(1 for name in found if "/" in name) >= 5, "the schedule fired"
