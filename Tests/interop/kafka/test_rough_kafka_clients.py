# SPDX-License-Identifier: Apache-2.0
"""What no Kafka client sends: unknown requests, lying lengths, half frames, broken batches. Each gets its error or loses its connection;
nobody else notices, and the server's memory stays as it was."""

import os
import pathlib
import random
import struct

import pytest
import wire
from clients import Confluent, Record, until
from wire import Connection, batch, forge, produce, produced, request

RECORDS = [b"one", b"two", b"three"]
# Offsets of fields of a batch.
LENGTH, MAGIC, CHECKSUM, ATTRIBUTES, LAST_DELTA, COUNT = 8, 16, 17, 21, 23, 57


@pytest.fixture(autouse=True)
def others_are_unaffected(kafka_server, new_topic):
    """A client that was there before, and a new one, are served after whatever the test does, by the same process."""
    topic, process = new_topic(), kafka_server.process
    with Connection(kafka_server) as connection:
        assert produced(connection.ask(produce(topic, batch(b"before")))) == (0, 0)
        yield
        assert produced(connection.ask(produce(topic, batch(b"after")))) == (0, 1)
    assert len(Confluent().consume(kafka_server.kafka, topic, 2)) == 2
    assert kafka_server.process is process and kafka_server.is_running


def resident(server):
    """The server's memory, in MiB."""
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def versions(answer):
    """The ApiVersions answer of version 0: the code, and the range of each API."""
    code, count = struct.unpack(">hi", answer[:6])
    assert len(answer) == 6 + 6 * count
    return code, {
        key: (least, most) for key, least, most in struct.iter_unpack(">hhh", answer[6:])}


def test_api_versions_of_the_future_are_answered_in_version_0(kafka_server):
    with Connection(kafka_server) as connection:
        code, apis = versions(connection.ask(request(wire.API_VERSIONS, 99, b"\xff\xff whatever \x00")))
        assert code == wire.UNSUPPORTED_VERSION
        assert apis[wire.API_VERSIONS][0] == 0 and wire.PRODUCE in apis and wire.FETCH in apis
        # The client goes on with a version that there is.
        assert versions(connection.ask(request(wire.API_VERSIONS, 0))) == (0, apis)


@pytest.mark.parametrize("api, version", [(9999, 0), (-1, 0), (wire.PRODUCE, 999), (wire.METADATA, -5), (wire.FETCH, 0), (4, 0)])
def test_what_is_not_spoken_ends_the_connection(kafka_server, api, version):
    with Connection(kafka_server) as connection:
        connection.send(request(api, version, b"\0" * 40))
        assert connection.is_closed()


@pytest.mark.parametrize("length", [-1, -(2**31), 0, 1, 7, 2**31 - 1, (100 << 20) + 1])
def test_impossible_lengths_end_the_connection(kafka_server, length):
    before = resident(kafka_server)
    with Connection(kafka_server) as connection:
        connection.send(struct.pack(">i", length) + b"\0" * 64)
        assert connection.is_closed()
    assert resident(kafka_server) - before < 20


def test_other_protocols_are_turned_away(kafka_server):
    for hello in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 80):
        with Connection(kafka_server) as connection:
            connection.send(hello)
            assert connection.is_closed()


def test_half_a_request_holds_nobody_up(kafka_server, new_topic):
    topic = new_topic()
    before = resident(kafka_server)
    whole = produce(topic, batch(*RECORDS))
    connections = [Connection(kafka_server) for _ in range(50)]
    try:
        for number, connection in enumerate(connections):
            # Some say that a lot will come.
            connection.send(whole[: 3 + number] if number % 2 else struct.pack(">i", 1 << 20) + whole[4:50])
        with Connection(kafka_server) as other:
            assert produced(other.ask(whole))[0] == 0
        assert resident(kafka_server) - before < 100
        # They may still end what they began.
        connections[1].send(whole[4:])
        assert produced(connections[1].receive()[1])[0] == 0
    finally:
        for connection in connections:
            connection.socket.close()


