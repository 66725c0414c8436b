# SPDX-License-Identifier: Apache-2.0
"""Groups of the newer protocol (KIP-848), whose partitions the server assigns: librdkafka's consumers share a topic, take over, and are described."""

import contextlib
import time

import confluent_kafka
from confluent_kafka.admin import AdminClient

PATIENCE = 30


def consumer(server, topic, group):
    made = confluent_kafka.Consumer({
        "bootstrap.servers": server.kafka, "group.id": group, "group.protocol": "consumer",
        "auto.offset.reset": "earliest", "enable.auto.commit": False})
    made.subscribe([topic])
    return contextlib.closing(made)


def poll_until(condition, *consumers):
    """Polls all consumers until the condition holds; what they read."""
    deadline = time.monotonic() + PATIENCE
    read = []
    while not condition(read):
        assert time.monotonic() < deadline, [made.assignment() for made in consumers]
        for made in consumers:
            message = made.poll(0.05)
            if message is not None:
                assert message.error() is None, message.error()
                read.append(message.value())
    return read


def places(made):
    return {place.partition for place in made.assignment()}


def test_the_server_assigns_partitions_to_members_that_come_and_go(kafka_server):
    kafka_server.create_topic("newer", 4)
    producer = confluent_kafka.Producer({"bootstrap.servers": kafka_server.kafka})
    for number in range(100):
        producer.produce("newer", b"%d" % number, partition=number % 4)
    assert producer.flush(PATIENCE) == 0
    admin = AdminClient({"bootstrap.servers": kafka_server.kafka})
    with contextlib.ExitStack() as stack:
        with consumer(kafka_server, "newer", "newer") as first:
            read = poll_until(lambda read: len(read) == 100, first)
            assert sorted(map(int, read)) == list(range(100))
            assert places(first) == {0, 1, 2, 3}
            first.commit(asynchronous=False)
            second = stack.enter_context(consumer(kafka_server, "newer", "newer"))
            poll_until(lambda _: len(places(first)) == len(places(second)) == 2, first, second)
            assert places(first) | places(second) == {0, 1, 2, 3}
            described = admin.describe_consumer_groups(["newer"])["newer"].result()
            assert described.state == confluent_kafka.ConsumerGroupState.STABLE
            assert described.type == confluent_kafka.ConsumerGroupType.CONSUMER
            assert len(described.members) == 2
        # The first one has left: the other gets everything, and nothing that was committed comes again.
        assert poll_until(lambda _: places(second) == {0, 1, 2, 3}, second) == []
        producer.produce("newer", b"more", partition=3)
        assert producer.flush(PATIENCE) == 0
        assert poll_until(lambda read: read, second) == [b"more"]
