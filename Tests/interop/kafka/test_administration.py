# SPDX-License-Identifier: Apache-2.0
"""Administration with Kafka's clients: topics, partitions, configs, records, groups; and what cannot be had is refused with a reason."""

import asyncio
import json
import uuid

import aiokafka
import aiokafka.admin
import confluent_kafka
import kafka
import pytest
from aiokafka.admin.config_resource import ConfigResource as AioConfigResource
from aiokafka.admin.config_resource import ConfigResourceType as AioConfigResourceType
from aiokafka.admin.records_to_delete import RecordsToDelete
from clients import ALL, PATIENCE, AioKafka, Confluent, Kcat, KafkaPython, Record, until
from confluent_kafka import admin as confluent_admin
from group_members import Members
from kafka.admin import ConfigResource, ConfigResourceType

from apus_server import event

UNKNOWN_TOPIC, TOPIC_EXISTS, INVALID_PARTITIONS, INVALID_REPLICATION, INVALID_CONFIG = 3, 36, 37, 38, 40
MESSAGE_TOO_LARGE = 10
INVALID_TOPIC, NON_EMPTY_GROUP, GROUP_NOT_FOUND, OFFSET_OUT_OF_RANGE = 17, 68, 69, 1


class KafkaPythonAdmin:
    """Each call of an administrator gives Kafka's error code, 0 for none, where it has nothing else to give."""

    name = "kafka-python"

    def __init__(self, address):
        self.admin = kafka.KafkaAdminClient(**KafkaPython.options(address))

    def close(self):
        self.admin.close()

    def create(self, name, partitions=-1, replication=-1, **configs):
        answer = self.admin.create_topics(
            {name: {"num_partitions": partitions, "replication_factor": replication, "configs": configs}},
            raise_errors=False)
        return answer["topics"][0]["error_code"]

    def delete(self, name):
        return self.admin.delete_topics([name], raise_errors=False)["topics"][0]["error_code"]

    def grow(self, name, count):
        return self.admin.create_partitions({name: count}, raise_errors=False).results[0].error_code

    def topics(self):
        return {topic["name"]: len(topic["partitions"]) for topic in self.admin.describe_topics()}

    def configs(self, name):
        found = self.admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)], config_filter="all")
        return {key: config["value"] for key, config in found["topic"][name].items()}

    def alter(self, name, **configs):
        answer = self.admin.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, name, configs)], raise_on_unknown=False)["topic"][name]
        return 0 if answer == "OK" else int(answer.removeprefix("[Error ").split("]")[0])

    def delete_records(self, name, before):
        place = kafka.TopicPartition(name, 0)
        return self.admin.delete_records({place: before})[place]["low_watermark"]

    def groups(self):
        return {group["group_id"]: group["group_state"] for group in self.admin.list_groups()}

    def members(self, group):
        return len(self.admin.describe_groups([group])[group]["members"])

    def delete_group(self, group):
        answer = self.admin.delete_groups([group])[group]
        return {"OK": 0, "NonEmptyGroupError": NON_EMPTY_GROUP, "GroupIdNotFoundError": GROUP_NOT_FOUND}[answer]


class ConfluentAdmin:
    name = "confluent-kafka"

    def __init__(self, address):
        self.admin = confluent_admin.AdminClient(Confluent.options(address))

    def close(self):
        pass

    @staticmethod
    def code(futures):
        future, = futures.values()
        try:
            future.result(PATIENCE)
        except confluent_kafka.KafkaException as error:
            return error.args[0].code()
        return 0

    def create(self, name, partitions=-1, replication=-1, **configs):
        return self.code(self.admin.create_topics(
            [confluent_admin.NewTopic(name, partitions, replication, config=configs)]))

    def delete(self, name):
        return self.code(self.admin.delete_topics([name]))

    def grow(self, name, count):
        return self.code(self.admin.create_partitions([confluent_admin.NewPartitions(name, count)]))

    def topics(self):
        found = self.admin.list_topics(timeout=PATIENCE).topics
        return {name: len(topic.partitions) for name, topic in found.items()}

    def configs(self, name):
        future, = self.admin.describe_configs([confluent_admin.ConfigResource("topic", name)]).values()
        return {key: config.value for key, config in future.result(PATIENCE).items()}

    def alter(self, name, **configs):
        entries = [
            confluent_admin.ConfigEntry(key, value, incremental_operation=confluent_admin.AlterConfigOpType.SET)
            for key, value in configs.items()]
        return self.code(self.admin.incremental_alter_configs(
            [confluent_admin.ConfigResource("topic", name, incremental_configs=entries)]))

    def delete_records(self, name, before):
        future, = self.admin.delete_records([confluent_kafka.TopicPartition(name, 0, before)]).values()
        return future.result(PATIENCE).low_watermark

    def groups(self):
        listed = self.admin.list_consumer_groups().result(PATIENCE)
        assert not listed.errors
        return {
            group.group_id: {"STABLE": "Stable", "EMPTY": "Empty"}.get(group.state.name, group.state.name)
            for group in listed.valid}

    def members(self, group):
        return len(self.admin.describe_consumer_groups([group])[group].result(PATIENCE).members)

    def delete_group(self, group):
        return self.code(self.admin.delete_consumer_groups([group]))


