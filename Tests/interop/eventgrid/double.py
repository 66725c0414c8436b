"""A double of an Azure Event Grid namespace, written from the REST reference of its data plane, version 2024-06-01: publish, receive, acknowledge, release,
reject and renewLock, with locks that end, delivery counts, delivery limits, release delays, dead letters, access keys and shared access signatures.

What belongs to the control plane (topics, event subscriptions) is made by POST /test/..., or, with --make, by the first request that names it. Dead letters of
a rejecting subscription, which the service writes to a storage container, are shown by GET /test/dead-letters. POST /test/faults has the next requests fail.

    python double.py --port 0 --key BASE64 [--host ns.region-1.eventgrid.azure.net] [--make] [--lock 60]
"""

import argparse
import base64
import datetime
import hashlib
import hmac
import json
import re
import threading
import time
import urllib.parse
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

API_VERSION = "2024-06-01"
DELAYS = {"0", "10", "60", "600", "3600"}
NAME = re.compile(r"^[A-Za-z0-9-]{3,50}$")
EVENT_BYTES_MAX = 1 << 20
BODY_BYTES_MAX = 2 << 20
BATCH_MAX = 1000


class Refused(Exception):
    """An answer that is an error of the service."""

    def __init__(self, status, code, message, headers=None):
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, headers or {}


class Subscription:
    """A queue of one topic. All times are those of a monotonic clock."""

    def __init__(self, lock, max_delivery_count):
        self.lock, self.max_delivery_count = lock, max_delivery_count
        self.events = []  # dicts: event, count, due, token, locked_until
        self.dead = []

    def offer(self, event):
        self.events.append({"event": event, "count": 0, "due": 0.0, "token": None, "locked_until": 0.0})

    def settle_time(self, now):
        """Locks that have ended are gone; what was handed out too often is given up."""
        for entry in self.events:
            if entry["token"] and entry["locked_until"] <= now:
                entry["token"] = None
        spent = [e for e in self.events if e["token"] is None and e["count"] >= self.max_delivery_count]
        for entry in spent:
            self.give_up(entry, "MaxDeliveryAttemptsExceeded")

    def give_up(self, entry, reason):
        self.events.remove(entry)
        self.dead.append({"event": entry["event"], "deadletterreason": reason, "deliveryattempts": entry["count"]})

    def take(self, limit, now):
        self.settle_time(now)
        taken = []
        for entry in self.events:
            if len(taken) == limit:
                break
            if entry["token"] is None and entry["due"] <= now:
                entry["count"] += 1
                entry["token"] = base64.b64encode(uuid.uuid4().bytes).decode()
                entry["locked_until"] = now + self.lock
                taken.append({
                    "brokerProperties": {"lockToken": entry["token"], "deliveryCount": entry["count"]},
                    "event": entry["event"],
                })
        return taken

    def next_change(self, now):
        """When something may become available without anybody doing anything."""
        times = [e["locked_until"] if e["token"] else e["due"] for e in self.events]
        return min((t for t in times if t > now), default=None)

    def say(self, verb, tokens, delay, now):
        self.settle_time(now)
        by_token = {e["token"]: e for e in self.events if e["token"]}
        succeeded, failed = [], []
        for token in tokens:
            entry = by_token.pop(token, None)
            if entry is None:
                failed.append({"lockToken": token, "error": {
                    "code": "TokenLost", "message": "The lock is not held any more."}})
                continue
            succeeded.append(token)
            if verb == "acknowledge":
                self.events.remove(entry)
            elif verb == "renewLock":
                entry["locked_until"] = now + self.lock
            elif verb == "reject":
                self.give_up(entry, "Rejected")
            else:
                entry["token"], entry["due"] = None, now + delay
        return {"succeededLockTokens": succeeded, "failedLockTokens": failed}


