# SPDX-License-Identifier: Apache-2.0
"""The receiving side of webhooks: Examples/webhooks, a program with typed handlers, pushed to by a real server, and by senders of other kinds and intentions."""

import base64
import datetime
import http.server
import json
import os
import queue
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

import pytest
import standardwebhooks


SECRET = "whsec_QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo0NTY3ODk="
NEW_SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
GRID_KEY = "a-key-for-event-grid"
TOPIC = "arn:aws:sns:eu-central-1:123456789012:orders"


class Program:
    """The example, and the lines that it prints."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [os.environ["WEBHOOKS_BIN"], *arguments], stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().split()[-1]
        self.port = int(self.url.rsplit(":", 1)[1])
        self.lines = queue.Queue()
        self.seen = []
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line.strip())

    def expect(self, count, seconds=60):
        """The next `count` lines."""
        deadline = time.monotonic() + seconds
        lines = [self.lines.get(timeout=max(0.1, deadline - time.monotonic())) for _ in range(count)]
        self.seen += lines
        return lines

    def expect_silence(self):
        assert self.lines.empty(), self.lines.get()

    def close(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def webhooks():
    if not os.environ.get("WEBHOOKS_BIN"):
        pytest.skip("WEBHOOKS_BIN names no program")
    made = []

    def make(*arguments):
        made.append(Program(*arguments))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def server(new_server):
    server = new_server("--allow-private-webhooks", "--webhook-origin", "bus.example.org").start()
    server.create_topic("orders")
    return server


def order(order_id):
    return {
        "specversion": "1.0", "id": f"e-{order_id}", "source": "/shop", "type": "com.example.order.placed",
        "datacontenttype": "application/json", "data": {"orderID": order_id, "total": 12.5}}


def publish(server, *orders):
    for value in orders:
        server.succeed(
            "POST", "/v1/topics/orders/events", json=order(value),
            headers={"content-type": "application/cloudevents+json"})


def subscribe(server, url, secrets=(SECRET,), **push):
    settings = {k: push.pop(k) for k in ("retry", "dead_letter") if k in push}
    return server.succeed("PUT", "/v1/subscriptions/hook", json={
        "topic": "orders", "start": "earliest", "push": {"url": f"{url}/hook", "secrets": list(secrets), **push},
        **settings})


def send(url, body, headers, method="POST"):
    request = urllib.request.Request(url, body, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


def signed(body, secret=SECRET, when=None, identity="msg_1"):
    when = when or datetime.datetime.now(datetime.timezone.utc)
    return {
        "webhook-id": identity, "webhook-timestamp": str(int(when.timestamp())),
        "webhook-signature": standardwebhooks.Webhook(secret).sign(identity, when, body.decode()),
        "content-type": "application/cloudevents+json"}


@pytest.mark.parametrize("mode", ["binary", "structured", "batch"])
def test_a_server_pushes_and_typed_handlers_get_it(server, webhooks, mode):
    program = webhooks("--secret", SECRET)
    subscribe(server, program.url, mode=mode)
    publish(server, *(f"o-{n}" for n in range(20)))
    lines = program.expect(20)
    assert sorted(lines) == sorted(f"handled o-{n} e-o-{n} /hook" for n in range(20))
    program.expect_silence()


def test_what_fails_comes_again_when_the_receiver_says_and_is_handled_once(server, webhooks):
    program = webhooks("--secret", SECRET)
    subscribe(server, program.url)
    began = time.monotonic()
    publish(server, "flaky-1", "o-1")
    assert program.expect(1) == ["handled o-1 e-o-1 /hook"]
    assert program.expect(1) == ["handled flaky-1 e-flaky-1 /hook"]
    assert time.monotonic() - began >= 1.9, "the handlers' policy says a second after each failure"
    program.expect_silence()




def test_what_is_given_up_is_a_dead_letter_of_the_sender(server, webhooks):
    program = webhooks("--secret", SECRET)
    subscribe(server, program.url)
    publish(server, "bad-1", "o-1")
    assert program.expect(1) == ["handled o-1 e-o-1 /hook"]
    deadline = time.monotonic() + 30
    while not (letters := server.succeed("GET", "/v1/dead-letters").json()["dead_letters"]):
        assert time.monotonic() < deadline, "there is no dead letter"
        time.sleep(0.05)
    assert "e-bad-1" in json.dumps(letters) and "nothing can be done with bad-1" in json.dumps(letters)


def test_what_is_given_up_can_be_kept_by_the_receiver(server, webhooks):
    program = webhooks("--secret", SECRET, "--keeps-rejected")
    subscribe(server, program.url)
    publish(server, "bad-1")
    assert program.expect(1) == ["kept e-bad-1: nothing can be done with bad-1"]


def test_secrets_change_without_a_moment_at_which_nothing_is_taken(server, webhooks):
    program = webhooks("--secret", SECRET, "--secret", NEW_SECRET)
    subscribe(server, program.url, [SECRET])
    publish(server, "o-1")
    program.expect(1)
    subscribe(server, program.url, [NEW_SECRET, SECRET])
    publish(server, "o-2")
    program.expect(1)
    subscribe(server, program.url, [NEW_SECRET])
    publish(server, "o-3")
    assert program.expect(1) == ["handled o-3 e-o-3 /hook"]
    # A receiver that knows only the new one takes what is signed with both.
    later = webhooks("--secret", NEW_SECRET)
    subscribe(server, later.url, [SECRET, NEW_SECRET])
    publish(server, "o-4")
    assert later.expect(1) == ["handled o-4 e-o-4 /hook"]


def test_a_sender_that_asks_for_consent_gets_it_if_it_is_known(server, webhooks):
    program = webhooks("--secret", SECRET, "--origin", "bus.example.org")
    subscribe(server, program.url, handshake=True)
    publish(server, "o-1")
    assert program.expect(1) == ["handled o-1 e-o-1 /hook"]
    status, _, _ = send(f"{program.url}/hook", None, {"WebHook-Request-Origin": "evil.example.org"}, "OPTIONS")
    assert status == 403


def test_a_library_of_other_peoples_signs_and_is_believed_and_nobody_else(webhooks):
    program = webhooks("--secret", SECRET)
    url = f"{program.url}/hook"
    body = json.dumps(order("o-1")).encode()
    assert send(url, body, signed(body))[0] == 204
    assert program.expect(1) == ["handled o-1 e-o-1 /hook"]
    # The same request again is a repeat: taken, and not handled twice.
    assert send(url, body, signed(body))[0] == 204
    refused = {
        "by another secret": (body, signed(body, NEW_SECRET)),
        "changed": (body.replace(b"12.5", b"99.5"), signed(body)),
        "old": (body, signed(body, when=datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=400))),
        "of tomorrow": (
            body, signed(body, when=datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=400))),
        "not signed": (body, {"content-type": "application/cloudevents+json"}),
    }
    for name, (content, headers) in refused.items():
        assert send(url, content, headers)[0] == 401, name
    assert send(f"{program.url}/other", body, signed(body))[0] == 404
    program.expect_silence()


def test_a_body_that_is_too_large_or_never_comes_ends_the_connection(webhooks):
    program = webhooks("--secret", SECRET, "--body-limit", "2000", "--body-time", "500")
    head = b"POST /hook HTTP/1.1\r\nhost: x\r\ncontent-type: application/cloudevents+json\r\n"
    for rest, status in [
            (b"content-length: 2001\r\n\r\n", b"413"),
            (b"transfer-encoding: chunked\r\n\r\n" + b"400\r\n" + b"x" * 1024 + b"\r\n" + b"400\r\n" + b"x" * 1024, b"413"),
            (b"content-length: 1000\r\n\r\nhalf", b"408")]:
        with socket.create_connection(("127.0.0.1", program.port), timeout=10) as connection:
            connection.sendall(head + rest)
            answer = b""
            while part := connection.recv(4096):
                answer += part
        assert answer.startswith(b"HTTP/1.1 " + status), answer
    # Others are served meanwhile, and after.
    body = json.dumps(order("o-1")).encode()
    assert send(f"{program.url}/hook", body, signed(body))[0] == 204


def test_a_handler_that_takes_too_long_has_its_event_sent_again(webhooks):
    program = webhooks("--secret", SECRET, "--patience", "200")
    body = json.dumps(order("slow-1")).encode()
    assert send(f"{program.url}/hook", body, signed(body))[0] == 503


def test_event_grid_gets_its_code_and_is_believed_by_its_key(webhooks):
    program = webhooks("--event-grid-key", GRID_KEY)
    url = f"{program.url}/event-grid?code={GRID_KEY}"
    question = json.dumps([{
        "id": "1", "topic": "/t", "subject": "", "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
        "eventTime": "2026-11-26T00:00:00Z", "dataVersion": "1", "data": {"validationCode": "512d38b6"}}]).encode()
    headers = {"content-type": "application/json", "aeg-event-type": "SubscriptionValidation"}
    status, _, answer = send(url, question, headers)
    assert status == 200 and json.loads(answer) == {"validationResponse": "512d38b6"}
    assert send(f"{program.url}/event-grid?code=another-key-of-somebody", question, headers)[0] == 401
    notification = json.dumps([{
        "id": "e-1", "topic": "/t", "subject": "orders/1", "eventType": "com.example.order.placed",
        "eventTime": "2026-11-26T00:00:00Z", "dataVersion": "1", "data": {"orderID": "o-1", "total": 1}}]).encode()
    assert send(url, notification, headers | {"aeg-event-type": "Notification"})[0] == 204
    assert program.expect(1) == ["handled o-1 e-1 /event-grid"]


class Amazon:
    """What of Amazon SNS is fetched: a certificate of the test's own, and confirmations."""

    def __init__(self, folder):
        self.asked = []
        self.key = folder / "key.pem"
        certificate = folder / "certificate.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", self.key, "-out", certificate,
             "-subj", "/CN=sns.amazonaws.com"], check=True, capture_output=True)
        amazon = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                amazon.asked.append(self.path)
                body = certificate.read_bytes() if self.path.endswith(".pem") else b"<Confirmed/>"
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def message(self, kind, version="2", **fields):
        """A message as SNS signs it."""
        value = {
            "Type": kind, "MessageId": "m-1", "TopicArn": TOPIC, "Message": "hello", "Timestamp": "2026-11-26T00:00:00.000Z",
            **fields}
        names = sorted(name for name in value)
        text = "".join(f"{name}\n{value[name]}\n" for name in names).encode()
        digest = "-sha256" if version == "2" else "-sha1"
        signature = subprocess.run(
            ["openssl", "dgst", digest, "-sign", self.key], input=text, check=True, capture_output=True).stdout
        value |= {
            "SignatureVersion": version, "Signature": base64.b64encode(signature).decode(),
            "SigningCertURL": "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0.pem"}
        return value


