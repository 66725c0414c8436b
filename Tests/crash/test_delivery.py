"""The server is killed with SIGKILL while events are delivered: pulled, pushed and copied by rules."""

import collections
import random
import threading
import time

import pytest
from ledger import Ledger, read_records
from traffic import Client, NO_ANSWER, Publisher, Traffic, cycles
from webhook import Webhook

SETTLE_SECONDS_MAX = 60


class Consumers:
    """What several consumers of one shared subscription saw and did, in one book."""

    def __init__(self):
        self.lock = threading.Lock()
        # Place -> the greatest attempt that somebody was handed.
        self.attempts = {}
        # Places whose acknowledgement, or rejection, was confirmed, and those where it had no answer.
        self.acknowledged = set()
        self.rejected = set()
        self.unknown = set()
        self.deliveries = 0

    def handed(self, delivery):
        """Checks a delivery against everything known of its event; returns its place."""
        place = (delivery["topic"], delivery["partition"], delivery["offset"])
        with self.lock:
            self.deliveries += 1
            assert place not in self.acknowledged, f"{place} was acknowledged and comes again"
            assert place not in self.rejected, f"{place} was rejected and comes again"
            before = self.attempts.get(place, 0)
            assert delivery["attempt"] > before, f"{place}: attempt {delivery['attempt']} after attempt {before}"
            self.attempts[place] = delivery["attempt"]
        return place


class Consumer:
    """Receives and settles in every way there is, at random; or only acknowledges, to come to an end."""

    def __init__(self, book, subscription, seed):
        self.book = book
        self.path = f"/v1/subscriptions/{subscription}"
        self.random = random.Random(seed)
        self.only_acknowledges = False

    def run(self, server, is_stopped):
        client = Client(server)
        try:
            while not is_stopped():
                status, answer = client.request(
                    "POST", f"{self.path}/receive", {"max": 20, "wait": "100ms", "lease": "2s"})
                assert status == 200, f"receiving: {status} {answer}"
                self.settle(client, answer["deliveries"])
        except NO_ANSWER:
            pass
        finally:
            client.close()

    def settle(self, client, deliveries):
        verdicts = collections.defaultdict(list)
        for delivery in deliveries:
            place = self.book.handed(delivery)
            verdicts[self.verdict()].append((delivery["lease"], place))
        for verdict, leased in verdicts.items():
            if verdict == "forget":
                continue
            self.settle_with(client, verdict, leased)

    def verdict(self):
        if self.only_acknowledges:
            return "ack"
        return self.random.choices(("ack", "release", "reject", "forget"), (12, 4, 1, 1))[0]

    def settle_with(self, client, verdict, leased):
        places = {place for _, place in leased}
        body = {"leases": [lease for lease, _ in leased]}
        if verdict == "release":
            body["delay"] = self.random.choice(("0s", "20ms", "200ms"))
        with self.book.lock:
            self.book.unknown |= places
        status, answer = client.request("POST", f"{self.path}/{verdict}", body)
        assert status == 200, f"{verdict}: {status} {answer}"
        with self.book.lock:
            self.book.unknown -= places
            for result, (lease, place) in zip(answer["results"], leased, strict=True):
                assert result["lease"] == lease
                if result["status"] == "ok" and verdict == "ack":
                    self.book.acknowledged.add(place)
                if result["status"] == "ok" and verdict == "reject":
                    self.book.rejected.add(place)


def kill_now_and_then(server, workers, times, chance):
    """Lets the workers work and kills the server at random moments."""
    for _ in range(times):
        traffic = Traffic(workers).start(server)
        time.sleep(chance.choice((chance.uniform(0, 0.2), chance.uniform(0.2, 1.4))))
        server.kill()
        traffic.join()
        server.start()


def wait_until(condition, what):
    deadline = time.monotonic() + SETTLE_SECONDS_MAX
    while not condition():
        assert time.monotonic() < deadline, f"after {SETTLE_SECONDS_MAX} s still not: {what}"
        time.sleep(0.1)


def state(server, subscription):
    return server.succeed("GET", f"/v1/subscriptions/{subscription}").json()


