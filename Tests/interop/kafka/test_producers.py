# SPDX-License-Identifier: Apache-2.0
"""Producers that must not repeat themselves: idempotent ones whose connections are cut, and transactions, of which readers of committed
records see all or nothing."""

import asyncio
import struct
import uuid

import aiokafka
import confluent_kafka
import kafka
import pytest
import wire
from apus_server import ApusServer
from free_ports import free_port
from clients import ALL, PATIENCE, PYTHON, AioKafka, Confluent, Kcat, KafkaPython, Record, each_python_client, until
from cutting_proxy import CuttingProxy
from epoch_bumps import EpochBumpTransactions
from wire import Connection, batch, produce, produced

OUT_OF_ORDER, INVALID_EPOCH = 45, 47


# Idempotence.


@pytest.fixture
def proxied_server(tmp_path):
    """A server that tells its clients to come through a proxy, which cuts them off again and again."""
    port = free_port()
    server = ApusServer(tmp_path, ["--kafka-advertise", f"127.0.0.1:{port}"])
    proxy = CuttingProxy(port, seed=4, cuts_max=16)
    proxy.target = server.kafka_port
    server.start()
    yield server, proxy, f"127.0.0.1:{port}"
    proxy.close()
    server.kill()


@each_python_client
def test_records_are_there_once_and_in_order_however_often_the_connection_is_cut(proxied_server, client):
    server, proxy, address = proxied_server
    server.create_topic("cut", 2, durability="none")
    records = [Record(b"%06d" % number + b"." * 200, partition=number % 2) for number in range(3000)]
    more = {
        "kafka-python": {
            "enable_idempotence": True, "retry_backoff_ms": 10, "reconnect_backoff_ms": 10, "reconnect_backoff_max_ms": 50},
        "aiokafka": {"enable_idempotence": True, "retry_backoff_ms": 10, "max_batch_size": 4000},
        "confluent-kafka": {
            "enable_idempotence": True, "retry_backoff_ms": 10, "reconnect_backoff_ms": 10, "reconnect_backoff_max_ms": 50,
            "batch_num_messages": 50}}[client.name]
    places = client.produce(address, "cut", records, **more)
    assert proxy.cuts >= 8, f"the proxy cut {proxy.cuts} times only"
    for number in range(2):
        expected = [record.value for record in records if record.partition == number]
        found = read_whole(server, "cut", number)
        assert [record.value for record in found] == expected
        # What a client was told when it had sent a batch again is where the batch was the first time.
        told = [offset for record, (_, offset) in zip(records, places) if record.partition == number]
        known = [(at, offset) for at, offset in enumerate(told) if offset is not None and offset >= 0]
        assert all(at == offset for at, offset in known)


def read_whole(server, topic, partition, committed=False):
    """All records of a partition, to its end."""
    consumer = confluent_kafka.Consumer({**Confluent.options(f"127.0.0.1:{server.kafka_port}"), "group.id": "unused"})
    try:
        _, end = consumer.get_watermark_offsets(confluent_kafka.TopicPartition(topic, partition), PATIENCE)
    finally:
        consumer.close()
    return KafkaPython().consume(server.kafka, topic, end, partitions=[partition], committed=committed)


def allocate(connection):
    """A producer id, asked for with InitProducerId 1."""
    answer = connection.ask(wire.request(22, 1, struct.pack(">hi", -1, 60_000)))
    _, code, identity, epoch = struct.unpack(">ihqh", answer)
    assert code == 0
    return identity, epoch


def test_a_batch_that_comes_again_is_answered_with_its_first_offset(kafka_server, new_topic):
    topic = new_topic()
    with Connection(kafka_server) as connection:
        identity, epoch = allocate(connection)
        send = lambda sequence, count, epoch=epoch: produced(connection.ask(produce(
            topic, batch(*[b"x"] * count, producer=(identity, epoch, sequence)))))
        assert [send(0, 2), send(2, 3), send(5, 1)] == [(0, 0), (0, 2), (0, 5)]
        # Any of the last batches, and the producer goes on where it was.
        assert [send(2, 3), send(0, 2), send(5, 1), send(6, 1)] == [(0, 2), (0, 0), (0, 5), (0, 6)]
        assert send(9, 1)[0] == OUT_OF_ORDER
        assert send(6, 2)[0] == OUT_OF_ORDER
        # A new epoch begins at 0, and the old one is over.
        assert send(0, 1, epoch + 1) == (0, 7)
        assert send(7, 1)[0] == INVALID_EPOCH
    assert len(kafka_server.read_all(topic)) == 8


