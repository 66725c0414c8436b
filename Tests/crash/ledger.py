"""What publishers were told about each event, and whether the server keeps to it after whatever happened to it.

An event is sent once, never again, so each has one fate:

    acknowledged   it must be at the place that its receipt names, with equal content, for ever
    refused        the server said no: it must never be seen
    unknown        the connection ended without an answer: it is there once or not at all
"""

import collections
import hashlib
import json
import threading

PAGE = 1000

ACKNOWLEDGED = "acknowledged"
REFUSED = "refused"
UNKNOWN = "unknown"


def digest(event):
    """What must not change on the way, in few bytes."""
    return hashlib.blake2b(json.dumps(event, sort_keys=True).encode(), digest_size=12).digest()


class Sent:
    """One event that was sent, and what became of it."""

    __slots__ = ("topic", "key", "number", "digest", "fate", "place")

    def __init__(self, topic, key, number, digest):
        self.topic = topic
        self.key = key
        # Counts the events of the key in the order in which they were sent.
        self.number = number
        self.digest = digest
        self.fate = UNKNOWN
        self.place = None


def read_records(server, topic, partition, offset, end=None):
    """All records of a partition from an offset on, as the API gives them, one after the other."""
    while True:
        answer = server.succeed(
            "GET", f"/v1/topics/{topic}/events",
            params={"partition": partition, "from": offset, "limit": PAGE}).json()
        yield from answer["events"]
        if answer["next"] >= answer["end"] or (end is not None and answer["next"] >= end):
            return
        assert answer["next"] > offset, f"{topic}/{partition}: reading does not get beyond {offset}"
        offset = answer["next"]


class Ledger:
    """Threads may note fates at the same time; checking is for when none of them runs."""

    def __init__(self, topics):
        # Topic -> number of its partitions.
        self.topics = topics
        self.lock = threading.Lock()
        self.sent = {}
        self.counts = collections.Counter()
        # Place -> id of the event that was seen there; a place never changes its event.
        self.seen = {}
        self.acknowledged = {}
        self.checked_ends = collections.Counter()
        self.last_of_key = {}

    def will_send(self, topic, events, numbers):
        """Notes events before they go out."""
        with self.lock:
            for event, number in zip(events, numbers):
                self.sent[event["id"]] = Sent(topic, event.get("partitionkey"), number, digest(event))

    def note(self, events, receipts):
        """Notes the answer: for each event its receipt, or None if the server refused it."""
        with self.lock:
            for event, receipt in zip(events, receipts, strict=True):
                sent = self.sent[event["id"]]
                if receipt is None:
                    sent.fate = REFUSED
                    self.counts[REFUSED] += 1
                    continue
                assert receipt["topic"] == sent.topic, f"{event['id']} was sent to {sent.topic}: {receipt}"
                place = (receipt["topic"], receipt["partition"], receipt["offset"])
                assert place not in self.acknowledged, f"{place} was given to two events"
                assert place not in self.seen or self.seen[place] == event["id"], f"{place} is used again"
                sent.fate, sent.place = ACKNOWLEDGED, place
                self.acknowledged[place] = event["id"]
                self.counts[ACKNOWLEDGED] += 1

    def saw(self, records, topic, partition):
        """Notes what a reader saw before the server was killed."""
        with self.lock:
            for record in records:
                place = (topic, partition, record["offset"])
                identity = record["event"]["id"]
                assert self.seen.setdefault(place, identity) == identity, f"{place} changed its event"

    # Checking

    def check_new(self, server):
        """Holds what is stored since the last check against what was promised."""
        for topic, partitions in self.topics.items():
            for partition in range(partitions):
                start = self.checked_ends[topic, partition]
                end = self._check_records(
                    read_records(server, topic, partition, start), topic, partition, start, self.last_of_key)
                self.checked_ends[topic, partition] = end

    def check_all(self, server):
        """Holds everything that is stored against what was promised."""
        last_of_key = {}
        for topic, partitions in self.topics.items():
            for partition in range(partitions):
                self._check_records(
                    read_records(server, topic, partition, 0), topic, partition, 0, last_of_key)

    def _check_records(self, records, topic, partition, start, last_of_key):
        """Checks all records from `start` to the end of a partition; the offset after the last one."""
        found = {}
        following = start
        for record in records:
            offset, event = record["offset"], record["event"]
            place = (topic, partition, offset)
            assert offset >= following, f"{place} comes after {following - 1}"
            following = offset + 1
            self._check_record(place, event)
            found[offset] = event["id"]
            sent = self.sent[event["id"]]
            if sent.key:
                before = last_of_key.get((topic, sent.key), (partition, -1))
                assert before[0] == partition, f"key {sent.key} is in partitions {before[0]} and {partition}"
                assert before[1] < sent.number, f"{place}: number {sent.number} of key {sent.key} after {before[1]}"
                last_of_key[topic, sent.key] = (partition, sent.number)
        self._check_presence(found, topic, partition, start)
        return following

    def _check_record(self, place, event):
        identity = event["id"]
        assert identity in self.sent, f"{place} holds {identity}, which nobody sent"
        sent = self.sent[identity]
        assert sent.topic == place[0], f"{place} holds {identity}, which was sent to {sent.topic}"
        assert sent.fate != REFUSED, f"{place} holds {identity}, which was refused"
        assert sent.digest == digest(event), f"{place} holds {identity} with other content: {str(event)[:300]}"
        assert sent.place in (None, place), f"{identity} was acknowledged at {sent.place} and is at {place}"
        assert self.seen.setdefault(place, identity) == identity, f"{place} had {self.seen[place]}, now {identity}"
        # An event without an answer keeps the first place where it is found, like any other.
        sent.place = place

    def _check_presence(self, found, topic, partition, start):
        for book, what in ((self.acknowledged, "acknowledged"), (self.seen, "seen")):
            for place, identity in book.items():
                if place[:2] == (topic, partition) and place[2] >= start:
                    assert found.get(place[2]) == identity, (
                        f"{identity} was {what} at {place}; now there is {found.get(place[2])}, and the partition "
                        f"ends at {max(found, default=start)}")

    def summary(self):
        unknown = sum(1 for sent in self.sent.values() if sent.fate == UNKNOWN)
        return (f"{self.counts[ACKNOWLEDGED]} acknowledged (0 lost), {self.counts[REFUSED]} refused (0 appeared), "
                f"{unknown} without an answer")
