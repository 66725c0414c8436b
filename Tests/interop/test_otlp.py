# SPDX-License-Identifier: Apache-2.0
"""The export to an OpenTelemetry collector, against a receiver that takes the protocol's encoding strictly: a publish becomes one trace from its
publisher to the webhook, over HTTP and from Kafka's clients; metrics and log lines come; secrets do not; a collector that is away or busy holds up nothing."""

import time

import kafka
import pytest
import requests
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics

from apus_server import event, free_port
from otlp_receiver import Receiver

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SECRET = "s3cret-of-the-collector"
FAST = {"OTEL_BSP_SCHEDULE_DELAY": "100", "OTEL_METRIC_EXPORT_INTERVAL": "300"}


@pytest.fixture
def collector():
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def exporting(new_server, collector, monkeypatch):
    """Starts a server that exports to the collector."""
    def start(*flags, **variables):
        for name, value in {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_SERVICE_NAME": "bus-under-test",
            "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer%20{SECRET}",
            "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test", **FAST, **variables,
        }.items():
            monkeypatch.setenv(name, value)
        return new_server("--allow-private-webhooks", *flags).start()
    return start


def until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)
    return found


def route(server, hook):
    """A topic whose events a rule copies to another one, from which a webhook gets them."""
    server.create_topic("src")
    server.create_topic("vip")
    server.create_rule("r", "src", {}, [{"topic": "vip"}])
    server.succeed("PUT", "/v1/subscriptions/crm", json={"topic": "vip", "push": {"url": hook.url, "concurrency": 1}})


def of_trace(collector, trace, count):
    """The spans of a trace by their names, as soon as there are so many."""
    spans = until(lambda: found if len(found := [s for s in collector.spans if s["traceId"] == trace]) >= count else None)
    return {span["name"]: span for span in spans}


