# SPDX-License-Identifier: Apache-2.0
"""Consumer groups: members of every client join, share partitions, leave, die and come back; nothing is lost, and what was committed is
not read again."""

import asyncio
import contextlib
import json
import subprocess

import aiokafka
import aiokafka.admin
import confluent_kafka
import kafka
import pytest
from clients import PATIENCE, AioKafka, Confluent, Kcat, KafkaPython, Record, until
from group_members import Members

MEMBERS = ["kafka-python", "aiokafka", "confluent-kafka", "confluent-cooperative", "confluent-kip848"]
CLASSIC = MEMBERS[:4]
PARTITIONS = 4
# What members say of themselves (member.py).
SESSION_SECONDS = 6

each_member = pytest.mark.parametrize("client", MEMBERS)


class Load:
    """Numbered records into all partitions, as many as one likes."""

    def __init__(self, server, topic):
        self.server = server
        self.topic = topic
        self.sent = 0

    def add(self, count):
        records = [
            Record(str(number).encode(), partition=number % PARTITIONS) for number in range(self.sent, self.sent + count)]
        Confluent().produce(self.server.kafka, self.topic, records)
        self.sent += count

    def all(self):
        return {str(number) for number in range(self.sent)}

    def are_read_by(self, members, seconds=PATIENCE):
        until(lambda: members.values().keys() == self.all(), members.story, seconds)


@pytest.fixture
def load(kafka_server, new_topic):
    return Load(kafka_server, new_topic(partitions=PARTITIONS))


@pytest.fixture
def members(kafka_server, load, group):
    with Members(kafka_server, load.topic, group) as members:
        yield members


def committed(server, group, topic):
    """The committed offset of each partition, as librdkafka reads it."""
    consumer = confluent_kafka.Consumer({**Confluent.options(server.kafka), "group.id": group})
    try:
        places = [confluent_kafka.TopicPartition(topic, number) for number in range(PARTITIONS)]
        return [place.offset for place in consumer.committed(places, PATIENCE)]
    finally:
        consumer.close()


@each_member
def test_members_share_join_leave_and_die(kafka_server, load, members, group, client):
    load.add(100)
    first = members.start(client)
    members.settle(PARTITIONS)
    load.are_read_by(members)
    second = members.start(client)
    until(lambda: second.assigned and first.assigned and members.are_settled(PARTITIONS), members.story)
    assert {len(first.assigned), len(second.assigned)} == {2}
    load.add(100)
    load.are_read_by(members)
    # One that says goodbye is replaced at once,
    until(lambda: second.committed == len(second.read), members.story)
    second.leave()
    # (in the newer protocol: by its next heartbeat),
    until(
        lambda: len(first.assigned) == PARTITIONS, members.story,
        seconds=SESSION_SECONDS - 1 if client in CLASSIC else PATIENCE)
    load.add(100)
    load.are_read_by(members)
    third = members.start(client)
    until(lambda: third.assigned and first.assigned and members.are_settled(PARTITIONS), members.story)
    load.add(100)
    load.are_read_by(members)
    until(lambda: all(member.committed == len(member.read) for member in (first, third)), members.story)
    # and everything was read once so far: nobody lost anything, nobody took anything back.
    assert set(members.values().values()) == {1}
    assert sum(committed(kafka_server, group, load.topic)) == load.sent


def test_a_member_that_dies_is_replaced_when_its_session_is_over(kafka_server, new_topic, group):
    # A group for each client, all at the same time, since most of it is waiting for sessions to end.
    with contextlib.ExitStack() as stack:
        groups = []
        for client in CLASSIC:
            load = Load(kafka_server, new_topic(partitions=PARTITIONS))
            members = stack.enter_context(Members(kafka_server, load.topic, f"{group}-{client}"))
            load.add(40)
            groups.append((load, members, members.start(client), members.start(client)))
        for load, members, first, second in groups:
            until(lambda: first.assigned and second.assigned and members.are_settled(PARTITIONS), members.story)
            load.are_read_by(members)
            second.kill()
            load.add(200)
        for load, members, first, second in groups:
            until(lambda: len(first.assigned) == PARTITIONS, members.story)
            load.are_read_by(members)
            # What had been committed before the death is not read again.
            twice = {value for value, times in members.values().items() if times > 1}
            assert not twice & {value for _, _, value in second.read[: second.committed]}


