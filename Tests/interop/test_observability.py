# SPDX-License-Identifier: Apache-2.0
"""What the server tells about itself: metrics by their values and not by their names only, the page that lists them, and traces from a
publisher to each delivery."""

import collections
import pathlib
import re
import time

import kafka
import pytest
from prometheus_client.parser import text_string_to_metric_families

from apus_server import event

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "observability.md"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def server(new_server):
    return new_server("--allow-private-webhooks").start()


@pytest.fixture
def hook(hook):
    """A webhook that answers 500 to every fourth request."""
    hook.status = lambda count: 500 if count % 4 == 0 else 204
    return hook


def families(server):
    return {family.name: family for family in text_string_to_metric_families(server.metrics())}


def value(server, name, **labels):
    """The value of one sample; None if there is none."""
    for family in families(server).values():
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return sample.value
    return None


def commit(server, group, topic, offset):
    """Commits a position of a group without members, as Kafka's tools do."""
    admin = kafka.KafkaAdminClient(bootstrap_servers=server.kafka, bootstrap_timeout_ms=10_000)
    try:
        place = kafka.TopicPartition(topic, 0)
        admin.alter_group_offsets(group, {place: kafka.structs.OffsetAndMetadata(offset, "", -1)})
    finally:
        admin.close()


def until(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)


def test_values_are_what_happened(server, hook):
    server.create_topic("src")
    server.create_topic("vip")
    server.create_rule("r", "src", {"data": {"n": [{"numeric": ["<", 40]}]}}, [{"topic": "vip"}])
    server.succeed("PUT", "/v1/subscriptions/pull", json={
        "topic": "src", "start": "earliest", "lease": "1s", "retry": {"initial": "100ms", "max": "100ms"}})
    server.succeed("PUT", "/v1/subscriptions/push", json={
        "topic": "vip", "start": "earliest", "push": {"url": hook.url, "concurrency": 1},
        "retry": {"initial": "20ms", "max": "20ms"}})
    for number in range(50):
        server.publish("src", event(number, {"n": number}))
    server.publish("src", *[event(number, {"n": number}) for number in range(50, 100)])
    assert server.request("POST", "/v1/topics/src/events", headers={"ce-id": "x"}).status_code == 400
    push = {"subscription": "push", "topic": "vip"}
    until(lambda: value(
        server, "apus_delivery_attempts_total", outcome="acknowledged", **push) == 40)

    leases = [
        delivery["lease"] for delivery in server.succeed(
            "POST", "/v1/subscriptions/pull/receive", json={"max": 30}).json()["deliveries"]]
    settle = {
        "ack": (leases[:10], {}), "release": (leases[10:15], {"delay": "1h"}),
        "reject": (leases[15:18], {"reason": "no"}), "extend": (leases[18:28], {"lease": "1h"})}
    for verb, (chosen, more) in settle.items():
        server.succeed("POST", f"/v1/subscriptions/pull/{verb}", json={"leases": chosen, **more})
    pull = {"subscription": "pull", "topic": "src"}
    # Two leases are left to end.
    until(lambda: value(server, "apus_delivery_attempts_total", outcome="expired", **pull) == 2)

    failed = (len(hook.seen)) // 4
    route = "POST /v1/topics/{topic}/events"
    expected = [
        ("apus_published_events_total", {"topic": "src"}, 100),
        ("apus_http_published_events_total", {}, 100),
        ("apus_publish_ack_duration_seconds_count", {}, 51),
        ("apus_http_requests_total", {"route": route, "status": "2xx"}, 51),
        ("apus_http_requests_total", {"route": route, "status": "4xx"}, 1),
        ("apus_rule_matches_total", {"rule": "r", "topic": "src"}, 40),
        ("apus_routed_events_total", {"topic": "src"}, 40),
        ("apus_deliveries_total", pull, 30),
        # Each event once for each subscription, however often its webhook has failed.
        ("apus_delivery_delay_seconds_count", {}, 30 + 40),
        ("apus_deliveries_total", push, 40 + failed),
        ("apus_delivery_attempts_total", {"outcome": "acknowledged", **pull}, 10),
        ("apus_delivery_attempts_total", {"outcome": "released", **pull}, 5),
        ("apus_delivery_attempts_total", {"outcome": "rejected", **pull}, 3),
        ("apus_delivery_attempts_total", {"outcome": "failed", **push}, failed),
        ("apus_dead_letters_total", pull, 3),
        ("apus_dead_letters_waiting", {}, 3),
        # 100 without 13 that are settled and 10 that are leased.
        ("apus_subscription_backlog", pull, 77),
        ("apus_subscription_in_flight", pull, 10),
        ("apus_subscription_backlog", push, 0),
        ("apus_subscription_oldest_unsettled_age_seconds", push, 0),
        ("apus_topics", {}, 3),
        ("apus_rules", {}, 1),
        ("apus_ready", {}, 1),
    ]
    found = [(name, labels, value(server, name, **labels)) for name, labels, _ in expected]
    assert found == expected
    assert value(server, "apus_subscription_waiting", **pull) >= 5
    assert 0 < value(server, "apus_subscription_oldest_unsettled_age_seconds", **pull) < 60
    flushes = value(server, "apus_journal_flush_duration_seconds_count")
    assert 51 <= flushes <= value(server, "apus_journal_flush_batches_sum")
    assert value(server, "apus_journal_flush_batches_count") == flushes
    assert value(server, "apus_journal_flushed_bytes_total") > 100 * 50
    assert value(server, "apus_disk_free_bytes") > 0

    server.succeed("DELETE", "/v1/topics/src", params={"cascade": "true"})
    server.succeed("DELETE", "/v1/subscriptions/push")
    left = [
        sample for family in families(server).values() for sample in family.samples
        if sample.labels.get("topic") == "src" or "subscription" in sample.labels or "rule" in sample.labels]
    assert left == []


