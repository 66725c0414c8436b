"""Webhooks that fail as real ones do: each target is a path of a server and answers in its own way. What each
was sent and what it answered is written down, so that it can be counted without Apus."""

import collections
import http.server
import json
import sys
import threading
import time

# After so long, a target that hangs lets its sender go.
HANGING_SECONDS_MAX = 10


class Reply:
    """What becomes of a request: a status after a while, or half of an answer and then nothing."""

    def __init__(self, status, headers=None, after=0, half=None):
        self.status = status
        self.headers = headers or {}
        self.after = after
        self.half = half

    @property
    def accepts(self):
        """Whether a sender can take the event for delivered; to a reply that comes too late it has gone."""
        return 200 <= self.status < 300 and self.half is None


class Target:
    """A target that accepts everything at once. Others decide otherwise."""

    def __init__(self, path, keeps_bodies=False):
        self.path = path
        self.lock = threading.Lock()
        # Place in the topic -> how many requests there were. An event that was published twice has two places.
        self.arrivals = collections.Counter()
        self.accepted = collections.Counter()
        self.refused = collections.Counter()
        # Status -> how many answers; "half" for those that broke off and "late" for those that nobody waited for.
        self.answers = collections.Counter()
        # Id -> the bodies that came, if they are wanted.
        self.bodies = collections.defaultdict(set) if keeps_bodies else None

    def decide(self, place, attempt):
        """The reply to a request about the event of a place, to the first one if `attempt` is 1. Called under the lock."""
        return Reply(200)

    def handle(self, identity, place, body):
        with self.lock:
            self.arrivals[place] += 1
            reply = self.decide(place, self.arrivals[place])
            if self.bodies is not None:
                self.bodies[identity].add(body)
            if reply.half is not None:
                self.answers["half"] += 1
            elif reply.after >= Slow.SECONDS:
                self.answers["late"] += 1
            else:
                self.answers[reply.status] += 1
                if reply.accepts:
                    self.accepted[identity] += 1
                elif reply.status < 500 and reply.status != 429:
                    self.refused[identity] += 1
            return reply

    def accepted_ids(self):
        """A copy of the accepted ids, with how often each came."""
        with self.lock:
            return collections.Counter(self.accepted)

    def refused_ids(self):
        """The same of those that were refused for good."""
        with self.lock:
            return collections.Counter(self.refused)

    def story(self):
        """The answers in words."""
        with self.lock:
            return ", ".join(f"{count} x {answer}" for answer, count in sorted(self.answers.items(), key=str))


class Flaky(Target):
    """Takes its time, and answers 500 to every seventh request."""

    FAILING_REQUEST = 7
    # So that deliveries go on for a while.
    WORK_SECONDS = 0.02

    def decide(self, place, attempt):
        fails = self.arrivals.total() % self.FAILING_REQUEST == 0
        return Reply(500 if fails else 200, after=self.WORK_SECONDS)


class Refusing(Target):
    """Answers 400 to everything until it is repaired."""

    repaired = False

    def decide(self, place, attempt):
        return Reply(200 if self.repaired else 400)


class Slow(Target):
    """Answers the first request about each event only when nobody waits for it any more."""

    SECONDS = 2

    def decide(self, place, attempt):
        return Reply(200, after=self.SECONDS if attempt == 1 else 0)


class Hanging(Target):
    """Breaks off its first answer about each event, within the head or within the body, and goes on holding the
    connection."""

    HALVES = [
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nContent-Type: text/plain\r\n\r\nthank you for"]

    def decide(self, place, attempt):
        if attempt > 1:
            return Reply(200)
        return Reply(200, half=self.HALVES[len(self.arrivals) % len(self.HALVES)])


class Busy(Target):
    """Answers 429 with Retry-After for a while, and watches whether that is heeded."""

    BUSY_SECONDS = 5
    RETRY_AFTER_SECONDS = 1

    def __init__(self, path):
        super().__init__(path)
        self.begun = None
        # Place -> when its event was sent away; places whose events came back, with both times.
        self.sent_away = {}
        self.returns = []

    def decide(self, place, attempt):
        now = time.monotonic()
        self.begun = self.begun or now
        if place in self.sent_away:
            self.returns.append((place, self.sent_away[place], now))
        if now - self.begun > self.BUSY_SECONDS:
            self.sent_away.pop(place, None)
            return Reply(200)
        self.sent_away[place] = now
        return Reply(429, {"Retry-After": str(self.RETRY_AFTER_SECONDS)})

    def returned_early(self, kills):
        """Who came back too soon. A server that was killed in between may not have written down when to."""
        with self.lock:
            return [
                place for place, away, back in self.returns
                if back - away < self.RETRY_AFTER_SECONDS and not any(away <= kill <= back for kill in kills)]


class Redirecting(Target):
    """Sends everybody to an address where nobody may go."""

    # Known once something listens there.
    location = None

    def decide(self, place, attempt):
        return Reply(307, {"Location": self.location})


class QuietServer(http.server.ThreadingHTTPServer):
    """A server whose connections may end at any time: it is what happens when a sender is killed."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class Receiver:
    """Listens on a free port of the loopback interface until closed. Before it is open, its port refuses connections."""

    def __init__(self, targets, is_open=True):
        self.targets = {target.path: target for target in targets}
        # Requests to paths where no target is.
        self.strays = []
        self.server = QuietServer(("127.0.0.1", 0), self._handler(), bind_and_activate=False)
        self.server.server_bind()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.is_open = False
        if is_open:
            self.open()

    def open(self):
        self.server.server_activate()
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.is_open = True

    def close(self):
        if self.is_open:
            self.server.shutdown()
        self.server.server_close()

    def handle(self, path, identity, place, body):
        target = self.targets.get(path)
        if not target:
            self.strays.append(path)
            return Reply(404)
        return target.handle(identity, place, body)

    def _handler(receiver):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # One write for head and body: nothing waits for the other half.
            wbufsize = -1

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                # Binary mode has the attributes in headers, structured mode the whole event in the body.
                identity = self.headers.get("ce-id") or json.loads(body)["id"]
                self.reply(receiver.handle(self.path, identity, self.headers.get("apus-origin"), body))

            def do_OPTIONS(self):
                """Consents to deliveries (CloudEvents HTTP Webhook, section 4)."""
                self.reply(Reply(200, {
                    "WebHook-Allowed-Origin": self.headers.get("WebHook-Request-Origin", "*"),
                    "WebHook-Allowed-Rate": "*", "Allow": "POST"}))

            def reply(self, reply):
                time.sleep(reply.after)
                if reply.half is not None:
                    return self.hang(reply.half)
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def hang(self, half):
                """Sends half of an answer and waits for the sender to lose its patience."""
                self.wfile.write(half)
                self.wfile.flush()
                self.close_connection = True
                self.connection.settimeout(HANGING_SECONDS_MAX)
                self.rfile.read(1)

            def log_message(self, *_):
                pass

        return Handler