def test_clients_of_all_kinds_are_members_of_one_group(load, members):
    load.add(200)
    one, two, three = members.start("kafka-python"), members.start("aiokafka"), members.start("confluent-kafka")
    until(
        lambda: all(member.assigned for member in (one, two, three)) and members.are_settled(PARTITIONS), members.story)
    load.add(200)
    load.are_read_by(members)
    one.leave()
    until(lambda: members.are_settled(PARTITIONS), members.story)
    load.add(200)
    load.are_read_by(members)


@pytest.mark.parametrize("client", ["kafka-python", "aiokafka", "confluent-kafka"])
def test_a_static_member_comes_back_to_what_it_had(kafka_server, load, members, client):
    load.add(40)
    first, second = members.start(client, "one"), members.start(client, "two")
    until(lambda: first.assigned and second.assigned and members.are_settled(PARTITIONS), members.story)
    load.are_read_by(members)
    until(lambda: all(member.committed == len(member.read) for member in (first, second)), members.story)
    had, before = set(second.assigned), first.assignments
    # It goes without the group noticing,
    second.kill()
    load.add(40)
    again = members.start(client, "two")
    until(lambda: again.assigned, members.story)
    assert again.assigned == had
    load.are_read_by(members)
    # so that the other one is not disturbed.
    assert first.assignments == before
    assert set(members.values().values()) == {1}


@pytest.mark.parametrize("client", ["kafka-python", "aiokafka", "confluent-kafka"])
def test_the_older_of_two_with_the_same_instance_is_fenced(load, members, client):
    load.add(4)
    first = members.start(client, "same")
    until(lambda: len(first.assigned) == PARTITIONS, members.story)
    second = members.start(client, "same")
    until(lambda: len(second.assigned) == PARTITIONS, members.story)
    # It is told so by its next heartbeat or commit, and reads no more.
    load.add(40)
    until(lambda: not first.is_running or first.failed or first.assigned != second.assigned, members.story)
    load.add(40)
    # aiokafka does not know the error: the older one joins anew and may take its turn, which fences the younger one.
    readers = (first, second) if client == "aiokafka" else (second,)
    until(
        lambda: {str(number) for number in range(44, 84)} <= {value for one in readers for _, _, value in one.read},
        members.story)


def test_kcat_is_a_member(kafka_server, load, group):
    load.add(40)
    command = Kcat.command(kafka_server.kafka, "-G", group, "-J", "-u", load.topic, settings=[
        "auto.offset.reset=earliest", "session.timeout.ms=6000"])
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        lines = [json.loads(process.stdout.readline()) for _ in range(40)]
        assert {line["payload"] for line in lines} == load.all()
    finally:
        # Politely: it commits and leaves.
        process.terminate()
        process.wait(PATIENCE)
    until(lambda: committed(kafka_server, group, load.topic) == [10] * PARTITIONS, "kcat's commit", 5)


# Positions and their metadata.


def commit_with_kafka_python(address, group, topic):
    consumer = kafka.KafkaConsumer(**KafkaPython.options(address), group_id=group, enable_auto_commit=False)
    try:
        place = kafka.TopicPartition(topic, 1)
        consumer.assign([place])
        consumer.commit({place: kafka.OffsetAndMetadata(7, "from kafka-python\0", -1)})
    finally:
        consumer.close(autocommit=False)


