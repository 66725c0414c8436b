"""Events that come later, and one that comes again and again.

Somebody watches the topic of the delayed ones and looks at a clock of his own: none may come before its time, none
twice, and none that was cancelled."""

import collections
import datetime
import http.client
import threading
import time

TOPIC = "announcements"
TYPE = "org.debian.package.announced.v1"
SECTIONS = ("golang", "rust")
BATCH = 100
# So many of them are published by the command, one by one.
BY_COMMAND = 3
# The delays of the batches are spread between these.
FIRST_SECONDS, LAST_SECONDS = 10, 34
CANCELLED_MAX = 150
# What a clock that counts in milliseconds may cut off.
CLOCK_SECONDS = 0.001

TICKS = "ticks"
TICK = "tick"
TICKS_MAX = 40


def written(moment):
    """Seconds since 1970 as RFC 3339 has it."""
    return datetime.datetime.fromtimestamp(moment, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Delayed:
    """What was scheduled, and what came of it."""

    def __init__(self, server, events):
        self.server = server
        chosen = [{**event, "type": TYPE} for event in events if event["data"]["section"] in SECTIONS]
        self.batches = [
            chosen[first:first + BATCH] for first in range(0, max(0, len(chosen) - BY_COMMAND), BATCH)]
        self.singles = []
        while self.batches and len(self.singles) < BY_COMMAND and self.batches[-1]:
            self.singles.append(self.batches[-1].pop())
        # Id -> when it may come at the earliest, by this process's clock (seconds since 1970).
        self.due = {}
        # What an event waits as -> its id.
        self.waiting = {}
        self.cancelled = set()
        # Id -> when it was first seen, and how often it came.
        self.seen = {}
        self.found = collections.Counter()
        self.early = []
        self.stopped = threading.Event()
        self.watcher = threading.Thread(target=self.watch, daemon=True)

    def schedule(self):
        """Publishes everything with a delay: in batches, every other one until a given time, and by command."""
        for number, batch in enumerate(self.batches):
            delay = FIRST_SECONDS + (LAST_SECONDS - FIRST_SECONDS) * number / len(self.batches)
            due = time.time() + delay
            query = f"at={written(due)}" if number % 2 else f"delay={round(delay * 1000)}ms"
            answer, _ = self.server.request(
                "POST", f"/v1/topics/{TOPIC}/events?{query}", batch, "application/cloudevents-batch+json")
            for event, receipt in zip(batch, answer["receipts"], strict=True):
                self.due[event["id"]] = due
                self.waiting[receipt["id"]] = event["id"]
        for event in self.singles:
            due = time.time() + FIRST_SECONDS
            answer, = self.server.command(
                "publish", TOPIC, event["data"]["package"], "--id", event["id"], "--source", event["source"],
                "--type", TYPE, "--delay", f"{FIRST_SECONDS}s")
            self.due[event["id"]] = due
            self.waiting[answer["id"]] = event["id"]

    def cancel(self):
        """Cancels some that are due late."""
        far = sorted(self.waiting, key=lambda waiting: self.due[self.waiting[waiting]])
        for waiting in far[len(far) // 2::7][:CANCELLED_MAX]:
            self.server.ask("DELETE", f"/v1/delayed/{waiting}")
            self.cancelled.add(self.waiting[waiting])

    def listed_wrongly(self):
        """Holds the list of what waits against what must wait, and gives the differences; None if something was due
        meanwhile."""
        listed = {entry["id"] for entry in self.server.listed("/v1/delayed", "delayed", topic=TOPIC)}
        if time.time() >= min(self.due.values(), default=0):
            return None
        return listed ^ {
            waiting for waiting, identity in self.waiting.items() if identity not in self.cancelled}

    def watch(self):
        """Reads the topic as it grows, and notes when each event was seen."""
        offset = 0
        while not self.stopped.is_set():
            try:
                page, _ = self.server.request(
                    "GET", f"/v1/topics/{TOPIC}/events?partition=0&from={offset}&limit=1000&wait=500ms")
            except (OSError, http.client.HTTPException, RuntimeError):
                # The server is being killed or started; what is read is the topic's log and not lost.
                time.sleep(0.05)
                continue
            now = time.time()
            for record in page["events"]:
                self.note(record, now)
            offset = page["next"]

    def note(self, record, now):
        identity = record["event"]["id"]
        self.found[identity] += 1
        self.seen.setdefault(identity, now)
        # The server's own clock is this machine's, and nearer to the moment at which the event came.
        arrived = datetime.datetime.fromisoformat(record["time"]).timestamp()
        if min(now, arrived) < self.due.get(identity, 0) - CLOCK_SECONDS:
            self.early.append(identity)

    def expected(self):
        """What must come, once each."""
        return collections.Counter(identity for identity in self.due if identity not in self.cancelled)

    def lateness(self):
        """The median and the 99th percentile of how late events were seen, in seconds."""
        late = sorted(seen - self.due[identity] for identity, seen in self.seen.items() if identity in self.due)
        return (late[len(late) // 2], late[len(late) * 99 // 100]) if late else (0, 0)


class Ticks:
    """A schedule that publishes an event every second for a while, whether the server is killed or not."""

    def __init__(self, server):
        self.server = server
        self.start = 0

    def begin(self):
        self.start = int(time.time() * 1000) + 1000
        self.server.request("PUT", f"/v1/schedules/{TICK}", {
            "topic": TICKS, "schedule": "rate(1 second)", "event": {"type": "tick"},
            "start": written(self.start / 1000), "end": written(self.start / 1000 + TICKS_MAX - 0.5)})

    def expected(self):
        """When it must have fired, in milliseconds since 1970: once each."""
        return collections.Counter(self.start + 1000 * number for number in range(TICKS_MAX))

    def found(self):
        """What the ids of its events say about when they were due."""
        return collections.Counter(
            int(record["event"]["id"].rpartition("/")[2]) for record in self.server.records(TICKS, 0))
