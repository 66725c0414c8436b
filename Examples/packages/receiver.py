"""Webhooks that fail as real ones do: each target is a path of a server and answers in its own way. What each
was sent and what it answered is written down, so that it can be counted without Apus."""

import base64
import collections
import hashlib
import hmac
import http.server
import json
import secrets
import sys
import threading
import time

# After so long, a target that hangs lets its sender go.
HANGING_SECONDS_MAX = 10
BATCH = "application/cloudevents-batch+json"


class Request:
    """A delivery: of one event, or of a batch."""

    def __init__(self, headers, body):
        self.headers = headers
        self.body = body
        # The place in its topic of each event. One that was published twice has two places.
        self.places = [place.strip() for place in headers["apus-origin"].split(",")]
        if headers["content-type"] == BATCH:
            self.ids = [event["id"] for event in json.loads(body)]
        else:
            # Binary mode has the attributes in headers, structured mode the whole event in the body.
            self.ids = [headers["ce-id"] or json.loads(body)["id"]]


class Reply:
    """What becomes of a request: a status after a while, or half of an answer and then nothing."""

    def __init__(self, status, headers=None, after=0, half=None):
        self.status = status
        self.headers = headers or {}
        self.after = after
        self.half = half


class Target:
    """A target that accepts everything at once. Others decide otherwise."""

    def __init__(self, path, keeps_bodies=False):
        self.path = path
        self.lock = threading.Lock()
        # Place -> how many requests there were.
        self.arrivals = collections.Counter()
        # Id -> how often it was accepted, and refused for good.
        self.accepted = collections.Counter()
        self.refused = collections.Counter()
        # Status -> how many answers; "half" for those that broke off, "late" for those that nobody waited for.
        self.answers = collections.Counter()
        # Id -> the keys by which a receiver knows an event again.
        self.keys = collections.defaultdict(set)
        # Id -> the bodies that came, if they are wanted.
        self.bodies = collections.defaultdict(set) if keeps_bodies else None

    def decide(self, place, attempt):
        """The reply to a request about the event of a place, the first one if `attempt` is 1. Called under the
        lock."""
        return Reply(200)

    def handle(self, request):
        """The reply to a request, which is written down."""
        with self.lock:
            self.arrivals.update(request.places)
            if len(request.ids) == 1:
                self.keys[request.ids[0]].add(request.headers["idempotency-key"])
            if self.bodies is not None:
                self.bodies[request.ids[0]].add(request.body)
            reply = self.decide(request.places[0], self.arrivals[request.places[0]])
            self.answers[self.outcome(reply, request)] += 1
            return reply

    def outcome(self, reply, request):
        if reply.half is not None:
            return "half"
        if reply.after >= Slow.SECONDS:
            return "late"
        if reply.status < 300:
            self.accepted.update(request.ids)
        elif reply.status < 500 and reply.status != 429:
            self.refused.update(request.ids)
        return reply.status

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


class Signed(Target):
    """Accepts what is signed as Standard Webhooks says, and refuses everything else."""

    def __init__(self, path, keeps_bodies=False):
        super().__init__(path, keeps_bodies)
        self.key = secrets.token_bytes(32)
        self.secret = "whsec_" + base64.b64encode(self.key).decode()

    def handle(self, request):
        if not self.is_genuine(request):
            with self.lock:
                self.answers["forged"] += 1
            return Reply(401)
        return super().handle(request)

    def is_genuine(self, request):
        identity, moment = request.headers["webhook-id"], request.headers["webhook-timestamp"]
        signed = f"{identity}.{moment}.".encode() + request.body
        code = base64.b64encode(hmac.digest(self.key, signed, hashlib.sha256)).decode()
        signatures = (request.headers["webhook-signature"] or "").split(" ")
        return f"v1,{code}" in signatures and abs(time.time() - int(moment)) < 300


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
            self.returns.append((place, self.sent_away.pop(place), now))
        if now - self.begun > self.BUSY_SECONDS:
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
    """Listens on a free port of the loopback interface until closed. Before it is open, its port refuses
    connections."""

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

    def handle(self, path, headers, body):
        target = self.targets.get(path)
        if not target:
            self.strays.append(path)
            return Reply(404)
        return target.handle(Request(headers, body))

    def _handler(receiver):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # One write for all of an answer.
            wbufsize = -1

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.reply(receiver.handle(self.path, self.headers, body))

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