class Namespace:
    def __init__(self, arguments):
        self.arguments = arguments
        self.keys = [base64.b64decode(key) for key in arguments.key]
        self.topics = {}
        self.faults = []
        self.seen = []
        self.changed = threading.Condition()

    # What the control plane would do.

    def make(self, topic, subscription=None, lock=None, max_delivery_count=None):
        if not NAME.match(topic) or (subscription is not None and not NAME.match(subscription)):
            raise Refused(400, "BadRequest", "Names have 3 to 50 letters, digits and hyphens.")
        subscriptions = self.topics.setdefault(topic, {})
        if subscription is not None and subscription not in subscriptions:
            subscriptions[subscription] = Subscription(
                lock or self.arguments.lock, max_delivery_count or self.arguments.max_delivery_count)

    def topic(self, name):
        if self.arguments.make:
            self.make(name)
        if name not in self.topics:
            raise Refused(404, "NotFound", f"The topic {name} does not exist.")
        return self.topics[name]

    def subscription(self, topic, name):
        if self.arguments.make:
            self.make(topic, name)
        subscriptions = self.topic(topic)
        if name not in subscriptions:
            raise Refused(404, "NotFound", f"The event subscription {name} does not exist.")
        return subscriptions[name]

    # Who asks.

    def authorize(self, header, path):
        scheme, _, value = (header or "").partition(" ")
        if scheme == "SharedAccessKey":
            given = value.encode()
            if any(hmac.compare_digest(given, base64.b64encode(key)) for key in self.keys):
                return
            raise Refused(401, "Unauthorized", "The access key is none of this namespace.")
        if scheme != "SharedAccessSignature":
            raise Refused(401, "Unauthorized", "There is no Authorization that this namespace knows.")
        unsigned, separator, signature = value.rpartition("&s=")
        fields = dict(urllib.parse.parse_qsl(unsigned))
        if not separator or set(fields) != {"r", "e"}:
            raise Refused(401, "Unauthorized", "A signature is r=...&e=...&s=...")
        given = urllib.parse.unquote_to_bytes(signature)
        if not any(
                hmac.compare_digest(
                    given, base64.b64encode(hmac.new(key, unsigned.encode(), hashlib.sha256).digest()))
                for key in self.keys):
            raise Refused(401, "Unauthorized", "The signature does not match.")
        if datetime.datetime.fromisoformat(fields["e"]) <= datetime.datetime.utcnow():
            raise Refused(401, "Unauthorized", "The signature has expired.")
        if not f"https://{self.arguments.host}{path}".startswith(fields["r"]):
            raise Refused(403, "Forbidden", "The signature is for another resource.")

    def fault(self, operation):
        for fault in self.faults:
            if fault["operation"] in (operation, "*") and fault["times"] > 0:
                fault["times"] -= 1
                return fault
        return None


