"""The disk is full: publishing is refused, everything else goes on, and it mends itself when there is space.

The data folder is a small memory file system of its own, which only root can mount.
"""

import itertools
import time

from apus_server import event
from disks import RECOVER_SECONDS_MAX, fill, launch_when_full, wait_for_journal
from ledger import Ledger

FILLER = "x" * 500_000


class Filler:
    """Publishes large events and keeps the ledger."""

    def __init__(self, server):
        self.server = server
        self.ledger = Ledger({"large": 1})
        self.numbers = itertools.count()

    def publish(self):
        """One event; the answer."""
        number = next(self.numbers)
        made = event(f"e-{number}", {"number": number, "filler": FILLER}, datacontenttype="application/json")
        self.ledger.will_send("large", [made], [number])
        answer = self.server.request(
            "POST", "/v1/topics/large/events", json=made, headers={"Content-Type": "application/cloudevents+json"})
        self.ledger.note([made], [answer.json() if answer.status_code == 200 else None])
        return answer

    def publish_until_refused(self, pause_seconds=0):
        for _ in range(2000):
            answer = self.publish()
            if answer.status_code != 200:
                return answer
            time.sleep(pause_seconds)
        raise AssertionError("the disk does not get full")

    def wait_until_accepted(self):
        """How long publishing took to recover, in seconds."""
        begun = time.monotonic()
        while (answer := self.publish()).status_code != 200:
            assert answer.status_code == 503, answer.text
            assert time.monotonic() - begun < RECOVER_SECONDS_MAX, f"no recovery: {answer.text}"
            time.sleep(0.1)
        return time.monotonic() - begun


def prepare(server):
    """A topic to fill the disk with, one to delete, and one with a subscription."""
    server.start()
    server.create_topic("large", segment_bytes=8 << 20)
    server.create_topic("doomed", segment_bytes=8 << 20)
    server.create_topic("work")
    server.succeed("PUT", "/v1/subscriptions/worker", json={"topic": "work", "start": "earliest"})
    server.publish("work", *(event(f"w-{number}") for number in range(200)))
    for number in range(0, 200, 10):
        server.publish("doomed", *(
            event(f"d-{number + index}", FILLER, datacontenttype="text/plain") for index in range(10)))
    return Filler(server)


def assert_is_full(server, answer):
    assert answer.status_code == 503, answer.text
    problem = answer.json()
    assert problem["retryable"] and "full" in problem["detail"], problem
    assert int(answer.headers["Retry-After"]) > 0
    deadline = time.monotonic() + RECOVER_SECONDS_MAX
    while server.request("GET", "/health/ready").status_code != 503:
        assert time.monotonic() < deadline, "the server is ready on a full disk"
        time.sleep(0.1)
    assert server.request("GET", "/health/live").status_code == 200


def acknowledge(server, count):
    """Receives and acknowledges events one by one; their offsets."""
    offsets = []
    for _ in range(count):
        delivery = server.succeed(
            "POST", "/v1/subscriptions/worker/receive", json={"max": 1, "lease": "10s"}).json()["deliveries"][0]
        results = server.succeed(
            "POST", "/v1/subscriptions/worker/ack", json={"leases": [delivery["lease"]]}).json()["results"]
        assert results[0]["status"] == "ok"
        offsets.append(delivery["offset"])
    return offsets


def test_events_fill_the_disk(small_disk_server, report):
    server = small_disk_server
    filler = prepare(server)
    # The server looks at free space once a second: what comes in between has to fit into its reserve.
    assert_is_full(server, filler.publish_until_refused(pause_seconds=0.05))
    filler.ledger.check_all(server)
    done = acknowledge(server, 20)

    server.kill()
    launch_when_full(server)
    filler.ledger.check_all(server)
    more = acknowledge(server, 20)
    assert not set(done) & set(more), "what was acknowledged on a full disk comes again"

    server.succeed("DELETE", "/v1/topics/doomed")
    seconds = filler.wait_until_accepted()
    filler.ledger.check_all(server)
    server.restart()
    filler.ledger.check_all(server)
    report(f"publishing again {seconds:.1f} s after a topic was deleted; {filler.ledger.summary()}")


def test_somebody_else_nearly_fills_the_disk(small_disk_server, report):
    server = small_disk_server
    filler = prepare(server)
    wait_for_journal(server)
    ballast = server.data / "ballast"
    fill(ballast, leaving=40 << 20)
    assert_is_full(server, filler.publish_until_refused(pause_seconds=0.05))
    filler.ledger.check_all(server)
    done = acknowledge(server, 20)
    server.kill()
    launch_when_full(server)
    done += acknowledge(server, 20)
    assert len(set(done)) == 40, "what was acknowledged on a full disk comes again"
    ballast.unlink()
    seconds = filler.wait_until_accepted()
    server.restart()
    filler.ledger.check_all(server)
    report(f"publishing again {seconds:.1f} s after the space was back; {filler.ledger.summary()}")


def test_somebody_else_takes_the_last_byte(small_disk_server, report):
    """Then nothing can be written, acknowledgements neither; but everything is answered, read and kept."""
    server = small_disk_server
    filler = prepare(server)
    wait_for_journal(server)
    ballast = server.data / "ballast"
    fill(ballast)
    assert_is_full(server, filler.publish_until_refused())
    filler.ledger.check_all(server)
    ballast.unlink()
    seconds = filler.wait_until_accepted()
    wait_for_journal(server)

    fill(ballast)
    assert_is_full(server, filler.publish_until_refused())
    server.kill()
    ballast.unlink()
    server.start()
    filler.ledger.check_all(server)
    filler.wait_until_accepted()
    assert len(acknowledge(server, 20)) == 20
    report(f"publishing again {seconds:.1f} s after the space was back; {filler.ledger.summary()}")
