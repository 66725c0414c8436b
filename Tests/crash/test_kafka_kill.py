# SPDX-License-Identifier: Apache-2.0
"""The server is killed with SIGKILL under Kafka's producers: idempotent ones, whose records must be there once and in order, and a
transactional copy from one topic to another, which must be exact whatever was open, prepared or half marked when the server went."""

import collections
import pathlib
import random
import subprocess
import sys
import threading
import time

import confluent_kafka
import kafka
import pytest
from traffic import cycles

PATIENCE = 30
PARTITIONS = 3


def options(server):
    return {
        "bootstrap.servers": server.kafka, "log_level": 0, "broker.address.family": "v4", "retry.backoff.ms": 20,
        "reconnect.backoff.ms": 10, "reconnect.backoff.max.ms": 100}


def read(server, topic, partition, committed):
    """All records of a partition from its beginning to its end: their offsets, keys and values."""
    consumer = confluent_kafka.Consumer({
        **options(server), "group.id": "reader", "enable.auto.commit": False, "enable.partition.eof": True,
        "check.crcs": True, "isolation.level": "read_committed" if committed else "read_uncommitted"})
    try:
        consumer.assign([confluent_kafka.TopicPartition(topic, partition, 0)])
        found = []
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for message in consumer.consume(1000, 0.2):
                if not message.error():
                    found.append((message.offset(), message.key(), message.value()))
                elif message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF:
                    return found
        raise AssertionError(f"{topic}/{partition} has no end")
    finally:
        consumer.close()


class ConfluentLoad:
    """Numbered records by an idempotent producer of librdkafka, each partition with numbers of its own."""

    def __init__(self, server, name):
        self.name = name
        self.producer = confluent_kafka.Producer({
            **options(server), "enable.idempotence": True, "linger.ms": 1, "batch.num.messages": 20,
            "message.timeout.ms": 120_000, "queue.buffering.max.messages": 500})
        self.sent = [0] * PARTITIONS
        self.told = []
        self.failures = []

    def send(self, partition):
        number = self.sent[partition]
        self.producer.produce(
            "idempotent", key=self.name, value=b"%d" % number, partition=partition,
            on_delivery=lambda error, message: self.note(partition, number, error, message))
        self.sent[partition] += 1

    def note(self, partition, number, error, message):
        if error:
            self.failures.append(str(error))
        else:
            self.told.append((partition, number, message.offset()))

    def run(self, is_stopped):
        chance = random.Random(self.name)
        while not is_stopped():
            try:
                self.send(chance.randrange(PARTITIONS))
                self.producer.poll(0)
            except BufferError:
                self.producer.poll(0.05)
        assert self.producer.flush(PATIENCE) == 0, "records without an outcome"


class KafkaPythonLoad(ConfluentLoad):
    """The same with kafka-python."""

    def __init__(self, server, name):
        self.name = name
        self.producer = kafka.KafkaProducer(
            bootstrap_servers=server.kafka, enable_idempotence=True, linger_ms=1, batch_size=2000,
            delivery_timeout_ms=120_000, retry_backoff_ms=20, reconnect_backoff_ms=10, reconnect_backoff_max_ms=100)
        self.sent = [0] * PARTITIONS
        self.told = []
        self.failures = []
        self.waiting = collections.deque()

    def send(self, partition):
        number = self.sent[partition]
        future = self.producer.send("idempotent", key=self.name.encode(), value=b"%d" % number, partition=partition)
        self.sent[partition] += 1
        self.waiting.append((partition, number, future))

    def run(self, is_stopped):
        chance = random.Random(self.name)
        while not is_stopped():
            self.send(chance.randrange(PARTITIONS))
            while len(self.waiting) > 500 and not is_stopped():
                self.settle(0.05)
        self.producer.flush(PATIENCE)
        while self.waiting:
            self.settle(PATIENCE)
        self.producer.close(1)

    def settle(self, seconds):
        partition, number, future = self.waiting[0]
        try:
            place = future.get(seconds)
        except kafka.errors.KafkaTimeoutError:
            if seconds < PATIENCE:
                return
            self.failures.append("no outcome")
        except kafka.errors.KafkaError as error:
            self.failures.append(str(error))
        else:
            # The offset of a batch that came again may not be told.
            if place.offset >= 0:
                self.told.append((partition, number, place.offset))
        self.waiting.popleft()


def kill_again_and_again(server, times, seed, is_over=lambda: False):
    chance = random.Random(seed)
    kills = 0
    for _ in range(times):
        deadline = time.monotonic() + chance.uniform(0.2, 1.5)
        while time.monotonic() < deadline and not is_over():
            time.sleep(0.01)
        if is_over():
            break
        server.restart()
        kills += 1
    return kills


