# SPDX-License-Identifier: Apache-2.0
"""The disk is full under Kafka's clients: producing gets Kafka's own error for that, which clients retry; consuming, committing and deleting go on;
and when there is space again, everything goes on by itself, with everything there once and in order."""

import time

import confluent_kafka
import confluent_kafka.admin
import kafka
import kafka.admin
import kafka.errors
import pytest
from disks import RECOVER_SECONDS_MAX, launch_when_full
from test_kafka_kill import PATIENCE, options, read

STORAGE_ERROR = 56
FILLER = b"x" * 400_000
SEGMENT = 8 << 20


class PatientProducer:
    """An idempotent producer that waits as long as it has to, with a few records under way."""

    def __init__(self, server):
        self.producer = confluent_kafka.Producer({
            **options(server), "enable.idempotence": True, "linger.ms": 0, "batch.num.messages": 1, "message.timeout.ms": 300_000,
            "retry.backoff.max.ms": 200, "message.max.bytes": 4 << 20})
        self.sent = 0
        self.told = {}
        self.failures = []

    def send(self):
        number = self.sent
        self.producer.produce("large", value=b"%09d" % number + FILLER, partition=0, on_delivery=lambda *told: self.note(number, *told))
        self.sent += 1

    def note(self, number, error, message):
        if error:
            self.failures.append(f"{number}: {error}")
        else:
            self.told[number] = message.offset()

    def fill(self):
        """Sends until nothing is acknowledged any more: the disk is full, and the client waits."""
        heard = time.monotonic()
        while time.monotonic() < heard + 3:
            before = len(self.told)
            if self.sent - before < 3:
                self.send()
            self.producer.poll(0.02)
            if len(self.told) > before:
                heard = time.monotonic()
            assert not self.failures and self.sent < 2000, self.failures

    def finish(self):
        assert self.producer.flush(2 * RECOVER_SECONDS_MAX) == 0, f"{self.sent - len(self.told)} records are not delivered"
        assert not self.failures, self.failures

    def check(self, server):
        """Everything that was acknowledged is where the client was told, once."""
        found = [(offset, int(value[:9])) for offset, _, value in read(server, "large", 0, committed=True)]
        numbers = [number for _, number in found]
        assert numbers == sorted(set(numbers)), "repeated or out of order"
        places = {number: offset for offset, number in found}
        for number, offset in self.told.items():
            assert places.get(number) == offset, f"record {number} was acknowledged at {offset} and is at {places.get(number)}"
        return numbers


def error_of(send):
    """The error that a client tells when it does not retry."""
    failures = []
    producer, produce = send
    produce(lambda error, _: failures.append(error))
    producer.flush(PATIENCE)
    return failures[0]


def refusals(server):
    """What clients that do not retry are told."""
    hasty = confluent_kafka.Producer({**options(server), "retries": 0, "acks": "all"})
    confluent = error_of((hasty, lambda note: hasty.produce("large", value=b"no", partition=0, on_delivery=note)))
    producer = kafka.KafkaProducer(bootstrap_servers=server.kafka, retries=0, enable_idempotence=False, acks="all")
    try:
        with pytest.raises(kafka.errors.KafkaError) as refused:
            producer.send("large", value=b"no", partition=0).get(PATIENCE)
    finally:
        producer.close(1)
    return confluent, refused.value


def consume_and_commit(server, count):
    """A member of a group takes so many records from where the group stands, and commits; their numbers."""
    consumer = confluent_kafka.Consumer({**options(server), "group.id": "workers", "enable.auto.commit": False, "auto.offset.reset": "earliest"})
    consumer.subscribe(["work"])
    try:
        numbers = []
        deadline = time.monotonic() + PATIENCE
        while len(numbers) < count:
            assert time.monotonic() < deadline, "consuming stands still"
            for message in consumer.consume(count - len(numbers), 0.2):
                assert not message.error(), message.error()
                numbers.append(int(message.value()))
        consumer.commit(
            offsets=[confluent_kafka.TopicPartition("work", 0, numbers[-1] + 1)], asynchronous=False)
        return numbers
    finally:
        consumer.close()


def prepare(server):
    server.start()
    server.create_topic("large", segment_bytes=SEGMENT)
    server.create_topic("doomed", segment_bytes=SEGMENT)
    server.create_topic("work")
    producer = confluent_kafka.Producer({**options(server), "message.max.bytes": 4 << 20})
    for number in range(200):
        producer.produce("work", value=b"%d" % number, partition=0)
        producer.produce("doomed", value=FILLER, partition=0)
    assert producer.flush(PATIENCE) == 0


def delete_a_topic(server):
    admin = confluent_kafka.admin.AdminClient(options(server))
    admin.delete_topics(["doomed"])["doomed"].result(PATIENCE)


def delete_records(server):
    admin = kafka.admin.KafkaAdminClient(bootstrap_servers=server.kafka)
    try:
        admin.delete_records({kafka.TopicPartition("doomed", 0): -1})
    finally:
        admin.close()


@pytest.mark.parametrize("make_space", [delete_a_topic, delete_records], ids=["a deleted topic", "deleted records"])
def test_kafka_clients_fill_the_disk(small_disk_server, report, make_space):
    server = small_disk_server
    prepare(server)
    producer = PatientProducer(server)
    producer.fill()

    confluent, kafka_python = refusals(server)
    assert confluent.code() == STORAGE_ERROR, confluent
    assert isinstance(kafka_python, kafka.errors.KafkaStorageError) and kafka_python.retriable, repr(kafka_python)
    # Reading goes on, and so does committing.
    producer.check(server)
    assert consume_and_commit(server, 40) == list(range(40))

    server.kill()
    launch_when_full(server)
    producer.check(server)
    assert consume_and_commit(server, 40) == list(range(40, 80)), "what was committed on a full disk is not there"

    acknowledged, begun = len(producer.told), time.monotonic()
    make_space(server)
    while len(producer.told) == acknowledged:
        assert time.monotonic() < begun + RECOVER_SECONDS_MAX, "producing does not go on:\n" + server.log_tail(5)
        producer.producer.poll(0.1)
    seconds = time.monotonic() - begun
    for _ in range(20):
        producer.send()
    producer.finish()
    assert producer.check(server) == list(range(producer.sent)), "records are missing"
    assert consume_and_commit(server, 40) == list(range(80, 120))
    server.restart()
    assert producer.check(server) == list(range(producer.sent)), "records are missing after a restart"
    report(f"{producer.sent} records, each there once; producing again {seconds:.1f} s after there was space")
