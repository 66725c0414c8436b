# SPDX-License-Identifier: Apache-2.0
"""Topics that have their events judged, and Kafka's own clients: refused with Kafka's error, or put aside while the producer goes on."""

import json
import struct
import uuid

import confluent_kafka
import confluent_kafka.admin as confluent_admin
import kafka
import pytest
from kafka.errors import InvalidRecordError

PATIENCE = 30
SCHEMA = {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}


@pytest.fixture
def judged(kafka_server, new_topic):
    """Makes topics whose events are judged: judged(quarantine=...); also says the schema's id."""

    def make(**settings):
        topic = new_topic()
        answer = kafka_server.succeed("POST", f"/v1/schemas/{topic}-value/versions", json={"schema": SCHEMA})
        kafka_server.succeed("PUT", f"/v1/topics/{topic}", json={"schema": {"enforcement": "enforce", **settings}})
        return topic, answer.json()["id"]

    return make


def produce(server, topic, values, **settings):
    """What became of each value: an offset, or the error."""
    producer = confluent_kafka.Producer({"bootstrap.servers": server.kafka, "linger.ms": 50, **settings})
    outcomes = {}
    for place, value in enumerate(values):
        producer.produce(
            topic, value, on_delivery=lambda error, message, place=place:
                outcomes.__setitem__(place, error if error else message.offset()))
    assert producer.flush(PATIENCE) == 0
    return [outcomes[place] for place in range(len(values))]


def consume(server, topic, count):
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": server.kafka, "group.id": f"g-{topic}", "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    found = []
    for _ in range(PATIENCE * 4):
        message = consumer.poll(0.5)
        if message is not None and not message.error():
            found.append(message)
        if len(found) == count:
            break
    consumer.close()
    return found


@pytest.mark.parametrize("compression", ["none", "gzip", "lz4", "zstd", "snappy"])
def test_a_record_that_is_not_accepted_is_refused(kafka_server, judged, compression):
    topic, _ = judged()
    settings = {"compression.type": compression}
    good = json.dumps({"id": 1, "text": "x" * 200})
    assert produce(kafka_server, topic, [good, good], **settings) == [0, 1]
    refused = produce(kafka_server, topic, [json.dumps({"id": "x" * 200})], **settings)
    assert refused[0].code() == confluent_kafka.KafkaError.INVALID_RECORD
    assert produce(kafka_server, topic, [good], **settings) == [2]


def test_the_java_client_s_relatives_are_told_too(kafka_server, judged):
    topic, _ = judged()
    producer = kafka.KafkaProducer(bootstrap_servers=kafka_server.kafka, retries=0)
    assert producer.send(topic, b'{"id": 1}').get(PATIENCE).offset == 0
    with pytest.raises(InvalidRecordError):
        producer.send(topic, b'{"id": null}').get(PATIENCE)
    producer.close()


def test_the_wire_format_names_the_schema(kafka_server, judged):
    topic, identity = judged()
    other = kafka_server.succeed(
        "POST", f"/v1/schemas/{topic}-other/versions", json={"schema": {"required": ["sku"]}}).json()["id"]

    def framed(number, value):
        return struct.pack(">bI", 0, number) + json.dumps(value).encode()

    assert produce(kafka_server, topic, [framed(identity, {"id": 1}), framed(other, {"sku": 1})]) == [0, 1]
    for value in [framed(identity, {"sku": 1}), framed(other, {"id": 1}), framed(999_999, {"id": 1})]:
        assert produce(kafka_server, topic, [value])[0].code() == confluent_kafka.KafkaError.INVALID_RECORD


@pytest.mark.parametrize("idempotent", [False, True])
def test_with_quarantine_the_producer_goes_on(kafka_server, judged, idempotent):
    topic, _ = judged(quarantine=f"q-{idempotent}".lower())
    values = [json.dumps({"id": n if n % 3 else "bad"}) for n in range(30)]
    outcomes = produce(kafka_server, topic, values, **{"enable.idempotence": idempotent})
    assert all(isinstance(outcome, int) for outcome in outcomes)
    kept = [message.value().decode() for message in consume(kafka_server, topic, 20)]
    assert kept == [value for value in values if "bad" not in value]
    aside = consume(kafka_server, f"q-{idempotent}".lower(), 10)
    assert len(aside) == 10
    headers = dict(aside[0].headers())
    assert headers["apus-place"] == topic.encode()
    assert b"/id" in headers["apus-reason"]


VALIDATION = "confluent.value.schema.validation"


