# SPDX-License-Identifier: Apache-2.0
"""The catalogue of events and Kafka's clients: who produces a type by this protocol, and which consumer groups get it."""

import time

from confluent_kafka import Consumer, Producer


def known(server, type, condition):
    """What is known of a type, once that is so."""
    end = time.monotonic() + 30
    while True:
        found = server.request("GET", f"/v1/event-types/{type}")
        if found.status_code == 200 and condition(found.json()):
            return found.json()
        assert time.monotonic() < end, found.text
        time.sleep(0.05)


def test_producers_and_groups_are_in_the_catalogue(kafka_server, new_topic, group):
    topic = new_topic(partitions=2)
    producer = Producer({"bootstrap.servers": kafka_server.kafka, "enable.idempotence": True})
    headers = [("ce_specversion", b"1.0"), ("ce_id", b"1"), ("ce_source", b"/till"), ("ce_type", f"sold.{topic}".encode()),
               ("content-type", b"application/json")]
    for number in range(10):
        producer.produce(topic, b'{"id": 1}', key=str(number), headers=headers)
    producer.produce(topic, b"plain")
    producer.flush(30)
    found = known(kafka_server, f"sold.{topic}", lambda one: one["count"] == 10)
    assert [(one["source"], one["way"], one["count"]) for one in found["producers"]] == [("/till", "kafka", 10)]
    assert found["consumers"] == []
    consumer = Consumer({"bootstrap.servers": kafka_server.kafka, "group.id": group, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    try:
        got = 0
        while got < 11:
            message = consumer.poll(30)
            assert message is not None and message.error() is None
            got += 1
        found = known(kafka_server, f"sold.{topic}", lambda one: one["consumers"])
        assert [(one["kind"], one["name"], one["gets"]) for one in found["consumers"]] == [("group", group, "all")]
        consumer.commit(asynchronous=False)
    finally:
        consumer.close()
    # Nobody is in the group any more, but it has a position, and will go on from there.
    found = known(kafka_server, f"sold.{topic}", lambda one: one["consumers"])
    assert found["consumers"][0]["name"] == group
    plain = kafka_server.request("GET", "/v1/event-types/apus.record").json()
    assert topic in [one["topic"] for one in plain["topics"]]
    assert {one["way"] for one in plain["producers"] if one["topic"] == topic} == {"kafka"}