def test_what_a_producer_sent_is_known_after_a_kill(new_server):
    server = new_server().start()
    server.create_topic("known")
    with Connection(server) as connection:
        identity, epoch = allocate(connection)
        first = produce("known", batch(b"a", b"b", producer=(identity, epoch, 0)))
        second = produce("known", batch(b"c", producer=(identity, epoch, 2)))
        assert [produced(connection.ask(first)), produced(connection.ask(second))] == [(0, 0), (0, 2)]
    server.restart()
    with Connection(server) as connection:
        assert [produced(connection.ask(second)), produced(connection.ask(first))] == [(0, 2), (0, 0)]
        assert produced(connection.ask(produce("known", batch(b"d", producer=(identity, epoch, 3))))) == (0, 3)
        # and nobody gets the same identity again.
        assert allocate(connection)[0] != identity
    assert len(server.read_all("known")) == 4


# Transactions. Each client in the same few words: begin, send, commit or abort.


class KafkaPythonTransactions:
    name = "kafka-python"

    def __init__(self, address, identity):
        self.producer = kafka.KafkaProducer(
            **KafkaPython.options(address), transactional_id=identity, max_block_ms=10_000, retry_backoff_ms=20)
        self.producer.init_transactions()

    def begin(self):
        self.producer.begin_transaction()

    def send(self, topic, value, partition=0):
        self.producer.send(topic, value=value, partition=partition)

    def flush(self):
        self.producer.flush(PATIENCE)

    def offsets(self, group, topic, offset):
        place = kafka.TopicPartition(topic, 0)
        self.producer.send_offsets_to_transaction({place: kafka.OffsetAndMetadata(offset, "", -1)}, group)

    def commit(self):
        self.producer.commit_transaction()

    def abort(self):
        self.producer.abort_transaction()

    def close(self):
        self.producer.close(1)


class AioKafkaTransactions:
    name = "aiokafka"

    def __init__(self, address, identity):
        self.loop = asyncio.new_event_loop()

        async def begin():
            self.producer = aiokafka.AIOKafkaProducer(
                **AioKafka.options(address), transactional_id=identity, retry_backoff_ms=20)
            await self.producer.start()

        self.run(begin())

    def run(self, task):
        return self.loop.run_until_complete(asyncio.wait_for(task, PATIENCE))

    def begin(self):
        self.run(self.producer.begin_transaction())

    def send(self, topic, value, partition=0):
        self.run(self.producer.send(topic, value=value, partition=partition))

    def flush(self):
        self.run(self.producer.flush())

    def offsets(self, group, topic, offset):
        self.run(self.producer.send_offsets_to_transaction({aiokafka.TopicPartition(topic, 0): offset}, group))

    def commit(self):
        self.run(self.producer.commit_transaction())

    def abort(self):
        self.run(self.producer.abort_transaction())

    def close(self):
        self.run(self.producer.stop())
        self.loop.close()


class ConfluentTransactions:
    name = "confluent-kafka"

    def __init__(self, address, identity):
        self.producer = confluent_kafka.Producer({
            **Confluent.options(address), "transactional.id": identity, "linger.ms": 1, "retry.backoff.ms": 20})
        self.producer.init_transactions(PATIENCE)

    def begin(self):
        self.producer.begin_transaction()

    def send(self, topic, value, partition=0):
        self.producer.produce(topic, value=value, partition=partition)

    def flush(self):
        assert self.producer.flush(PATIENCE) == 0

    def offsets(self, group, topic, offset):
        consumer = confluent_kafka.Consumer({"bootstrap.servers": "127.0.0.1:1", "group.id": group, "log_level": 0})
        self.producer.send_offsets_to_transaction(
            [confluent_kafka.TopicPartition(topic, 0, offset)], consumer.consumer_group_metadata(), PATIENCE)
        consumer.close()

    def commit(self):
        self.producer.commit_transaction(PATIENCE)

    def abort(self):
        self.producer.abort_transaction(PATIENCE)

    def close(self):
        self.producer.flush(1)


TRANSACTIONS = [KafkaPythonTransactions, AioKafkaTransactions, ConfluentTransactions, EpochBumpTransactions]
each_transactional_client = pytest.mark.parametrize("client", TRANSACTIONS, ids=lambda client: client.name)


@pytest.fixture
def transactional(kafka_server):
    """Makes transactional producers and closes them."""
    made = []

    def make(client, identity=None):
        made.append(client(kafka_server.kafka, identity or f"tx-{uuid.uuid4().hex[:12]}"))
        return made[-1]

    yield make
    for one in made:
        one.close()


