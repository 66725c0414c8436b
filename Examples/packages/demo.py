#!/usr/bin/env python3
"""Every package of a Debian index through Apus, with the server killed three times, and all of it counted.

    demo.py [--index FILE] [--limit N]

APUS_BIN is the server's binary. Each package is an event; more than a thousand rules copy some to other topics and some
to webhooks that fail in all the ways that webhooks fail. The server is killed with SIGKILL while events are published,
while they are delivered, and while others wait for their time. In the end each station must hold exactly what a count in
Python says.
"""

import argparse
import collections
import concurrent.futures
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
from counts import Check
from delayed import Delayed
from delayed import TOPIC as ANNOUNCEMENTS
from keyed import Workers
from receiver import Receiver, Target
from server import Server
from thousand import TOPICS as THOUSAND_TOPICS
from thousand import Thousand

FOLDER = pathlib.Path(__file__).resolve().parent / ".work"
EVENTS = FOLDER / "events.ndjson"
# `apus publish` has so many events under way at most: 4 requests of 500.
UNDER_WAY_MAX = 2000
# Without any progress for so long, the rest is taken for lost.
STILL_SECONDS_MAX = 60
# So many events are published to a topic without rules, to compare.
UNRULED = 15_000
WORKERS = 4
# For so long after the beginning nobody listens at one of the webhooks.
AWAY_SECONDS = 25
REPLAYED_TOPIC = "epochs"
REPLAYED_RANGE = stations.Station("replayed-range", *stations.in_sections("python"), target=Target("/replayed-range"))


def say(text):
    print(f"{time.monotonic() - say.begun:7.1f} s  {text}", flush=True)


say.begun = time.monotonic()


class Killer:
    """Kills the server and starts it again, at most one at a time, and remembers when."""

    def __init__(self, server):
        self.server = server
        self.kills = []
        self.lock = threading.Lock()

    def strike(self, occasion):
        with self.lock:
            self.server.kill()
            self.kills.append(time.monotonic())
            say(f"server killed with SIGKILL while {occasion}")
            begun = time.monotonic()
            self.server.start()
            say(f"server ready again after {(time.monotonic() - begun) * 1000:.0f} ms")

    def strike_when(self, reached, occasion):
        """Kills the server once something is reached, in a thread of its own."""
        def wait():
            while not reached():
                time.sleep(0.01)
            self.strike(occasion)

        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        return thread


class Publisher:
    """Publishes a file of events with one run of `apus publish`, which goes on by itself after a kill."""

    def __init__(self, binary, server, topic, file):
        self.command = [
            binary, "publish", topic, "--file", str(file), "--url", server.url, "--json",
            "--retry-for", f"{STILL_SECONDS_MAX}s"]
        # Line of the file -> its receipt, in the order in which they came.
        self.receipts = {}

    def publish(self, count, halfway=None, halfway_count=None):
        """Publishes the file; `halfway` is called when so many events are acknowledged. Gives the events per second until
        then, or in all."""
        begun, rate = time.monotonic(), None
        with subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True) as running:
            for line in running.stdout:
                answer = json.loads(line)
                if "number" in answer:
                    self.receipts[answer["number"]] = answer
                    if len(self.receipts) == halfway_count:
                        rate = halfway_count / (time.monotonic() - begun)
                        halfway()
        if running.returncode != 0 or len(self.receipts) != count:
            raise RuntimeError(f"apus publish ended with {running.returncode} and {len(self.receipts)} receipts")
        return rate or count / (time.monotonic() - begun)


