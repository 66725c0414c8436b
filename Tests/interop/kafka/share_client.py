# SPDX-License-Identifier: Apache-2.0
"""A member of share groups (KIP-932) made of bytes over a socket, for what librdkafka's share consumer does not let one say or see: session epochs,
ranges of offsets with their delivery counts, refusals, and administration."""

import dataclasses
import struct
import uuid

from kafka.record.memory_records import MemoryRecords
from wire import Connection, text

HEARTBEAT, DESCRIBE, FETCH, ACKNOWLEDGE = 76, 77, 78, 79
DESCRIBE_OFFSETS, ALTER_OFFSETS, DELETE_OFFSETS = 90, 91, 92
LIST_GROUPS, DESCRIBE_CONFIGS, DELETE_GROUPS, ALTER_CONFIGS = 16, 32, 42, 44

GAP, ACCEPT, RELEASE, REJECT, RENEW = range(5)

UNKNOWN_TOPIC_OR_PARTITION, INVALID_GROUP_ID, UNKNOWN_MEMBER_ID, INVALID_CONFIG, INVALID_REQUEST = 3, 24, 25, 40, 42
NON_EMPTY_GROUP, GROUP_ID_NOT_FOUND, UNKNOWN_TOPIC_ID = 68, 69, 100
INVALID_RECORD_STATE, SHARE_SESSION_NOT_FOUND, INVALID_SHARE_SESSION_EPOCH = 121, 122, 123

GROUP = 32
NO_TAGS = b"\0"


# What is written: compact lengths, and an empty section of tags behind each structure.

def varint(number):
    data = b""
    while number > 0x7F:
        data += bytes([number & 0x7F | 0x80])
        number >>= 7
    return data + bytes([number])


def compact(value):
    if value is None:
        return varint(0)
    data = value.encode()
    return varint(len(data) + 1) + data


def array(elements):
    return varint(0) if elements is None else varint(len(elements) + 1) + b"".join(elements)


def int8(value):
    return struct.pack(">b", value)


def int32(value):
    return struct.pack(">i", value)


def int64(value):
    return struct.pack(">q", value)


class Reader:
    """What is read."""

    def __init__(self, data):
        self.data = data

    def take(self, count):
        assert len(self.data) >= count, "the answer ends too early"
        taken, self.data = self.data[:count], self.data[count:]
        return taken

    def number(self, form):
        return struct.unpack(">" + form, self.take(struct.calcsize(">" + form)))[0]

    def int16(self):
        return self.number("h")

    def int32(self):
        return self.number("i")

    def int64(self):
        return self.number("q")

    def varint(self):
        result, shift = 0, 0
        while True:
            byte = self.take(1)[0]
            result |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return result

    def bytes(self):
        length = self.varint()
        return None if length == 0 else self.take(length - 1)

    def text(self):
        data = self.bytes()
        return None if data is None else data.decode()

    def uuid(self):
        return uuid.UUID(bytes=self.take(16))

    def array(self, element):
        count = self.varint()
        return None if count == 0 else [element(self) for _ in range(count - 1)]

    def structure(self, *fields):
        """Fields one after another, and the tags behind them."""
        values = tuple(field(self) for field in fields)
        assert self.varint() == 0, "no tags are expected"
        return values

    def end(self):
        assert self.data == b"", "the answer is longer than it should be"


def ask(connection, api, version, body):
    """Sends a request with a flexible header; what the answer has behind its header."""
    head = struct.pack(">hhi", api, version, 7) + text("share-tests") + NO_TAGS
    answer = Reader(connection.ask(int32(len(head) + len(body)) + head + body))
    assert answer.varint() == 0, "no tags are expected in the header"
    answer.int32()  # How long the client is asked to wait.
    return answer


@dataclasses.dataclass
class Fetched:
    """What a partition gave: the records that are handed out, by offset, each with its value and how often it was handed out so far."""

    error: int = 0
    acknowledged: int = 0
    records: dict = dataclasses.field(default_factory=dict)


