"""The final count: what each station holds, held against what a count of the index in Python says it must."""

import collections
import hashlib
import json

import stations
from actors import UNDER_WAY_MAX


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
            f"{verdict:5}  {station:26} expected {expected.total():6}  found {found.total():6}"
            f"  missing {missing.total()}  duplicates {surplus.total()}{note and '; ' + note}")
        for identity in [*missing, *unexplained][:5]:
            self.say(f"         {identity}: expected {expected[identity]}, found {found[identity]}")

    def claim(self, station, holds, text):
        """Something that is not a number of events."""
        self.breaches += not holds
        self.say(f"{'ok' if holds else 'WRONG':5}  {station:26} {text}")

    def read_topic(self):
        """What the topic itself holds. What was under way at one of the two kills that may meet the publisher is sent
        again and may be there twice, and only that."""
        self.partitions = [
            self.ids(stations.TOPIC, number) for number in range(self.server.partitions(stations.TOPIC))]
        self.stored = collections.Counter(
            identity for partition in self.partitions for identity in partition.values())
        once = collections.Counter(self.by_id.keys())
        twice = set(self.stored - once)
        self.report(
            stations.TOPIC, once, self.stored, allowed=twice if len(twice) <= 2 * UNDER_WAY_MAX else frozenset())

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
        for letter in self.server.listed("/v1/dead-letters", "dead_letters", subscription=subscription):
            found[letter["event"]["id"]] += 1
            untouched = digest(letter["event"]) == self.digests.get(letter["event"]["id"])
            if letter["status"] != status or not untouched:
                strange.append(letter["id"])
        self.report(f"dead letters of {name}", expected, found, note=f"status {status}")
        if strange:
            self.claim(name, False, f"dead letters with another status or content: {strange[:5]}")


class Counts:
    """What is counted in the end, for each part of the demo."""

    def __init__(self, check):
        self.check = check

    def refused(self, refused_subscription, redirected):
        """What was refused for good has become dead letters."""
        check, station = self.check, stations.REFUSED
        expected = check.copies(station)
        check.report(
            f"webhook {station.target.path}", expected, station.target.refused_ids(), allowed=set(check.by_id),
            note=f"at least once: {station.target.story()}")
        check.dead_letters(station.name, refused_subscription, 400, expected)
        check.dead_letters(redirected.name, redirected.name, 307, check.copies(redirected))

    def thousand(self, thousand, topics):
        """Each of the thousand rules has copied each event that it matches, with its name on it."""
        check = self.check
        found = collections.Counter(
            (event["id"], event.get("rule")) for topic in topics for _, event in check.events(topic, 0))
        check.report(
            f"{len(thousand.patterns)} rules", thousand.expected(check.stored, check.by_id), found,
            note=f"{len({rule for _, rule in found})} rules have matched")

    def webhooks(self):
        """What webhooks accepted. They get everything, and after a kill or a late answer some of it twice."""
        check = self.check
        for station in [*stations.RULE_HOOKS, *stations.SUBSCRIPTIONS]:
            if station not in (stations.REFUSED, stations.REDIRECTED):
                check.report(
                    f"webhook {station.target.path}", check.copies(station), station.target.accepted_ids(),
                    allowed=set(check.by_id), note=f"at least once: {station.target.story()}")

    def labels(self):
        """What a transformation has made of events is, byte for byte, what Python makes of them, and it is signed."""
        check, target = self.check, stations.LABELS.target
        wrong = [
            identity for identity, bodies in target.bodies.items()
            if bodies != {stations.label(check.by_id[identity])}]
        check.claim(
            "labels", not wrong and not target.answers["forged"],
            f"{len(target.bodies) - len(wrong)} bodies are as Python makes them, {len(wrong)} are not; "
            f"{target.answers['forged']} signatures are wrong")

    def troubles(self, kills):
        check = self.check
        for station in (stations.SLOW, stations.HANGING):
            once = [place for place, count in station.target.arrivals.items() if count < 2]
            check.claim(station.name, not once, f"each event was sent again; {len(once)} were not")
        busy = stations.BUSY.target
        early = busy.returned_early(kills)
        check.claim(
            stations.BUSY.name, not early,
            f"{len(busy.returns)} events came back after 429, {len(early)} of them before Retry-After")

    def keys(self, targets):
        """An event has one key wherever and however often it comes, and no other event has it."""
        keys = collections.defaultdict(set)
        for target in targets:
            for identity, found in target.keys.items():
                keys[identity] |= found
        several = [identity for identity, found in keys.items() if len(found) != 1]
        different = len(set().union(*keys.values()))
        self.check.claim(
            "idempotency keys", not several and different == len(keys),
            f"{different} keys for {len(keys)} events, over all attempts, replays and redrives")

    def ordered(self, workers):
        """All events of the ordered subscription are done, and each key went in order."""
        check, station = self.check, stations.BUILDS
        places = collections.defaultdict(list)
        for number, partition in enumerate(check.partitions):
            for offset, identity in sorted(partition.items()):
                if station.matches(check.by_id[identity]):
                    places[check.by_id[identity]["partitionkey"]].append((number, offset))
        check.report(
            f"ordered {station.name}", check.copies(station), collections.Counter(workers.done.values()),
            note=f"{workers.tries.total()} hand-outs to {len(workers.threads)} workers")
        early = workers.out_of_order(places)
        longest = max((len(ordered) for ordered in places.values()), default=0)
        check.claim(
            "order by key", not early and not workers.faults,
            f"{len(places)} keys with up to {longest} events, {len(early)} hand-outs before their turn "
            f"{early[:3] or ''}{workers.faults[:3] or ''}")

    def delayed(self, delayed, topic):
        check = self.check
        late, latest = delayed.lateness()
        check.report(f"topic {topic}", delayed.expected(), delayed.found)
        check.claim(
            "time of the delayed", not delayed.early,
            f"{len(delayed.early)} came early{delayed.early[:5] or ''}; late by {late * 1000:.0f} ms (median), "
            f"{latest * 1000:.0f} ms (p99)")

    def once(self, first, second, events):
        """What was published a second time, after all kills, was known by then."""
        check = self.check
        told = sum(
            1 for number, receipt in second.items() if receipt.get("duplicate")
            and all(receipt[part] == first[number][part] for part in ("partition", "offset")))
        check.report(
            "topic once", collections.Counter(events[number]["id"] for number in first), check.topic("once"),
            note=f"{told} of {len(second)} told to be duplicates of the first")
        if told != len(second):
            check.claim("once", False, "a second publish was not answered with the first one's receipt")

    def checksums(self):
        answer = self.check.server.ask("POST", "/v1/verify")
        self.check.claim(
            "checksums", not answer["damage"], f"{answer['batches']} batches, {len(answer['damage'])} damaged")