def checked_event(event):
    if not isinstance(event, dict) or event.get("specversion") != "1.0" or any(
            not isinstance(event.get(name), str) or not event[name] for name in ("id", "source", "type")):
        raise Refused(400, "BadRequest", "The request holds something that is no CloudEvent 1.0.")
    if len(json.dumps(event, ensure_ascii=False).encode()) > EVENT_BYTES_MAX:
        raise Refused(413, "PayloadTooLarge", "An event is larger than 1 MB.")
    return event


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    namespace = None

    def log_message(self, *arguments):
        pass

    def answer(self, status, value, headers=None):
        body = json.dumps(value, ensure_ascii=False).encode()
        self.send_response(status)
        for name, text in {"content-type": "application/json", **(headers or {})}.items():
            self.send_header(name, text)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.handle_request(b"")

    def do_POST(self):
        length = int(self.headers.get("content-length") or 0)
        self.handle_request(self.rfile.read(length))

    def handle_request(self, body):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        try:
            if url.path.startswith("/test/"):
                self.answer(200, self.test(url.path, query, body))
            else:
                self.answer(200, self.operation(url.path, query, body))
        except Refused as refusal:
            self.answer(
                refusal.status, {"error": {"code": refusal.code, "message": refusal.message}}, refusal.headers)
        except (BrokenPipeError, ConnectionError):
            self.close_connection = True

    def test(self, path, query, body):
        namespace = self.namespace
        value = json.loads(body) if body else {}
        with namespace.changed:
            if path == "/test/make":
                namespace.make(**value)
            elif path == "/test/faults":
                namespace.faults.append({"times": 1, **value})
            elif path == "/test/dead-letters":
                return namespace.subscription(query["topic"], query["subscription"]).dead
            elif path == "/test/seen":
                return namespace.seen
            elif path == "/test/keys":
                namespace.keys = [base64.b64decode(key) for key in value["keys"]]
            else:
                raise Refused(404, "NotFound", path)
        return {}

    def operation(self, path, query, body):
        publish = re.fullmatch(r"/topics/([^/:]+):publish", path)
        other = re.fullmatch(
            r"/topics/([^/:]+)/eventsubscriptions/([^/:]+):(receive|acknowledge|release|reject|renewLock)", path)
        operation = "publish" if publish else other[3] if other else None
        with self.namespace.changed:
            self.namespace.authorize(self.headers.get("authorization"), path)
            if operation is None:
                raise Refused(404, "NotFound", "There is no such operation.")
            if query.get("api-version") != API_VERSION:
                raise Refused(400, "UnsupportedApiVersion", f"api-version is {API_VERSION}")
            self.namespace.seen.append({"operation": operation, "path": path, "query": query, "bytes": len(body)})
            fault = self.namespace.fault(operation)
        if fault and not fault.get("after"):
            self.fail(fault)
        if publish:
            result = self.publish(publish[1], body)
        elif operation == "receive":
            result = self.receive(other[1], other[2], query)
        else:
            result = self.say(other[1], other[2], operation, query, body, fault)
        if fault and fault.get("after"):
            self.fail(fault)
        return result

    def fail(self, fault):
        """A fault of the test's: an error, or a connection that goes; before or after what was asked has been done."""
        if fault.get("token"):
            return
        if not fault.get("status"):
            self.connection.close()
            raise ConnectionError
        headers = {"retry-after": str(fault["retryAfter"])} if "retryAfter" in fault else {}
        raise Refused(fault["status"], fault.get("code", "ServerBusy"), "A fault of the test's.", headers)

    def publish(self, topic, body):
        if len(body) > BODY_BYTES_MAX:
            raise Refused(413, "PayloadTooLarge", "The request is larger than the service takes.")
        kind = (self.headers.get("content-type") or "").split(";")[0].strip()
        try:
            value = json.loads(body)
        except ValueError:
            raise Refused(400, "BadRequest", "The body is no JSON.") from None
        if kind == "application/cloudevents+json":
            events = [value]
        elif kind == "application/cloudevents-batch+json" and isinstance(value, list):
            events = value
            if len(body) > EVENT_BYTES_MAX or len(events) > BATCH_MAX:
                raise Refused(413, "PayloadTooLarge", "A batch is larger than 1 MB, or has more than 1000 events.")
        else:
            raise Refused(415, "UnsupportedMediaType", "Content-Type and body do not go together.")
        events = [checked_event(event) for event in events]
        with self.namespace.changed:
            for subscription in self.namespace.topic(topic).values():
                for event in events:
                    subscription.offer(event)
            self.namespace.changed.notify_all()
        return {}

    def receive(self, topic, name, query):
        limit, wait = int(query.get("maxEvents", 1)), int(query.get("maxWaitTime", 60))
        if not 1 <= limit <= 100 or not 10 <= wait <= 120:
            raise Refused(400, "BadRequest", "maxEvents is 1 to 100, maxWaitTime 10 to 120.")
        end = time.monotonic() + wait
        with self.namespace.changed:
            while True:
                now = time.monotonic()
                subscription = self.namespace.subscription(topic, name)
                taken = subscription.take(limit, now)
                if taken or now >= end:
                    return {"value": taken}
                change = subscription.next_change(now)
                self.namespace.changed.wait(min(end, change or end) - now)

    def say(self, topic, name, verb, query, body, fault):
        try:
            tokens = json.loads(body)["lockTokens"]
        except (ValueError, KeyError, TypeError):
            raise Refused(400, "BadRequest", "The body has no lockTokens.") from None
        if not isinstance(tokens, list) or not 1 <= len(tokens) <= 100 or not all(isinstance(t, str) for t in tokens):
            raise Refused(400, "BadRequest", "lockTokens is an array of 1 to 100 texts.")
        delay = query.get("releaseDelayInSeconds", "0")
        if delay not in DELAYS:
            raise Refused(400, "BadRequest", "releaseDelayInSeconds is one of 0, 10, 60, 600, 3600.")
        with self.namespace.changed:
            subscription = self.namespace.subscription(topic, name)
            skipped = []
            if fault and fault.get("token"):
                # One of the tokens cannot be dealt with just now.
                skipped, tokens = tokens[:1], tokens[1:]
            result = subscription.say(verb, tokens, int(delay), time.monotonic())
            for token in skipped:
                result["failedLockTokens"].append(
                    {"lockToken": token, "error": {"code": "ServerBusy", "message": "A fault of the test's."}})
            self.namespace.changed.notify_all()
            return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--key", action="append", required=True)
    parser.add_argument("--host", default="ns.region-1.eventgrid.azure.net")
    parser.add_argument("--make", action="store_true")
    parser.add_argument("--lock", type=float, default=60)
    parser.add_argument("--max-delivery-count", type=int, default=10)
    Handler.namespace = Namespace(parser.parse_args())
    server = ThreadingHTTPServer(("127.0.0.1", Handler.namespace.arguments.port), Handler)
    server.daemon_threads = True
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
