# SPDX-License-Identifier: Apache-2.0
"""Records come out as they went in: keys, nulls, headers, timestamps, sizes, compressions; from every client to every other; found again
by offset and by time."""

import asyncio
import random
import time

import aiokafka
import confluent_kafka
import kafka
import pytest
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource
from clients import ALL, PATIENCE, PYTHON, AioKafka, Confluent, Kcat, KafkaPython, Record, each_client, each_python_client


def now():
    """Milliseconds of this moment. Asked for in each test: others may have run for longer than the tolerance before it."""
    return int(time.time() * 1000)


def contents(records):
    return [record.content for record in records]


@pytest.mark.parametrize("consumer", ALL, ids=repr)
@pytest.mark.parametrize("producer", ALL, ids=repr)
def test_every_client_reads_what_every_client_writes(kafka_server, new_topic, producer, consumer):
    topic = new_topic()
    records = [Record(f"value {number}".encode(), f"key {number % 3}".encode()) for number in range(20)]
    records += [
        Record(b"without key"), Record(None, b"null value"),
        Record(b"with headers", b"h", (("first", b"1"), ("second", b"two"), ("first", b"again"))),
        Record("Grüße, мир, 世界".encode(), "ключ".encode(), (("名", "値".encode()),))]
    producer.produce(kafka_server.kafka, topic, records)
    found = consumer.consume(kafka_server.kafka, topic, len(records))
    assert contents(found) == contents(records)
    assert [record.offset for record in found] == list(range(len(records)))
    assert all(abs(record.timestamp - now()) < 600_000 for record in found)


@each_python_client
def test_nulls_and_emptiness_are_told_apart(kafka_server, new_topic, client):
    topic = new_topic()
    headers = (("empty", b""), ("binary", b"\xff\0"), ("", b"no name"))
    if "null headers" not in client.cannot:
        headers = (("null", None), *headers)
    records = [
        Record(b"", b""), Record(b"", None), Record(None, b""), Record(b"\0\xff\xfe", b"\xff\0"),
        Record(b"v", b"k", headers)]
    client.produce(kafka_server.kafka, topic, records)
    for reader in PYTHON:
        assert contents(reader.consume(kafka_server.kafka, topic, len(records))) == contents(records), reader


@each_python_client
def test_a_producer_s_timestamps_are_kept(kafka_server, new_topic, client):
    topic = new_topic()
    # Not 0, which is the present to librdkafka.
    present = now()
    times = [1, 1_000_000_000_000, present - 5, present]
    client.produce(kafka_server.kafka, topic, [Record(b"x", timestamp=time) for time in times])
    assert [record.timestamp for record in client.consume(kafka_server.kafka, topic, 4)] == times


@each_client
@pytest.mark.parametrize("compression", ["gzip", "snappy", "lz4", "zstd"])
def test_compressed_batches_are_read_by_all(kafka_server, new_topic, client, compression):
    topic = new_topic()
    chance = random.Random(7)
    records = [
        Record(f"{number} {'abc' * chance.randrange(100)}".encode(), b"k", (("n", str(number % 2).encode()),))
        for number in range(40)]
    records.sort(key=lambda record: record.headers)
    client.produce(kafka_server.kafka, topic, records, compression=compression)
    for reader in ALL:
        assert contents(reader.consume(kafka_server.kafka, topic, len(records))) == contents(records), reader
    # Who does not speak Kafka's protocol sees the same.
    events = kafka_server.read_all(topic)
    assert len(events) == len(records)


@each_client
def test_a_megabyte_goes_through(kafka_server, new_topic, client):
    topic = new_topic()
    value = random.Random(1).randbytes(500_000).hex().encode()
    client.produce(kafka_server.kafka, topic, [Record(value, b"large"), Record(b"small", b"small")])
    found = client.consume(kafka_server.kafka, topic, 2)
    assert contents(found) == [(b"large", value, ()), (b"small", b"small", ())]


@each_python_client
def test_many_small_records_stay_in_order(kafka_server, new_topic, client):
    topic = new_topic(partitions=3)
    records = [Record(str(number).encode(), str(number % 100).encode()) for number in range(5000)]
    places = client.produce(kafka_server.kafka, topic, records)
    assert len(set(places)) == len(records)
    found = client.consume(kafka_server.kafka, topic, len(records), partitions=range(3))
    assert len(found) == len(records)
    by_place = {(record.partition, record.offset): record.value for record in found}
    assert [by_place[place] for place in places] == [record.value for record in records]
    for key in range(100):
        values = [int(record.value) for record in found if record.key == str(key).encode()]
        assert values == sorted(values) and len(values) == 50


@each_python_client
def test_acknowledgements_may_be_fewer(kafka_server, new_topic, client):
    topic = new_topic()
    for acks in (0, 1):
        idempotence = {"enable_idempotence": False} | (
            {"acks": acks} if client.name != "confluent-kafka" else {"request_required_acks": acks})
        client.produce(kafka_server.kafka, topic, [Record(b"acks %d" % acks)], **idempotence)
    found = client.consume(kafka_server.kafka, topic, 2)
    assert sorted(record.value for record in found) == [b"acks 0", b"acks 1"]


