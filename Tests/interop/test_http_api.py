# SPDX-License-Identifier: Apache-2.0
"""Walks through the HTTP API as a client in another language would, with nothing but an HTTP library."""

import json
import threading
import time
import uuid

import pytest
import requests


class Api:
    """The API under a base address, with names of its own so that tests do not meet."""

    def __init__(self, url):
        self.url = url
        self.suffix = uuid.uuid4().hex[:8]

    def name(self, word):
        return f"{word}-{self.suffix}"

    def call(self, method, path, status=200, **arguments):
        answer = requests.request(method, self.url + path, timeout=20, **arguments)
        assert answer.status_code == status, answer.text
        if status >= 400:
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["status"] == status
        return answer

    def json(self, method, path, status=200, **arguments):
        return self.call(method, path, status, **arguments).json()

    def publish(self, topic, data, **attributes):
        headers = {
            "ce-specversion": "1.0",
            "ce-id": uuid.uuid4().hex,
            "ce-source": "/test",
            "ce-type": "order.placed",
            "content-type": "application/json",
        }
        headers.update({f"ce-{name}": value for name, value in attributes.items()})
        return self.json(
            "POST", f"/v1/topics/{topic}/events", data=json.dumps(data), headers=headers
        )

    def receive(self, subscription, count, seconds=15):
        """Leases `count` events, over as many requests as it takes."""
        deliveries = []
        deadline = time.monotonic() + seconds
        while len(deliveries) < count and time.monotonic() < deadline:
            body = {"max": count - len(deliveries), "wait": "1s"}
            answer = self.json(
                "POST", f"/v1/subscriptions/{subscription}/receive", json=body
            )
            deliveries += answer["deliveries"]
        assert len(deliveries) == count
        return deliveries

    def settle(self, verb, subscription, deliveries, **members):
        body = {"leases": [delivery["lease"] for delivery in deliveries], **members}
        answer = self.json("POST", f"/v1/subscriptions/{subscription}/{verb}", json=body)
        return [result["status"] for result in answer["results"]]


@pytest.fixture
def api(apus_server):
    return Api(apus_server.url)


@pytest.fixture
def topic(api):
    name = api.name("orders")
    api.json("PUT", f"/v1/topics/{name}", 201, json={"partitions": 1})
    return name


def subscribe(api, topic, word="billing", **settings):
    name = api.name(word)
    body = {"topic": topic, "start": "earliest", **settings}
    api.json("PUT", f"/v1/subscriptions/{name}", 201, json=body)
    return name


# Publish


def test_publish_in_every_mode(api, topic):
    path = f"/v1/topics/{topic}/events"
    assert api.publish(topic, {"n": 1}) == {"topic": topic, "partition": 0, "offset": 0}

    event = {"specversion": "1.0", "id": "s", "source": "/test", "type": "t", "data": {"n": 2}}
    structured = {"content-type": "application/cloudevents+json"}
    api.json("POST", path, data=json.dumps(event), headers=structured)

    batched = {"content-type": "application/cloudevents-batch+json"}
    batch = [{**event, "id": f"b{index}"} for index in range(3)]
    receipts = api.json("POST", path, data=json.dumps(batch), headers=batched)["receipts"]
    assert [receipt["offset"] for receipt in receipts] == [2, 3, 4]

    xml = (
        '<event xmlns="http://cloudevents.io/xmlformat/V1" specversion="1.0">'
        "<id>x</id><source>/test</source><type>t</type></event>"
    )
    api.json("POST", path, data=xml, headers={"content-type": "application/cloudevents+xml"})

    api.json("POST", path, json={"plain": True})
    plain = {"content-type": "text/plain; charset=utf-8"}
    api.json("POST", path, data="grüezi".encode(), headers=plain)

    events = [stored["event"] for stored in api.json("GET", path)["events"]]
    assert [event["id"] for event in events[1:6]] == ["s", "b0", "b1", "b2", "x"]
    assert events[6]["type"] == "apus.http.message" and events[6]["data"] == {"plain": True}
    assert events[7]["data"] == "grüezi"


