# SPDX-License-Identifier: Apache-2.0
"""The way of an event as people see it: published by somebody else's client, copied by a rule, refused by a webhook and taken at last; given up and
sent back; found by what is known of it. And that no secret is ever shown."""

import http.server
import json
import subprocess
import threading
import time

import pytest
from apus_server import event

HEADER_SECRET = "s3cr3t-h34d3r-v4lu3"
QUERY_SECRET = "s3cr3t-qu3ry-v4lu3"
SIGNING_SECRET = "whsec_QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo0NTY3ODk="


class Receiver:
    """Answers with each of `statuses` in turn, the last one for ever, and with everything it was sent, secrets and all."""

    def __init__(self, *statuses):
        outer = self
        self.statuses = list(statuses)
        self.count = 0

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                self.rfile.read(int(self.headers.get("content-length", 0)))
                status = outer.statuses[min(outer.count, len(outer.statuses) - 1)]
                outer.count += 1
                body = (f"sorry\n{self.path}\n{self.headers}").encode()
                self.send_response(status)
                self.send_header("set-cookie", "session=abcdefgh")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver():
    made = []

    def make(*statuses):
        made.append(Receiver(*statuses))
        return made[-1]

    yield make
    for one in made:
        one.close()


def trace(server, *arguments, status=0):
    """What `apus trace` prints."""
    done = subprocess.run(
        [server.binary, "trace", *arguments, "--url", server.url], capture_output=True, text=True, timeout=60)
    assert done.returncode == status, done.stderr + done.stdout
    return done.stdout


def traced(server, *arguments):
    return json.loads(trace(server, *arguments, "--json"))