class Demo:
    """One run, from an empty server to the count."""

    def __init__(self, binary, events):
        self.binary = binary
        self.events = events
        self.expected = {
            station.name: sum(1 for event in events if station.matches(event))
            for station in [*stations.TOPICS, *stations.TROUBLED, *HOOKS, stations.BUILDS, stations.REDRIVEN]}
        self.thousand = Thousand(events)
        # What redirects lead to: an address inside, where nothing may be called.
        self.inside = Receiver([])
        stations.REDIRECTED.target.location = f"{self.inside.url}/admin"
        self.replayed = Target("/replayed")
        self.receiver = Receiver([
            *(station.target for station in [*HOOKS, *stations.TROUBLED]), self.replayed, REPLAYED_RANGE.target])
        self.away = Receiver([stations.AWAY.target], is_open=False)
        self.server = Server(binary, FOLDER)
        self.killer = Killer(self.server)
        self.publisher = Publisher(binary, self.server, stations.TOPIC, EVENTS)
        self.workers = Workers(self.server, stations.BUILDS.name, WORKERS)
        self.delayed = Delayed(self.server, events)
        self.check = Check(self.server, say, events)

    def close(self):
        self.delayed.stopped.set()
        self.workers.stopped.set()
        self.server.kill()
        for receiver in (self.receiver, self.away, self.inside):
            receiver.close()

    def run(self):
        self.server.start()
        say(f"server at {self.server.url}, webhooks at {self.receiver.url}")
        unruled = self.publish_unruled()
        self.set_up()
        self.publish(unruled)
        self.delay()
        self.wait_for_the_rest()
        self.check.read_topic(2 * UNDER_WAY_MAX)
        self.redrive()
        self.replay()
        self.count()
        return self.check.breaches

    # Before the first event

    def publish_unruled(self):
        """How fast a topic without rules takes events."""
        file = FOLDER / "unruled.ndjson"
        count = min(UNRULED, len(self.events))
        with EVENTS.open() as source, file.open("w") as copy:
            copy.writelines(line for line, _ in zip(source, range(count)))
        self.server.request("PUT", "/v1/topics/unruled", {"partitions": stations.PARTITIONS})
        return Publisher(self.binary, self.server, "unruled", file).publish(count)

    def set_up(self):
        self.server.request("PUT", f"/v1/topics/{stations.TOPIC}", {"partitions": stations.PARTITIONS})
        for name in [*(station.name for station in stations.TOPICS), *THOUSAND_TOPICS, ANNOUNCEMENTS]:
            self.server.request("PUT", f"/v1/topics/{name}", {"partitions": 1})
        for station in [*stations.TOPICS, *HOOKS]:
            self.server.request("PUT", f"/v1/rules/{station.name}", station.rule(self.receiver.url))
        for station in stations.TROUBLED:
            url = (self.away if station is stations.AWAY else self.receiver).url
            self.server.request(
                "PUT", f"/v1/subscriptions/{station.name}", station.subscription(url, station.settings))
        self.server.request("PUT", f"/v1/subscriptions/{stations.BUILDS.name}", {
            "topic": stations.TOPIC, "pattern": stations.BUILDS.pattern, "ordering": {"by": "key"},
            "max_attempts": 100})
        begun = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for _ in pool.map(
                    lambda rule: self.server.request("PUT", f"/v1/rules/{rule[0]}", rule[1]), self.thousand.rules()):
                pass
        say(f"{len(self.thousand.patterns)} more rules made in {time.monotonic() - begun:.1f} s")

    # While events flow

    def publish(self, unruled):
        self.workers.start()
        self.delayed.watcher.start()
        self.open_later = threading.Timer(AWAY_SECONDS, self.come_back)
        self.open_later.daemon = True
        self.open_later.start()
        hook = stations.MEDIA_HOOK
        half = self.expected[hook.name] / 2
        delivering = self.killer.strike_when(
            lambda: len(hook.target.accepted_ids()) >= half, "events are delivered")
        begun = time.monotonic()
        rate = self.publisher.publish(
            len(self.events), lambda: self.killer.strike("events are published"), max(1, len(self.events) // 3))
        say(f"{len(self.events)} events acknowledged in {time.monotonic() - begun:.1f} s, kills included")
        say(f"       until the first kill {rate:.0f} events/s were published, routed and delivered; "
            f"{unruled:.0f} events/s are published to a topic without rules")
        delivering.join(timeout=STILL_SECONDS_MAX)

    def come_back(self):
        self.away.open()
        say(f"somebody listens at {stations.AWAY.target.path} now, after {AWAY_SECONDS} s")

    def delay(self):
        """Events that come later; some never. The server is killed when half of them have come."""
        begun = time.time()
        self.delayed.schedule()
        self.delayed.cancel()
        say(f"{len(self.delayed.due)} events wait for their time, {len(self.delayed.cancelled)} of them cancelled; "
            f"that took {time.time() - begun:.1f} s")
        wrong = self.delayed.listed_wrongly()
        if time.time() < min(self.delayed.due.values(), default=0):
            self.check.claim("list of what waits", not wrong, f"{len(wrong)} differences {sorted(wrong)[:3] or ''}")
        half = len(self.delayed.expected()) / 2
        waiting = self.killer.strike_when(
            lambda: len(self.delayed.seen) >= half, "half of the delayed events wait")
        waiting.join(timeout=2 * STILL_SECONDS_MAX)

    def goals(self):
        """What there is of everything that must come, and how much that must be."""
        yield len(set(self.workers.done.values())), self.expected[stations.BUILDS.name]
        yield len(self.delayed.seen), len(self.delayed.expected())
        for station in [*HOOKS, *stations.TROUBLED]:
            if station not in (stations.REFUSED, stations.REDIRECTED):
                yield len(station.target.accepted_ids()), self.expected[station.name]
        yield (self.server.count(stations.DEAD_LETTERS),
               self.expected[stations.REFUSED.name] + self.expected[stations.REDIRECTED.name])
        for station in stations.TOPICS:
            yield self.server.count(station.name), self.expected[station.name]

    def settled(self):
        """Whether no subscription has anything left to do."""
        return all(
            state["backlog"] == 0 and state["in_flight"] == 0
            for state in self.server.ask("GET", "/v1/subscriptions?limit=1000")["subscriptions"])

    def wait_for_the_rest(self):
        """Waits until every station has what it should, or nothing has changed for a while."""
        last, changed = None, time.monotonic()
        while time.monotonic() - changed < STILL_SECONDS_MAX:
            goals = list(self.goals())
            if all(have >= wanted for have, wanted in goals) and self.settled():
                # What is on its way may still arrive: a duplicate must be seen, not missed.
                time.sleep(2)
                break
            if (now := [have for have, _ in goals]) != last:
                last, changed = now, time.monotonic()
            time.sleep(0.2)
        else:
            say(f"nothing has changed for {STILL_SECONDS_MAX} s; counting what is there")
        self.workers.stop()
        say("all is delivered; counting")

    # When all is quiet

    def redrive(self):
        """The target that refused everything is repaired, and some of its dead letters are sent there again."""
        station, again = stations.REFUSED, stations.REDRIVEN
        expected = self.check.copies(station)
        name = f"{station.name}.webhook-1"
        self.check.report(
            f"webhook {station.target.path}", expected, station.target.refused_ids(), allowed=set(self.check.by_id),
            note=f"at least once: {station.target.story()}")
        self.check.dead_letters(station.name, name, 400, expected)
        station.target.repaired = True
        chosen = ["dead-letter", "redrive", "--subscription", name, "--pattern", json.dumps(again.pattern)]
        would, = self.server.command(*chosen, "--dry-run")
        did, = self.server.command(*chosen)
        matching = self.check.copies(again)
        self.check.claim(
            "redrive", would["matched"] == did["redriven"] == matching.total() and would["redriven"] == 0,
            f"{did['redriven']} of {expected.total()} dead letters sent again")
        deadline = time.monotonic() + STILL_SECONDS_MAX
        while station.target.accepted_ids().total() < matching.total() and time.monotonic() < deadline:
            time.sleep(0.1)
        self.check.report("redriven", matching, station.target.accepted_ids())
        self.check.dead_letters(f"{station.name}, the rest", name, 400, expected - matching)

    def replay(self):
        """The last hour of a topic, and a part of the past of another one, to a target each; nobody else notices."""
        def others():
            listed = self.server.ask("GET", "/v1/subscriptions?limit=1000")["subscriptions"]
            return {
                state["name"]: [state["acknowledged"], state["dead_lettered"], state["backlog"]] for state in listed}

        before = others()
        answer, = self.server.command(
            "replay", REPLAYED_TOPIC, "--from", "1h", "--push", self.receiver.url + self.replayed.path)
        held = self.check.topic(REPLAYED_TOPIC)
        self.check.report(
            f"replay of {REPLAYED_TOPIC}", held, self.replayed.accepted_ids(), note=f"apus replay says {answer}")

        records = [
            record for number in range(stations.PARTITIONS)
            for record in self.server.records(stations.TOPIC, number)]
        times = sorted(record["time"] for record in records)
        first, last = times[len(times) // 4], times[len(times) * 3 // 4]
        self.server.command(
            "replay", stations.TOPIC, "--from", first, "--to", last, "--pattern", json.dumps(REPLAYED_RANGE.pattern),
            "--push", self.receiver.url + REPLAYED_RANGE.target.path)
        between = collections.Counter(
            record["event"]["id"] for record in records
            if first <= record["time"] < last and REPLAYED_RANGE.matches(record["event"]))
        self.check.report("replay of a range", between, REPLAYED_RANGE.target.accepted_ids())
        self.check.claim("others meanwhile", others() == before, f"{len(before)} subscriptions have noticed nothing")

    def count(self):
        check, everything = self.check, set(self.check.by_id)
        check.receipts(self.events, self.publisher.receipts)
        for station in stations.TOPICS:
            check.report(f"topic {station.name}", check.copies(station), check.topic(station.name))
        self.count_thousand()
        for station in [stations.MEDIA_HOOK, stations.LABELS, *stations.TROUBLED]:
            if station is not stations.REDIRECTED:
                check.report(
                    f"webhook {station.target.path}", check.copies(station), station.target.accepted_ids(),
                    allowed=everything, note=f"at least once: {station.target.story()}")
        self.count_troubles()
        self.count_keyed()
        found = self.delayed.found
        late, latest = self.delayed.lateness()
        check.report(
            f"topic {ANNOUNCEMENTS}", self.delayed.expected(), found,
            note=f"{len(self.delayed.early)} early, late by {late * 1000:.0f} ms (median), {latest:.1f} s (p99, the kill included)")
        if self.delayed.early:
            check.claim(ANNOUNCEMENTS, False, f"before their time: {self.delayed.early[:5]}")
        verified = self.server.ask("POST", "/v1/verify")
        check.claim("checksums", not verified["damage"], f"{verified['batches']} batches, {len(verified['damage'])} damaged")
        if len(self.killer.kills) != 3:
            check.claim("kills", False, f"the server was killed {len(self.killer.kills)} times and not three times")

    def count_thousand(self):
        """Each of the thousand rules has copied each event that it matches, with its name on it."""
        found = collections.Counter(
            (event["id"], event.get("rule")) for topic in THOUSAND_TOPICS
            for _, event in self.check.events(topic, 0))
        self.check.report(
            f"{len(self.thousand.patterns)} rules", self.thousand.expected(self.check.stored, self.check.by_id), found,
            note=f"{len({rule for _, rule in found})} rules have matched")

    def count_troubles(self):
        check = self.check
        wrong = [
            identity for identity, bodies in stations.LABELS.target.bodies.items()
            if bodies != {stations.label(check.by_id[identity])}]
        check.claim(
            "labels", not wrong, f"{len(stations.LABELS.target.bodies) - len(wrong)} transformed events are, byte for byte, "
            f"what Python makes; {len(wrong)} are not {wrong[:3] or ''}")
        for station in (stations.SLOW, stations.HANGING):
            once = [place for place, count in station.target.arrivals.items() if count < 2]
            check.claim(station.name, not once, f"each event was sent again; {len(once)} were not")
        early = stations.BUSY.target.returned_early(self.killer.kills)
        check.claim(
            stations.BUSY.name, not early,
            f"{len(stations.BUSY.target.returns)} events came back after 429, {len(early)} of them before Retry-After")
        redirected = stations.REDIRECTED
        check.dead_letters(redirected.name, redirected.name, 307, check.copies(redirected))
        check.claim(
            "address inside", not self.inside.strays,
            f"called {len(self.inside.strays)} times by those who were sent there")

    def count_keyed(self):
        """All events of the ordered subscription are done, and each key went in order."""
        check, station = self.check, stations.BUILDS
        places = collections.defaultdict(list)
        for number, partition in enumerate(check.partitions):
            for offset, identity in sorted(partition.items()):
                if station.matches(check.by_id[identity]):
                    places[check.by_id[identity]["partitionkey"]].append((number, offset))
        check.report(
            f"ordered {station.name}", check.copies(station), collections.Counter(self.workers.done.values()),
            note=f"{self.workers.tries.total()} hand-outs to {WORKERS} workers")
        early = self.workers.out_of_order(places)
        longest = max((len(ordered) for ordered in places.values()), default=0)
        check.claim(
            "order by key", not early and not self.workers.faults,
            f"{len(places)} keys with up to {longest} events, {len(early)} hand-outs before their turn "
            f"{early[:3] or ''}{self.workers.faults[:3] or ''}")


HOOKS = [stations.MEDIA_HOOK, stations.REFUSED, stations.LABELS]


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
    events = packages.events(index)
    if arguments.limit:
        # Some from everywhere: an index is in the order of its packages' names.
        events = events[::max(1, len(events) // arguments.limit)][:arguments.limit]
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

    demo = Demo(binary, prepare(arguments))
    try:
        breaches = demo.run()
    finally:
        demo.close()
    say("every station holds what it should" if not breaches
        else f"{breaches} stations are wrong; see {demo.server.log}")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
