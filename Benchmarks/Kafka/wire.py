# SPDX-License-Identifier: Apache-2.0
"""As much of Kafka's protocol as the benchmarks here need, as bytes that are made once and sent many times: a client that costs next to nothing."""

import select
import socket
import struct

API_PRODUCE, API_FETCH, API_VERSIONS = 0, 1, 18


def _crc_table():
    table = []
    for number in range(256):
        for _ in range(8):
            number = number >> 1 ^ (0x82F63B78 if number & 1 else 0)
        table.append(number)
    return table


_CRC = _crc_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def varint(value):
    value = (value << 1) ^ (value >> 63)
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def batch(count, size, time):
    """A record batch of `count` records of `size` bytes, without keys, not compressed."""
    records = bytearray()
    for number in range(count):
        record = b"\0" + varint(0) + varint(number) + varint(-1) + varint(size) + bytes(size) + varint(0)
        records += varint(len(record)) + record
    covered = struct.pack(">hiqqqhii", 0, count - 1, time, time, -1, -1, -1, count) + records
    body = struct.pack(">ibI", -1, 2, crc32c(covered)) + covered
    return struct.pack(">qi", 0, len(body)) + body


def text(value):
    encoded = value.encode()
    return struct.pack(">h", len(encoded)) + encoded


def framed(api, version, body, correlation=1):
    request = struct.pack(">hhi", api, version, correlation) + text("bench") + body
    return struct.pack(">i", len(request)) + request


def versions():
    return framed(API_VERSIONS, 0, b"")


def produce(topic, partition, records, acks=-1):
    """A request with one batch for one partition."""
    body = struct.pack(">hhii", -1, acks, 30_000, 1) + text(topic) + struct.pack(">iii", 1, partition, len(records))
    return framed(API_PRODUCE, 7, body + records)


def fetch(topic, partition, offset, wait_ms, bytes_min=1, bytes_max=16 << 20):
    """A request that reads one partition, and opens a session as consumers do."""
    body = struct.pack(">iiiibii", -1, wait_ms, bytes_min, bytes_max, 0, 0, 0)
    body += struct.pack(">i", 1) + text(topic) + struct.pack(">i", 1)
    body += struct.pack(">iiqqi", partition, -1, offset, -1, bytes_max)
    return framed(API_FETCH, 11, body + struct.pack(">i", 0) + text(""))


class Connection:
    """One connection; answers are counted, and looked at only by who asks for their bytes."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.input = bytearray()

    def send(self, request):
        self.socket.sendall(request)

    def take(self):
        """The answers that have arrived whole; waits for bytes if there are none at hand."""
        received = self.socket.recv(1 << 20)
        if not received:
            raise ConnectionError("the server closed the connection")
        self.input += received
        answers = []
        while len(self.input) >= 4:
            end = 4 + int.from_bytes(self.input[:4], "big")
            if len(self.input) < end:
                break
            answers.append(bytes(self.input[4:end]))
            del self.input[:end]
        return answers

    def ask(self, request):
        self.send(request)
        while not (answers := self.take()):
            pass
        return answers[0]

    def is_silent(self):
        poll = select.poll()
        poll.register(self.socket, select.POLLIN)
        return not poll.poll(0)

    def close(self):
        self.socket.close()


def produce_error(answer):
    """The error of the one partition in the answer to `produce`."""
    name = int.from_bytes(answer[8:10], "big")
    return int.from_bytes(answer[10 + name + 8:10 + name + 10], "big", signed=True)
