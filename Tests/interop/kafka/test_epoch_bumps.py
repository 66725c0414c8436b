# SPDX-License-Identifier: Apache-2.0
"""Transactions of the second version (KIP-890): what the server offers, and what becomes of repeats, late batches and empty transactions. The same
producer runs through all tests of transactions in test_producers.py and through the kills in Tests/crash."""

import uuid

import kafka
import pytest
from clients import KafkaPython
from epoch_bumps import CONCURRENT_TRANSACTIONS, EpochBumpTransactions

INVALID_PRODUCER_EPOCH, INVALID_TXN_STATE, UNKNOWN_TOPIC, PRODUCER_FENCED, TRANSACTION_ABORTABLE = 47, 48, 3, 90, 120
PRODUCE, ADD_PARTITIONS, END_TXN, TXN_OFFSET_COMMIT = 0, 24, 26, 28


@pytest.fixture
def producer(kafka_server):
    made = EpochBumpTransactions(kafka_server.kafka, f"tx-{uuid.uuid4().hex[:12]}")
    yield made
    made.close()


def committed(kafka_server, topic, count):
    found = KafkaPython().consume(kafka_server.kafka, topic, count, committed=True)
    return [record.value for record in found]


def test_the_server_says_that_it_may_be_used(kafka_server):
    features, apis = EpochBumpTransactions.features(kafka_server.kafka)
    assert features["transaction.version"] == 2
    assert apis[PRODUCE][1] >= 12 and apis[END_TXN][1] >= 5 and apis[TXN_OFFSET_COMMIT][1] >= 5
    # Later versions are for brokers, as Kafka's own clients know.
    assert apis[ADD_PARTITIONS][1] == 3


def test_each_end_gives_the_next_epoch(kafka_server, new_topic, producer):
    topic = new_topic()
    identity, epoch = producer.producer
    for number in range(3):
        producer.send(topic, b"%d" % number)
        producer.commit()
        assert producer.producer == (identity, epoch + 1 + number)
    assert committed(kafka_server, topic, 3) == [b"0", b"1", b"2"]


def test_an_end_that_is_repeated_is_answered_alike(kafka_server, new_topic, producer):
    topic = new_topic()
    before = producer.producer
    producer.send(topic, b"x")
    producer.commit()
    for _ in range(2):
        again = producer.end(True, producer=before)
        assert (again.error_code, again.producer_id, again.producer_epoch) == (0, *producer.producer)
    assert producer.end(False, producer=before).error_code == INVALID_TXN_STATE
    producer.send(topic, b"y")
    producer.flush()
    assert producer.end(True, producer=before).error_code == PRODUCER_FENCED
    producer.abort()
    assert committed(kafka_server, topic, 1) == [b"x"]


def test_an_abort_of_nothing_gives_an_epoch_and_a_commit_of_nothing_is_refused(producer):
    identity, epoch = producer.producer
    assert producer.end(True).error_code == INVALID_TXN_STATE
    producer.abort()
    assert producer.producer == (identity, epoch + 1)


def test_a_batch_that_comes_late_belongs_to_no_transaction(kafka_server, new_topic, producer):
    topic = new_topic()
    before = producer.producer
    producer.send(topic, b"in time")
    producer.commit()
    assert producer.produce(topic, 0, [b"late"], producer=before, sequence=1)[0] == INVALID_PRODUCER_EPOCH
    # Nor with an older version, which does not add its partition.
    assert producer.produce(topic, 0, [b"late"], producer=before, sequence=1, version=11)[0] == TRANSACTION_ABORTABLE
    assert producer.produce(topic, 0, [b"late"], producer=before, sequence=1, version=10)[0] == INVALID_TXN_STATE
    producer.send(topic, b"next")
    producer.commit()
    assert committed(kafka_server, topic, 2) == [b"in time", b"next"]


def test_partitions_that_are_not_there_are_not_added(new_topic, producer):
    topic = new_topic()
    assert producer.produce(topic, 7, [b"x"])[0] == UNKNOWN_TOPIC
    assert producer.produce(topic + "-not", 0, [b"x"])[0] == UNKNOWN_TOPIC
    assert producer.produce(topic, 0, [b"x"]) == (0, 0)
    producer.sequences[topic, 0] = 1
    producer.commit()


def test_brokers_versions_add_and_verify(new_topic, producer):
    topic = new_topic(partitions=3)
    for version in (4, 5):
        assert producer.add(topic, [0], version, verify_only=True) == {0: TRANSACTION_ABORTABLE}
        assert producer.add(topic, [0, 1], version) == {0: 0, 1: 0}
        assert producer.add(topic, [0, 1, 2], version, verify_only=True) == {0: 0, 1: 0, 2: TRANSACTION_ABORTABLE}
        before = producer.producer
        producer.commit()
        after, producer.producer = producer.producer, before
        assert set(producer.add(topic, [0], version).values()) <= {PRODUCER_FENCED, CONCURRENT_TRANSACTIONS}
        producer.producer = after


def test_both_kinds_of_producer_take_over_from_each_other(kafka_server, new_topic):
    topic, identity = new_topic(), f"tx-{uuid.uuid4().hex[:12]}"
    for number in range(4):
        if number % 2:
            one = EpochBumpTransactions(kafka_server.kafka, identity)
            for part in range(2):
                one.send(topic, b"%d/%d" % (number, part))
                one.commit()
            one.send(topic, b"left behind")
            one.flush()
            one.close()
        else:
            other = kafka.KafkaProducer(
                **KafkaPython.options(kafka_server.kafka), transactional_id=identity, retry_backoff_ms=20)
            other.init_transactions()
            for part in range(2):
                other.begin_transaction()
                other.send(topic, value=b"%d/%d" % (number, part), partition=0)
                other.commit_transaction()
            other.close()
    # Whoever is next ends what was left behind.
    EpochBumpTransactions(kafka_server.kafka, identity).close()
    assert committed(kafka_server, topic, 8) == [b"%d/%d" % (number, part) for number in range(4) for part in range(2)]