def test_publish_refusals(api, topic):
    path = f"/v1/topics/{topic}/events"
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert "content-type" in api.json("POST", path, 415, data="a=1", headers=form)["hint"]
    api.call("POST", path, 400, data="{", headers={"content-type": "application/cloudevents+json"})
    api.call("POST", path, 403, json={}, headers={"origin": "http://evil.example"})
    api.call("POST", path, 421, json={}, headers={"host": "evil.example"})
    api.call("POST", path + "?kye=1", 400, json={})
    api.call("POST", path, 413, data=b"x" * (2 << 20), headers={"content-type": "image/png"})
    assert api.json("GET", path)["events"] == []


def test_the_key_decides_the_partition(api):
    topic = api.name("wide")
    api.json("PUT", f"/v1/topics/{topic}", 201, json={"partitions": 4})
    path = f"/v1/topics/{topic}/events"
    receipts = [
        api.json("POST", path, json={}, params={"key": key}) for key in "abcdefgh" for _ in range(3)
    ]
    partitions = [receipt["partition"] for receipt in receipts]
    assert all(len(set(partitions[index : index + 3])) == 1 for index in range(0, 24, 3))
    assert len(set(partitions)) > 1


# Read


def test_read_from_a_position(api, topic):
    for number in range(5):
        api.publish(topic, {"n": number}, type="even" if number % 2 == 0 else "odd")
    path = f"/v1/topics/{topic}/events"
    page = api.call("GET", path, params={"from": "1", "limit": "2"})
    assert [stored["offset"] for stored in page.json()["events"]] == [1, 2]
    assert page.json()["next"] == 3 and page.headers["Apus-Next-Offset"] == "3"
    assert page.json()["end"] == 5 and page.headers["Apus-End-Offset"] == "5"

    odd = api.json("GET", path, params={"pattern": '{"type": ["odd"]}'})
    assert [stored["event"]["data"]["n"] for stored in odd["events"]] == [1, 3]

    batch = api.call("GET", path, headers={"accept": "application/cloudevents-batch+json"})
    assert len(batch.json()) == 5
    assert len(api.json("GET", path, params={"from": "1h"})["events"]) == 5
    api.call("GET", path, 406, headers={"accept": "text/html"})
    api.call("GET", path, 404, params={"partition": "7"})


def test_read_waits_for_the_first_event(api, topic):
    timer = threading.Timer(0.3, lambda: api.publish(topic, {"late": True}))
    timer.start()
    path = f"/v1/topics/{topic}/events"
    events = api.json("GET", path, params={"from": "latest", "wait": "10s"})["events"]
    timer.join()
    assert [stored["event"]["data"] for stored in events] == [{"late": True}]


def test_tail_goes_on_where_it_stopped(api, topic):
    def messages(count, **headers):
        found, message = [], {}
        url = f"{api.url}/v1/tail"
        parameters = {"topic": topic, "from": "earliest"}
        with requests.get(url, params=parameters, headers=headers, stream=True, timeout=15) as answer:
            assert answer.headers["content-type"] == "text/event-stream"
            for line in answer.iter_lines(chunk_size=1, decode_unicode=True):
                if line:
                    name, _, value = line.partition(": ")
                    message[name] = value
                    continue
                if message.get("event") == "event":
                    found.append((message["id"], json.loads(message["data"])["event"]["data"]["n"]))
                message = {}
                if len(found) == count:
                    return found

    for number in range(4):
        api.publish(topic, {"n": number})
    first = messages(2)
    assert [number for _, number in first] == [0, 1]
    second = messages(2, **{"Last-Event-ID": first[-1][0]})
    assert [number for _, number in second] == [2, 3]


# Receive and settle