@each_client
def test_a_reader_begins_where_it_wants(kafka_server, new_topic, client):
    topic = new_topic()
    ALL[0].produce(kafka_server.kafka, topic, [Record(str(number).encode()) for number in range(100)])
    found = client.consume(kafka_server.kafka, topic, 37, offset=63)
    assert [record.offset for record in found] == list(range(63, 100))
    assert [record.value for record in found] == [str(number).encode() for number in range(63, 100)]


# By time: each client has its own call for it.


def times_of_kafka_python(address, topic, times):
    consumer = kafka.KafkaConsumer(**KafkaPython.options(address))
    try:
        place = kafka.TopicPartition(topic, 0)
        found = [consumer.offsets_for_times({place: time})[place] for time in times]
        ends = consumer.beginning_offsets([place])[place], consumer.end_offsets([place])[place]
        return [one and (one.offset, one.timestamp) for one in found], ends
    finally:
        consumer.close()


def times_of_aiokafka(address, topic, times):
    async def run():
        consumer = aiokafka.AIOKafkaConsumer(**AioKafka.options(address))
        await consumer.start()
        try:
            place = aiokafka.TopicPartition(topic, 0)
            found = [(await consumer.offsets_for_times({place: time}))[place] for time in times]
            ends = (await consumer.beginning_offsets([place]))[place], (await consumer.end_offsets([place]))[place]
            return [one and (one.offset, one.timestamp) for one in found], ends
        finally:
            await consumer.stop()

    return asyncio.run(run())


def times_of_confluent(address, topic, times):
    consumer = confluent_kafka.Consumer({**Confluent.options(address), "group.id": "unused"})
    try:
        ends = consumer.get_watermark_offsets(confluent_kafka.TopicPartition(topic, 0), timeout=PATIENCE)
        found = [
            consumer.offsets_for_times([confluent_kafka.TopicPartition(topic, 0, time)], PATIENCE)[0].offset
            for time in times]
        # It gives the offset alone, and the end for a time that is too late.
        return [None if offset in (-1, ends[1]) else (offset, None) for offset in found], ends
    finally:
        consumer.close()


def times_of_kcat(address, topic, times):
    found = []
    for time in times:
        line = Kcat.run(Kcat.command(address, "-Q", "-t", f"{topic}:0:{time}")).decode()
        offset = int(line.rsplit(" ", 1)[1])
        found.append(None if offset == -1 else (offset, None))
    return found, (0, 5)


@pytest.mark.parametrize(
    "ask", [times_of_kafka_python, times_of_aiokafka, times_of_confluent, times_of_kcat], ids=lambda ask: ask.__name__)
def test_offsets_are_found_by_time(kafka_server, new_topic, ask):
    topic = new_topic()
    begun = now() - 10_000
    stamps = [begun, begun + 1000, begun + 1000, begun + 3000, begun + 2000]
    for stamp in stamps:
        # Batches of one, so that each can be found.
        ALL[2].produce(kafka_server.kafka, topic, [Record(b"x", timestamp=stamp)])
    times = [begun - 1, begun, begun + 1, begun + 1000, begun + 1001, begun + 2500, begun + 3001]
    found, ends = ask(kafka_server.kafka, topic, times)
    expected = [(0, 0), (0, 0), (1, 1000), (1, 1000), (3, 3000), (3, 3000), None]
    assert ends == (0, 5)
    assert [one and one[0] for one in found] == [one and one[0] for one in expected]
    assert all(one is None or one[1] in (None, begun + due[1]) for one, due in zip(found, expected))


def test_log_append_time_is_the_server_s(kafka_server, new_topic):
    topic = new_topic()
    admin = confluent_kafka.admin.AdminClient(Confluent.options(kafka_server.kafka))
    resource = ConfigResource("topic", topic, incremental_configs=[ConfigEntry(
        "message.timestamp.type", "LogAppendTime", incremental_operation=AlterConfigOpType.SET)])
    admin.incremental_alter_configs([resource])[resource].result(PATIENCE)
    for client in ALL:
        client.produce(kafka_server.kafka, topic, [Record(b"x", timestamp=1000)])
    for reader in ALL:
        found = reader.consume(kafka_server.kafka, topic, len(ALL))
        assert len(found) == len(ALL)
        assert all(abs(record.timestamp - now()) < 600_000 for record in found), reader


@pytest.mark.parametrize("client", [KafkaPython(), Confluent()], ids=repr)
def test_keys_go_where_the_http_api_puts_them(kafka_server, new_topic, client):
    topic = new_topic(partitions=7)
    chance = random.Random(3)
    keys = [f"{'k' * chance.randrange(1, 9)}{number}" for number in range(100)] + ["", "a", "ä", "鍵", "abc", "abcd"]
    more = {"partitioner": "murmur2_random"} if client.name == "confluent-kafka" else {}
    places = client.produce(
        kafka_server.kafka, topic, [Record(b"x", key.encode()) for key in keys if key], **more)
    by_client = dict(zip([key for key in keys if key], [partition for partition, _ in places]))
    by_http = {
        key: kafka_server.succeed(
            "POST", f"/v1/topics/{topic}/events", params={"key": key}, json={"n": 1}).json()["partition"]
        for key in by_client}
    assert by_client == by_http
    assert len(set(by_client.values())) == 7
