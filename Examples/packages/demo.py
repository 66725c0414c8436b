#!/usr/bin/env python3
"""Every package of a Debian index through Apus, with the server killed twice, and all of it counted.

    demo.py [--index FILE] [--limit N]

APUS_BIN is the server's binary. Each package is an event; rules copy some to other topics and some to a
webhook that fails now and then. The server is killed with SIGKILL while events are published, and again
while they are delivered. In the end each station must hold exactly what a count in Python says.
"""

import argparse
import collections
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import threading
import time

import packages
import stations
from receiver import Receiver
from server import Server

FOLDER = pathlib.Path(__file__).resolve().parent / ".work"
EVENTS = FOLDER / "events.ndjson"
# `apus publish` has so many events under way at most: 4 requests of 500.
UNDER_WAY_MAX = 2000
# Without any progress for so long, the rest is taken for lost.
STILL_SECONDS_MAX = 60


def say(text):
    print(f"{time.monotonic() - say.begun:7.1f} s  {text}", flush=True)


say.begun = time.monotonic()


def digest(event):
    """What must not change on the way: the attributes that the event was published with, and its data."""
    kept = {name: event.get(name) for name in ("id", "source", "type", "subject", "data")}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


class Killer:
    """Kills the server and starts it again, at most one at a time, and remembers how often."""

    def __init__(self, server):
        self.server = server
        self.kills = 0
        self.lock = threading.Lock()

    def strike(self, occasion):
        with self.lock:
            self.server.kill()
            self.kills += 1
            say(f"server killed with SIGKILL while {occasion}")
            begun = time.monotonic()
            self.server.start()
            say(f"server ready again after {(time.monotonic() - begun) * 1000:.0f} ms")

    def wait(self):
        """Returns when no kill is under way."""
        with self.lock:
            pass


class Publisher:
    """Publishes a file of events with one run of `apus publish`, which goes on by itself after a kill."""

    def __init__(self, binary, server):
        self.command = [
            binary, "publish", stations.TOPIC, "--file", str(EVENTS), "--url", server.url, "--json",
            "--retry-for", f"{STILL_SECONDS_MAX}s"]
        # Line of the file -> its receipt, in the order in which they came.
        self.receipts = {}

    def publish(self, count, killer):
        """Publishes the file; the server is killed when a third of the events is acknowledged."""
        with subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True) as running:
            for line in running.stdout:
                answer = json.loads(line)
                if "number" in answer:
                    self.receipts[answer["number"]] = answer
                    if len(self.receipts) == count // 3:
                        killer.strike("events are published")
        if running.returncode != 0 or len(self.receipts) != count:
            raise RuntimeError(f"apus publish ended with {running.returncode} and {len(self.receipts)} receipts")


def strike_during_delivery(killer, receiver, expected):
    """Kills the server when half of the webhook's events have been accepted."""
    while len(receiver.accepted_ids(stations.WEBHOOK.path)) < expected / 2:
        time.sleep(0.01)
    killer.strike("events are delivered")


def wait_for_the_rest(server, receiver, expected):
    """Waits until every station has what it should, or nothing has changed for a while."""
    last, changed = None, time.monotonic()
    while time.monotonic() - changed < STILL_SECONDS_MAX:
        accepted = len(receiver.accepted_ids(stations.WEBHOOK.path))
        dead = sum(server.end_offsets(stations.DEAD_LETTERS, server.partitions(stations.DEAD_LETTERS)))
        routed = [
            sum(server.end_offsets(station.name, server.partitions(station.name)))
            for station in stations.TOPICS]
        wanted = [expected[station.name] for station in stations.TOPICS]
        if (accepted >= expected[stations.WEBHOOK.name] and dead >= expected[stations.REFUSED.name]
                and all(have >= want for have, want in zip(routed, wanted))):
            # What is on its way may still arrive: a duplicate must be seen, not missed.
            time.sleep(2)
            return
        if (now := (accepted, dead, routed)) != last:
            last, changed = now, time.monotonic()
        time.sleep(0.2)
    say(f"nothing has changed for {STILL_SECONDS_MAX} s; counting what is there")


class Check:
    """The final count, station by station."""

    def __init__(self, published):
        self.digests = {event["id"]: digest(event) for event in published}
        self.breaches = 0

    def report(self, station, expected, found, allowed=frozenset(), note=""):
        """Holds ids found (with how often) against those expected (with how often); ids in `allowed` may
        come more often."""
        missing = expected - found
        surplus = found - expected
        unexplained = {identity for identity in surplus if identity not in allowed}
        verdict = "ok" if not missing and not unexplained else "WRONG"
        self.breaches += verdict != "ok"
        say(
            f"{verdict:5}  {station:22} expected {sum(expected.values()):6}  found {sum(found.values()):6}"
            f"  missing {sum(missing.values())}  duplicates {sum(surplus.values())}{note}")
        for identity in [*missing, *unexplained][:5]:
            say(f"         {identity}: expected {expected[identity]}, found {found[identity]}")

    def topic(self, server, name):
        """The ids of a topic, with how often each is there; contents are held against what was published."""
        return collections.Counter(
            identity for partition in range(server.partitions(name))
            for identity in self.partition(server, name, partition).values())

    def partition(self, server, name, partition):
        """The id at each offset of a partition."""
        found, damaged = {}, 0
        for offset, event in server.events(name, partition):
            found[offset] = event["id"]
            damaged += digest(event) != self.digests.get(event["id"])
        if damaged:
            self.breaches += 1
            say(f"WRONG  {name}: {damaged} events are not as they were published")
        return found

    def receipts(self, stored, published, receipts):
        """Each event must be where its receipt says."""
        wrong = [
            receipt for number, receipt in receipts.items()
            if stored[receipt["partition"]].get(receipt["offset"]) != published[number]["id"]]
        self.breaches += bool(wrong)
        say(f"{'WRONG' if wrong else 'ok':5}  {'receipts':22} expected {len(receipts):6}  "
            f"found {len(receipts) - len(wrong):6}  {wrong[:3] or ''}")


