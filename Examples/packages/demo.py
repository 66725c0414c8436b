#!/usr/bin/env python3
"""Every package of a Debian index through Apus, with the server killed three times, and all of it counted.

    demo.py [--index FILE] [--limit N]

APUS_BIN is the server's binary. Each package is an event; more than a thousand rules copy some to other topics and
some to webhooks that fail in all the ways that webhooks fail. The server is killed with SIGKILL while events are
published, while they are delivered, and while others wait for their time. In the end each station must hold exactly
what a count in Python says.
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
from actors import Killer, Publisher
from counts import Check, Counts
from delayed import TICKS, Delayed, Ticks
from delayed import TOPIC as ANNOUNCEMENTS
from keyed import Workers
from receiver import Receiver, Target
from server import Server
from thousand import TOPICS as THOUSAND_TOPICS
from thousand import Thousand

FOLDER = pathlib.Path(__file__).resolve().parent / ".work"
EVENTS = FOLDER / "events.ndjson"
# Without any progress for so long, the rest is taken for lost.
STILL_SECONDS_MAX = 60
# So many events are also published to a topic without rules, to compare, and twice to one that tells duplicates.
SAMPLE = 15_000
WORKERS = 4
# For so long after the beginning nobody listens at one of the webhooks.
AWAY_SECONDS = 25
REPLAYED_TOPIC = "epochs"


def say(text):
    print(f"{time.monotonic() - say.begun:7.1f} s  {text}", flush=True)


say.begun = time.monotonic()


class Demo:
    """One run, from an empty server to the count."""

    def __init__(self, binary, events):
        self.events = events
        self.expected = {
            station.name: sum(1 for event in events if station.matches(event))
            for station in [
                *stations.TOPICS, *stations.RULE_HOOKS, *stations.SUBSCRIPTIONS, stations.BUILDS, stations.REDRIVEN]}
        self.thousand = Thousand(events)
        # What redirects lead to: an address inside, where nothing may be called.
        self.inside = Receiver([])
        stations.REDIRECTED.target.location = f"{self.inside.url}/admin"
        self.replayed = Target("/replayed")
        self.replayed_range = stations.Station(
            "replayed range", *stations.in_sections("python"), target=Target("/replayed-range"))
        self.receiver = Receiver([
            *(station.target for station in [*stations.RULE_HOOKS, *stations.SUBSCRIPTIONS]),
            stations.MOVED, self.replayed, self.replayed_range.target])
        self.away = Receiver([stations.AWAY.target], is_open=False)
        self.server = Server(binary, FOLDER)
        self.killer = Killer(self.server, say)
        self.publisher = Publisher(self.server, stations.TOPIC, EVENTS)
        self.workers = Workers(self.server, stations.BUILDS.name, WORKERS)
        self.delayed = Delayed(self.server, events)
        self.ticks = Ticks(self.server)
        self.check = Check(self.server, say, events)
        self.counts = Counts(self.check)

    def close(self):
        self.delayed.stopped.set()
        self.workers.stopped.set()
        self.server.kill()
        for receiver in (self.receiver, self.away, self.inside):
            receiver.close()

    def run(self):
        self.server.start()
        say(f"server at {self.server.url}, webhooks at {self.receiver.url}")
        self.set_up()
        self.publish()
        self.delay()
        self.wait_for_the_rest()
        self.check.read_topic()
        self.redrive()
        self.replay()
        self.count()
        return self.check.breaches

    # Before the first event

    def set_up(self):
        server = self.server
        for name in (stations.TOPIC, "unruled"):
            server.request("PUT", f"/v1/topics/{name}", {"partitions": stations.PARTITIONS})
        server.request("PUT", "/v1/topics/once", {"partitions": 2, "deduplication": {"window": "10m"}})
        names = [station.name for station in stations.TOPICS]
        for name in [*names, *THOUSAND_TOPICS, ANNOUNCEMENTS, TICKS]:
            server.request("PUT", f"/v1/topics/{name}", {"partitions": 1})
        for station in [*stations.TOPICS, *stations.RULE_HOOKS]:
            server.request("PUT", f"/v1/rules/{station.name}", station.rule(self.receiver.url))
        for station in stations.SUBSCRIPTIONS:
            url = (self.away if station is stations.AWAY else self.receiver).url
            server.request("PUT", f"/v1/subscriptions/{station.name}", station.subscription(url))
        server.request("PUT", f"/v1/subscriptions/{stations.BUILDS.name}", {
            "topic": stations.TOPIC, "pattern": stations.BUILDS.pattern, "ordering": {"by": "key"},
            "max_attempts": 100})
        begun = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            made = pool.map(
                lambda rule: server.request("PUT", f"/v1/rules/{rule[0]}", rule[1]), self.thousand.rules())
            say(f"{len(list(made))} rules more made in {time.monotonic() - begun:.1f} s")

    def publish_sample(self, topic):
        """Publishes the first of the events; gives the receipts and the events per second."""
        file = FOLDER / "sample.ndjson"
        count = min(SAMPLE, len(self.events))
        with EVENTS.open() as source, file.open("w") as copy:
            copy.writelines(line for line, _ in zip(source, range(count)))
        publisher = Publisher(self.server, topic, file)
        rate = publisher.publish(count)
        return publisher.receipts, rate

    # While events flow

    def publish(self):
        _, unruled = self.publish_sample("unruled")
        self.first_receipts, _ = self.publish_sample("once")
        self.workers.start()
        self.delayed.watcher.start()
        self.ticks.begin()
        coming_back = threading.Timer(AWAY_SECONDS, self.come_back)
        coming_back.daemon = True
        coming_back.start()
        hook = stations.MEDIA_HOOK
        half = self.expected[hook.name] / 2
        delivering = self.killer.strike_when(
            lambda: len(hook.target.accepted_ids()) >= half, "events are delivered")
        begun = time.monotonic()
        rate = self.publisher.publish(
            len(self.events), max(1, len(self.events) // 3), lambda: self.killer.strike("events are published"))
        say(f"{len(self.events)} events acknowledged in {time.monotonic() - begun:.1f} s, kills included")
        say(f"       {rate:.0f} events/s until the first kill, routed and delivered meanwhile; "
            f"{unruled:.0f} events/s to a topic without rules")
        delivering.join(timeout=STILL_SECONDS_MAX)

    def come_back(self):
        """Whoever was away listens from now on. By then the server has learnt to leave the address alone."""
        self.circuit_before = self.circuit()
        self.away.open()
        say(f"somebody listens at {stations.AWAY.target.path} now, after {AWAY_SECONDS} s; "
            f"its circuit is {self.circuit_before}")

    def circuit(self):
        """Whether the server sends to the target that was away, or leaves it alone."""
        return self.server.ask("GET", f"/v1/subscriptions/{stations.AWAY.name}")["circuit"]["state"]

    def delay(self):
        """Events that come later; some never. The server is killed when half of them have come."""
        begun = time.time()
        self.delayed.schedule()
        self.delayed.cancel()
        say(f"{len(self.delayed.due)} events wait for their time, {len(self.delayed.cancelled)} of them cancelled; "
            f"that took {time.time() - begun:.1f} s")
        wrong = self.delayed.listed_wrongly()
        if wrong is not None:
            self.check.claim(
                "list of what waits", not wrong, f"{len(wrong)} differences {sorted(wrong)[:3] or ''}")
        half = len(self.delayed.expected()) / 2
        self.killer.strike_when(
            lambda: len(self.delayed.seen) >= half, "half of the delayed events still wait",
        ).join(timeout=2 * STILL_SECONDS_MAX)
        self.second_receipts, _ = self.publish_sample("once")

    def goals(self):
        """What there is of everything that must come, and how much that must be."""
        yield len(set(self.workers.done.values())), self.expected[stations.BUILDS.name]
        yield len(self.delayed.seen), len(self.delayed.expected())
        yield self.server.count(TICKS), self.ticks.expected().total()
        for station in [*stations.RULE_HOOKS, *stations.SUBSCRIPTIONS]:
            if station not in (stations.REFUSED, stations.REDIRECTED):
                yield len(station.target.accepted_ids()), self.expected[station.name]
        yield (self.server.count(stations.DEAD_LETTERS),
               self.expected[stations.REFUSED.name] + self.expected[stations.REDIRECTED.name])
        for station in stations.TOPICS:
            yield self.server.count(station.name), self.expected[station.name]

    def settled(self):
        """Whether no webhook has anything left to get."""
        return all(
            state["backlog"] == 0 and state["in_flight"] == 0
            for state in self.server.listed("/v1/subscriptions", "subscriptions") if state["push"])

    def wait_until_settled(self):
        deadline = time.monotonic() + STILL_SECONDS_MAX
        while not self.settled() and time.monotonic() < deadline:
            time.sleep(0.1)

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
        """A target that refused everything is repaired, and some of its dead letters are sent there again. One that
        redirects gets the new address, and all of its own."""
        check, refused, redirected = self.check, stations.REFUSED, stations.REDIRECTED
        self.counts.refused(f"{refused.name}.webhook-1", redirected)
        refused.target.repaired = True
        again = check.copies(stations.REDRIVEN)
        self.redrive_to(refused.target, again, f"{refused.name}.webhook-1", stations.REDRIVEN.pattern)
        check.dead_letters(
            "refused, the rest", f"{refused.name}.webhook-1", 400, check.copies(refused) - again)
        self.server.request("PUT", f"/v1/subscriptions/{redirected.name}", {
            "push": {"url": self.receiver.url + stations.MOVED.path}})
        self.redrive_to(stations.MOVED, check.copies(redirected), redirected.name, {})

    def redrive_to(self, target, expected, subscription, pattern):
        """Redrives what a pattern chooses of a subscription's dead letters, and waits until all has come."""
        chosen = [
            "dead-letter", "redrive", "--subscription", subscription, "--pattern", json.dumps(pattern)]
        would, = self.server.command(*chosen, "--dry-run")
        did, = self.server.command(*chosen)
        self.check.claim(
            "redrive", would["matched"] == did["redriven"] == expected.total() and would["redriven"] == 0,
            f"{did['redriven']} dead letters sent again, as the dry run had said: {would['matched']}")
        deadline = time.monotonic() + STILL_SECONDS_MAX
        while target.accepted_ids().total() < expected.total() and time.monotonic() < deadline:
            time.sleep(0.1)
        self.check.report(f"redriven to {target.path}", expected, target.accepted_ids())

    def replay(self):
        """The last hour of a topic, and a part of the past of another one, to a target each; nobody else notices."""
        def others():
            return {
                state["name"]: [state[number] for number in ("acknowledged", "dead_lettered", "backlog")]
                for state in self.server.listed("/v1/subscriptions", "subscriptions")}

        self.wait_until_settled()
        before = others()
        answer, = self.server.command(
            "replay", REPLAYED_TOPIC, "--from", "1h", "--push", self.receiver.url + self.replayed.path)
        self.check.report(
            f"replay of {REPLAYED_TOPIC}", self.check.topic(REPLAYED_TOPIC), self.replayed.accepted_ids(),
            note=f"by its own account {answer['delivered']}")
        part = self.replayed_range
        partitions = [
            list(self.server.records(stations.TOPIC, number)) for number in range(stations.PARTITIONS)]
        times = sorted(record["time"] for records in partitions for record in records)
        first, last = times[len(times) // 4], times[len(times) * 3 // 4]
        self.server.command(
            "replay", stations.TOPIC, "--from", first, "--to", last, "--pattern", json.dumps(part.pattern),
            "--push", self.receiver.url + part.target.path, "--push-mode", "batch")
        # A time is the place of the first record that is not older; times of neighbours can be a little in disorder.
        between = collections.Counter(
            record["event"]["id"] for records in partitions
            for record in records[place(records, first):place(records, last)] if part.matches(record["event"]))
        self.check.report(
            "replay of a range", between, part.target.accepted_ids(),
            note=f"in batches: {part.target.story()}")
        self.wait_until_settled()
        noticed = [name for name, state in others().items() if state != before.get(name)]
        self.check.claim(
            "others meanwhile", not noticed, f"{len(before)} subscriptions; {len(noticed)} have noticed it "
            f"{noticed or ''}")

    def count(self):
        check, counts = self.check, self.counts
        check.receipts(self.events, self.publisher.receipts)
        for station in stations.TOPICS:
            check.report(f"topic {station.name}", check.copies(station), check.topic(station.name))
        counts.thousand(self.thousand, THOUSAND_TOPICS)
        counts.webhooks()
        counts.labels()
        counts.troubles(self.killer.kills)
        before, after = self.circuit_before, self.circuit()
        # A handful of events does not fail often enough in that time for a circuit to open.
        is_open_expected = self.expected[stations.AWAY.name] > 10
        check.claim(
            stations.AWAY.name, after == "closed" and (before == "open" or not is_open_expected),
            f"circuit {before} while nobody listened, {after} now")
        check.claim(
            "address inside", not self.inside.strays,
            f"called {len(self.inside.strays)} times by those who were sent there")
        counts.keys([*self.receiver.targets.values(), *self.away.targets.values()])
        counts.ordered(self.workers)
        counts.delayed(self.delayed, ANNOUNCEMENTS)
        check.report(f"topic {TICKS}", self.ticks.expected(), self.ticks.found(), note="one a second")
        counts.once(self.first_receipts, self.second_receipts, self.events)
        counts.checksums()
        if len(self.killer.kills) != 3:
            check.claim("kills", False, f"the server was killed {len(self.killer.kills)} times, not three times")


def place(records, moment):
    """The index of the first record that is not older."""
    return next((number for number, record in enumerate(records) if record["time"] >= moment), len(records))


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