class Member:
    """A member of a share group, over one connection."""

    def __init__(self, server, group, version=1):
        self.connection = Connection(server)
        self.group, self.version = group, version
        self.id, self.member_epoch, self.epoch, self.lock = str(uuid.uuid4()), 0, 0, None
        self.assigned = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.die()

    def die(self):
        """Ends the connection without a word."""
        self.connection.socket.close()

    # Membership

    def heartbeat(self, topics=None, epoch=None):
        """A heartbeat; its error. Topics are names."""
        body = compact(self.group) + compact(self.id)
        body += int32(self.member_epoch if epoch is None else epoch) + compact(None)
        body += array(None if topics is None else [compact(name) for name in topics]) + NO_TAGS
        answer = ask(self.connection, HEARTBEAT, 1, body)
        error, _, member, self.member_epoch = answer.int16(), answer.text(), answer.text(), answer.int32()
        answer.int32()
        if answer.number("b") >= 0:
            topics, = answer.structure(lambda r: r.array(
                lambda r: r.structure(Reader.uuid, lambda r: r.array(Reader.int32))))
            self.assigned = dict(topics)
        answer.structure()
        answer.end()
        assert error or member == self.id
        return error

    def join(self, *topics):
        """Joins and opens no session yet; the identity of the one topic that is assigned."""
        assert self.heartbeat(topics) == 0
        return next(iter(self.assigned), None)

    def leave(self):
        return self.heartbeat(epoch=-1)

    # Records

    @staticmethod
    def topics(partitions):
        """The part of a request that names partitions with what became of their records: {(topic, partition): [(first, last, types)]}."""
        names = {}
        for (topic, partition), batches in partitions.items():
            listed = [
                int64(first) + int64(last) + array([int8(each) for each in types]) + NO_TAGS
                for first, last, types in batches]
            names.setdefault(topic, []).append(int32(partition) + array(listed) + NO_TAGS)
        return array([topic.bytes + array(listed) + NO_TAGS for topic, listed in names.items()])

    def fetch(self, partitions=(), wait=0, records=500, epoch=None, forgotten=(), batch=0, renew=False, largest=1 << 20):
        """Fetches; the error, or {(topic, partition): Fetched}. Partitions are those that are new, or what became of their records."""
        if not isinstance(partitions, dict):
            partitions = {place: [] for place in partitions}
        body = compact(self.group) + compact(self.id) + int32(self.epoch if epoch is None else epoch)
        body += int32(wait) + int32(0 if renew else 1) + int32(0 if renew else largest)
        body += int32(0 if renew else records) + int32(batch)
        if self.version >= 2:
            body += int8(1) + (b"\1" if renew else b"\0")
        body += self.topics(partitions)
        body += array([topic.bytes + array([int32(number)]) + NO_TAGS for topic, number in forgotten]) + NO_TAGS
        answer = ask(self.connection, FETCH, self.version, body)
        error, _, self.lock = answer.int16(), answer.text(), answer.int32()
        topics = answer.array(lambda r: r.structure(Reader.uuid, lambda r: r.array(self.partition)))
        assert answer.array(Reader.int32) == []
        answer.structure()
        answer.end()
        if error:
            return error
        if epoch is None:
            self.epoch = 1 if self.epoch == 2**31 - 1 else self.epoch + 1
        return {(topic, number): fetched for topic, listed in topics for number, fetched in listed}

    @staticmethod
    def partition(reader):
        number, error, _, acknowledged, _, _, data, ranges = reader.structure(
            Reader.int32, Reader.int16, Reader.text, Reader.int16, Reader.text,
            lambda r: r.structure(Reader.int32, Reader.int32), Reader.bytes,
            lambda r: r.array(lambda r: r.structure(Reader.int64, Reader.int64, Reader.int16)))
        assert data is not None, "no records are an empty set of them"
        values = {}
        batches = MemoryRecords(data)
        while (found := batches.next_batch()) is not None:
            values.update({record.offset: record.value for record in found})
        handed = {}
        for first, last, count in ranges:
            for offset in range(first, last + 1):
                handed[offset] = values[offset], count
        return number, Fetched(error, acknowledged, handed)

    def take(self, place, wait=0, **options):
        """Fetches from a partition that is in the session; its records."""
        answer = self.fetch([place] if self.epoch == 0 else [], wait=wait, **options)
        assert isinstance(answer, dict), f"error {answer}"
        fetched = answer.get(place, Fetched())
        assert fetched.error == 0
        return fetched.records

    def acknowledge(self, partitions, epoch=None, renew=False):
        """Says what became of records; the error, or the errors by partition."""
        body = compact(self.group) + compact(self.id) + int32(self.epoch if epoch is None else epoch)
        if self.version >= 2:
            body += b"\1" if renew else b"\0"
        body += self.topics(partitions) + NO_TAGS
        answer = ask(self.connection, ACKNOWLEDGE, self.version, body)
        error, _ = answer.int16(), answer.text()
        if self.version >= 2:
            self.lock = answer.int32()
        topics = answer.array(lambda r: r.structure(Reader.uuid, lambda r: r.array(lambda r: r.structure(
            Reader.int32, Reader.int16, Reader.text, lambda r: r.structure(Reader.int32, Reader.int32)))))
        assert answer.array(Reader.int32) == []
        answer.structure()
        answer.end()
        if error:
            return error
        if epoch is None:
            self.epoch += 1
        return {(topic, each[0]): each[1] for topic, listed in topics for each in listed}

    def settle(self, place, verdict, *offsets):
        """Says the same of some records, which has to be taken."""
        batches = [(offset, offset, [verdict]) for offset in sorted(offsets)]
        assert self.acknowledge({place: batches}) == {place: 0}

    def close(self):
        """Ends the session: what it has goes back as if it had never been handed out."""
        assert self.acknowledge({}, epoch=-1) == {}
        self.epoch = 0


