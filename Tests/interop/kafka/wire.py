# SPDX-License-Identifier: Apache-2.0
"""Kafka's protocol by hand, for what no client would send: frames, and batches with a byte turned here and there."""

import io
import socket
import struct

from clients import PATIENCE
from kafka.record.default_records import DefaultRecordBatchBuilder
from kafka.record.util import calc_crc32c

PRODUCE, FETCH, METADATA, API_VERSIONS = 0, 1, 3, 18

NO_ERROR, CORRUPT_MESSAGE, INVALID_REQUIRED_ACKS, UNSUPPORTED_VERSION = 0, 2, 21, 35
UNSUPPORTED_FOR_MESSAGE_FORMAT, INVALID_RECORD = 43, 87


def text(value):
    data = value.encode()
    return struct.pack(">h", len(data)) + data


def request(api, version, body=b"", correlation=7, client="raw"):
    """A request with its length in front, with the header of versions that are not flexible."""
    content = struct.pack(">hhi", api, version, correlation) + text(client) + body
    return struct.pack(">i", len(content)) + content


def produce(topic, records, acks=-1, correlation=7, partition=0):
    """A Produce request of version 7."""
    body = struct.pack(">h", -1) + struct.pack(">hi", acks, 10_000) + struct.pack(">i", 1) + text(topic)
    body += struct.pack(">ii", 1, partition)
    body += struct.pack(">i", -1) if records is None else struct.pack(">i", len(records)) + records
    return request(PRODUCE, 7, body, correlation)


def produced(answer):
    """The error code and base offset in an answer to such a request."""
    source = io.BytesIO(answer)
    topics, = struct.unpack(">i", source.read(4))
    assert topics == 1
    length, = struct.unpack(">h", source.read(2))
    source.read(length)
    partitions, _, code, offset = struct.unpack(">iihq", source.read(18))
    assert partitions == 1
    return code, offset


def batch(*values, transactional=False, producer=(-1, -1, -1)):
    """A batch of records without keys."""
    made = DefaultRecordBatchBuilder(
        magic=2, compression_type=0, is_transactional=transactional, producer_id=producer[0],
        producer_epoch=producer[1], base_sequence=producer[2], batch_size=1 << 20)
    for number, value in enumerate(values):
        assert made.append(number, timestamp=1_700_000_000_000, key=None, value=value, headers=[])
    return bytes(made.build())


def forge(made, at, form, value, checks=True):
    """The batch with a field changed, and its checksum right again unless said otherwise."""
    made = bytearray(made)
    struct.pack_into(form, made, at, value)
    if checks:
        struct.pack_into(">I", made, 17, calc_crc32c(memoryview(bytes(made[21:]))))
    return bytes(made)


class Connection:
    """A connection to the server's Kafka port."""

    def __init__(self, server):
        self.socket = socket.create_connection(("127.0.0.1", server.kafka_port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def receive(self):
        """The next answer: its correlation id and the rest; None when the server has closed the connection."""
        head = self.exactly(4)
        if head is None:
            return None
        length, = struct.unpack(">i", head)
        answer = self.exactly(length)
        return struct.unpack(">i", answer[:4])[0], answer[4:]

    def exactly(self, count):
        data = b""
        while len(data) < count:
            try:
                more = self.socket.recv(count - len(data))
            except ConnectionResetError:
                more = b""
            if not more:
                assert not data, "the server closed the connection in the middle of an answer"
                return None
            data += more
        return data

    def ask(self, data):
        self.send(data)
        answer = self.receive()
        assert answer is not None, "the server closed the connection"
        return answer[1]

    def is_closed(self):
        """Waits for the end of the connection; an answer instead of it is wrong."""
        return self.receive() is None
