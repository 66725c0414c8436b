"""Publishers and readers that go on until the server is gone, and tell the ledger what they were told."""

import http.client
import itertools
import json
import os
import random
import threading
import time

import ledger as ledgers
from apus_server import BATCH, STRUCTURED, event

ANSWER_SECONDS_MAX = 15
# How the server says that it does not know.
UNDECIDED = "whether it was stored shows after a restart"


def cycles(default):
    """How many times a test kills the server: APUS_CRASH_CYCLES in the longest test, the others in proportion."""
    return max(1, default * int(os.environ.get("APUS_CRASH_CYCLES", "40")) // 40)


class Client:
    """One connection, spoken to as cheaply as Python can."""

    def __init__(self, server):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=ANSWER_SECONDS_MAX)

    def request(self, method, path, body=None, content_type="application/json"):
        """Status and JSON of the answer; raises OSError or HTTPException when there is none."""
        data = None if body is None else json.dumps(body)
        self.connection.request(method, path, data, {"Content-Type": content_type})
        response = self.connection.getresponse()
        text = response.read()
        return response.status, json.loads(text) if text else None

    def close(self):
        self.connection.close()


NO_ANSWER = (OSError, http.client.HTTPException)


class Publisher:
    """Publishes events of its own keys, one request after the other, singly and in batches."""

    def __init__(self, ledger, name, seed, pause_seconds=0):
        self.ledger = ledger
        self.name = name
        self.pause_seconds = pause_seconds
        self.random = random.Random(seed)
        self.numbers = itertools.count()
        self.refusals = []
        # When the last event was acknowledged, on the monotonic clock.
        self.last_success = None

    def run(self, server, is_stopped):
        """Publishes until stopped or until there is no answer."""
        client = Client(server)
        try:
            while not is_stopped():
                if not self.publish_once(client):
                    return
                time.sleep(self.pause_seconds)
        finally:
            client.close()

    def publish_once(self, client):
        """One request; whether there was an answer."""
        topic = self.random.choice(list(self.ledger.topics))
        count = 1 if self.random.random() < 0.6 else self.random.randint(2, 40)
        numbers = [next(self.numbers) for _ in range(count)]
        events = [self.make(number) for number in numbers]
        kind, body = (STRUCTURED, events[0]) if count == 1 else (BATCH, events)
        self.ledger.will_send(topic, events, numbers)
        try:
            status, answer = client.request("POST", f"/v1/topics/{topic}/events", body, kind)
        except ConnectionRefusedError:
            self.ledger.note(events, [None] * count)
            return False
        except NO_ANSWER:
            return False
        self.take(events, status, answer)
        return True

    def make(self, number):
        length = self.random.choice((10, 100, 1000, 1000, 20_000))
        data = {"number": number, "filler": self.random.randbytes(length // 2).hex()}
        attributes = {}
        if self.random.random() < 0.8:
            attributes["partitionkey"] = f"{self.name}-{self.random.randint(0, 3)}"
        return event(f"{self.name}-{number}", data, datacontenttype="application/json", **attributes)

    def take(self, events, status, answer):
        if status == 200:
            self.ledger.note(events, answer["receipts"] if "receipts" in answer else [answer])
            self.last_success = time.monotonic()
            return
        assert status == 503, f"publishing was answered with {status} {answer}"
        assert answer["retryable"], answer
        self.refusals.append(answer["detail"])
        if UNDECIDED in json.dumps(answer):
            # Of these, or some of them, only a restart shows whether they are stored: as without an answer.
            return
        receipts = answer.get("receipts", [None] * len(events))
        self.ledger.note(events, [None if not receipt or "error" in receipt else receipt for receipt in receipts])
        # What is refused at once must not fill the ledger.
        time.sleep(0.02)


class Reader:
    """Reads what was stored last, over and over: what a reader saw must not change or go away either."""

    def __init__(self, ledger, seed, may_fail=False):
        self.ledger = ledger
        self.random = random.Random(seed)
        # Whether an answer may be that the disk failed, since reading itself is made to fail.
        self.may_fail = may_fail
        self.answers = 0
        self.ends = {}

    def run(self, server, is_stopped):
        client = Client(server)
        try:
            while not is_stopped():
                topic, partitions = self.random.choice(list(self.ledger.topics.items()))
                partition = self.random.randrange(partitions)
                start = self.ends.get((topic, partition), self.ledger.checked_ends[topic, partition])
                status, answer = client.request(
                    "GET", f"/v1/topics/{topic}/events?partition={partition}&from={start}&limit=200")
                self.answers += 1
                if self.may_fail and (status == 503 or (status == 500 and answer["type"] == "storage")):
                    continue
                assert status == 200, f"reading {topic}/{partition} from {start}: {status} {answer}"
                self.ledger.saw(answer["events"], topic, partition)
                self.ends[topic, partition] = answer["next"]
                time.sleep(0.01)
        except NO_ANSWER:
            pass
        finally:
            client.close()


class Traffic:
    """Several workers on threads of their own; what one of them finds wrong fails the test."""

    def __init__(self, workers):
        self.workers = workers
        self.stopping = threading.Event()
        self.threads = []
        self.failures = []

    def start(self, server):
        self.stopping.clear()
        self.threads = [
            threading.Thread(target=self._run, args=(worker, server), daemon=True) for worker in self.workers]
        for thread in self.threads:
            thread.start()
        return self

    def _run(self, worker, server):
        try:
            worker.run(server, self.stopping.is_set)
        except Exception as failure:  # noqa: BLE001  It is raised again by join.
            self.failures.append(failure)

    @property
    def is_running(self):
        return any(thread.is_alive() for thread in self.threads)

    def join(self):
        """Waits for all workers to end; raises what one of them found."""
        for thread in self.threads:
            thread.join(timeout=2 * ANSWER_SECONDS_MAX)
            assert not thread.is_alive(), "a request has got neither an answer nor an end"
        if self.failures:
            raise self.failures[0]

    def stop(self):
        self.stopping.set()
        self.join()


# How the topics differ: every way in which an append can count as done.
DURABILITIES = {"flushed": "flush", "timed": "100ms", "unflushed": "none"}
PARTITIONS = 2


def create_topics(server, **settings):
    """Creates one topic of each durability; a ledger for them."""
    for name, durability in DURABILITIES.items():
        server.create_topic(name, PARTITIONS, durability=durability, **settings)
    return ledgers.Ledger({name: PARTITIONS for name in DURABILITIES})