def test_a_request_may_come_byte_by_byte(kafka_server, new_topic):
    with Connection(kafka_server) as connection:
        for byte in produce(new_topic(), batch(b"x")):
            connection.send(bytes([byte]))
        assert produced(connection.receive()[1]) == (0, 0)


COUNTS = [
    (wire.METADATA, 4, struct.pack(">i", 2**31 - 1)),
    (wire.METADATA, 4, struct.pack(">i", -7)),
    (wire.METADATA, 12, b"\0" + b"\xff\xff\xff\xff\x0f"),
    (wire.METADATA, 12, b"\0" + b"\xff" * 10),
    (wire.PRODUCE, 7, struct.pack(">hhii", -1, -1, 1000, 1 << 30)),
    (wire.PRODUCE, 7, struct.pack(">hhii", -1, -1, 1000, 1) + wire.text("t") + struct.pack(">i", 1 << 29)),
    (wire.PRODUCE, 7, struct.pack(">hhii", -1, -1, 1000, 1) + wire.text("t") + struct.pack(">iii", 1, 0, 1 << 30)),
    (wire.FETCH, 11, struct.pack(">iiiibii", -1, 100, 1, 1 << 20, 0, 0, -1) + struct.pack(">i", 1 << 30)),
    # JoinGroup, OffsetFetch, CreateTopics.
    (11, 5, wire.text("g") + struct.pack(">ii", 6000, 6000) + wire.text("") + struct.pack(">h", -1) + wire.text("consumer") + struct.pack(">i", 1 << 30)),
    (9, 5, wire.text("g") + struct.pack(">i", 1 << 30)),
    (19, 4, struct.pack(">i", 1 << 30)),
]


@pytest.mark.parametrize("api, version, body", COUNTS)
def test_lying_counts_end_the_connection_before_memory_is_reserved(kafka_server, api, version, body):
    before = resident(kafka_server)
    with Connection(kafka_server) as connection:
        connection.send(request(api, version, body))
        assert connection.is_closed()
    assert resident(kafka_server) - before < 20


