# SPDX-License-Identifier: Apache-2.0
"""Flushes fail under Kafka's clients: nothing is acknowledged that no flush has covered, clients wait it out, and when the disk works again, or
the server is started anew, everything acknowledged is there. A library of our own, preloaded into the server, lets the flushes fail."""

import collections
import contextlib
import pathlib
import shutil
import subprocess
import threading
import time

import confluent_kafka
import kafka
import pytest
from test_kafka_kill import PARTITIONS, PATIENCE, ConfluentLoad, KafkaPythonLoad, options, read

# The server's own patience is 5 s; the rest is for a busy machine.
ANSWERED_SECONDS_MAX = 10
# What an earlier flush has covered may be told a moment later.
TELLING_SECONDS_MAX = 0.5
STORAGE_ERROR, NOT_ENOUGH_REPLICAS_AFTER_APPEND = 56, 20


class Flushes:
    """Lets the flushes of a server fail, and work again."""

    def __init__(self, folder):
        compiler = shutil.which("gcc") or shutil.which("cc")
        if compiler is None:
            pytest.skip("there is no C compiler here")
        self.flag = folder / "flushes-fail"
        self.noticed = folder / "flushes-fail.noticed"
        library = folder / "failing_flushes.so"
        source = pathlib.Path(__file__).with_name("failing_flushes.c")
        made = subprocess.run(
            [compiler, "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], capture_output=True, text=True, check=False)
        if made.returncode != 0:
            pytest.skip(f"the library cannot be built here: {made.stderr.strip()[-200:]}")
        self.wrapper = ["env", f"LD_PRELOAD={library}", f"APUS_TEST_FLUSHES_FAIL={self.flag}"]

    @contextlib.contextmanager
    def failing(self):
        self.flag.touch()
        try:
            deadline = time.monotonic() + PATIENCE
            while not self.noticed.exists():
                assert time.monotonic() < deadline, "no flush has failed"
                time.sleep(0.01)
            yield
        finally:
            self.flag.unlink()


@pytest.fixture
def flushes(tmp_path):
    return Flushes(tmp_path)


class Loads:
    """Idempotent producers of both clients, each told of an outcome at a time that is noted."""

    def __init__(self, server):
        self.loads = [ConfluentLoad(server, "confluent"), KafkaPythonLoad(server, "kafka-python")]
        self.stopped = threading.Event()
        self.errors = []
        self.threads = [threading.Thread(target=self.run, args=(load,)) for load in self.loads]
        for thread in self.threads:
            thread.start()

    def run(self, load):
        try:
            load.run(self.stopped.is_set)
        except Exception as error:  # noqa: BLE001, told by finish
            self.errors.append(f"{load.name}: {error!r}")

    @property
    def told(self):
        return [len(load.told) for load in self.loads]

    def wait_until_all_are_told_more(self, before, what):
        deadline = time.monotonic() + PATIENCE
        while not all(now > then for now, then in zip(self.told, before, strict=True)):
            assert time.monotonic() < deadline and not self.errors, f"{what}: {self.told} after {before}, {self.errors}"
            time.sleep(0.02)

    def stop(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join(2 * PATIENCE)

    def check(self, server, mayRepeat=False):
        """All there, in order, where the clients were told; and once, unless something was undecided when the server was killed."""
        assert not self.errors and not any(load.failures for load in self.loads), (self.errors, [load.failures[:3] for load in self.loads])
        repeated = 0
        for partition in range(PARTITIONS):
            records = read(server, "idempotent", partition, committed=True)
            for load in self.loads:
                found = [(offset, int(value)) for offset, key, value in records if key == load.name.encode()]
                counts = collections.Counter(number for _, number in found)
                assert sorted(counts) == list(range(load.sent[partition])), f"{load.name}: records are missing in partition {partition}"
                repeated += sum(count - 1 for count in counts.values())
                if not mayRepeat:
                    assert [number for _, number in found] == list(range(load.sent[partition])), f"{load.name}: partition {partition}"
                places = set(found)
                for place, number, offset in load.told:
                    assert place != partition or (offset, number) in places, f"{load.name}: {number} was acknowledged at {partition}/{offset}"
        return repeated


def refusal(server):
    """What a client that does not retry is told."""
    told = []
    producer = confluent_kafka.Producer({**options(server), "retries": 0, "acks": "all"})
    producer.produce("other", value=b"no", partition=0, on_delivery=lambda error, _: told.append(error))
    assert producer.flush(ANSWERED_SECONDS_MAX) == 0, "a client is not answered"
    return told[0]


def position(server, offset=None):
    """What a group has committed; before that it may try to commit."""
    consumer = confluent_kafka.Consumer({**options(server), "group.id": "readers", "enable.auto.commit": False})
    try:
        if offset is not None:
            consumer.commit(offsets=[confluent_kafka.TopicPartition("other", 0, offset)], asynchronous=False)
        return consumer.committed([confluent_kafka.TopicPartition("other", 0)], PATIENCE)[0].offset
    finally:
        consumer.close()


@pytest.mark.parametrize("ends_with", ["the disk working again", "a restart"])
def test_nothing_is_acknowledged_to_kafka_clients_that_is_not_flushed(new_server, flushes, report, ends_with):
    server = new_server("--journal-size", "32MiB")
    server.start(flushes.wrapper)
    server.create_topic("idempotent", PARTITIONS)
    server.create_topic("other")
    producer = confluent_kafka.Producer(options(server))
    for number in range(10):
        producer.produce("other", value=b"%d" % number, partition=0)
    assert producer.flush(PATIENCE) == 0
    assert position(server, 1) == 1
    loads = Loads(server)
    try:
        loads.wait_until_all_are_told_more([50, 50], "nothing is acknowledged")
        with flushes.failing():
            time.sleep(TELLING_SECONDS_MAX)
            before = loads.told
            assert refusal(server).code() in (STORAGE_ERROR, NOT_ENOUGH_REPLICAS_AFTER_APPEND)
            # Reading goes on; committing is refused, and what was committed holds.
            assert [value for _, _, value in read(server, "other", 0, committed=True)] == [b"%d" % number for number in range(10)]
            with pytest.raises(confluent_kafka.KafkaException):
                position(server, 5)
            assert position(server) == 1
            assert refusal(server).code() == STORAGE_ERROR, "what comes later is not refused at once"
            assert loads.told == before, "something was acknowledged that no flush has covered"
            if ends_with == "a restart":
                server.kill()
        if ends_with == "a restart":
            server.start()
        loads.wait_until_all_are_told_more(before, "producing does not go on")
    finally:
        loads.stop()
    # What was undecided when the server was killed is free to come again, and both may be there: the documentation says so.
    repeated = loads.check(server, mayRepeat=ends_with == "a restart")
    assert position(server) in (1, 5) if ends_with == "a restart" else position(server) == 1
    assert position(server, 7) == 7
    server.restart()
    loads.check(server, mayRepeat=ends_with == "a restart")
    assert position(server) == 7
    report(f"ended by {ends_with}: {sum(sum(load.sent) for load in loads.loads)} records there, {repeated} repeated; "
           f"{sum(loads.told)} acknowledged, all where clients were told")