class AioKafkaAdmin:
    name = "aiokafka"

    def __init__(self, address):
        self.loop = asyncio.new_event_loop()

        async def begin():
            self.admin = aiokafka.admin.AIOKafkaAdminClient(**AioKafka.options(address))
            await self.admin.start()

        self.run(begin())

    def run(self, task):
        return self.loop.run_until_complete(asyncio.wait_for(task, PATIENCE))

    def close(self):
        self.run(self.admin.close())
        self.loop.close()

    def create(self, name, partitions=-1, replication=-1, **configs):
        # It wants numbers.
        made = aiokafka.admin.NewTopic(
            name, 1 if partitions == -1 else partitions, 1 if replication == -1 else replication, topic_configs=configs)
        return self.run(self.admin.create_topics([made])).topic_errors[0][1]

    def delete(self, name):
        return self.run(self.admin.delete_topics([name])).topic_error_codes[0][1]

    def grow(self, name, count):
        try:
            self.run(self.admin.create_partitions({name: aiokafka.admin.NewPartitions(count)}))
        except aiokafka.errors.KafkaError as error:
            return error.errno
        return 0

    def topics(self):
        return {topic["topic"]: len(topic["partitions"]) for topic in self.run(self.admin.describe_topics())}

    def configs(self, name):
        answer, = self.run(self.admin.describe_configs([AioConfigResource(AioConfigResourceType.TOPIC, name)]))
        return {config[0]: config[1] for config in answer.resources[0][4]}

    def alter(self, name, **configs):
        answer, = self.run(self.admin.alter_configs([AioConfigResource(AioConfigResourceType.TOPIC, name, configs)]))
        return answer.resources[0][0]

    def delete_records(self, name, before):
        place = aiokafka.TopicPartition(name, 0)
        return self.run(self.admin.delete_records({place: RecordsToDelete(before)}))[place]

    def groups(self):
        return {group[0]: None for group in self.run(self.admin.list_consumer_groups())}

    def members(self, group):
        answer, = self.run(self.admin.describe_consumer_groups([group]))
        return len(answer.groups[0][5])

    delete_group = None


@pytest.fixture(params=[KafkaPythonAdmin, AioKafkaAdmin, ConfluentAdmin], ids=lambda made: made.name)
def admin(request, kafka_server):
    made = request.param(kafka_server.kafka)
    yield made
    made.close()


@pytest.fixture
def name():
    return f"a-{uuid.uuid4().hex[:12]}"


def test_topics_are_made_described_and_deleted(kafka_server, admin, name):
    assert admin.create(name, partitions=3, replication=1, **{"retention.ms": "3600000"}) == 0
    assert admin.topics()[name] == 3
    # It is the same topic to everybody else,
    assert kafka_server.succeed("GET", f"/v1/topics/{name}").json()["retention"]["age"] == "1h"
    assert admin.create(name, partitions=3) == TOPIC_EXISTS
    Confluent().produce(kafka_server.kafka, name, [Record(b"x")])
    assert admin.delete(name) == 0
    until(lambda: name not in admin.topics(), "deletion")
    assert admin.delete(name) == UNKNOWN_TOPIC
    # and one made anew has nothing of the old one.
    assert admin.create(name) == 0
    assert kafka_server.read_all(name) == []


def test_what_there_cannot_be_is_refused(kafka_server, admin, name):
    assert admin.create(name, partitions=1, replication=2) == INVALID_REPLICATION
    assert admin.create(name, partitions=1, replication=1, **{"no.such.config": "1"}) == INVALID_CONFIG
    assert admin.create(name, partitions=1, replication=1, **{"retention.ms": "soon"}) == INVALID_CONFIG
    assert admin.create(name, partitions=1, replication=1, **{"min.insync.replicas": "2"}) == INVALID_CONFIG
    assert admin.create(name, partitions=20_000, replication=1) == INVALID_PARTITIONS
    assert admin.create("no/such name", partitions=1, replication=1) == INVALID_TOPIC
    assert not {name, "no/such name"} & set(admin.topics())


