# SPDX-License-Identifier: Apache-2.0
"""Webhooks as their receivers see them: other people's SDKs read the events and check the signatures; receivers that hang, redirect, ask
for patience, go away or never consent; and what a killed server knows of them afterwards."""

import collections
import http.server
import json
import socket
import ssl
import subprocess
import sys
import threading
import time

import pytest
import standardwebhooks
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from cloudevents.core.formats.json import JSONFormat

from apus_server import event

SECRET = "whsec_QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo0NTY3ODk="
NEW_SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (ConnectionError, ssl.SSLError)):
            super().handle_error(request, client_address)


class Receiver:
    """A receiver that answers as `script(request)` says: a status, or (status, headers). It keeps every request."""

    def __init__(self, script=lambda request: 204, consent=None):
        self.requests = []
        self.questions = []
        self.script = script
        self.consent = consent
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                request = {
                    "headers": {name.lower(): value for name, value in self.headers.items()}, "body": body,
                    "path": self.path, "time": time.monotonic()}
                receiver.requests.append(request)
                self.answer(receiver.script(request))

            def do_OPTIONS(self):
                receiver.questions.append({name.lower(): value for name, value in self.headers.items()})
                self.answer(receiver.consent or 405)

            def answer(self, answer):
                status, headers = answer if isinstance(answer, tuple) else (answer, {})
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if status != 204:
                    self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver():
    made = []

    def make(*arguments, **options):
        made.append(Receiver(*arguments, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def server(new_server):
    server = new_server("--allow-private-webhooks", "--webhook-origin", "bus.example.org").start()
    server.create_topic("orders")
    return server


def subscribe(server, url, name="hook", topic="orders", push=(), **settings):
    return server.succeed("PUT", f"/v1/subscriptions/{name}", json={
        "topic": topic, "start": "earliest", "push": {"url": url, **dict(push)}, **settings}).json()


def describe(server, name="hook"):
    return server.succeed("GET", f"/v1/subscriptions/{name}").json()


def until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.02)


def parse(request):
    return from_http_event(HTTPMessage(headers=request["headers"], body=request["body"]), JSONFormat())


# What is sent


@pytest.mark.parametrize("mode", ["binary", "structured"])
def test_the_cloudevents_sdk_reads_what_is_sent(server, receiver, mode):
    hook = receiver()
    subscribe(server, hook.url, push={"mode": mode})
    server.publish("orders", event("ü-1", {"n": [1, "two"]}, subject="s p", tenant="a"))
    until(lambda: hook.requests)
    read = parse(hook.requests[0])
    assert (read.get_id(), read.get_type(), read.get_source()) == ("ü-1", "test.happened.v1", "/tests")
    assert read.get_subject() == "s p"
    assert read.get_extension("tenant") == "a"
    assert read.get_data() == {"n": [1, "two"]}


def test_a_batch_is_one_array_in_order(server, receiver):
    hook = receiver()
    server.publish("orders", *[event(number, {"n": number}) for number in range(25)])
    subscribe(server, hook.url, push={"mode": "batch", "batch": {"max_events": 10, "linger": "50ms"}})
    until(lambda: describe(server)["acknowledged"] == 25)
    sizes, seen = [], []
    for request in sorted(hook.requests, key=lambda request: request["time"]):
        assert request["headers"]["content-type"].startswith("application/cloudevents-batch+json")
        events = json.loads(request["body"])
        # Each element is an event of its own for the SDK.
        for one in events:
            message = HTTPMessage(
                headers={"content-type": "application/cloudevents+json"}, body=json.dumps(one).encode())
            seen.append(from_http_event(message, JSONFormat()).get_id())
        sizes.append(len(events))
        assert request["headers"]["apus-attempt"].split(", ") == ["1"] * len(events)
    assert sorted(sizes) == [5, 10, 10]
    assert sorted(seen, key=int) == [str(number) for number in range(25)]


@pytest.mark.parametrize("mode", ["binary", "structured", "batch"])
def test_signatures_are_those_of_standard_webhooks(server, receiver, mode):
    hook = receiver()
    subscribe(server, hook.url, push={"mode": mode, "secrets": [NEW_SECRET, SECRET]})
    server.publish("orders", event("1", {"n": 1}))
    until(lambda: hook.requests)
    request = hook.requests[0]
    for secret in (SECRET, NEW_SECRET):
        standardwebhooks.Webhook(secret).verify(request["body"], request["headers"])
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(SECRET).verify(request["body"] + b" ", request["headers"])
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        other = "whsec_" + "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="
        standardwebhooks.Webhook(other).verify(request["body"], request["headers"])


def test_a_secret_is_rotated_without_a_request_that_a_receiver_would_refuse(server, receiver):
    hook = receiver()
    subscribe(server, hook.url, push={"mode": "structured", "secrets": [SECRET]})
    rotated = server.succeed("POST", "/v1/subscriptions/hook/rotate-secret").json()
    new = rotated["secret"]
    assert rotated["secrets"] == ["whsec_****" + new[-4:], "whsec_****" + SECRET[-4:]]
    assert new not in json.dumps(describe(server))
    server.publish("orders", event("1", {"n": 1}))
    until(lambda: hook.requests)
    for secret in (SECRET, new):
        standardwebhooks.Webhook(secret).verify(hook.requests[0]["body"], hook.requests[0]["headers"])
    retired = server.succeed("POST", "/v1/subscriptions/hook/retire-secrets").json()
    assert retired == {"secrets": rotated["secrets"][:1]}
    server.publish("orders", event("2", {"n": 2}))
    until(lambda: len(hook.requests) == 2)
    standardwebhooks.Webhook(new).verify(hook.requests[1]["body"], hook.requests[1]["headers"])
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(SECRET).verify(hook.requests[1]["body"], hook.requests[1]["headers"])
    assert server.request("POST", "/v1/subscriptions/none/rotate-secret").status_code == 404


def test_a_receiver_is_tested_beside_everything_else(server, receiver):
    hook = receiver(lambda request: 418 if b"order.placed" in request["body"] else 204)
    subscribe(server, hook.url, push={"mode": "structured", "secrets": [SECRET]}, paused=True)
    server.publish("orders", event("1", {"n": 1}))
    test = server.succeed("POST", "/v1/subscriptions/hook/test").json()
    assert (test["outcome"], test["status"], test["reason"]) == ("delivered", 204, None)
    assert test["event"]["type"] == "apus.test" and test["microseconds"] > 0
    [request] = hook.requests
    assert json.loads(request["body"]) == test["event"]
    assert request["headers"]["apus-test"] == "true" and "apus-origin" not in request["headers"]
    standardwebhooks.Webhook(SECRET).verify(request["body"], request["headers"])
    assert {"name": "webhook-signature", "value": "****"} in test["request"]["headers"]
    own = {"specversion": "1.0", "id": "7", "source": "/shop", "type": "order.placed", "data": {"total": 1}}
    test = server.succeed("POST", "/v1/subscriptions/hook/test", json={"event": own}).json()
    assert (test["outcome"], test["status"], test["response"]["status"]) == ("refused", 418, 418)
    assert test["event"] | {"datacontenttype": None} == own | {"datacontenttype": None}
    state = describe(server)
    assert (state["delivered"], state["failed"], state["backlog"], state["circuit"]["state"]) == (0, 0, 1, "closed")
    server.create_topic("quiet")
    server.succeed("PUT", "/v1/subscriptions/pulled", json={"topic": "quiet"})
    assert server.request("POST", "/v1/subscriptions/pulled/test").status_code == 409
    gone = "http://127.0.0.1:9/nobody"
    server.succeed("PUT", "/v1/subscriptions/gone", json={"topic": "quiet", "push": {"url": gone}})
    test = server.succeed("POST", "/v1/subscriptions/gone/test").json()
    assert test["outcome"] == "failed" and test["status"] is None and "request" not in test


def test_secrets_and_credentials_are_never_told_and_survive_what_was_read_being_sent_again(server, receiver):
    hook = receiver()
    push = {"secrets": [SECRET], "headers": {"Authorization": "Bearer hunter2", "X-Tenant": "a"}}
    made = subscribe(server, hook.url, push=push)
    assert made["push"]["headers"] == {"authorization": "****", "x-tenant": "a"}
    told = made["push"]["secrets"]
    assert told[0].startswith("whsec_****") and len(told[0]) == len("whsec_****") + 4
    changed = server.succeed(
        "PUT", "/v1/subscriptions/hook", json={"push": {**made["push"], "concurrency": 2}}).json()
    assert changed["push"]["secrets"] == told
    server.restart()
    server.publish("orders", event("1", {"n": 1}))
    until(lambda: hook.requests)
    request = hook.requests[0]
    assert request["headers"]["authorization"] == "Bearer hunter2"
    standardwebhooks.Webhook(SECRET).verify(request["body"], request["headers"])
    for text in (json.dumps(describe(server)), server.log.read_text(errors="replace"), server.metrics()):
        assert "hunter2" not in text and SECRET[6:30] not in text
    unknown = server.request("PUT", "/v1/subscriptions/hook", json={
        "push": {"url": hook.url, "secrets": ["whsec_****zzzz"]}})
    assert unknown.status_code == 422 and "masked" in unknown.text


# What is heeded


def test_the_key_stays_and_the_attempt_changes_also_after_a_redrive(server, receiver):
    statuses = iter([500, 503, 400])
    hook = receiver(lambda request: next(statuses, 204))
    subscribe(server, hook.url, retry={"initial": "10ms", "max": "10ms"})
    server.publish("orders", event("1", {"n": 1}))
    until(lambda: describe(server)["dead_lettered"] == 1)
    server.succeed("POST", "/v1/dead-letters/redrive", json={"subscription": "hook"})
    until(lambda: len(hook.requests) == 4)
    headers = [request["headers"] for request in hook.requests]
    assert [one["apus-attempt"] for one in headers] == ["1", "2", "3", "1"]
    assert len({one["idempotency-key"] for one in headers}) == 1
    assert len({one["webhook-id"] for one in headers}) == 1
    assert len({one["ce-id"] for one in headers}) == 1
    assert all(one["apus-attempt-time"].endswith("Z") for one in headers)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503, 599])
