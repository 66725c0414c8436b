"""Events that are published now and come later. Somebody watches the topic and looks at a clock of his own: none may come
before its time, none twice, and none that was cancelled."""

import collections
import datetime
import http.client
import threading
import time

TOPIC = "announcements"
TYPE = "org.debian.package.announced.v1"
SECTIONS = ("golang", "rust")
BATCH = 100
# The delays of the batches are spread between these.
FIRST_SECONDS, LAST_SECONDS = 10, 34
CANCELLED_MAX = 150


class Delayed:
    """What was scheduled, and what came of it."""

    def __init__(self, server, events):
        self.server = server
        self.events = [
            {**event, "type": TYPE} for event in events if event["data"]["section"] in SECTIONS]
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
        """Publishes everything with a delay: in batches, every other one until a given time; the last ones by command."""
        by_command = 3 if len(self.events) > 3 else 0
        batches = range(0, len(self.events) - by_command, BATCH)
        for number, first in enumerate(batches):
            batch = self.events[first:min(first + BATCH, len(self.events) - by_command)]
            delay = round(FIRST_SECONDS + (LAST_SECONDS - FIRST_SECONDS) * number / max(1, len(batches)), 3)
            begun = time.time()
            due = begun + delay
            if number % 2:
                query = "at=" + datetime.datetime.fromtimestamp(due, datetime.timezone.utc).strftime(
                    "%Y-%m-%dT%H:%M:%S.%fZ")
            else:
                query = f"delay={round(delay * 1000)}ms"
            answer, _ = self.server.request(
                "POST", f"/v1/topics/{TOPIC}/events?{query}", batch, "application/cloudevents-batch+json")
            for event, receipt in zip(batch, answer["receipts"], strict=True):
                self.due[event["id"]] = due
                self.waiting[receipt["id"]] = event["id"]
        for event in self.events[len(self.events) - by_command:]:
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
        """Holds the list of what waits against what must wait, and gives the differences; for a time at which
        nothing is due."""
        listed, after = set(), ""
        while after is not None:
            page = self.server.ask("GET", f"/v1/delayed?topic={TOPIC}&limit=1000" + (f"&after={after}" if after else ""))
            listed.update(entry["id"] for entry in page["delayed"])
            after = page["next"]
        return listed ^ {waiting for waiting, identity in self.waiting.items() if identity not in self.cancelled}

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
                identity = record["event"]["id"]
                self.found[identity] += 1
                self.seen.setdefault(identity, now)
                if now < self.due.get(identity, 0):
                    self.early.append(identity)
            offset = page["next"]

    def expected(self):
        """What must come, once each."""
        return collections.Counter(identity for identity in self.due if identity not in self.cancelled)

    def lateness(self):
        """The median and the 99th percentile of how late events were seen, in seconds."""
        late = sorted(seen - self.due[identity] for identity, seen in self.seen.items() if identity in self.due)
        return (late[len(late) // 2], late[len(late) * 99 // 100]) if late else (0, 0)