def test_receive_and_settle(api, topic):
    subscription = subscribe(api, topic, retry={"initial": "10ms", "max": "10ms"})
    for number in range(4):
        api.publish(topic, {"n": number})
    deliveries = api.receive(subscription, 4)
    by_number = {delivery["event"]["data"]["n"]: delivery for delivery in deliveries}
    assert all(delivery["attempt"] == 1 for delivery in deliveries)

    assert api.settle("extend", subscription, [by_number[0]], lease="60s") == ["ok"]
    assert api.settle("ack", subscription, [by_number[0]]) == ["ok"]
    assert api.settle("ack", subscription, [by_number[0]]) == ["expired"]
    assert api.settle("release", subscription, [by_number[1]], counted=False) == ["ok"]
    assert api.settle("release", subscription, [by_number[2]]) == ["ok"]
    assert api.settle("reject", subscription, [by_number[3]], reason="no") == ["ok"]

    again = {d["event"]["data"]["n"]: d for d in api.receive(subscription, 2)}
    assert again[1]["attempt"] == 1 and again[2]["attempt"] == 2
    assert api.settle("ack", subscription, again.values()) == ["ok", "ok"]

    state = api.json("GET", f"/v1/subscriptions/{subscription}")
    assert state["acknowledged"] == 3 and state["dead_lettered"] == 1
    assert state["backlog"] == 0 and state["in_flight"] == 0


def test_a_lease_ends(api, topic):
    subscription = subscribe(api, topic, lease="100ms", retry={"initial": "1ms", "max": "1ms"})
    api.publish(topic, {})
    (first,) = api.receive(subscription, 1)
    (second,) = api.receive(subscription, 1)
    assert second["attempt"] == 2
    assert api.settle("ack", subscription, [first]) == ["expired"]


def test_a_cursor_is_read_and_committed(api, topic):
    subscription = subscribe(api, topic, kind="cursor")
    for number in range(3):
        api.publish(topic, {"n": number})
    path = f"/v1/subscriptions/{subscription}"
    assert len(api.json("GET", path + "/events")["events"]) == 3
    api.call("POST", path + "/commit", 204, json={"partition": 0, "offset": 2})
    events = api.json("GET", path + "/events")["events"]
    assert [stored["offset"] for stored in events] == [2]


def test_replay_brings_settled_events_back(api, topic):
    subscription = subscribe(api, topic)
    for number in range(3):
        api.publish(topic, {"n": number})
    api.settle("ack", subscription, api.receive(subscription, 3))
    api.json("POST", f"/v1/subscriptions/{subscription}/replay", json={"from": 1})
    again = api.receive(subscription, 2)
    assert sorted(delivery["offset"] for delivery in again) == [1, 2]


def test_a_paused_subscription_hands_out_nothing(api, topic):
    subscription = subscribe(api, topic)
    assert api.json("POST", f"/v1/subscriptions/{subscription}/pause")["paused"] is True
    api.publish(topic, {})
    path = f"/v1/subscriptions/{subscription}"
    assert api.json("POST", path + "/receive", json={"max": 1})["deliveries"] == []
    assert api.json("POST", path + "/resume")["paused"] is False
    api.receive(subscription, 1)


# Administration


def test_settings_are_checked(api, topic):
    path = f"/v1/topics/{topic}"
    problem = api.json("PUT", path, 400, json={"partitons": 3})
    assert "did you mean 'partitions'" in problem["detail"]
    api.call("PUT", path, 422, json={"partitions": 0})
    api.call("PUT", path, 415, data="{}", headers={"content-type": "text/plain"})
    changed = api.json("PUT", path, json={"retention": {"age": "1h", "bytes": None}})
    assert changed["retention"] == {"age": "1h", "bytes": None}
    subscription = subscribe(api, topic)
    api.call("PUT", f"/v1/subscriptions/{subscription}", 409, json={"kind": "cursor"})
    api.call("DELETE", path, 409)
    api.call("DELETE", path, 204, params={"cascade": "true"})
    api.call("GET", path, 404)


