# SPDX-License-Identifier: Apache-2.0
"""Who is connected: clients of both protocols as `GET /v1/clients` and `apus client` show them, and that one can be sent away."""

import json
import subprocess
import time

import pytest
import requests

from apus_server import event


@pytest.fixture
def server(new_server):
    return new_server("--auto-create-topics").start()


def until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)
    return found


def clients(server, **query):
    return server.succeed("GET", "/v1/clients", params=query).json()["clients"]


def apus(server, *arguments, check=True):
    done = subprocess.run(
        [server.binary, *arguments, "--url", server.url], capture_output=True, text=True, timeout=30, check=False)
    assert not check or done.returncode == 0, done.stderr
    return done.stdout


def test_http_clients_tell_who_they_are_and_what_they_ask_for(server):
    server.create_topic("orders")
    session = requests.Session()
    session.headers["User-Agent"] = "shop/4.2 (<b>)"
    session.post(f"{server.url}/v1/topics/orders/events?key=k", json=event(1), headers={
        "Content-Type": "application/cloudevents+json"}).raise_for_status()
    found, = clients(server, search="shop/4.2")
    assert found["service"] == "http" and found["client"] == "shop/4.2 (<b>)"
    # The query may have a secret in it, and is not kept.
    assert found["last_request"] == "POST /v1/topics/orders/events" and found["topics"] == ["orders"]
    assert found["requests"] == 1 and found["under_way"] == 0 and found["bytes_received"] > 100
    assert found["address"].startswith("127.0.0.1:") and found["since"] <= found["last"]
    # A stream is under way for as long as it is read.
    with session.get(f"{server.url}/v1/tail?topic=orders", stream=True):
        tail, = until(lambda: [one for one in clients(server, search="shop/4.2") if one["under_way"]])
        assert tail["last_request"] == "GET /v1/tail"


def test_a_kafka_client_tells_its_library_topics_and_group(server):
    confluent_kafka = pytest.importorskip("confluent_kafka")
    server.create_topic("orders", partitions=2)
    producer = confluent_kafka.Producer({"bootstrap.servers": server.kafka, "client.id": "till-7"})
    producer.produce("orders", b"x")
    assert producer.flush(10) == 0
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": server.kafka, "client.id": "billing-1", "group.id": "billing", "auto.offset.reset": "earliest"})
    consumer.subscribe(["orders"])
    until(lambda: consumer.poll(0.5))
    till = [one for one in clients(server, search="till-7") if one["topics"]]
    assert till and till[0]["service"] == "kafka" and "rdkafka" in till[0]["software"]
    billing = clients(server, search="billing-1")
    assert any(one["topics"] == ["orders"] for one in billing)
    assert any(one["groups"] == ["billing"] for one in billing)
    assert all(one["requests"] > 0 and one["bytes_sent"] > 0 for one in billing)
    text = apus(server, "client", "list", "--search", "billing-1")
    assert "billing-1" in text and "group billing" in text and "orders" in text
    listed = [json.loads(line) for line in apus(server, "client", "list", "--json").splitlines()]
    assert {one["service"] for one in listed} == {"http", "kafka"}
    # Sent away, it comes back by itself and goes on.
    before = {one["id"] for one in billing}
    for name in before:
        apus(server, "client", "disconnect", name, check=False)
    producer.produce("orders", b"y")
    assert producer.flush(10) == 0
    until(lambda: consumer.poll(0.5))
    assert not before & {one["id"] for one in clients(server, search="billing-1")}
    consumer.close()


def test_a_client_that_is_not_there_is_not_found(server):
    done = subprocess.run(
        [server.binary, "client", "disconnect", "kafka-0-4711-0", "--url", server.url], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 3 and "no client" in done.stderr


def test_many_clients_come_in_pages_that_name_each_once(server):
    sessions = [requests.Session() for _ in range(60)]
    for session in sessions:
        session.get(f"{server.url}/health/live").raise_for_status()
    found, after = [], None
    while True:
        page = server.succeed("GET", "/v1/clients", params={"limit": 7, **({"after": after} if after else {})}).json()
        found += [one["id"] for one in page["clients"]]
        after = page["next"]
        if after is None:
            break
    assert len(found) == len(set(found)) and len(found) >= 60