def test_pulled_events_are_neither_lost_nor_forgotten_to_be_done(new_server, report):
    server = new_server("--journal-size", "32MiB")
    server.start()
    server.create_topic("work", 2)
    ledger = Ledger({"work": 2})
    server.succeed("PUT", "/v1/subscriptions/workers", json={
        "topic": "work", "start": "earliest", "max_attempts": 1000, "retry": {"initial": "10ms", "max": "100ms"},
        "dead_letter": "work.dead"})
    book = Consumers()
    consumers = [Consumer(book, "workers", seed) for seed in range(3)]
    publisher = Publisher(ledger, "p", seed=3)
    kill_now_and_then(server, [publisher, *consumers], cycles(12), random.Random(4))

    for consumer in consumers:
        consumer.only_acknowledges = True
    rest = Traffic(consumers).start(server)
    wait_until(
        lambda: rest.failures or not any(state(server, "workers")[name] for name in ("backlog", "in_flight", "waiting")),
        "the subscription is empty")
    rest.stop()

    ledger.check_all(server)
    stored = {
        ("work", partition, record["offset"]) for partition in range(2)
        for record in read_records(server, "work", partition, 0)}
    done = book.acknowledged | book.rejected | book.unknown
    assert stored <= done, f"never settled: {sorted(stored - done)[:5]}"
    check_dead_letters(server, book)
    report(f"{cycles(12)} kills, {len(stored)} events, {book.deliveries} deliveries, {len(book.acknowledged)} "
           f"acknowledged and {len(book.rejected)} rejected for good, greatest attempt {max(book.attempts.values())}")


def check_dead_letters(server, book):
    """Each rejected event is a dead letter once; nothing else is, unless its rejection had no answer."""
    origins, after = collections.Counter(), None
    while True:
        page = server.succeed("GET", "/v1/dead-letters", params={"limit": 1000, "after": after}).json()
        for letter in page["dead_letters"]:
            origin = letter["origin"]
            origins[origin["topic"], origin["partition"], origin["offset"]] += 1
        after = page["next"]
        if after is None:
            break
    assert all(count == 1 for count in origins.values()), f"dead letters twice: {origins.most_common(3)}"
    assert book.rejected <= origins.keys(), f"rejected and no dead letter: {book.rejected - origins.keys()}"
    assert not origins.keys() & book.acknowledged, "acknowledged events are dead letters"


@pytest.fixture
def webhook():
    made = Webhook()
    yield made
    made.close()


def test_rules_copy_once_and_push_at_least_once(new_server, webhook, report):
    server = new_server("--journal-size", "32MiB", "--allow-private-webhooks")
    server.start()
    server.create_topic("source", 3)
    server.create_topic("copies", 2)
    ledger = Ledger({"source": 3})
    server.create_rule("copy", "source", {"type": [{"prefix": "test."}]}, [{"topic": "copies"}])
    server.succeed("PUT", "/v1/subscriptions/hook", json={
        "topic": "source", "start": "earliest", "max_attempts": 1000, "retry": {"initial": "20ms", "max": "200ms"},
        "push": {"url": webhook.url, "concurrency": 8}})
    publisher = Publisher(ledger, "p", seed=5)
    kill_now_and_then(server, [publisher], cycles(12), random.Random(6))

    stored = {
        record["event"]["id"]: record for partition in range(3)
        for record in read_records(server, "source", partition, 0)}
    wait_until(lambda: ends(server, "copies") >= len(stored), "every event is copied")
    wait_until(lambda: len(webhook.accepted) >= len(stored), "the webhook has every event")
    time.sleep(1)
    ledger.check_all(server)
    check_copies(server, stored)
    assert webhook.accepted.keys() == stored.keys()
    wait_until(lambda: state(server, "hook")["backlog"] == 0, "the subscription is empty")
    again = sum(webhook.accepted.values()) - len(stored)
    report(f"{cycles(12)} kills, {len(stored)} events copied exactly once; the webhook failed {webhook.failed} times, "
           f"accepted every event and {again} of them more than once")


def ends(server, topic):
    return sum(position["end"] - position["start"]
               for position in server.succeed("GET", f"/v1/topics/{topic}").json()["positions"])


def check_copies(server, stored):
    """The copies are exactly the stored events, unchanged, each once, in order within each key."""
    copies = collections.Counter()
    last_of_key = {}
    for partition in range(2):
        for record in read_records(server, "copies", partition, 0):
            event = record["event"]
            copies[event["id"]] += 1
            original = stored.get(event["id"])
            assert original, f"a copy of {event['id']}, which is not stored"
            assert event == original["event"], f"{event['id']} was changed on the way"
            key = event.get("partitionkey")
            if key:
                number = event["data"]["number"]
                before = last_of_key.get(key, (partition, -1))
                assert before[0] == partition and before[1] < number, f"key {key}: {number} after {before[1]}"
                last_of_key[key] = (partition, number)
    twice = [identity for identity, count in copies.items() if count > 1]
    assert not twice, f"{len(twice)} copied twice, such as {twice[:3]}"
    missing = stored.keys() - copies.keys()
    assert not missing, f"{len(missing)} not copied, such as {sorted(missing)[:3]}"