def until(look, seconds=30):
    """What `look` returns, once it is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come to pass")


def attempts(steps):
    return [step for step in steps if step["kind"] == "attempt"]


def push(url, **settings):
    return {"push": {"url": url, "breaker": {"failures": 0}}, "start": "earliest",
            "retry": {"initial": "20ms", "max": "50ms"}, **settings}


def test_an_event_of_a_kafka_client_is_traced_from_its_producer_to_the_end_of_its_copy(new_server, receiver):
    confluent_kafka = pytest.importorskip("confluent_kafka")
    server = new_server("--allow-private-webhooks").start()
    for name in ("orders", "vip"):
        server.create_topic(name)
    server.create_rule("big", "orders", {"data": {"total": [{"numeric": [">", 100]}]}}, [{"topic": "vip"}])
    server.create_rule("small", "orders", {"data": {"total": [{"numeric": ["<=", 100]}]}}, [{"topic": "vip"}])
    hook = receiver(503, 500, 204)
    server.succeed("PUT", "/v1/subscriptions/crm", json={"topic": "vip", **push(hook.url)})
    producer = confluent_kafka.Producer({"bootstrap.servers": server.kafka, "client.id": "till-7", "log_level": 0})
    producer.produce(
        "orders", json.dumps({"total": 250}).encode(), key=b"customer-7",
        headers={"ce_specversion": "1.0", "ce_id": "kafka-1", "ce_source": "/till", "ce_type": "order.placed",
                 "content-type": "application/json"})
    assert producer.flush(30) == 0
    until(lambda: hook.count >= 3)
    # The copy has the same id; what was published is what is shown.
    whole = until(lambda: (lambda one: one if len(attempts(one["descendants"][0]["steps"])) == 3 else None)(
        traced(server, "kafka-1", "--why")))
    assert whole["event"]["topic"] == "orders" and whole["whole"] and whole["noted"]
    [published] = whole["steps"]
    assert (published["kind"], published["protocol"], published["client"], published["address"]) == (
        "published", "kafka", "till-7", "127.0.0.1")
    rules = {rule["name"]: rule for rule in whole["rules"]}
    assert rules["big"]["matched"] and not rules["big"]["newer"] and rules["big"]["targets"] == ["vip"]
    assert not rules["small"]["matched"]
    [leaf] = rules["small"]["leaves"]
    assert leaf["path"] == "data.total" and leaf["found"] == [250] and not leaf["matched"]
    [copy] = whole["descendants"]
    assert (copy["kind"], copy["by"], copy["place"]["topic"]) == ("copy", "big", "vip")
    tried = attempts(copy["steps"])
    assert [(one["attempt"], one["outcome"], one["status"]) for one in tried] == [
        (1, "failed", 503), (2, "failed", 500), (3, "delivered", 204)]
    for one in tried[:2]:
        assert one["next"] > one["began"] and one["microseconds"] > 0
        assert one["request"]["method"] == "POST" and "250" in one["request"]["body"]
        assert one["response"]["body"].startswith("sorry")
    text = trace(server, "kafka-1")
    for part in ("published over kafka by till-7 at 127.0.0.1", "copy by rule big", "attempt 1/16 of crm: failed 503",
                 "attempt 3/16 of crm: delivered 204", "not matched"):
        assert part in text, text
    # The copy knows where it came from.
    back = traced(server, f"vip/0/{copy['place']['offset']}")
    assert [one["place"]["topic"] for one in back["ancestors"]] == ["orders"]
    assert back["subscriptions"][0]["standing"] == "settled"
    # It outlives a killed server.
    server.restart()
    assert len(attempts(traced(server, "kafka-1")["descendants"][0]["steps"])) == 3


def test_a_dead_letter_and_its_redrive_are_part_of_the_journey(new_server, receiver):
    server = new_server("--allow-private-webhooks").start()
    server.create_topic("orders")
    hook = receiver(500, 500, 204)
    server.succeed("PUT", "/v1/subscriptions/crm", json={"topic": "orders", **push(hook.url, max_attempts=2)})
    server.publish("orders", event("one", data={"total": 1}))
    until(lambda: server.succeed("GET", "/v1/status").json()["dead_letters"] == 1)
    given_up = traced(server, "one")
    [buried] = [step for step in given_up["steps"] if step["kind"] == "dead letter"]
    assert buried["letter"] == "orders.dead-letter/0/0" and "500" in buried["reason"]
    failed = server.succeed("GET", "/v1/subscriptions/crm/attempts", params={"failed": "true"}).json()
    assert [one["attempt"] for one in failed["attempts"]] == [2, 1]
    assert all(one["place"] == {"topic": "orders", "partition": 0, "offset": 0} for one in failed["attempts"])
    assert "500" in trace(server, "--subscription", "crm")
    server.succeed("POST", "/v1/dead-letters/redrive", json={"ids": [buried["letter"]]})
    until(lambda: hook.count == 3)

    def whole():
        found = traced(server, "orders/0/0")
        steps = [step for one in found["descendants"] for step in one["steps"]]
        return found if any(step.get("outcome") == "delivered" for step in steps) else None
    journey = until(whole)
    assert [one["kind"] for one in journey["descendants"]] == ["dead letter", "redriven"]
    letter, again = journey["descendants"]
    [moved] = letter["steps"]
    assert (moved["kind"], moved["to"]) == ("redriven", "orders/0/1")
    assert [(one["attempt"], one["outcome"]) for one in attempts(again["steps"])] == [(1, "delivered")]
    assert "redriven, to orders/0/1" in trace(server, "one")


def test_no_secret_is_shown_whatever_the_receiver_answers(new_server, receiver):
    server = new_server("--allow-private-webhooks").start()
    server.create_topic("orders")
    hook = receiver(500)
    url = f"http://ann:pw-{QUERY_SECRET}@127.0.0.1:{hook.port}/hook?token={QUERY_SECRET}"
    answer = server.request("PUT", "/v1/subscriptions/crm", json={"topic": "orders", **push(url, max_attempts=2)})
    if answer.status_code >= 400:
        # Users and passwords in a URL are refused; the query is not.
        url = f"http://127.0.0.1:{hook.port}/hook?token={QUERY_SECRET}"
    settings = push(url, max_attempts=2)
    settings["push"]["headers"] = {"authorization": f"Bearer {HEADER_SECRET}", "x-shop": "7"}
    settings["push"]["secrets"] = [SIGNING_SECRET]
    server.succeed("PUT", "/v1/subscriptions/crm", json={"topic": "orders", **settings})
    server.publish("orders", event("one", data={"total": 1}))
    until(lambda: server.succeed("GET", "/v1/status").json()["dead_letters"] == 1)
    journey = traced(server, "one")
    texts = [
        json.dumps(journey), trace(server, "one", "--full"),
        server.succeed("GET", "/v1/subscriptions/crm/attempts").text,
        server.succeed("GET", "/v1/dead-letters").text, server.log.read_text()]
    request = attempts(journey["steps"])[0]["request"]
    headers = {field["name"].lower(): field["value"] for field in request["headers"]}
    assert headers["authorization"] == "****" and headers["webhook-signature"] == "****"
    assert headers["x-shop"] == "7" and headers["ce-id"] == "one"
    assert request["url"].endswith("/hook?token=****")
    response = {field["name"].lower(): field["value"] for field in attempts(journey["steps"])[0]["response"]["headers"]}
    assert response["set-cookie"] == "****"
    for text in texts:
        for secret in (HEADER_SECRET, QUERY_SECRET, SIGNING_SECRET):
            assert secret not in text
    # Nor in what is kept on the disk of the journey: only the registry has it.
    assert "sorry" in attempts(journey["steps"])[0]["response"]["body"]


def test_an_event_is_found_by_what_is_known_of_it(new_server):
    server = new_server().start()
    for name in ("orders", "bills"):
        server.create_topic(name, partitions=2)
    server.publish("orders", *[event(f"o{number}", data={"drink": "tea" if number else "coffee"}, partitionkey=f"k{number % 2}")
                               for number in range(10)])
    server.publish("bills", event("b1", causationid="o3", correlationid="o3"))
    [found] = trace(server, "--text", "coffee", "--list", "--json").splitlines()
    assert json.loads(found)["event"]["id"] == "o0"
    assert traced(server, "--key", "k1", "--since", "1h")["event"]["event"]["id"] == "o9"
    assert traced(server, "--caused-by", "o3")["event"]["event"]["id"] == "b1"
    chain = server.succeed("GET", "/v1/events", params={"correlation": "o3"}).json()
    assert {one["event"]["id"] for one in chain["events"]} == {"o3", "b1"} and chain["rest"] is None
    published = traced(server, "b1")["steps"][0]
    assert published["protocol"] == "http" and published["client"].startswith("python-requests/")
    rows = [line.split() for line in trace(server, "o3", "--chain").splitlines()[1:]]
    assert [(row[0], row[-1]) for row in rows] == [("this", "o3"), ("effect", "b1")]
    rows = [line.split() for line in trace(server, "b1", "--chain").splitlines()[1:]]
    assert [(row[0], row[-1]) for row in rows] == [("cause", "o3"), ("this", "b1")]
    trace(server, "no-such-event", status=3)
    trace(server, "--subscription", "nobody", status=3)


def test_a_server_that_notes_nothing_says_so(new_server):
    server = new_server("--no-journey").start()
    server.create_topic("orders")
    server.publish("orders", event("one"))
    journey = traced(server, "one")
    assert not journey["noted"] and journey["steps"] == []
    assert "notes no steps" in trace(server, "one")