def test_partitions_are_added_and_never_taken_away(kafka_server, admin, name):
    assert admin.create(name, partitions=2) == 0
    assert admin.grow(name, 5) == 0
    assert admin.topics()[name] == 5
    for count in (5, 3):
        assert admin.grow(name, count) == INVALID_PARTITIONS
    assert admin.grow(name + "-not", 5) == UNKNOWN_TOPIC
    places = KafkaPython().produce(kafka_server.kafka, name, [Record(b"x", partition=number) for number in range(5)])
    assert places == [(number, 0) for number in range(5)]


def test_configs_are_seen_and_changed(kafka_server, admin, name):
    assert admin.create(name, partitions=1, replication=1) == 0
    before = admin.configs(name)
    assert before["message.timestamp.type"] == "CreateTime" and before["compression.type"] == "producer"
    assert admin.alter(name, **{"retention.ms": "7200000", "retention.bytes": "1000000"}) == 0
    after = admin.configs(name)
    assert (after["retention.ms"], after["retention.bytes"]) == ("7200000", "1000000")
    assert kafka_server.succeed("GET", f"/v1/topics/{name}").json()["retention"]["age"] == "2h"
    for configs in ({"no.such.config": "1"}, {"retention.ms": "soon"}, {"unclean.leader.election.enable": "true"}):
        assert admin.alter(name, **configs) == INVALID_CONFIG
    assert admin.configs(name) == after


def test_settings_of_segments_and_batches_are_the_same_everywhere(kafka_server, admin, name):
    configs = {
        "segment.ms": "60000", "segment.bytes": "2097152", "max.message.bytes": "2000",
        "message.timestamp.type": "LogAppendTime"}
    assert admin.create(name, partitions=1, replication=1, **configs) == 0
    shown = kafka_server.succeed("GET", f"/v1/topics/{name}").json()
    assert (shown["segment_age"], shown["segment_bytes"], shown["max_batch_bytes"], shown["timestamps"]) == (
        "1m", 2097152, 2000, "append")
    kafka_server.succeed("PUT", f"/v1/topics/{name}", json={
        "segment_age": "1s", "segment_bytes": 1048576, "max_batch_bytes": 3000, "timestamps": "producer"})
    after = admin.configs(name)
    assert [after[config] for config in configs] == ["1000", "1048576", "3000", "CreateTime"]
    for wrong in ({"segment.ms": "0"}, {"segment.bytes": "1000"}, {"max.message.bytes": "0"},
                  {"max.message.bytes": "1000000000"}, {"segment.jitter.ms": "1"}):
        assert admin.alter(name, **wrong) == INVALID_CONFIG, wrong
        assert admin.create(name + "-not", partitions=1, replication=1, **wrong) == INVALID_CONFIG, wrong
    assert admin.configs(name) == after


def test_a_batch_is_taken_up_to_the_limit_and_not_beyond(kafka_server, admin, name):
    # One record without key and headers: 61 bytes of the batch's header and nine of the record's own.
    limit = 2000
    fits, exceeds = b"x" * (limit - 70), b"x" * (limit - 69)
    assert admin.create(name, partitions=2, replication=1, **{"max.message.bytes": str(limit)}) == 0
    for number, client in enumerate((Confluent(), KafkaPython(), AioKafka())):
        assert client.produce(kafka_server.kafka, name, [Record(fits, partition=0)]) == [(0, number)], client
        with pytest.raises(Exception) as refused:
            client.produce(kafka_server.kafka, name, [Record(exceeds, partition=0)])
        said = f"{refused.value!r} {refused.value}".lower().replace("_", "").replace(" ", "")
        assert "messagesizetoolarge" in said or "msgsizetoolarge" in said or "larger" in said, said
    # Each partition for itself: what is refused in one is taken in the other.
    outcomes = {}
    producer = confluent_kafka.Producer({**Confluent.options(kafka_server.kafka), "linger.ms": 50})
    for partition, value in ((0, exceeds), (1, fits)):
        producer.produce(
            name, value, partition=partition,
            on_delivery=lambda error, message: outcomes.update({message.partition(): error and error.code()}))
    producer.flush(PATIENCE)
    assert outcomes == {0: MESSAGE_TOO_LARGE, 1: None}
    # A compressed batch counts as it comes.
    compressed = confluent_kafka.Producer({**Confluent.options(kafka_server.kafka), "compression.type": "gzip"})
    compressed.produce(name, exceeds * 10, partition=1, on_delivery=lambda error, _: outcomes.update({2: error}))
    compressed.flush(PATIENCE)
    assert outcomes[2] is None
    # HTTP has its own error for the same.
    answer = kafka_server.request(
        "POST", f"/v1/topics/{name}/events", json=event("large", {"x": "x" * limit}),
        headers={"Content-Type": "application/cloudevents+json"})
    assert answer.status_code == 413
    kafka_server.publish(name, event("small", {}))
    assert sum(len(kafka_server.read_all(name, partition)) for partition in range(2)) == 6