@each_transactional_client
def test_committed_records_are_seen_and_aborted_ones_are_not(kafka_server, new_topic, transactional, client):
    topic = new_topic(partitions=2)
    producer = transactional(client)
    for number in range(8):
        producer.begin()
        for part in range(2):
            producer.send(topic, b"%d/%d" % (number, part), part)
        if number % 2:
            producer.flush()
            producer.abort()
        else:
            producer.commit()
    kept = {b"%d/%d" % (number, part) for number in range(0, 8, 2) for part in range(2)}
    everything = {b"%d/%d" % (number, part) for number in range(8) for part in range(2)}
    for reader in ALL:
        found = reader.consume(kafka_server.kafka, topic, 8, partitions=[0, 1], committed=True)
        assert {record.value for record in found} == kept and len(found) == 8, reader
        for part in range(2):
            order = [record.value for record in found if record.partition == part]
            assert order == sorted(order)
        found = reader.consume(kafka_server.kafka, topic, 16, partitions=[0, 1])
        assert {record.value for record in found} == everything and len(found) == 16, reader
    # Others see what is committed and nothing else.
    events = [one for part in range(2) for one in kafka_server.read_all(topic, part)]
    assert len(events) == 8


@each_transactional_client
def test_an_open_transaction_holds_readers_up_until_it_is_decided(kafka_server, new_topic, transactional, client):
    topic = new_topic()
    producer = transactional(client)
    producer.begin()
    producer.send(topic, b"undecided")
    producer.flush()
    KafkaPython().produce(kafka_server.kafka, topic, [Record(b"after")])
    consumer = confluent_kafka.Consumer({
        **Confluent.options(kafka_server.kafka), "group.id": "unused", "isolation.level": "read_committed",
        "fetch.wait.max.ms": 100})
    try:
        place = confluent_kafka.TopicPartition(topic, 0, 0)
        consumer.assign([place])
        # The last stable offset is where the transaction begins.
        assert consumer.get_watermark_offsets(place, PATIENCE)[1] == 0
        assert len(Kcat().consume(kafka_server.kafka, topic, 2)) == 2
        assert kafka_server.read_all(topic) == []
        assert consumer.poll(0.3) is None
        producer.commit()
        found = [until(lambda: consumer.poll(0.2), "a committed record").value() for _ in range(2)]
        assert found == [b"undecided", b"after"]
    finally:
        consumer.close()
    assert len(kafka_server.read_all(topic)) == 2


@each_transactional_client
def test_positions_are_committed_with_the_transaction(kafka_server, new_topic, transactional, group, client):
    topic = new_topic()
    admin = kafka.KafkaAdminClient(**KafkaPython.options(kafka_server.kafka))
    try:
        position = lambda: {
            place.partition: one.offset for place, one in admin.list_group_offsets(group)[group].items()}
        producer = transactional(client)
        producer.begin()
        producer.send(topic, b"x")
        producer.offsets(group, topic, 7)
        producer.commit()
        assert position() == {0: 7}
        producer.begin()
        producer.send(topic, b"y")
        producer.offsets(group, topic, 9)
        producer.abort()
        assert position() == {0: 7}
    finally:
        admin.close()


@each_transactional_client
def test_a_successor_fences_its_predecessor(kafka_server, new_topic, transactional, client):
    topic, identity = new_topic(), f"tx-{uuid.uuid4().hex[:12]}"
    first = transactional(client, identity)
    first.begin()
    first.send(topic, b"of the first")
    first.flush()
    second = transactional(client, identity)
    with pytest.raises(Exception):
        first.send(topic, b"too late")
        first.flush()
        first.commit()
    second.begin()
    second.send(topic, b"of the second")
    second.commit()
    found = KafkaPython().consume(kafka_server.kafka, topic, 1, committed=True)
    assert [record.value for record in found] == [b"of the second"]


def test_kcat_commits_a_transaction(kafka_server, new_topic):
    topic = new_topic()
    Kcat().produce(
        kafka_server.kafka, topic, [Record(b"one"), Record(b"two")], transactional_id=f"tx-{uuid.uuid4().hex[:8]}")
    for reader in ALL:
        found = reader.consume(kafka_server.kafka, topic, 2, committed=True)
        assert [record.value for record in found] == [b"one", b"two"], reader


@each_transactional_client
def test_transactions_are_decided_after_a_kill(new_server, client):
    server = new_server().start()
    server.create_topic("t")
    producer = client(server.kafka, "tx")
    producer.begin()
    producer.send("t", b"committed")
    producer.commit()
    producer.begin()
    producer.send("t", b"interrupted")
    producer.flush()
    server.restart()
    # It begins anew, as an application that was started again does; what was open is aborted.
    successor = client(server.kafka, "tx")
    successor.begin()
    successor.send("t", b"of the successor")
    successor.commit()
    for reader in PYTHON:
        found = reader.consume(server.kafka, "t", 2, committed=True)
        assert [record.value for record in found] == [b"committed", b"of the successor"], reader
    assert len(server.read_all("t")) == 2
    for one in (producer, successor):
        try:
            one.close()
        except Exception:  # noqa: BLE001, it was fenced
            pass