GOOD = batch(*RECORDS)
BROKEN = {
    "checksum": (forge(GOOD, 61, ">B", GOOD[61] ^ 1, checks=False), {wire.CORRUPT_MESSAGE}),
    "truncated": (GOOD[:-1], {wire.CORRUPT_MESSAGE}),
    "header only": (GOOD[:61], {wire.CORRUPT_MESSAGE}),
    "too short": (GOOD[:12], {wire.CORRUPT_MESSAGE}),
    "length beyond the request": (forge(GOOD, LENGTH, ">i", 1 << 30), {wire.CORRUPT_MESSAGE}),
    "negative length": (forge(GOOD, LENGTH, ">i", -1), {wire.CORRUPT_MESSAGE}),
    "more records than there are": (
        forge(forge(GOOD, COUNT, ">i", 4), LAST_DELTA, ">i", 3), {wire.CORRUPT_MESSAGE, wire.INVALID_RECORD}),
    "fewer records than there are": (
        forge(forge(GOOD, COUNT, ">i", 2), LAST_DELTA, ">i", 1), {wire.CORRUPT_MESSAGE, wire.INVALID_RECORD}),
    "very many records": (
        forge(forge(GOOD, COUNT, ">i", 2**31 - 1), LAST_DELTA, ">i", 2**31 - 2),
        {wire.CORRUPT_MESSAGE, wire.INVALID_RECORD}),
    "a negative count": (forge(GOOD, COUNT, ">i", -1), {wire.CORRUPT_MESSAGE, wire.INVALID_RECORD}),
    "offsets that are not its records'": (forge(GOOD, LAST_DELTA, ">i", 1000), {wire.CORRUPT_MESSAGE, wire.INVALID_RECORD}),
    "an old format": (forge(GOOD, MAGIC, ">b", 1), {wire.UNSUPPORTED_FOR_MESSAGE_FORMAT, wire.INVALID_RECORD, wire.CORRUPT_MESSAGE}),
    "a control batch": (forge(GOOD, ATTRIBUTES, ">h", 0x20), {wire.INVALID_RECORD}),
    "two batches": (GOOD + GOOD, {wire.INVALID_RECORD}),
    "nothing": (b"", {wire.INVALID_RECORD}),
    "null": (None, {wire.INVALID_RECORD}),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_batches_are_refused_and_stored_by_nobody(kafka_server, new_topic, name):
    topic = new_topic()
    records, codes = BROKEN[name]
    with Connection(kafka_server) as connection:
        code, offset = produced(connection.ask(produce(topic, records)))
        assert code in codes and offset == -1
        # The connection goes on, and the next batch has the first offset.
        assert produced(connection.ask(produce(topic, GOOD))) == (0, 0)
    assert len(kafka_server.read_all(topic)) == 3


def test_a_broken_batch_without_an_acknowledgement_ends_the_connection(kafka_server, new_topic):
    with Connection(kafka_server) as connection:
        connection.send(produce(new_topic(), BROKEN["checksum"][0], acks=0))
        assert connection.is_closed()


def test_produce_without_acknowledgement_is_not_answered(kafka_server, new_topic):
    topic = new_topic()
    with Connection(kafka_server) as connection:
        connection.send(produce(topic, GOOD, acks=0, correlation=1) + produce(topic, GOOD, correlation=2))
        correlation, answer = connection.receive()
        assert correlation == 2 and produced(answer) == (0, 3)


def test_acknowledgements_that_there_are_not_are_refused(kafka_server, new_topic):
    with Connection(kafka_server) as connection:
        assert produced(connection.ask(produce(new_topic(), GOOD, acks=5)))[0] == wire.INVALID_REQUIRED_ACKS


def test_requests_at_once_are_answered_in_their_order(kafka_server, new_topic):
    topic = new_topic()
    with Connection(kafka_server) as connection:
        some = [
            produce(topic, GOOD, correlation=number) if number % 3
            else request(wire.API_VERSIONS, 0, correlation=number) for number in range(300)]
        connection.send(b"".join(some))
        offsets = []
        for number in range(300):
            correlation, answer = connection.receive()
            assert correlation == number
            if number % 3:
                code, offset = produced(answer)
                assert code == 0
                offsets.append(offset)
        assert offsets == list(range(0, 600, 3))


def test_rubbish_does_no_harm(kafka_server, new_topic):
    chance = random.Random(20261125)
    topic = new_topic()
    before = resident(kafka_server)
    whole = [produce(topic, GOOD), request(wire.METADATA, 4, struct.pack(">i", -1) + b"\1"), request(wire.API_VERSIONS, 0)]
    for _ in range(300):
        with Connection(kafka_server) as connection:
            if chance.random() < 0.3:
                data = chance.randbytes(chance.randrange(1, 400))
                data = struct.pack(">i", len(data)) + data
            else:
                data = bytearray(chance.choice(whole))
                for _ in range(chance.randrange(1, 4)):
                    data[chance.randrange(4, len(data))] = chance.randrange(256)
            try:
                connection.send(bytes(data))
            except ConnectionError:
                pass
    until(lambda: kafka_server.is_running and resident(kafka_server) - before < 100, "memory given back")
    # What it did store can be read.
    kafka_server.read_all(topic)


def test_clients_that_go_away_while_they_wait_leave_nothing_behind(kafka_server, new_topic):
    topic = new_topic()
    body = struct.pack(">iiiib", -1, 60_000, 1, 1 << 20, 0) + struct.pack(">i", 1) + wire.text(topic)
    body += struct.pack(">iiqi", 1, 0, 0, 1 << 20)
    descriptors = lambda: len(os.listdir(f"/proc/{kafka_server.process.pid}/fd"))
    before = descriptors()
    connections = [Connection(kafka_server) for _ in range(100)]
    for connection in connections:
        connection.send(request(wire.FETCH, 4, body))
    until(lambda: descriptors() >= before + 100, "100 connections")
    for connection in connections:
        connection.socket.close()
    until(lambda: descriptors() <= before + 2, "the end of 100 connections")