def test_records_are_deleted_up_to_an_offset(kafka_server, admin, new_topic):
    topic = new_topic()
    Confluent().produce(kafka_server.kafka, topic, [Record(str(number).encode()) for number in range(10)])
    assert admin.delete_records(topic, 4) == 4
    consumer = confluent_kafka.Consumer({**Confluent.options(kafka_server.kafka), "group.id": "unused"})
    try:
        assert consumer.get_watermark_offsets(confluent_kafka.TopicPartition(topic, 0), PATIENCE) == (4, 10)
    finally:
        consumer.close()
    for client in ALL:
        found = client.consume(kafka_server.kafka, topic, 6, offset=4)
        assert [record.offset for record in found] == list(range(4, 10)), client
    assert len(kafka_server.read_all(topic, offset=4)) == 6
    # -1 stands for all there is.
    assert admin.delete_records(topic, -1) == 10
    assert ALL[0].produce(kafka_server.kafka, topic, [Record(b"next")]) == [(0, 10)]


def test_groups_are_listed_described_and_deleted(kafka_server, admin, new_topic, group):
    topic = new_topic(partitions=2)
    Confluent().produce(kafka_server.kafka, topic, [Record(b"x", partition=number % 2) for number in range(10)])
    with Members(kafka_server, topic, group) as members:
        first, second = members.start("confluent-kafka"), members.start("kafka-python")
        until(lambda: first.assigned and second.assigned and members.are_settled(2), members.story)
        assert admin.groups()[group] in ("Stable", None)
        assert admin.members(group) == 2
        if admin.delete_group:
            assert admin.delete_group(group) == NON_EMPTY_GROUP
        until(lambda: first.committed + second.committed == 10, members.story)
        first.leave()
        second.leave()
    assert admin.groups()[group] in ("Empty", None)
    assert admin.members(group) == 0
    if admin.delete_group:
        assert admin.delete_group(group) == 0
        assert group not in admin.groups()
        assert admin.delete_group(group) == GROUP_NOT_FOUND


def test_positions_of_groups_are_changed_and_deleted(kafka_server, new_topic, group):
    topic = new_topic(partitions=2)
    admin = kafka.KafkaAdminClient(**KafkaPython.options(kafka_server.kafka))
    try:
        places = [kafka.TopicPartition(topic, number) for number in range(2)]
        offsets = {place: kafka.structs.OffsetAndMetadata(5 + place.partition, "m", -1) for place in places}
        admin.alter_group_offsets(group, offsets)
        found = admin.list_group_offsets(group)[group]
        assert {place: (one.offset, one.metadata) for place, one in found.items()} == {
            places[0]: (5, "m"), places[1]: (6, "m")}
        admin.delete_group_offsets(group, [places[0]])
        assert set(admin.list_group_offsets(group)[group]) == {places[1]}
    finally:
        admin.close()


def test_the_cluster_is_one_broker(kafka_server, admin):
    listing = json.loads(Kcat.run(Kcat.command(kafka_server.kafka, "-L", "-J")))
    assert [broker["name"] for broker in listing["brokers"]] == [kafka_server.kafka]
    assert listing["controllerid"] == listing["brokers"][0]["id"]


def test_topics_are_made_by_whoever_produces_where_the_server_says_so(new_server, name):
    server = new_server("--auto-create-topics").start()
    for number, client in enumerate(ALL):
        topic = f"{name}-{number}"
        client.produce(server.kafka, topic, [Record(b"made on the way")])
        assert [record.value for record in client.consume(server.kafka, topic, 1)] == [b"made on the way"]


def test_topics_are_not_made_by_whoever_asks_where_it_does_not(kafka_server, admin, name):
    consumer = confluent_kafka.Consumer({
        **Confluent.options(kafka_server.kafka), "group.id": name, "allow.auto.create.topics": True})
    try:
        consumer.subscribe([name])
        message = until(lambda: consumer.poll(0.2), "an error")
        assert message.error().code() == UNKNOWN_TOPIC
    finally:
        consumer.close()
    assert name not in admin.topics()