def test_idempotent_producers_repeat_nothing_when_the_server_is_killed(new_server, report):
    server = new_server().start()
    server.create_topic("idempotent", PARTITIONS)
    loads = [ConfluentLoad(server, "confluent"), KafkaPythonLoad(server, "kafka-python")]
    stopped = threading.Event()
    errors = []

    def run(load):
        try:
            load.run(stopped.is_set)
        except Exception as error:  # noqa: BLE001, told below
            errors.append(f"{load.name}: {error!r}")

    threads = [threading.Thread(target=run, args=(load,)) for load in loads]
    for thread in threads:
        thread.start()
    try:
        kills = kill_again_and_again(server, cycles(5), seed=5)
    finally:
        stopped.set()
        for thread in threads:
            thread.join(2 * PATIENCE)
    assert not errors and not any(load.failures for load in loads), (errors, [load.failures[:5] for load in loads])
    for partition in range(PARTITIONS):
        records = read(server, "idempotent", partition, committed=True)
        for load in loads:
            found = {offset: int(value) for offset, key, value in records if key == load.name.encode()}
            # All there, once, in order,
            assert list(found.values()) == list(range(load.sent[partition])), f"{load.name} in partition {partition}"
            # and where the producer was told.
            for place, number, offset in load.told:
                assert place != partition or found[offset] == number
    report(f"{kills} kills, {sum(sum(load.sent) for load in loads)} records of idempotent producers, each there once")


class CopierLives:
    """The copier, one process after the other: whoever stands still is killed, and its next life takes over and fences it."""

    # Longer than any of its waits.
    STILL_SECONDS = 12

    def __init__(self, server, count, producer):
        self.producer = producer
        self.command = [
            sys.executable, str(pathlib.Path(__file__).with_name("kafka_copier.py")), server.kafka, str(count), str(PARTITIONS)]
        self.lines = collections.Counter()
        self.lives = 0
        self.is_done = threading.Event()
        self.is_stopped = threading.Event()
        self.heard = time.monotonic()
        self.process = None

    def run(self):
        while not self.is_done.is_set() and not self.is_stopped.is_set():
            self.lives += 1
            self.heard = time.monotonic()
            self.process = subprocess.Popen(
                [*self.command, str(self.lives), self.producer], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            for line in self.process.stdout:
                self.heard = time.monotonic()
                self.lines[line.split()[0]] += 1
                if line == "done\n":
                    self.is_done.set()
            self.process.wait()

    def watch(self):
        while not self.is_done.is_set() and not self.is_stopped.wait(0.2):
            if time.monotonic() - self.heard > self.STILL_SECONDS:
                self.process.kill()

    def stop(self):
        self.is_stopped.set()
        if self.process is not None:
            self.process.kill()


@pytest.mark.parametrize("kind", ["confluent-kafka", "kip-890"])
def test_a_transactional_copy_is_exact_when_the_server_is_killed(new_server, report, kind):
    server = new_server().start()
    server.create_topic("in")
    server.create_topic("out", PARTITIONS)
    count = 6000
    producer = confluent_kafka.Producer(options(server))
    for number in range(count):
        producer.produce("in", value=b"%d" % number, partition=0)
    assert producer.flush(PATIENCE) == 0
    copier = CopierLives(server, count, kind)
    threads = [threading.Thread(target=run) for run in (copier.run, copier.watch)]
    for thread in threads:
        thread.start()
    try:
        kills = kill_again_and_again(server, cycles(5), seed=6, is_over=copier.is_done.is_set)
        # librdkafka may stand still in sending positions when its connection goes; then its next life goes on.
        copier.is_done.wait(3 * PATIENCE)
    finally:
        copier.stop()
        for thread in threads:
            thread.join(PATIENCE)
    copied = []
    for partition in range(PARTITIONS):
        values = [int(value) for _, _, value in read(server, "out", partition, committed=True)]
        assert values == sorted(set(values)), f"repeated or out of order in partition {partition}"
        copied += values
        # What is committed is what everybody else sees.
        assert len(server.read_all("out", partition)) == len(values)
    assert copier.is_done.is_set(), f"the copy stands still after {len(copied)} of {count}: {copier.lines}"
    assert sorted(copied) == list(range(count)), f"{count - len(copied)} records are missing"
    written = sum(len(read(server, "out", partition, committed=False)) for partition in range(PARTITIONS))
    report(
        f"{kind}: {kills} kills of the server, {copier.lives} lives of the copier, {copier.lines['committed']} commits, {copier.lines['aborted']} aborts,"
        f" {written - count} aborted records seen by nobody, {count} copied once")
