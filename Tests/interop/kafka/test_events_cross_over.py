# SPDX-License-Identifier: Apache-2.0
"""Events cross over between Kafka's clients and everybody else: CloudEvents' Kafka binding in both modes and both directions, read and
written by the CloudEvents SDK; plain records; rules by content, webhooks, `apus tail`; groups that read what was published over HTTP."""

import datetime
import http.server
import json
import subprocess
import threading
import uuid

import pytest
from apus_server import event
from clients import ALL, PATIENCE, Confluent, Record, each_client, until
from cloudevents.core.bindings import kafka as binding
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from group_members import Members


@pytest.fixture
def webhook():
    """A receiver that keeps what it gets: its address, and the list of (headers, body)."""
    received = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            received.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hook", received
    server.shutdown()
    server.server_close()


def sdk_event(**changes):
    data = changes.pop("data", {"order": 42, "tags": ["a", "é"]})
    return CloudEvent(
        attributes={
            "id": str(uuid.uuid4()), "source": "https://example.com/orders", "type": "order.placed", "specversion": "1.0",
            "time": datetime.datetime(2026, 3, 1, 12, 30, 0, 125000, tzinfo=datetime.timezone.utc),
            "datacontenttype": "application/json", "subject": "Zoë", "tenant": "a", **changes},
        data=data)


WRITE = {"binary": binding.to_binary, "structured": binding.to_structured}


def record_of(made, mode, key=b"k"):
    """The record that the SDK makes of an event."""
    message = WRITE[mode](made, JSONFormat())
    return Record(message.value, key, tuple(message.headers.items()))


def sdk_reads(record):
    return binding.from_kafka(binding.KafkaMessage(dict(record.headers), None, record.value), JSONFormat())


def same(stored, made):
    """Whether the API's event is the SDK's."""
    expected = made.get_attributes()
    assert {name: stored[name] for name in ("id", "source", "type", "subject", "tenant", "datacontenttype")} == {
        name: expected[name] for name in ("id", "source", "type", "subject", "tenant", "datacontenttype")}
    assert datetime.datetime.fromisoformat(stored["time"]) == expected["time"]
    assert stored["data"] == made.get_data()
    return True


@each_client
@pytest.mark.parametrize("mode", list(WRITE))
def test_events_written_by_kafka_clients_are_read_over_http(kafka_server, new_topic, client, mode):
    topic = new_topic()
    made = [sdk_event(), sdk_event(subject="other")]
    client.produce(kafka_server.kafka, topic, [record_of(one, mode) for one in made])
    stored = kafka_server.read_all(topic)
    assert len(stored) == 2 and all(same(*pair) for pair in zip(stored, made))


@each_client
def test_events_published_over_http_are_read_by_kafka_clients(kafka_server, new_topic, client):
    topic = new_topic()
    sent = [
        event("one", {"n": [1, "two"]}, datacontenttype="application/json", subject="Zoë", tenant="a"),
        event("two", time="2026-03-01T12:30:00.125Z"), event("three", "text", datacontenttype="text/plain")]
    for one in sent:
        kafka_server.succeed(
            "POST", f"/v1/topics/{topic}/events", params={"key": f"key of {one['id']}"},
            headers={"Content-Type": "application/cloudevents+json"}, json=one)
    found = client.consume(kafka_server.kafka, topic, 3)
    assert [record.key for record in found] == [f"key of {one['id']}".encode() for one in sent]
    for record, one in zip(found, sent):
        headers = dict(record.headers)
        assert headers["ce_id"] == one["id"].encode() and headers["ce_specversion"] == b"1.0"
    assert found[1].value is None
    read = sdk_reads(found[0])
    assert read.get_data() == {"n": [1, "two"]}
    assert (read.get_id(), read.get_subject(), read.get_extension("tenant")) == ("one", "Zoë", "a")
    assert found[2].value == b"text" and dict(found[2].headers)["content-type"] == b"text/plain"


def test_plain_http_bodies_are_values_to_kafka_clients(kafka_server, new_topic):
    topic = new_topic()
    kafka_server.succeed("POST", f"/v1/topics/{topic}/events", json={"n": 1})
    for client in ALL:
        record, = client.consume(kafka_server.kafka, topic, 1)
        assert json.loads(record.value) == {"n": 1}
        assert dict(record.headers)["ce_type"] == b"apus.http.message"


@each_client
def test_plain_records_are_events_with_attributes_of_their_place(kafka_server, new_topic, client):
    topic = new_topic()
    records = [
        Record(b'{"n": 1}', b"k", (("content-type", b"application/json"), ("trace", b"t-1"))), Record(b"just text"),
        Record(None, b"k")]
    client.produce(kafka_server.kafka, topic, records)
    stored = kafka_server.read_all(topic)
    assert [one["id"] for one in stored] == [f"{topic}/0/{offset}" for offset in range(3)]
    assert {(one["source"], one["type"]) for one in stored} == {(f"/v1/topics/{topic}", "apus.record")}
    assert stored[0]["data"] == {"n": 1} and stored[0]["datacontenttype"] == "application/json"
    assert "data" not in stored[2] and "data_base64" not in stored[2]
    places = kafka_server.succeed("GET", f"/v1/topics/{topic}/events", params={"from": 0}).json()["events"]
    assert [one.get("key") for one in places] == ["k", None, "k"]