# Administration

def list_groups(connection, *types):
    """{group: (state, type)}"""
    answer = ask(connection, LIST_GROUPS, 5, array([]) + array([compact(each) for each in types]) + NO_TAGS)
    assert answer.int16() == 0
    groups = answer.array(lambda r: r.structure(Reader.text, Reader.text, Reader.text, Reader.text))
    return {group: (state, kind) for group, _, state, kind in groups}


def describe_group(connection, group):
    """The error, state and members of a share group."""
    answer = ask(connection, DESCRIBE, 1, array([compact(group)]) + b"\0" + NO_TAGS)

    def member(reader):
        return reader.structure(
            Reader.text, Reader.text, Reader.int32, Reader.text, Reader.text, lambda r: r.array(Reader.text),
            lambda r: r.structure(lambda r: r.array(lambda r: r.structure(
                Reader.uuid, Reader.text, lambda r: r.array(Reader.int32)))))

    (error, _, name, state, _, _, _, members, _), = answer.array(lambda r: r.structure(
        Reader.int16, Reader.text, Reader.text, Reader.text, Reader.int32, Reader.int32, Reader.text,
        lambda r: r.array(member), Reader.int32))
    assert name == group
    return error, state, members


def delete_group(connection, group):
    answer = ask(connection, DELETE_GROUPS, 2, array([compact(group)]) + NO_TAGS)
    (_, error), = answer.array(lambda r: r.structure(Reader.text, Reader.int16))
    return error


def set_config(connection, group, name, value):
    """Sets a config of a group, or with None resets it; the error and what was said."""
    config = compact(name) + int8(1 if value is None else 0) + compact(value) + NO_TAGS
    body = array([int8(GROUP) + compact(group) + array([config]) + NO_TAGS]) + b"\0" + NO_TAGS
    answer = ask(connection, ALTER_CONFIGS, 1, body)
    (error, message, _, _), = answer.array(lambda r: r.structure(
        Reader.int16, Reader.text, lambda r: r.number("b"), Reader.text))
    return error, message


def configs(connection, group):
    """{name: value} of a group."""
    body = array([int8(GROUP) + compact(group) + array(None) + NO_TAGS]) + b"\0\0" + NO_TAGS
    answer = ask(connection, DESCRIBE_CONFIGS, 4, body)

    def config(reader):
        return reader.structure(
            Reader.text, Reader.text, lambda r: r.number("b"), lambda r: r.number("b"), lambda r: r.number("b"),
            lambda r: r.array(lambda r: r.structure(Reader.text, Reader.text, lambda r: r.number("b"))),
            lambda r: r.number("b"), Reader.text)

    (error, _, _, _, found), = answer.array(lambda r: r.structure(
        Reader.int16, Reader.text, lambda r: r.number("b"), Reader.text, lambda r: r.array(config)))
    assert error == 0
    return {each[0]: each[1] for each in found}


def describe_offsets(connection, group, topics=None):
    """The group's error and {(topic name, partition): (offset, error)}."""
    listed = None if topics is None else [
        compact(name) + array([int32(number) for number in numbers]) + NO_TAGS for name, numbers in topics.items()]
    body = array([compact(group) + array(listed) + NO_TAGS]) + NO_TAGS
    answer = ask(connection, DESCRIBE_OFFSETS, 0, body)
    (_, topics, error, _), = answer.array(lambda r: r.structure(
        Reader.text, lambda r: r.array(lambda r: r.structure(
            Reader.text, Reader.uuid, lambda r: r.array(lambda r: r.structure(
                Reader.int32, Reader.int64, Reader.int32, Reader.int16, Reader.text)))),
        Reader.int16, Reader.text))
    return error, {(name, each[0]): (each[1], each[3]) for name, _, listed in topics for each in listed}


def alter_offset(connection, group, topic, partition, offset):
    """The group's error, or that of the partition."""
    body = compact(group) + array([
        compact(topic) + array([int32(partition) + int64(offset) + NO_TAGS]) + NO_TAGS]) + NO_TAGS
    answer = ask(connection, ALTER_OFFSETS, 0, body)
    error, _ = answer.int16(), answer.text()
    topics = answer.array(lambda r: r.structure(Reader.text, Reader.uuid, lambda r: r.array(
        lambda r: r.structure(Reader.int32, Reader.int16, Reader.text))))
    return error or topics[0][2][0][1]


def delete_offsets(connection, group, topic):
    """The group's error, or that of the topic."""
    answer = ask(connection, DELETE_OFFSETS, 0, compact(group) + array([compact(topic) + NO_TAGS]) + NO_TAGS)
    error, _ = answer.int16(), answer.text()
    topics = answer.array(lambda r: r.structure(Reader.text, Reader.uuid, Reader.int16, Reader.text))
    return error or topics[0][2]