def test_patience_is_granted(server, receiver, status):
    answers = iter([(status, {"Retry-After": "1"})])
    hook = receiver(lambda request: next(answers, 204))
    subscribe(server, hook.url, retry={"initial": "1ms", "max": "1ms"})
    server.publish("orders", event("1", {"n": 1}))
    until(lambda: len(hook.requests) == 2)
    assert hook.requests[1]["time"] - hook.requests[0]["time"] >= 0.95


@pytest.mark.parametrize("status", [400, 401, 404, 410, 413, 422])
def test_a_refusal_is_final(server, receiver, status):
    hook = receiver(lambda request: status)
    subscribe(server, hook.url)
    server.publish("orders", event("1", {"n": 1}))
    until(lambda: describe(server)["dead_lettered"] == 1)
    assert len(hook.requests) == 1
    letters = server.succeed("GET", "/v1/dead-letters").json()["dead_letters"]
    assert [letter["status"] for letter in letters] == [status]


@pytest.mark.parametrize("location", ["http://127.0.0.1:{port}/elsewhere", "http://169.254.169.254/", "/hook"])
def test_redirects_are_failures(server, receiver, location):
    inner = receiver()
    hook = receiver(lambda request: (307, {"Location": location.format(port=inner.server.server_port)}))
    subscribe(server, hook.url)
    server.publish("orders", event("1", {"n": 1}))
    until(lambda: describe(server)["dead_lettered"] == 1)
    assert len(hook.requests) == 1 and not inner.requests
    assert "redirects are not followed" in describe(server)["last_failure"]