def test_every_metric_is_on_the_page_and_explains_itself(server):
    server.succeed("PUT", "/v1/topics/a", json={"deduplication": {"window": "1m"}})
    server.create_topic("b")
    server.succeed("PUT", "/v1/subscriptions/s", json={"topic": "a"})
    server.succeed("PUT", "/v1/subscriptions/p", json={"topic": "a", "push": {"url": "http://127.0.0.1:9/"}})
    server.create_rule("r", "a", {}, [{"topic": "b"}])
    server.create_topic("judged", schema={"enforcement": "warn"})
    server.publish("judged", event(0))
    # A feed from the server itself, which has to have brought something for its lag to be known.
    server.create_topic("outside")
    server.succeed("PUT", "/v1/connections/c", json={"url": f"apus://127.0.0.1:{server.port}"})
    server.succeed("PUT", "/v1/feeds/f", json={"connection": "c", "from": "outside", "into": "a"})
    server.publish("a", event(1))
    commit(server, "g", "a", 0)
    end = time.monotonic() + 30
    while "apus_feed_lag_seconds" not in (exposed := families(server)):
        assert time.monotonic() < end
        server.publish("outside", event(2))
        time.sleep(0.1)
    described = [name for name, family in exposed.items() if "of swift-metrics" in family.documentation]
    assert described == []
    table = "".join(line for line in PAGE.read_text().splitlines(True) if line.startswith("| `"))
    documented = set(re.findall(r"`((?:apus|process)_[a-z_]+)", table))
    # The parser takes the suffix off a counter's name.
    names = {name + "_total" if family.type == "counter" else name for name, family in exposed.items()}
    assert names == documented


def test_groups_and_transactions_are_measured(server):
    server.create_topic("orders", 2)
    for number in range(10):
        server.publish("orders", event(number, partitionkey="same"))
    partition = 0 if server.read_all("orders") else 1
    commit(server, "billing", "orders", 4)
    lag = 6 if partition == 0 else 0
    assert value(server, "apus_groups") == 1
    assert value(server, "apus_group_lag", group="billing", topic="orders") == lag
    assert value(server, "apus_group_members", group="billing") == 0
    consumer = kafka.KafkaConsumer("orders", bootstrap_servers=server.kafka, group_id="billing")
    try:
        until(lambda: consumer.poll(200) is not None and value(server, "apus_group_members", group="billing") == 1)
    finally:
        consumer.close(autocommit=False)
    until(lambda: value(server, "apus_group_members", group="billing") == 0)
    producer = kafka.KafkaProducer(
        bootstrap_servers=server.kafka, transactional_id="tx", transaction_timeout_ms=60_000, retry_backoff_ms=20)
    producer.init_transactions()
    for outcome in ("committed", "aborted"):
        producer.begin_transaction()
        producer.send("orders", b"x", partition=0).get(10)
        assert value(server, "apus_transactions_open") == 1
        assert 0 <= value(server, "apus_transaction_oldest_open_age_seconds") < 60
        producer.commit_transaction() if outcome == "committed" else producer.abort_transaction()
        assert value(server, "apus_transactions_open") == 0
        assert value(server, "apus_transactions_total", outcome=outcome) == 1
    producer.begin_transaction()
    producer.send("orders", b"left behind", partition=0).get(10)
    # Its next life ends what it left behind.
    successor = kafka.KafkaProducer(bootstrap_servers=server.kafka, transactional_id="tx", retry_backoff_ms=20)
    successor.init_transactions()
    assert value(server, "apus_transactions_total", outcome="aborted") == 2
    assert value(server, "apus_transactions_total", outcome="expired") == 0
    server.succeed("DELETE", "/v1/topics/orders")
    until(lambda: value(server, "apus_group_lag", group="billing", topic="orders") is None)
    for one in (producer, successor):
        one.close(1)


def test_each_delivery_is_a_span_of_the_publishers_trace(server, hook):
    server.create_topic("traced")
    server.succeed("PUT", "/v1/subscriptions/s", json={
        "topic": "traced", "push": {"url": hook.url, "concurrency": 1},
        "retry": {"initial": "1ms", "max": "1ms"}})
    own, request = "b7ad6b7169203331", "00f067aa0ba902b7"
    server.succeed("POST", "/v1/topics/traced/events", json={}, headers={
        "ce-specversion": "1.0", "ce-id": "own", "ce-source": "/s", "ce-type": "t", "ce-tracestate": "a=1",
        "ce-traceparent": f"00-{TRACE}-{own}-01", "traceparent": f"00-{'1' * 32}-{'2' * 16}-01"})
    for _ in range(3):
        server.succeed("POST", "/v1/topics/traced/events", json={}, headers={
            "traceparent": f"00-{TRACE}-{request}-01"})
    until(lambda: len(hook.seen) >= 5)
    assert [headers["ce-traceparent"].split("-")[2] for headers in hook.seen] == [own] + [request] * 4
    spans = collections.Counter()
    for headers in hook.seen:
        version, trace, span, flags = headers["traceparent"].split("-")
        assert (version, trace, flags) == ("00", TRACE, "01")
        spans[span] += 1
    # The fourth was tried twice: another attempt, another span.
    assert len(spans) == 5 and not {own, request} & set(spans)
    assert hook.seen[0]["tracestate"] == "a=1"