def test_a_publish_is_one_trace_from_its_publisher_to_the_webhook(exporting, collector, hook):
    server = exporting()
    route(server, hook)
    server.succeed("POST", "/v1/topics/src/events", json={"n": 1}, headers={
        "traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "vendor=1", "user-agent": "t"})
    spans = of_trace(collector, TRACE, 4)
    assert set(spans) == {"publish src", "append src", "copy vip", "deliver crm"}
    publish, append, copy, deliver = (spans[n] for n in ("publish src", "append src", "copy vip", "deliver crm"))
    # SERVER, INTERNAL, PRODUCER, CLIENT.
    assert [span["kind"] for span in (publish, append, copy, deliver)] == [2, 1, 4, 3]
    assert publish["parentSpanId"] == PARENT and publish["traceState"] == "vendor=1"
    assert append["parentSpanId"] == copy["parentSpanId"] == publish["spanId"]
    assert deliver["parentSpanId"] == copy["spanId"]
    assert copy["attributes"]["apus.rule"] == "r" and copy["attributes"]["apus.source"] == "src/0/0"
    assert publish["attributes"]["http.response.status_code"] == 200
    assert deliver["attributes"]["messaging.destination.name"] == "vip"
    # The attribute tells where the event began, the header which span it comes from.
    headers, = hook.seen
    assert headers["traceparent"] == f"00-{TRACE}-{deliver['spanId']}-01"
    assert headers["ce-traceparent"] == f"00-{TRACE}-{PARENT}-01" and headers["tracestate"] == "vendor=1"
    assert collector.objections == []
    found = collector.resources[0]
    assert (found["service.name"], found["deployment.environment.name"]) == ("bus-under-test", "test")
    assert found["telemetry.sdk.language"] == "swift" and found["service.instance.id"]
    assert {headers["authorization"] for headers in collector.headers} == {f"Bearer {SECRET}"}


def test_a_parent_that_is_not_recorded_is_not_and_who_has_none_begins_a_trace(exporting, collector, hook):
    server = exporting()
    route(server, hook)
    server.succeed("POST", "/v1/topics/src/events", json={}, headers={"traceparent": f"00-{TRACE}-{PARENT}-00"})
    server.succeed("POST", "/v1/topics/src/events", json={})
    publish = until(lambda: [s for s in collector.spans if s["name"] == "publish src"])
    assert len(publish) == 1 and "parentSpanId" not in publish[0]
    spans = of_trace(collector, publish[0]["traceId"], 4)
    assert spans["deliver crm"]["parentSpanId"] == spans["copy vip"]["spanId"]
    until(lambda: len(hook.seen) == 2)
    assert [headers["traceparent"].split("-")[1] for headers in hook.seen] == [TRACE, publish[0]["traceId"]]
    assert hook.seen[0]["traceparent"].endswith("-00")
    assert not [span for span in collector.spans if span["traceId"] == TRACE]


def test_of_no_trace_that_begins_here_nothing_is_recorded_when_the_ratio_is_0(exporting, collector, hook):
    server = exporting("--trace-ratio", "0")
    route(server, hook)
    server.succeed("POST", "/v1/topics/src/events", json={})
    server.succeed("POST", "/v1/topics/src/events", json={}, headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
    of_trace(collector, TRACE, 4)
    until(lambda: len(hook.seen) == 2)
    assert {span["traceId"] for span in collector.spans} == {TRACE}


def test_kafka_clients_are_part_of_traces_on_both_sides(exporting, collector, hook):
    server = exporting()
    route(server, hook)
    producer = kafka.KafkaProducer(bootstrap_servers=server.kafka, compression_type="gzip", linger_ms=50)
    other = "1" * 32
    for trace in (TRACE, other):
        producer.send("src", b"{}", headers=[("traceparent", f"00-{trace}-{PARENT}-01".encode())])
    producer.flush(10)
    producer.close(1)
    for trace in (TRACE, other):
        spans = of_trace(collector, trace, 3)
        assert spans["publish src"]["parentSpanId"] == PARENT == spans["copy vip"]["parentSpanId"]
        assert spans["publish src"]["attributes"]["network.protocol.name"] == "kafka"
        assert spans["deliver crm"]["parentSpanId"] == spans["copy vip"]["spanId"]
    until(lambda: len(hook.seen) == 2)
    assert [headers["ce-traceparent"].split("-")[1] for headers in hook.seen] == [TRACE, other]
    # Who consumes finds the last hop where instrumentation looks for it.
    consumer = kafka.KafkaConsumer(
        "vip", bootstrap_servers=server.kafka, auto_offset_reset="earliest", consumer_timeout_ms=10_000)
    headers = [dict(next(consumer).headers) for _ in range(2)]
    consumer.close()
    copies = {s["traceId"]: s["spanId"] for s in collector.spans if s["name"] == "copy vip"}
    assert [h["traceparent"].decode() for h in headers] == [f"00-{t}-{copies[t]}-01" for t in (TRACE, other)]


def test_what_is_pulled_has_a_span_from_its_hand_out_to_its_verdict(exporting, collector):
    server = exporting()
    server.create_topic("src")
    server.succeed("PUT", "/v1/subscriptions/pull", json={"topic": "src", "lease": "1s", "max_attempts": 5})
    server.succeed("POST", "/v1/topics/src/events", json={"n": 1}, headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
    pull = lambda: [one["lease"] for one in server.succeed(
        "POST", "/v1/subscriptions/pull/receive", json={"max": 10, "wait": "10s"}).json()["deliveries"]]
    settle = lambda verb, **more: server.succeed(
        "POST", f"/v1/subscriptions/pull/{verb}", json={"leases": pull(), **more})
    delivered = lambda count: until(lambda: found if len(
        found := [s for s in collector.spans if s["name"] == "deliver pull"]) >= count else None)
    settle("release")
    # The next lease runs out.
    assert len(pull()) == 1
    delivered(2)
    settle("ack")
    server.succeed("POST", "/v1/topics/src/events", json={"n": 2}, headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
    settle("reject", reason="cannot read it")
    spans = delivered(4)
    publish = [s["spanId"] for s in collector.spans if s["name"] == "publish src"]
    assert [s["parentSpanId"] for s in spans] == publish[:1] * 3 + publish[1:] and {s["traceId"] for s in spans} == {TRACE}
    # PRODUCER; an error is 2.
    assert {s["kind"] for s in spans} == {4}
    assert [(s["attributes"]["apus.outcome"], s.get("status", {}).get("code", 0)) for s in spans] == [
        ("released", 2), ("expired", 2), ("delivered", 0), ("rejected", 2)]
    assert spans[3]["status"]["message"] == "cannot read it"
    assert [s["attributes"]["apus.attempt"] for s in spans] == [1, 2, 3, 1]
    assert int(spans[1]["endTimeUnixNano"]) - int(spans[1]["startTimeUnixNano"]) >= 0.9e9
    assert spans[0]["attributes"].items() >= {
        "messaging.system": "apus", "messaging.destination.name": "src", "apus.subscription": "pull"}.items()
    assert collector.objections == []


def test_traces_go_through_without_any_export(new_server, hook):
    server = new_server("--allow-private-webhooks").start()
    route(server, hook)
    place = f"00-{TRACE}-{PARENT}-01"
    server.succeed("POST", "/v1/topics/src/events", json={}, headers={"traceparent": place})
    consumer = kafka.KafkaConsumer(
        "src", bootstrap_servers=server.kafka, auto_offset_reset="earliest", consumer_timeout_ms=10_000)
    assert dict(next(consumer).headers)["traceparent"].decode() == place
    consumer.close()
    producer = kafka.KafkaProducer(bootstrap_servers=server.kafka)
    producer.send("src", b"{}", headers=[("traceparent", place.encode())]).get(10)
    producer.close(1)
    until(lambda: len(hook.seen) == 2)
    assert {headers["traceparent"].split("-")[1] for headers in hook.seen} == {TRACE}
    assert server.read_all("src")[1]["traceparent"] == place
    assert "apus_telemetry_exported_total" in server.metrics()


def test_metrics_and_lines_come_and_secrets_do_not(exporting, collector, hook, tmp_path):
    server = exporting()
    route(server, hook)
    for number in range(20):
        server.publish("src", event(number))
    def published():
        found = collector.metrics.get(("apus_published_events_total", (("topic", "src"),)))
        return found and int(found["asInt"]) == 20
    until(published)
    until(lambda: int(collector.metrics["apus_publish_ack_duration_seconds", ()]["count"]) >= 20)
    slow = collector.metrics["apus_publish_ack_duration_seconds", ()]
    assert slow["exemplars"] and {e["traceId"] for e in slow["exemplars"]} <= {s["traceId"] for s in collector.spans}
    assert int(collector.metrics["apus_delivery_attempt_duration_seconds", ()]["count"]) >= 1
    assert collector.metrics["apus_ready", ()]["asDouble"] == 1
    # A line for each thing worth knowing: a collector that refuses is one, and is told of once, without what it was sent.
    server.succeed("PUT", "/v1/subscriptions/dead", json={
        "topic": "src", "start": "earliest", "max_attempts": 1, "push": {"url": "http://127.0.0.1:1/"}})
    until(lambda: any(record["attributes"] for record in collector.records))
    collector.answers += [(401, {})] * 6
    until(lambda: not collector.answers)
    until(lambda: "apus_telemetry_dropped_total" in server.metrics())
    assert collector.objections == []
    server.stop()
    log = server.log.read_text()
    assert SECRET not in log and SECRET not in str(collector.records)
    assert "the collector did not take telemetry" in log


def test_a_busy_collector_is_asked_again_when_it_says(exporting, collector, hook):
    collector.answers += [(503, {"retry-after": "1"}), (429, {"retry-after": "0"})]
    server = exporting("--otlp-signals", "traces")
    route(server, hook)
    begin = time.monotonic()
    server.succeed("POST", "/v1/topics/src/events", json={}, headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
    assert set(of_trace(collector, TRACE, 4)) == {"publish src", "append src", "copy vip", "deliver crm"}
    assert time.monotonic() - begin >= 1 and collector.requests >= 3


def test_a_collector_that_is_away_holds_up_nothing_and_what_is_lost_is_counted(exporting, hook):
    server = exporting(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{free_port()}")
    server.create_topic("src")
    for first in range(0, 12_000, 500):
        # Each its own trace: more than fit.
        server.publish("src", *[
            event(n, traceparent=f"00-{n + 1:032x}-{PARENT}-01") for n in range(first, first + 500)])
    begin = time.monotonic()
    for number in range(50):
        server.publish("src", event(number))
    assert time.monotonic() - begin < 10
    # A server that ends sooner than it exports has nothing to say of the collector.
    until(lambda: "the collector could not be reached" in server.log.read_text())
    server.stop()


def test_what_waits_is_sent_when_the_server_stops(exporting, collector):
    server = exporting(OTEL_BSP_SCHEDULE_DELAY="600000", OTEL_METRIC_EXPORT_INTERVAL="600000")
    server.create_topic("src")
    server.succeed("POST", "/v1/topics/src/events", json={}, headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
    server.stop()
    assert {span["name"] for span in collector.spans} == {"publish src", "append src"}
    assert any(record["body"]["stringValue"].startswith("stopped") for record in collector.records) or collector.metrics


def test_open_metrics_has_exemplars_and_no_objections(new_server, hook):
    server = new_server("--allow-private-webhooks").start()
    route(server, hook)
    server.succeed("POST", "/v1/topics/src/events", json={}, headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
    until(lambda: hook.seen)
    url = f"http://127.0.0.1:{server.port}/metrics"
    plain = requests.get(url, timeout=10)
    assert plain.headers["content-type"].startswith("text/plain; version=0.0.4") and "# {" not in plain.text
    wanted = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"

    def exemplars():
        answer = requests.get(url, headers={"accept": wanted}, timeout=10)
        assert answer.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
        return {
            family.name: sample.exemplar.labels["trace_id"] for family in open_metrics(answer.text)
            for sample in family.samples if sample.exemplar}
    assert until(lambda: found if "apus_delivery_attempt_duration_seconds" in (found := exemplars()) else None) == {
        "apus_publish_ack_duration_seconds": TRACE, "apus_http_request_duration_seconds": TRACE,
        "apus_delivery_attempt_duration_seconds": TRACE}