def test_a_receiver_that_hangs_holds_up_nobody_else(server, receiver):
    stop = threading.Event()
    hanging, quick = receiver(lambda request: stop.wait(30) or 204), receiver()
    subscribe(server, hanging.url, "hanging", push={"timeout": "1s", "concurrency": 4}, max_attempts=1)
    subscribe(server, quick.url, "quick")
    server.publish("orders", *[event(number, {"n": number}) for number in range(50)])
    until(lambda: describe(server, "quick")["acknowledged"] == 50, seconds=5)
    until(lambda: describe(server, "hanging")["dead_lettered"] >= 4)
    assert "no answer in time" in describe(server, "hanging")["last_failure"]
    stop.set()


def test_explicit_waits_and_age(server, receiver):
    hook = receiver(lambda request: 503)
    subscribe(server, hook.url, retry={"schedule": ["300ms", "600ms"], "max_age": "2s"}, max_attempts=50)
    server.publish("orders", event("1", {"n": 1}))
    until(lambda: describe(server)["dead_lettered"] == 1)
    times = [request["time"] for request in hook.requests]
    assert len(times) == 4
    assert 0.28 <= times[1] - times[0] < 0.6
    assert 0.58 <= times[2] - times[1] < 1.0
    letter = server.succeed("GET", "/v1/dead-letters").json()["dead_letters"][0]
    assert letter["reason"].startswith("too old") and letter["attempts"] == 4


def test_no_more_than_the_rate(server, receiver):
    hook = receiver()
    subscribe(server, hook.url, push={"rate": 20, "concurrency": 100})
    server.publish("orders", *[event(number, {"n": number}) for number in range(60)])
    until(lambda: describe(server)["acknowledged"] == 60)
    times = sorted(request["time"] for request in hook.requests)
    assert times[-1] - times[0] >= 2.7


# Consent


