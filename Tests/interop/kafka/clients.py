# SPDX-License-Identifier: Apache-2.0
"""Kafka's clients in one shape, so that a test is written once and run with each: kafka-python, aiokafka, confluent-kafka (librdkafka) and
kcat (an older librdkafka). What a client cannot do is said by its `cannot`, never passed over in silence."""

import asyncio
import dataclasses
import json
import os
import shutil
import subprocess
import tempfile
import time

import aiokafka
import confluent_kafka
import kafka
import pytest

# How long anything may take that takes a moment.
PATIENCE = 20


@dataclasses.dataclass(frozen=True)
class Record:
    """What one puts into a topic and gets out of it. Offset and partition are where it was found."""

    value: bytes | None
    key: bytes | None = None
    headers: tuple = ()
    timestamp: int | None = None
    partition: int | None = None
    offset: int | None = None

    @property
    def content(self):
        return self.key, self.value, self.headers


@dataclasses.dataclass(frozen=True)
class Login:
    """How a client says who it is."""

    mechanism: str
    user: str
    password: str


def until(condition, what, seconds=PATIENCE):
    """Waits for what a condition gives, once it is true."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < deadline, f"not within {seconds} s: {what() if callable(what) else what}"
        time.sleep(0.01)


class Client:
    name = ""
    # Features that the client does not have.
    cannot = frozenset()

    def __repr__(self):
        return self.name


class KafkaPython(Client):
    name = "kafka-python"
    cannot = frozenset({"null headers"})

    @staticmethod
    def options(address, login=None):
        options = {"bootstrap_servers": address, "bootstrap_timeout_ms": 10_000}
        if login:
            options |= {
                "security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": login.mechanism,
                "sasl_plain_username": login.user, "sasl_plain_password": login.password}
        return options

    def produce(self, address, topic, records, *, compression=None, partition=None, login=None, **more):
        """Produces records and returns where each went: (partition, offset)."""
        producer = kafka.KafkaProducer(
            **self.options(address, login) | more, compression_type=compression, linger_ms=5, max_request_size=4 << 20,
            max_block_ms=10_000)
        try:
            futures = [
                producer.send(
                    topic, value=record.value, key=record.key, headers=list(record.headers),
                    timestamp_ms=record.timestamp,
                    partition=record.partition if record.partition is not None else partition)
                for record in records]
            producer.flush(PATIENCE)
            receipts = [future.get(PATIENCE) for future in futures]
            return [(receipt.partition, receipt.offset) for receipt in receipts]
        finally:
            producer.close(PATIENCE)

    def consume(self, address, topic, count, *, partitions=(0,), offset=0, committed=False, login=None):
        """The first `count` records from an offset on, of all the partitions together."""
        consumer = kafka.KafkaConsumer(
            **self.options(address, login), enable_auto_commit=False, fetch_max_wait_ms=100,
            isolation_level="read_committed" if committed else "read_uncommitted")
        try:
            places = [kafka.TopicPartition(topic, number) for number in partitions]
            consumer.assign(places)
            for place in places:
                consumer.seek(place, offset)
            found = []
            deadline = time.monotonic() + PATIENCE
            while len(found) < count and time.monotonic() < deadline:
                for polled in consumer.poll(200).values():
                    found += [self.record(message) for message in polled]
            return found
        finally:
            consumer.close(autocommit=False)

    @staticmethod
    def record(message):
        return Record(
            message.value, message.key, tuple((name, value) for name, value in message.headers), message.timestamp,
            message.partition, message.offset)


class AioKafka(Client):
    name = "aiokafka"

    @staticmethod
    def options(address, login=None):
        options = {"bootstrap_servers": address}
        if login:
            options |= {
                "security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": login.mechanism,
                "sasl_plain_username": login.user, "sasl_plain_password": login.password}
        return options

    def produce(self, address, topic, records, *, compression=None, partition=None, login=None, **more):
        async def run():
            producer = aiokafka.AIOKafkaProducer(
                **self.options(address, login), compression_type=compression, linger_ms=5,
                max_request_size=4 << 20, **more)
            await producer.start()
            try:
                futures = [
                    await producer.send(
                        topic, value=record.value, key=record.key, headers=list(record.headers),
                        timestamp_ms=record.timestamp,
                        partition=record.partition if record.partition is not None else partition)
                    for record in records]
                await producer.flush()
                receipts = [await future for future in futures]
                # Without acknowledgements there is no receipt.
                return [receipt and (receipt.partition, receipt.offset) for receipt in receipts]
            finally:
                await producer.stop()

        return asyncio.run(asyncio.wait_for(run(), 2 * PATIENCE))

    def consume(self, address, topic, count, *, partitions=(0,), offset=0, committed=False, login=None):
        async def run():
            consumer = aiokafka.AIOKafkaConsumer(
                **self.options(address, login), enable_auto_commit=False, fetch_max_wait_ms=100,
                isolation_level="read_committed" if committed else "read_uncommitted")
            await consumer.start()
            try:
                places = [aiokafka.TopicPartition(topic, number) for number in partitions]
                consumer.assign(places)
                for place in places:
                    consumer.seek(place, offset)
                found = []
                deadline = time.monotonic() + PATIENCE
                while len(found) < count and time.monotonic() < deadline:
                    for polled in (await consumer.getmany(timeout_ms=200)).values():
                        found += [KafkaPython.record(message) for message in polled]
                return found
            finally:
                await consumer.stop()

        return asyncio.run(asyncio.wait_for(run(), 2 * PATIENCE))


class Confluent(Client):
    name = "confluent-kafka"

    @staticmethod
    def options(address, login=None):
        options = {"bootstrap.servers": address, "log_level": 0, "broker.address.family": "v4"}
        if login:
            options |= {
                "security.protocol": "SASL_PLAINTEXT", "sasl.mechanisms": login.mechanism,
                "sasl.username": login.user, "sasl.password": login.password}
        return options

    def produce(self, address, topic, records, *, compression=None, partition=None, login=None, **more):
        settings = {name.replace("_", "."): value for name, value in more.items()}
        producer = confluent_kafka.Producer({
            **self.options(address, login), "compression.type": compression or "none", "linger.ms": 5,
            "message.max.bytes": 4 << 20, "message.timeout.ms": PATIENCE * 1000, **settings})
        places = [None] * len(records)
        failures = []

        def delivered(number):
            def note(error, message):
                if error:
                    failures.append(confluent_kafka.KafkaException(error))
                else:
                    places[number] = (message.partition(), message.offset())

            return note

        for number, record in enumerate(records):
            options = {"on_delivery": delivered(number)}
            if record.timestamp is not None:
                options["timestamp"] = record.timestamp
            where = record.partition if record.partition is not None else partition
            if where is not None:
                options["partition"] = where
            producer.produce(topic, value=record.value, key=record.key, headers=list(record.headers), **options)
        left = producer.flush(PATIENCE)
        if failures:
            raise failures[0]
        assert left == 0, f"{left} records were not delivered"
        return places

    def consume(self, address, topic, count, *, partitions=(0,), offset=0, committed=False, login=None):
        consumer = confluent_kafka.Consumer({
            **self.options(address, login), "group.id": "unused", "enable.auto.commit": False,
            "fetch.wait.max.ms": 100, "isolation.level": "read_committed" if committed else "read_uncommitted"})
        try:
            consumer.assign([confluent_kafka.TopicPartition(topic, number, offset) for number in partitions])
            found = []
            deadline = time.monotonic() + PATIENCE
            while len(found) < count and time.monotonic() < deadline:
                for message in consumer.consume(count - len(found), 0.2):
                    if message.error():
                        raise confluent_kafka.KafkaException(message.error())
                    found.append(self.record(message))
            return found
        finally:
            consumer.close()

    @staticmethod
    def record(message):
        return Record(
            message.value(), message.key(), tuple(message.headers() or ()), message.timestamp()[1],
            message.partition(), message.offset())


class Kcat(Client):
    """Records on its command line and its pipes: keys, values and headers are text."""

    name = "kcat"
    cannot = frozenset({"null headers"})
    KEY, END = "\x1f", "\x1e"

    @staticmethod
    def path():
        found = shutil.which("kcat") or shutil.which("kafkacat")
        if found is None:
            pytest.skip("kcat is not installed")
        return found

    @classmethod
    def command(cls, address, *arguments, login=None, settings=()):
        command = [cls.path(), "-b", address, "-X", "broker.address.family=v4", "-m", "10"]
        if login:
            settings = [
                "security.protocol=SASL_PLAINTEXT", f"sasl.mechanisms={login.mechanism}",
                f"sasl.username={login.user}", f"sasl.password={login.password}", *settings]
        for setting in settings:
            command += ["-X", setting]
        return [*command, *arguments]

    @classmethod
    def run(cls, command, data=b"", seconds=PATIENCE):
        # Settings of whoever runs the tests are not ours.
        environment = {**os.environ, "KCAT_CONFIG": os.devnull}
        done = subprocess.run(command, input=data, capture_output=True, timeout=seconds, env=environment)
        if done.returncode:
            raise RuntimeError(f"kcat ended with {done.returncode}: {done.stderr.decode(errors='replace')}")
        return done.stdout

    def produce(self, address, topic, records, *, compression=None, partition=None, login=None, **more):
        settings = [f"{name.replace('_', '.')}={value}" for name, value in more.items()]
        settings += ["message.max.bytes=4194304", f"compression.codec={compression or 'none'}"]
        rest = list(records)
        while rest:
            kind = self.kind(rest[0], partition)
            some = []
            while rest and self.kind(rest[0], partition) == kind:
                some.append(rest.pop(0))
            headers, where, is_null, is_large = kind
            arguments = ["-P", "-t", topic]
            for name, value in headers:
                arguments += ["-H", f"{name}={value.decode()}"]
            if where is not None:
                arguments += ["-p", str(where)]
            if is_large:
                # A line of kcat's input ends somewhere; a file is one message whole.
                if some[0].key is not None:
                    arguments += ["-k", some[0].key.decode()]
                for record in some:
                    with tempfile.NamedTemporaryFile() as file:
                        file.write(record.value)
                        file.flush()
                        self.run(self.command(address, *arguments, file.name, login=login, settings=settings))
                continue
            arguments += ["-K", self.KEY, "-D", self.END] + (["-Z"] if is_null else [])
            lines = b"".join(
                (record.key + self.KEY.encode() if record.key is not None else b"") + (record.value or b"")
                + self.END.encode() for record in some)
            self.run(self.command(address, *arguments, login=login, settings=settings), lines)

    @staticmethod
    def kind(record, partition):
        """Records alike in this go into one run of kcat."""
        where = record.partition if record.partition is not None else partition
        is_large = record.value is not None and (len(record.value) > 100_000 or record.value == b"")
        return record.headers, where, record.value is None, is_large

    def consume(self, address, topic, count, *, partitions=(0,), offset=0, committed=False, login=None):
        isolation = f"isolation.level={'read_committed' if committed else 'read_uncommitted'}"
        found = []
        for number in partitions:
            output = self.run(self.command(
                address, "-C", "-t", topic, "-p", str(number), "-o", "beginning" if offset == 0 else str(offset),
                "-e", "-q", "-J", login=login, settings=[isolation, "fetch.wait.max.ms=100"]))
            found += [self.record(json.loads(line)) for line in output.splitlines()]
        return found

    @staticmethod
    def record(line):
        names = line.get("headers") or []
        pairs = tuple(
            (name, value.encode() if value is not None else None) for name, value in zip(names[::2], names[1::2]))
        key, value = line.get("key"), line.get("payload")
        return Record(
            value.encode() if value is not None else None, key.encode() if key is not None else None, pairs,
            line["ts"], line["partition"], line["offset"])


ALL = [KafkaPython(), AioKafka(), Confluent(), Kcat()]
PYTHON = ALL[:3]
BY_NAME = {client.name: client for client in ALL}

each_client = pytest.mark.parametrize("client", ALL, ids=repr)
each_python_client = pytest.mark.parametrize("client", PYTHON, ids=repr)
