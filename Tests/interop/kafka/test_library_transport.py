# SPDX-License-Identifier: Apache-2.0
"""The Swift library's transport for Kafka, against Apus as the broker: its contract, the shop, and programs that are killed in the middle of what has to be whole."""

import random
import re
import subprocess
import time
import uuid

import pytest

from check_program import Program, run
from clients import each_client
from cloudevents.core.bindings import kafka as binding
from cloudevents.core.formats.json import JSONFormat


@pytest.fixture
def url(kafka_check, kafka_server):
    return f"kafka://{kafka_server.kafka}?create_topics=true"


@pytest.mark.parametrize("settings", ["", "&partitions=3", "&content_mode=structured"])
def test_apus_keeps_the_contract_by_its_kafka_side(bus_check, url, settings):
    result = subprocess.run(
        [bus_check, url + settings, "--patience", "120"], capture_output=True, text=True, timeout=900)
    assert result.returncode == 0, result.stdout + result.stderr
    assert " 0 broken" in result.stdout
    assert int(re.search(r"(\d+) promises kept", result.stdout)[1]) >= 40


@each_client
@pytest.mark.parametrize("mode", ["binary", "structured"])
def test_the_cloudevents_sdk_reads_what_it_writes_in_both_content_modes(kafka_check, kafka_server, url, client, mode):
    topic = f"k-{uuid.uuid4().hex[:8]}"
    run(kafka_check, "produce", f"{url}&content_mode={mode}&partitions=1", topic, "20")
    records = client.consume(kafka_server.kafka, topic, 20)
    for number, record in enumerate(records):
        headers = dict(record.headers)
        assert len(headers) == (1 if mode == "structured" else 5)
        assert (headers["content-type"] == b"application/cloudevents+json") == (mode == "structured")
        read = binding.from_kafka(binding.KafkaMessage(headers, None, record.value), JSONFormat())
        # Bytes that are UTF-8 are text to the SDK in binary mode, whatever their type says.
        data = read.get_data() if mode == "structured" else read.get_data().encode()
        assert (read.get_id(), read.get_type(), data) == (str(number), "check.event", b"a" * 100)
    assert kafka_server.read_all(topic)[7]["id"] == "7"


@pytest.mark.parametrize("settings", ["", "&content_mode=structured"])
def test_the_shop_runs_on_it(shop, url, settings):
    assert "shipped: 86\nrefused: 10\ndead-lettered: 4\n" in shop(url + "&partitions=2" + settings)


def test_a_topic_that_nobody_makes_is_an_error_that_says_what_to_do(kafka_check, kafka_server):
    name = f"none-{uuid.uuid4().hex[:8]}"
    result = subprocess.run(
        [kafka_check, "produce", f"kafka://{kafka_server.kafka}", name, "1"], capture_output=True, text=True,
        timeout=60)
    assert result.returncode == 1
    assert name in result.stdout and "create_topics=true" in result.stdout


def test_a_consumer_that_is_killed_loses_nothing(kafka_check, url):
    topic = f"k-{uuid.uuid4().hex[:8]}"
    seen = set()
    consumer = Program(kafka_check, "consume", url, topic, "g")
    consumer.wait_for(lambda lines: "ready" in lines, "it subscribes")
    producer = Program(kafka_check, "produce", url, topic, "600")
    for _ in range(2):
        count = len(consumer.lines)
        consumer.wait_for(lambda lines: len(lines) > count + 20 or "done" in producer.lines, "it consumes")
        consumer.kill()
        seen |= {line.split()[1] for line in consumer.lines if line.startswith("settled")}
        # The group learns of it by its session's end.
        consumer = Program(kafka_check, "consume", url + "&session.timeout.ms=6000", topic, "g")
    producer.wait_for(lambda lines: "done" in lines, "all are published")
    expected = {str(number) for number in range(600)}

    def is_complete(lines):
        return seen | {line.split()[1] for line in list(lines) if line.startswith("settled")} >= expected

    consumer.wait_for(is_complete, "all come", seconds=90)
    consumer.kill()
    producer.kill()


def test_the_server_is_killed_in_the_middle_and_nothing_is_lost_or_doubled(kafka_check, new_server):
    server = new_server("--auto-create-topics").start()
    url = f"kafka://{server.kafka}?publish_timeout=60000"
    topic = f"k-{uuid.uuid4().hex[:8]}"
    producer = Program(kafka_check, "produce", url, topic, "2000")
    for _ in range(2):
        count = len(producer.lines)
        producer.wait_for(lambda lines: len(lines) > count + 100 or "done" in lines, "it publishes")
        server.kill()
        server.start()
    producer.wait_for(lambda lines: "done" in lines, "all are published", seconds=90)
    stored = [line for line in run(kafka_check, "read", url, topic) if line]
    # Idempotent: what was repeated after the connection broke is there once.
    assert not [line for line in producer.lines if line.startswith("again")]
    assert sorted(stored, key=int) == [str(number) for number in range(2000)]


def test_copies_in_transactions_are_there_exactly_once_however_often_the_program_is_killed(kafka_check, url):
    source, destination = f"s-{uuid.uuid4().hex[:8]}", f"d-{uuid.uuid4().hex[:8]}"
    count = 1500
    run(kafka_check, "produce", url, source, str(count))
    chance = random.Random(7)
    # A dead member is given up after its session; a transaction that it left open is aborted by the next one of its id.
    command = (
        kafka_check, "copy", url + "&session.timeout.ms=6000", source, destination, "copier", "copier-1")
    for _ in range(3):
        copier = Program(*command)
        copier.wait_for(lambda lines: any(line.startswith("copied") for line in lines), "it copies", 90)
        time.sleep(chance.uniform(0.0, 0.05))
        copier.kill()
    copier = Program(*command)
    deadline = time.monotonic() + 90
    copied = []
    while len(copied) < count and time.monotonic() < deadline:
        # As long as it copies, it is asked again; nothing is taken for the end.
        time.sleep(0.5)
        copied = [line for line in run(kafka_check, "read", url, destination) if line]
    copier.wait_for(lambda lines: lines and lines[-1] == "idle", "it has nothing left to do")
    copier.kill()
    copied = [line for line in run(kafka_check, "read", url, destination) if line]
    assert sorted(copied, key=int) == [str(number) for number in range(count)]


def test_who_begins_transactions_under_an_id_ends_those_of_who_had_it(kafka_check, url):
    first_source, second_source, destination = (f"{kind}-{uuid.uuid4().hex[:8]}" for kind in ("s", "s", "d"))
    run(kafka_check, "produce", url, first_source, "7")
    run(kafka_check, "produce", url, second_source, "7")
    first = Program(kafka_check, "copy", url, first_source, destination, "one", "shared-id")
    first.wait_for(lambda lines: "idle" in lines, "it copies", 90)
    # Not known to the first, which is idle, until it wants to commit again.
    second = Program(kafka_check, "copy", url, second_source, destination, "two", "shared-id")
    second.wait_for(lambda lines: "idle" in lines, "it copies", 90)
    run(kafka_check, "produce", url, first_source, "3")
    assert first.process.wait(timeout=60) == 1
    first.reader.join()
    assert first.lines[-1].startswith("error:") and "shared-id" in first.lines[-1], first.lines[-3:]
    second.kill()
    # What the first wanted to copy at last is not there.
    assert len([line for line in run(kafka_check, "read", url, destination) if line]) == 14