class Admin:
    """Topics and their configs by confluent-kafka alone."""

    def __init__(self, server):
        self.client = confluent_admin.AdminClient({"bootstrap.servers": server.kafka})

    def create(self, topic, **configs):
        self.client.create_topics([confluent_admin.NewTopic(topic, 1, 1, config=configs)])[topic].result(PATIENCE)

    def change(self, topic, operation="SET", **configs):
        entries = [
            confluent_admin.ConfigEntry(
                name, value, incremental_operation=confluent_admin.AlterConfigOpType[operation])
            for name, value in configs.items()]
        future, = self.client.incremental_alter_configs(
            [confluent_admin.ConfigResource("topic", topic, incremental_configs=entries)]).values()
        future.result(PATIENCE)

    def replace(self, topic, **configs):
        future, = self.client.alter_configs(
            [confluent_admin.ConfigResource("topic", topic, set_config=configs)]).values()
        future.result(PATIENCE)

    def configs(self, topic):
        future, = self.client.describe_configs([confluent_admin.ConfigResource("topic", topic)]).values()
        return {name: entry.value for name, entry in future.result(PATIENCE).items()}


def test_an_admin_client_alone_turns_enforcement_on_and_off(kafka_server):
    admin, topic = Admin(kafka_server), f"judged-{uuid.uuid4().hex[:12]}"
    admin.create(topic, **{VALIDATION: "true"})
    assert admin.configs(topic)[VALIDATION] == "true"
    assert admin.configs(topic)["apus.schema.enforcement"] == "enforce"
    kafka_server.succeed("POST", f"/v1/schemas/{topic}-value/versions", json={"schema": SCHEMA})
    bad, good = b'{"id": "x"}', b'{"id": 1}'
    assert produce(kafka_server, topic, [bad])[0].code() == confluent_kafka.KafkaError.INVALID_RECORD
    admin.change(topic, **{VALIDATION: "false"})
    assert produce(kafka_server, topic, [bad]) == [0]
    assert admin.configs(topic)["apus.schema.enforcement"] == "off"
    admin.change(topic, **{"apus.schema.enforcement": "enforce", "apus.schema.quarantine": f"{topic}-bad"})
    assert produce(kafka_server, topic, [good, bad, good])[::2] == [1, 3]
    assert [message.value() for message in consume(kafka_server, f"{topic}-bad", 1)] == [bad]
    assert kafka_server.succeed("GET", f"/v1/topics/{topic}").json()["schema"] == {
        "enforcement": "enforce", "subject": None, "quarantine": f"{topic}-bad"}
    admin.change(topic, operation="DELETE", **{VALIDATION: None, "apus.schema.quarantine": None})
    assert admin.configs(topic)[VALIDATION] == "false"
    assert produce(kafka_server, topic, [bad]) == [4]


def test_another_subject_judges(kafka_server):
    admin, topic = Admin(kafka_server), f"judged-{uuid.uuid4().hex[:12]}"
    kafka_server.succeed("POST", f"/v1/schemas/{topic}-shared/versions", json={"schema": {"required": ["sku"]}})
    admin.create(topic, **{"apus.schema.enforcement": "enforce", "apus.schema.subject": f"{topic}-shared"})
    outcomes = produce(kafka_server, topic, [b'{"sku": 1}'])
    outcomes += produce(kafka_server, topic, [b'{"id": 1}'])
    assert outcomes[0] == 0
    assert outcomes[1].code() == confluent_kafka.KafkaError.INVALID_RECORD


@pytest.mark.parametrize("configs", [
    {VALIDATION: "perhaps"}, {"confluent.key.schema.validation": "true"}, {"apus.schema.enforcement": "on"},
    {"apus.schema.quarantine": "no topic"},
    {"confluent.value.subject.name.strategy": "io.confluent.kafka.serializers.subject.RecordNameStrategy"}])
def test_what_does_not_exist_is_refused_and_not_ignored(kafka_server, configs):
    admin, topic = Admin(kafka_server), f"judged-{uuid.uuid4().hex[:12]}"
    admin.create(topic)
    with pytest.raises(confluent_kafka.KafkaException) as error:
        admin.change(topic, **configs)
    assert error.value.args[0].code() == confluent_kafka.KafkaError.INVALID_CONFIG
    assert next(iter(configs)) in error.value.args[0].str()


def test_an_old_request_about_something_else_leaves_checking_on(kafka_server):
    """AlterConfigs, which gives every config its default that it does not name."""
    admin, topic = Admin(kafka_server), f"judged-{uuid.uuid4().hex[:12]}"
    admin.create(topic, **{VALIDATION: "true", "retention.bytes": "1000000"})
    admin.replace(topic, **{"retention.ms": "7200000"})
    assert admin.configs(topic)["retention.bytes"] == "-1"
    assert admin.configs(topic)[VALIDATION] == "true"
    admin.replace(topic, **{"apus.schema.subject": "shared"})
    assert admin.configs(topic)[VALIDATION] == "false"
