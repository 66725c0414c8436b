# SPDX-License-Identifier: Apache-2.0
"""Clients as one would not wish for: too slow, too large, too many, or in the middle of something when the server is told to stop."""

import json
import re
import signal
import socket
import threading
import time

import pytest

LIMIT = 1 << 20


def talk(server, data, seconds=20):
    """Sends bytes, and returns all that comes back until the server closes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=seconds) as connection:
        try:
            connection.sendall(data)
        except OSError:
            pass  # refused while it was still being sent
        return read_all(connection)


def read_all(connection):
    received = b""
    try:
        while piece := connection.recv(65536):
            received += piece
    except ConnectionError:
        pass
    return received


def request(method, path, headers="", body=b"", host="localhost"):
    head = f"{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{headers}"
    if body:
        head += f"content-length: {len(body)}\r\n"
    return (head + "\r\n").encode() + body


def status(answer):
    found = re.match(rb"HTTP/1\.1 (\d+)", answer)
    assert found, answer[:200]
    return int(found.group(1))


JSON = "content-type: application/json\r\n"
STRUCTURED = "content-type: application/cloudevents+json\r\n"
BATCH = "content-type: application/cloudevents-batch+json\r\n"
XML = "content-type: application/cloudevents+xml\r\n"
EVENT = '"specversion":"1.0","id":"1","source":"/s","type":"t"'


@pytest.mark.parametrize("name, expected, headers, body", [
    ("an event above its limit", 413, JSON, b"x" * (LIMIT + 1)),
    ("a body above its limit", 413, JSON + f"content-length: {17 * LIMIT}\r\n", b""),
    ("a chunked body above its limit", 413, JSON + "transfer-encoding: chunked\r\n",
     b"chunks"),
    ("too many events", 413, BATCH, ("[" + ",".join(["{%s}" % EVENT] * 10_001) + "]").encode()),
    ("a header above its limit", 431, JSON + "x: " + "a" * (33 << 10) + "\r\n", b"{}"),
    ("too many header fields", 431, "".join(f"x-{n}: 1\r\n" for n in range(101)), b"{}"),
    ("JSON that is nested too deeply", 400, STRUCTURED,
     ('{%s,"data":%s}' % (EVENT, "[" * 100_000 + "]" * 100_000)).encode()),
    ("XML that is nested too deeply", 400, XML, b"<a>" * 100_000),
    ("XML with entities", 400, XML, b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'),
    ("a compressed body", 415, JSON + "content-encoding: gzip\r\n", b"{}"),
    ("a form", 415, "content-type: application/x-www-form-urlencoded\r\n", b"a=b"),
    ("two lengths", 400, JSON + "content-length: 2\r\ntransfer-encoding: chunked\r\n", b""),
    ("a foreign page", 403, JSON + "origin: http://evil.example\r\n", b"{}"),
])
def test_what_is_too_much_gets_its_status_and_the_server_goes_on(
        apus_server, topic, name, expected, headers, body):
    if body == b"chunks":
        piece = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        data = request("POST", f"/v1/topics/{topic}/events", headers) + piece * 300
    else:
        data = request("POST", f"/v1/topics/{topic}/events", headers, body)
    answer = talk(apus_server, data)
    assert status(answer) == expected, name
    head, _, problem = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    assert json.loads(problem)["status"] == expected
    assert apus_server.read_all(topic) == []


def test_a_server_behind_a_name_answers_to_it_and_to_no_other(new_server):
    server = new_server("--host-name", "bus.example.org", "--origin", "https://bus.example.org").start()
    own = "origin: https://bus.example.org\r\n"
    assert status(talk(server, request("GET", "/v1/topics", own, host="bus.example.org"))) == 200
    assert status(talk(server, request("GET", "/v1/topics", host="evil.example"))) == 421
    assert status(talk(server, request("GET", "/v1/topics", "origin: http://bus.example.org:1\r\n"))) == 403


def test_slow_clients_are_cut_off_and_others_served_meanwhile(apus_server, topic):
    results = {}

    def drip(name, first, more):
        begun = time.monotonic()
        with socket.create_connection(("127.0.0.1", apus_server.port)) as connection:
            connection.settimeout(0.5)
            connection.sendall(first)
            received = b""
            while time.monotonic() - begun < 60:
                try:
                    piece = connection.recv(65536)
                    received += piece
                    if not piece:
                        break
                except TimeoutError:
                    try:
                        connection.sendall(more)
                    except OSError:
                        break
                except OSError:
                    break
        results[name] = (time.monotonic() - begun, received)

    path = f"/v1/topics/{topic}/events"
    slow = [
        ("head", b"GET /v1/topics HTTP/1.1\r\n", b"x: y\r\n"),
        ("body", request("POST", path, JSON + "content-length: 1000\r\n"), b" "),
    ]
    threads = [threading.Thread(target=drip, args=arguments) for arguments in slow for _ in range(50)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    begun = time.monotonic()
    for _ in range(20):
        assert apus_server.request("POST", path, json={}).status_code == 200
    assert time.monotonic() - begun < 5
    for thread in threads:
        thread.join()
    # Never early; how late depends on what else the machine does.
    assert results["head"][0] > 9 and status(results["head"][1]) == 408
    assert results["body"][0] > 18 and status(results["body"][1]) == 408


def test_a_server_that_is_told_to_stop_finishes_what_is_under_way(new_server):
    server = new_server("--auto-create-topics").start()
    server.create_topic("t")
    server.succeed("PUT", "/v1/subscriptions/s", json={"topic": "t"})

    def begin(data):
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=20)
        connection.sendall(data)
        return connection

    tail = begin(b"GET /v1/tail HTTP/1.1\r\nhost: localhost\r\n\r\n")
    read = begin(b"GET /v1/topics/t/events?wait=20s HTTP/1.1\r\nhost: localhost\r\n\r\n")
    receive = begin(
        b"POST /v1/subscriptions/s/receive HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        b'content-length: 14\r\n\r\n{"wait":"20s"}')
    publish = begin(
        b"POST /v1/topics/t/events HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        b'content-length: 10\r\n\r\n{"a"')
    time.sleep(0.5)
    server.process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), timeout=5)
    publish.sendall(b": 123}")
    answers = [read_all(connection) for connection in (tail, read, receive, publish)]
    for connection in (tail, read, receive, publish):
        connection.close()
    assert [status(answer) for answer in answers] == [200] * 4
    assert answers[0].endswith(b"0\r\n\r\n")  # a stream that was ended, not cut
    assert json.loads(answers[1].partition(b"\r\n\r\n")[2])["events"] == []
    assert json.loads(answers[3].partition(b"\r\n\r\n")[2])["offset"] == 0
    assert server.process.wait(timeout=10) == 0
    server.start()
    assert [found["data"] for found in server.read_all("t")] == [{"a": 123}]