def test_sns_is_confirmed_and_believed_by_its_certificate(webhooks, tmp_path):
    amazon = Amazon(tmp_path)
    program = webhooks("--sns-topic", TOPIC, "--sns-endpoint", amazon.url)
    url = f"{program.url}/sns"

    def post(value):
        return send(url, json.dumps(value).encode(), {
            "content-type": "text/plain; charset=UTF-8", "x-amz-sns-message-type": value["Type"]})[0]

    confirmation = amazon.message(
        "SubscriptionConfirmation", Token="t-1",
        SubscribeURL="https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=t-1")
    assert post(confirmation) == 200
    assert amazon.asked == ["/SimpleNotificationService-0.pem", "/?Action=ConfirmSubscription&Token=t-1"]
    for version, order_id in (("1", "o-1"), ("2", "o-2")):
        notification = amazon.message("Notification", version, Message=json.dumps(order(order_id)), Subject="an order")
        assert post(notification) == 204
        assert program.expect(1) == [f"handled {order_id} e-{order_id} /sns"]
        assert post(notification | {"Message": json.dumps(order("o-3"))}) == 401
    evil = "https://evil.example.org/SimpleNotificationService-0.pem"
    assert post(amazon.message("Notification") | {"SigningCertURL": evil}) == 401
    assert post(amazon.message("Notification", TopicArn=TOPIC + "-of-others")) == 403
    assert len(amazon.asked) == 2, "the certificate is fetched once, and nobody else's at all"
    program.expect_silence()