def test_nothing_is_sent_without_consent_and_everything_with_it(server, receiver):
    hook = receiver(consent=(200, {"Allow": "POST"}))
    breaker = {"failures": 5, "initial": "200ms", "max": "200ms"}
    server.publish("orders", event("1", {"n": 1}))
    subscribe(server, hook.url, push={"handshake": True, "breaker": breaker})
    until(lambda: len(hook.questions) >= 3)
    state = describe(server)
    assert not hook.requests and state["backlog"] == 1
    assert state["handshake"]["state"] == "withheld" and "WebHook-Allowed-Origin" in state["handshake"]["reason"]
    assert hook.questions[0]["webhook-request-origin"] == "bus.example.org"
    hook.consent = (200, {"WebHook-Allowed-Origin": "bus.example.org", "WebHook-Allowed-Rate": "120"})
    until(lambda: hook.requests)
    request = hook.requests[0]
    assert request["headers"]["origin"] == "bus.example.org" and request["headers"]["apus-attempt"] == "1"
    assert describe(server)["handshake"] == {"state": "granted", "rate_per_minute": 120}


# The circuit


def test_the_circuit_is_still_open_after_a_kill_and_closes_when_the_receiver_is_back(server, receiver):
    is_down = threading.Event()
    is_down.set()
    hook = receiver(lambda request: 503 if is_down.is_set() else 204)
    server.publish("orders", *[event(number, {"n": number}) for number in range(100)])
    subscribe(
        server, hook.url, push={"breaker": {"failures": 5, "initial": "4s", "max": "4s"}},
        retry={"initial": "1ms", "max": "1ms"})
    until(lambda: describe(server)["circuit"]["state"] == "open")
    before = describe(server)["circuit"]
    assert before["open_since"] and before["next_probe"]
    assert "apus_subscription_circuit_open" in server.metrics()
    sent = len(hook.requests)
    assert sent < 30
    server.restart()
    after = describe(server)["circuit"]
    assert after["state"] in ("open", "probing") and after["open_since"] == before["open_since"]
    is_down.clear()
    until(lambda: describe(server)["acknowledged"] >= 100)
    assert describe(server)["circuit"] == {
        "state": "closed", "failures": 0, "open_since": None, "next_probe": None}
    accepted = collections.Counter(request["headers"]["ce-id"] for request in hook.requests[sent:])
    assert len(accepted) == 100


# Encryption


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """An authority, and a certificate of it for 127.0.0.1."""
    folder = tmp_path_factory.mktemp("tls")
    extensions = folder / "extensions"
    extensions.write_text("subjectAltName=IP:127.0.0.1\n")

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, cwd=folder, capture_output=True)

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2",
            "-subj", "/CN=test authority")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "request.pem",
            "-subj", "/CN=receiver")
    openssl("x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-out", "certificate.pem", "-days", "2", "-extfile", str(extensions))
    return folder


@pytest.mark.parametrize("trusted", [True, False])
def test_certificates_are_verified(new_server, receiver, authority, trusted):
    hook = receiver()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority / "certificate.pem", authority / "key.pem")
    hook.server.socket = context.wrap_socket(hook.server.socket, server_side=True)
    options = ["--webhook-ca", str(authority / "ca.pem")] if trusted else []
    server = new_server("--allow-private-webhooks", *options).start()
    server.create_topic("orders")
    subscribe(server, hook.url.replace("http:", "https:"))
    server.publish("orders", event("1", {"n": 1}))
    if trusted:
        until(lambda: describe(server)["acknowledged"] == 1)
        assert parse(hook.requests[0]).get_id() == "1"
    else:
        until(lambda: describe(server)["last_failure"] is not None)
        assert not hook.requests and "certificate" in describe(server)["last_failure"].lower()


# Addresses


@pytest.mark.parametrize("host", [
    "127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::1]", "[::ffff:127.0.0.1]", "localhost",
    "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "localhost.", "169.254.169.254", "10.0.0.1"])
def test_private_addresses_are_refused_unless_allowed(apus_server, topic, host):
    response = apus_server.request("PUT", f"/v1/subscriptions/{topic}-hook", json={
        "topic": topic, "push": {"url": f"http://{host}:9/"}})
    assert response.status_code == 422 and "not delivered to" in response.json()["detail"]


def test_a_name_of_this_machine_is_found_out_when_it_is_sent_to(apus_server, topic, receiver):
    hook = receiver()
    name = socket.gethostname()
    try:
        address = socket.gethostbyname(name)
    except OSError:
        pytest.skip("this machine's name has no address")
    if not address.startswith(("127.", "10.", "172.", "192.168.")):
        pytest.skip("this machine's name has a public address")
    subscription = f"{topic}-hook"
    apus_server.succeed("PUT", f"/v1/subscriptions/{subscription}", json={
        "topic": topic, "start": "earliest", "push": {"url": f"http://{name}:{hook.server.server_port}/"}})
    apus_server.publish(topic, event("1", {"n": 1}))
    until(lambda: describe(apus_server, subscription)["dead_lettered"] == 1)
    assert not hook.requests