def test_a_rule_copies_what_it_matches(api, topic):
    target = api.name("vip")
    api.json("PUT", f"/v1/topics/{target}", 201, json={})
    rule = api.name("rule")
    body = {
        "topic": topic,
        "pattern": {"data": {"total": [{"numeric": [">", 1000]}]}},
        "targets": [{"topic": target}],
    }
    assert api.json("PUT", f"/v1/rules/{rule}", 201, json=body)["enabled"] is True
    for total in [5, 1290, 7]:
        api.publish(topic, {"total": total})
    path = f"/v1/topics/{target}/events"
    events = api.json("GET", path, params={"wait": "10s"})["events"]
    assert [stored["event"]["data"] for stored in events] == [{"total": 1290}]
    assert api.json("GET", f"/v1/rules/{rule}")["matches"] == 1

    event = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "data": {"total": 3}}
    test = {"pattern": body["pattern"], "event": event}
    assert api.json("POST", "/v1/rules/test", json=test)["matched"] is False

    loop = {"topic": target, "pattern": {}, "targets": [{"topic": topic}]}
    api.call("PUT", f"/v1/rules/{api.name('back')}", 422, json=loop)
    api.call("DELETE", f"/v1/rules/{rule}", 204)


def test_dead_letters_are_redriven_and_discarded(api, topic):
    subscription = subscribe(api, topic)
    for number in range(2):
        api.publish(topic, {"n": number})
    api.settle("reject", subscription, api.receive(subscription, 2), reason="broken")
    selection = {"subscription": subscription}

    letters = []
    deadline = time.monotonic() + 10
    while len(letters) < 2 and time.monotonic() < deadline:
        letters = api.json("GET", "/v1/dead-letters", params=selection)["dead_letters"]
    assert [letter["event"]["data"]["n"] for letter in letters] == [0, 1]
    assert letters[0]["reason"] == "broken" and letters[0]["attempts"] == 1
    assert letters[0]["origin"] == {"topic": topic, "partition": 0, "offset": 0}

    dry = api.json("POST", "/v1/dead-letters/redrive", json={**selection, "dry_run": True})
    assert dry == {"matched": 2, "redriven": 0}
    one = {**selection, "ids": [letters[0]["id"]]}
    assert api.json("POST", "/v1/dead-letters/redrive", json=one) == {"matched": 1, "redriven": 1}
    (delivery,) = api.receive(subscription, 1)
    assert delivery["event"]["data"] == {"n": 0}
    assert api.settle("ack", subscription, [delivery]) == ["ok"]
    gone = {**selection, "reason": "no such customer"}
    assert api.json("POST", "/v1/dead-letters/discard", json=gone)["discarded"] == 1
    journey = api.json("GET", f"/v1/topics/{topic}/journey", params={"partition": 0, "offset": 1})
    steps = [step for one in journey["descendants"] for step in one["steps"]]
    assert [step["reason"] for step in steps if step["kind"] == "discarded"] == ["no such customer"]
    assert api.json("GET", "/v1/dead-letters", params=selection)["dead_letters"] == []


# Operation


def test_the_server_tells_about_itself(api):
    assert api.json("GET", "/health/live") == {"status": "ok"}
    assert api.json("GET", "/health/ready") == {"status": "ok"}
    assert api.json("GET", "/v1/status")["ready"] is True
    assert isinstance(api.json("GET", "/v1/diagnosis")["findings"], list)
    assert api.json("POST", "/v1/verify")["damage"] == []
    assert "apus_http_requests_total" in api.call("GET", "/metrics").text


def test_wrong_requests_get_the_right_status(api):
    assert api.call("POST", "/v1/status", 405).headers["Allow"] == "GET, HEAD"
    api.call("GET", "/v1/nothing", 404)
    api.call("GET", "/v1/topics?limti=3", 400)
    api.call("GET", "/v1/topics?limit=1001", 422)
    api.call("GET", "/v1/topics", 403, headers={"origin": "null"})


def test_a_topic_takes_what_is_not_said_from_the_server(new_server):
    server = new_server("--durability", "none").start()
    created = requests.put(f"{server.url}/v1/topics/quick", json={"partitions": 2}, timeout=10)
    assert created.status_code == 201
    assert created.json()["durability"] == "none"
    said = requests.put(f"{server.url}/v1/topics/safe", json={"durability": "flush"}, timeout=10)
    assert said.json()["durability"] == "flush"