def commit_with_aiokafka(address, group, topic):
    async def run():
        consumer = aiokafka.AIOKafkaConsumer(**AioKafka.options(address), group_id=group, enable_auto_commit=False)
        await consumer.start()
        try:
            place = aiokafka.TopicPartition(topic, 1)
            consumer.assign([place])
            await consumer.commit({place: (7, "from aiokafka\0")})
        finally:
            await consumer.stop()

    asyncio.run(run())


def commit_with_confluent(address, group, topic):
    consumer = confluent_kafka.Consumer({**Confluent.options(address), "group.id": group, "enable.auto.commit": False})
    try:
        consumer.commit(
            offsets=[confluent_kafka.TopicPartition(topic, 1, 7, "from confluent-kafka")], asynchronous=False)
    finally:
        consumer.close()


def read_with_kafka_python(address, group, topic):
    consumer = kafka.KafkaConsumer(**KafkaPython.options(address), group_id=group, enable_auto_commit=False)
    try:
        found = consumer.committed(kafka.TopicPartition(topic, 1), metadata=True)
        assert consumer.committed(kafka.TopicPartition(topic, 0)) is None
        return found.offset, found.metadata
    finally:
        consumer.close(autocommit=False)


def read_with_aiokafka(address, group, topic):
    async def run():
        admin = aiokafka.admin.AIOKafkaAdminClient(**AioKafka.options(address))
        await admin.start()
        try:
            found = await admin.list_consumer_group_offsets(group)
            assert set(found) == {aiokafka.TopicPartition(topic, 1)}
            return found[aiokafka.TopicPartition(topic, 1)]
        finally:
            await admin.close()

    return tuple(asyncio.run(run()))


def read_with_confluent(address, group, topic):
    consumer = confluent_kafka.Consumer({**Confluent.options(address), "group.id": group})
    try:
        none, found = consumer.committed(
            [confluent_kafka.TopicPartition(topic, number) for number in (0, 1)], PATIENCE)
        assert none.offset == confluent_kafka.OFFSET_INVALID
        return found.offset, found.metadata
    finally:
        consumer.close()


COMMITS = {
    "kafka-python": commit_with_kafka_python, "aiokafka": commit_with_aiokafka, "confluent-kafka": commit_with_confluent}
READS = {"kafka-python": read_with_kafka_python, "aiokafka": read_with_aiokafka, "confluent-kafka": read_with_confluent}


@pytest.mark.parametrize("client", list(COMMITS))
def test_positions_and_their_metadata_are_read_by_all(kafka_server, load, group, client):
    COMMITS[client](kafka_server.kafka, group, load.topic)
    for name, read in READS.items():
        offset, metadata = read(kafka_server.kafka, group, load.topic)
        # confluent-kafka sends the end of its C string, too, and reads beyond metadata without one: so the others write it as well.
        assert (offset, metadata.removesuffix("\0")) == (7, f"from {client}"), name


def test_positions_survive_the_death_of_the_server_and_members_come_back(new_server):
    server = new_server().start()
    with contextlib.ExitStack() as stack:
        groups = []
        for client in MEMBERS:
            server.create_topic(f"t-{client}", PARTITIONS)
            load = Load(server, f"t-{client}")
            members = stack.enter_context(Members(server, load.topic, f"g-{client}"))
            load.add(100)
            groups.append((load, members, members.start(client)))
        for load, members, member in groups:
            load.are_read_by(members)
            until(lambda: member.committed == 100, members.story)
        first = {load.topic: list(members.values()) for load, members, _ in groups}
        before = {load.topic: committed(server, members.group, load.topic) for load, members, _ in groups}
        server.restart()
        for load, members, member in groups:
            assert committed(server, members.group, load.topic) == before[load.topic]
            load.add(100)
        for load, members, member in groups:
            load.are_read_by(members, 2 * PATIENCE)
            until(lambda: sum(committed(server, members.group, load.topic)) == 200, members.story)
            # What was read and not yet committed when the server came back to an empty group is read again, and nothing else.
            values = members.values()
            assert all(count >= 1 for count in values.values()), members.story()
            assert {values[key] for key in first[load.topic]} == {1}, members.story()