def test_records_with_broken_attributes_are_events_all_the_same(kafka_server, new_topic):
    topic = new_topic()
    broken = [
        Record(b"x", headers=(("ce_id", b"1"),)), Record(b"x", headers=(("ce_specversion", b"9.9"), ("ce_id", b"\xff"))),
        Record(b"{", headers=(("content-type", b"application/cloudevents+json"),))]
    Confluent().produce(kafka_server.kafka, topic, broken)
    assert [one["type"] for one in kafka_server.read_all(topic)] == ["apus.record"] * 3


@each_client
@pytest.mark.parametrize("mode", list(WRITE))
def test_a_rule_by_content_brings_events_of_kafka_clients_to_a_webhook(kafka_server, new_topic, webhook, client, mode):
    topic = new_topic()
    url, received = webhook
    kafka_server.create_rule(f"r-{uuid.uuid4().hex[:8]}", topic, {
        "type": ["order.placed"], "data": {"total": [{"numeric": [">", 100]}]}}, [{"webhook": {"url": url}}])
    totals = [50, 150, 99, 500]
    made = [sdk_event(data={"total": total}) for total in totals]
    client.produce(kafka_server.kafka, topic, [record_of(one, mode) for one in made])
    until(lambda: len(received) >= 2, "two webhooks")
    assert sorted(json.loads(body)["total"] for _, body in received) == [150, 500]
    assert {headers["ce-id"] for headers, _ in received} == {made[1].get_id(), made[3].get_id()}


def test_rules_see_plain_json_records(kafka_server, new_topic, webhook):
    topic = new_topic()
    url, received = webhook
    kafka_server.create_rule(f"r-{uuid.uuid4().hex[:8]}", topic, {
        "type": ["apus.record"], "data": {"n": [2]}}, [{"webhook": {"url": url}}])
    json_type = (("content-type", b"application/json"),)
    Confluent().produce(
        kafka_server.kafka, topic, [Record(b'{"n": %d}' % number, headers=json_type) for number in range(4)])
    until(lambda: received, "a webhook")
    assert json.loads(received[0][1]) == {"n": 2} and received[0][0]["ce-type"] == "apus.record"


@pytest.mark.parametrize("compression", ["gzip", "snappy", "lz4", "zstd"])
def test_rules_look_into_compressed_batches(kafka_server, new_topic, webhook, compression):
    topic, vip = new_topic(), new_topic()
    kafka_server.create_rule(
        f"r-{uuid.uuid4().hex[:8]}", topic, {"data": {"total": [{"numeric": [">", 100]}]}}, [{"topic": vip}])
    made = [sdk_event(data={"total": total}) for total in range(91, 111)]
    Confluent().produce(
        kafka_server.kafka, topic, [record_of(one, "binary") for one in made], compression=compression)
    until(lambda: len(kafka_server.read_all(vip)) >= 10, "ten copies")
    copies = ALL[0].consume(kafka_server.kafka, vip, 10)
    assert [sdk_reads(copy).get_data()["total"] for copy in copies] == list(range(101, 111))
    assert [sdk_reads(copy).get_id() for copy in copies] == [one.get_id() for one in made[10:]]


@each_client
def test_apus_tail_shows_what_kafka_clients_write(kafka_server, new_topic, client):
    topic = new_topic()
    client.produce(kafka_server.kafka, topic, [record_of(sdk_event(data={"n": 1}), "binary"), Record(b"plain")])
    tail = subprocess.run(
        [kafka_server.binary, "tail", topic, "--from", "earliest", "--count", "2", "--json", "--url", kafka_server.url],
        capture_output=True, text=True, timeout=PATIENCE)
    assert tail.returncode == 0, tail.stderr
    lines = [json.loads(line) for line in tail.stdout.splitlines()]
    assert [line["event"]["type"] for line in lines] == ["order.placed", "apus.record"]
    assert lines[0]["event"]["data"] == {"n": 1}


@pytest.mark.parametrize("client", ["kafka-python", "aiokafka", "confluent-kafka"])
def test_a_group_reads_what_is_published_over_http(kafka_server, new_topic, group, client):
    topic = new_topic(partitions=4)
    with Members(kafka_server, topic, group) as members:
        members.start(client)
        for number in range(40):
            kafka_server.succeed("POST", f"/v1/topics/{topic}/events", params={"key": str(number)}, json=number)
        until(lambda: len(members.values()) == 40, members.story)
        assert set(members.values()) == {str(number) for number in range(40)}


@each_client
def test_subscriptions_hand_out_what_kafka_clients_write(kafka_server, new_topic, webhook, client):
    topic = new_topic()
    url, received = webhook
    kafka_server.succeed("PUT", f"/v1/subscriptions/s-{uuid.uuid4().hex[:8]}", json={
        "topic": topic, "start": "earliest", "push": {"url": url}})
    client.produce(kafka_server.kafka, topic, [Record(b"value %d" % number, b"k") for number in range(10)])
    until(lambda: len(received) >= 10, "ten webhooks")
    assert sorted(body for _, body in received) == [b"value %d" % number for number in range(10)]
