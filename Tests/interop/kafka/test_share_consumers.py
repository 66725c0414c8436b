# SPDX-License-Identifier: Apache-2.0
"""Share groups with librdkafka's share consumer, which is a preview: members share topics, accept, release and reject, come, go and die, and the
server dies under them."""

import contextlib
import time

import confluent_kafka
import pytest
from apus_server import ApusServer
from clients import PATIENCE, until
from confluent_kafka import AcknowledgeType
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType


def consumer(server, group, *topics, **config):
    """A member of a group. It is slow to leave when its server is gone, so the timeout is short."""
    made = confluent_kafka.ShareConsumer({
        "bootstrap.servers": server.kafka, "group.id": group, "socket.timeout.ms": 5000, "log_level": 0, **config})
    made.subscribe(list(topics))
    return contextlib.closing(made)


def explicit(server, group, *topics):
    return consumer(server, group, *topics, **{"share.acknowledgement.mode": "explicit"})


def from_the_beginning(server, group, **configs):
    entries = {"share.auto.offset.reset": "earliest", **configs}
    resource = ConfigResource(ResourceType.GROUP, group, incremental_configs=[
        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET) for name, value in entries.items()])
    admin = AdminClient({"bootstrap.servers": server.kafka})
    for done in admin.incremental_alter_configs([resource]).values():
        done.result(PATIENCE)


def produce(server, topic, values, **config):
    producer = confluent_kafka.Producer({"bootstrap.servers": server.kafka, **config})
    for value in values:
        producer.produce(topic, str(value).encode(), key=str(value).encode())
    assert producer.flush(PATIENCE) == 0


def poll_until(condition, *members, each=None):
    """Polls all members in turn until the condition holds for what they were handed; that."""
    read, deadline = [], time.monotonic() + PATIENCE
    while not condition(read):
        assert time.monotonic() < deadline, f"{len(read)} records"
        for member in members:
            for message in member.poll(0.1):
                assert message.error() is None, message.error()
                read.append(message)
                if each:
                    each(member, message)
    return read


def subscription(server, group, topic):
    return server.succeed("GET", f"/v1/subscriptions/{group}.share.{topic}").json()


def test_two_consumers_share_a_partition(kafka_server, new_topic, group):
    topic = new_topic()
    from_the_beginning(kafka_server, group)
    produce(kafka_server, topic, range(5000))
    with consumer(kafka_server, group, topic) as first, consumer(kafka_server, group, topic) as second:
        shares = {first: 0, second: 0}

        def count(member, message):
            shares[member] += 1

        read = poll_until(lambda read: len(read) >= 5000, first, second, each=count)
        assert sorted(int(message.value()) for message in read) == list(range(5000))
        assert all(message.key() == message.value() for message in read)
        assert min(shares.values()) > 0
        # What was polled last would be accepted by the next poll; closing does not.
        for member in (first, second):
            assert all(error is None for error in member.commit_sync(PATIENCE).values())
    assert subscription(kafka_server, group, topic)["acknowledged"] == 5000


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_many_partitions_and_compressed_batches(kafka_server, new_topic, group, codec):
    topic = new_topic(6)
    from_the_beginning(kafka_server, group)
    produce(kafka_server, topic, range(1000), **{"compression.type": codec})
    with consumer(kafka_server, group, topic) as first, consumer(kafka_server, group, topic) as second:
        read = poll_until(lambda read: len(read) >= 1000, first, second)
        assert sorted(int(message.value()) for message in read) == list(range(1000))
        assert len({message.partition() for message in read}) == 6


def test_records_are_accepted_released_and_rejected(kafka_server, new_topic, group):
    topic = new_topic()
    from_the_beginning(kafka_server, group)
    produce(kafka_server, topic, range(30))
    seen = {}

    def judge(member, message):
        number = int(message.value())
        seen[number] = seen.get(number, 0) + 1
        if number % 3 == 0:
            verdict = AcknowledgeType.ACCEPT
        elif number % 3 == 1:
            verdict = AcknowledgeType.RELEASE if seen[number] == 1 else AcknowledgeType.ACCEPT
        else:
            verdict = AcknowledgeType.REJECT
        member.acknowledge(message, verdict)

    with explicit(kafka_server, group, topic) as member:
        poll_until(lambda read: len(read) >= 40, member, each=judge)
        assert all(error is None for error in member.commit_sync(PATIENCE).values())
        assert seen == {number: 2 if number % 3 == 1 else 1 for number in range(30)}
    state = subscription(kafka_server, group, topic)
    assert (state["acknowledged"], state["dead_lettered"], state["in_flight"], state["backlog"]) == (20, 10, 0, 0)
    letters = kafka_server.succeed("GET", "/v1/dead-letters", params={"topic": f"{topic}.dead-letter"}).json()
    assert len(letters["dead_letters"]) == 10


def test_what_nobody_accepts_is_a_dead_letter(kafka_server, new_topic, group):
    topic = new_topic()
    from_the_beginning(kafka_server, group, **{"share.delivery.count.limit": "3"})
    produce(kafka_server, topic, ["poison"])
    with explicit(kafka_server, group, topic) as member:
        poll_until(
            lambda read: len(read) == 3, member,
            each=lambda member, message: member.acknowledge(message, AcknowledgeType.RELEASE))
        member.commit_sync(PATIENCE)
    until(lambda: subscription(kafka_server, group, topic)["dead_lettered"] == 1, "no dead letter")


def test_nothing_is_lost_when_the_server_is_killed(tmp_path):
    server = ApusServer(tmp_path).start()
    try:
        server.create_topic("killed", 2)
        from_the_beginning(server, "killed")
        produce(server, "killed", range(2000))
        with consumer(server, "killed", "killed") as member:
            read = poll_until(lambda read: len(read) >= 600, member)
            server.restart()
            produce(server, "killed", range(2000, 2100))
            numbers = {int(message.value()) for message in read}
            deadline = time.monotonic() + 2 * PATIENCE
            while len(numbers) < 2100:
                assert time.monotonic() < deadline, len(numbers)
                try:
                    messages = list(member.poll(0.2))
                except confluent_kafka.KafkaException as error:
                    assert error.args[0].retriable() or not error.args[0].fatal(), error
                    continue
                numbers |= {int(message.value()) for message in messages if message.error() is None}
            assert numbers == set(range(2100))
    finally:
        server.kill()
