"""The final count: what each station holds, held against what a count of the index in Python says it must."""

import collections
import hashlib
import json

import stations


def digest(event):
    """What must not change on the way: the attributes that the event was published with, and its data."""
    kept = {name: event.get(name) for name in ("id", "source", "type", "subject", "data")}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


class Check:
    """Holds what was found against what was expected, prints it, and counts what is wrong."""

    def __init__(self, server, say, published):
        self.server = server
        self.say = say
        self.by_id = {event["id"]: event for event in published}
        self.digests = {identity: digest(event) for identity, event in self.by_id.items()}
        self.breaches = 0
        # What the topic holds: the id at each offset of each partition, and how often each id is there.
        self.partitions = []
        self.stored = collections.Counter()

    def report(self, station, expected, found, allowed=frozenset(), note=""):
        """Holds ids found (with how often) against those expected (with how often); ids in `allowed` may
        come more often."""
        missing = expected - found
        surplus = found - expected
        unexplained = {identity for identity in surplus if identity not in allowed}
        verdict = "ok" if not missing and not unexplained else "WRONG"
        self.breaches += verdict != "ok"
        self.say(
            f"{verdict:5}  {station:26} expected {sum(expected.values()):6}  found {sum(found.values()):6}"
            f"  missing {sum(missing.values())}  duplicates {sum(surplus.values())}{note and '; ' + note}")
        for identity in [*missing, *unexplained][:5]:
            self.say(f"         {identity}: expected {expected[identity]}, found {found[identity]}")

    def claim(self, station, holds, text):
        """Something that is not a number of events."""
        self.breaches += not holds
        self.say(f"{'ok' if holds else 'WRONG':5}  {station:26} {text}")

    def read_topic(self, under_way_max):
        """What the topic itself holds. What was under way when the server was killed is sent again and may be there
        twice, and only that."""
        self.partitions = [
            self.ids(stations.TOPIC, number) for number in range(self.server.partitions(stations.TOPIC))]
        self.stored = collections.Counter(
            identity for partition in self.partitions for identity in partition.values())
        once = collections.Counter(self.by_id.keys())
        twice = set(self.stored - once)
        self.report(
            stations.TOPIC, once, self.stored, allowed=twice if len(twice) <= under_way_max else frozenset())

    def copies(self, station):
        """What a rule must have taken from the topic, duplicates included: a copy is made once."""
        return collections.Counter({
            identity: count for identity, count in self.stored.items()
            if identity in self.by_id and station.matches(self.by_id[identity])})

    def events(self, topic, partition):
        """The offsets and events of a partition; contents are held against what was published."""
        damaged = 0
        for record in self.server.records(topic, partition):
            damaged += digest(record["event"]) != self.digests.get(record["event"]["id"])
            yield record["offset"], record["event"]
        if damaged:
            self.claim(f"topic {topic}", False, f"{damaged} events are not as they were published")

    def ids(self, topic, partition):
        """The id at each offset of a partition."""
        return {offset: event["id"] for offset, event in self.events(topic, partition)}

    def topic(self, name):
        """The ids of a topic, with how often each is there."""
        return collections.Counter(
            identity for partition in range(self.server.partitions(name))
            for identity in self.ids(name, partition).values())

    def receipts(self, published, receipts):
        """Each event must be where its receipt says."""
        wrong = [
            receipt for number, receipt in receipts.items()
            if self.partitions[receipt["partition"]].get(receipt["offset"]) != published[number]["id"]]
        self.claim(
            "receipts", not wrong,
            f"expected {len(receipts):6}  found {len(receipts) - len(wrong):6}  {wrong[:3] or ''}")

    def dead_letters(self, name, subscription, status, expected):
        """The dead letters of a subscription: the events as they were, refused with this status."""
        found, strange = collections.Counter(), []
        for letter in self.server.dead_letters(subscription=subscription):
            found[letter["event"]["id"]] += 1
            if letter["status"] != status or digest(letter["event"]) != self.digests.get(letter["event"]["id"]):
                strange.append(letter["id"])
        self.report(f"dead letters of {name}", expected, found, note=f"status {status}")
        if strange:
            self.claim(name, False, f"dead letters with another status or content: {strange[:5]}")