def check_all(server, receiver, published, publisher):
    check = Check(published)
    by_id = {event["id"]: event for event in published}
    partitions = [check.partition(server, stations.TOPIC, number) for number in range(stations.PARTITIONS)]
    check.receipts(partitions, published, publisher.receipts)
    stored = collections.Counter(identity for partition in partitions for identity in partition.values())
    # What was under way when the server was killed is sent again and may be there twice, and only that.
    twice = set(stored - collections.Counter(by_id.keys()))
    check.report(
        stations.TOPIC, collections.Counter(by_id.keys()), stored,
        allowed=twice if len(twice) <= 2 * UNDER_WAY_MAX else frozenset())

    def copies(station):
        """What the rule must have taken from the topic, duplicates included: a copy is made once."""
        return collections.Counter({
            identity: count for identity, count in stored.items()
            if identity in by_id and station.matches(by_id[identity])})

    for station in stations.TOPICS:
        check.report(f"topic {station.name}", copies(station), check.topic(server, station.name))
    accepted = receiver.accepted_ids(stations.WEBHOOK.path)
    check.report(
        f"webhook {stations.WEBHOOK.path}", copies(stations.WEBHOOK), accepted, allowed=set(by_id),
        note=f" (at least once); {receiver.failures()} requests answered with 500")
    refused = receiver.refused_ids(stations.REFUSED.path)
    check.report(
        f"webhook {stations.REFUSED.path}", copies(stations.REFUSED), refused, allowed=set(by_id),
        note=" (at least once); all answered with 400")
    dead = collections.Counter()
    for partition in range(server.partitions(stations.DEAD_LETTERS)):
        dead.update(event["id"] for _, event in server.events(stations.DEAD_LETTERS, partition))
    check.report(stations.DEAD_LETTERS, copies(stations.REFUSED), dead)
    for station in (stations.WEBHOOK, stations.REFUSED):
        state, _ = server.request("GET", f"/v1/subscriptions/{station.name}.webhook-1")
        say(f"       {station.name}.webhook-1: " + ", ".join(
            f"{name} {state.get(name)}" for name in ("backlog", "in_flight", "waiting", "acknowledged", "dead_lettered")))
    return check.breaches


def prepare(arguments):
    """The events to publish, also written to a file to look at."""
    index = arguments.index or packages.find_index()
    if not index and os.geteuid() == 0:
        say("apt has no index yet; apt-get update")
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        index = packages.find_index()
    if not index:
        sys.exit("apt has no index here; run: sudo apt-get update, or give --index FILE")
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    events = packages.events(index)[:arguments.limit]
    with EVENTS.open("w") as file:
        for event in events:
            file.write(json.dumps(event, ensure_ascii=False) + "\n")
    say(f"{len(events)} packages in {index}")
    if len({event["id"] for event in events}) != len(events):
        sys.exit("the index names a package twice; ids would not tell events apart")
    return events


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--index", help="a Packages file; by default the largest that apt has")
    parser.add_argument("--limit", type=int, help="only so many packages")
    arguments = parser.parse_args()
    binary = os.environ.get("APUS_BIN") or shutil.which("apus")
    if not binary:
        sys.exit("APUS_BIN does not name the server's binary; make demo sets it")

    events = prepare(arguments)
    expected = {
        station.name: sum(1 for event in events if station.matches(event)) for station in stations.ALL}
    receiver = Receiver()
    server = Server(binary, FOLDER)
    killer = Killer(server)
    publisher = Publisher(binary, server)
    try:
        server.start()
        say(f"server at {server.url}, webhook at {receiver.url}")
        server.request("PUT", f"/v1/topics/{stations.TOPIC}", {"partitions": stations.PARTITIONS})
        for station in stations.TOPICS:
            server.request("PUT", f"/v1/topics/{station.name}", {"partitions": 1})
        for station in stations.ALL:
            server.request("PUT", f"/v1/rules/{station.name}", station.rule(receiver.url))

        later = threading.Thread(
            target=strike_during_delivery, args=[killer, receiver, expected[stations.WEBHOOK.name]], daemon=True)
        later.start()
        begun = time.monotonic()
        publisher.publish(len(events), killer)
        seconds = time.monotonic() - begun
        say(f"{len(events)} events acknowledged in {seconds:.1f} s, kills included")
        later.join(timeout=STILL_SECONDS_MAX)
        wait_for_the_rest(server, receiver, expected)
        breaches = check_all(server, receiver, events, publisher)
        if killer.kills != 2:
            breaches += 1
            say(f"WRONG  the server was killed {killer.kills} times and not twice")
    finally:
        server.kill()
        receiver.close()
    say("every station holds what it should" if not breaches else f"{breaches} stations are wrong; see {server.log}")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
