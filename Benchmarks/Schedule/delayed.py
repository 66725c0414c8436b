# SPDX-License-Identifier: Apache-2.0
"""How punctual delayed events are: delayed.py APUS [--events 1000000] [--within 60] [--lead 45] [--batch 20] [--live 3000].

Schedules --events events over HTTP, --batch at a time, each batch for a random moment of the --within seconds that begin --lead seconds after the
start, while --live events a second are published to another topic and the end of the delayed events' topic is asked for every few milliseconds. Then it
reads that topic and holds against each event's due time when it was there to be read, as seen from outside: at the first answer that knew of it. Prints one
line of JSON; times are in milliseconds."""

import argparse
import bisect
import json
import os
import pathlib
import random
import socket
import subprocess
import tempfile
import threading
import time

PADDING = "x" * 100


class Connection:
    """One request after the other, with as little of Python's time as possible: server and clients share the machine."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.bytes = b""

    def call(self, method, path, body=b"", kind="application/json"):
        head = f"{method} {path} HTTP/1.1\r\nhost: localhost\r\n"
        if body:
            head += f"content-type: {kind}\r\n"
        self.socket.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        while b"\r\n\r\n" not in self.bytes:
            self.receive()
        head, self.bytes = self.bytes.split(b"\r\n\r\n", 1)
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        length = int(fields.get(b"content-length", b"0"))
        while len(self.bytes) < length:
            self.receive()
        answer, self.bytes = self.bytes[:length], self.bytes[length:]
        status = int(head.split(b" ", 2)[1])
        if status not in (200, 201, 202, 204):
            raise SystemExit(f"{method} {path}: {status} {answer[:300]!r}")
        return answer

    def receive(self):
        more = self.socket.recv(1 << 20)
        if not more:
            raise SystemExit("the server closed the connection")
        self.bytes += more


def batch(first, count, value):
    return ("[" + ",".join(
        f'{{"specversion":"1.0","id":"{first + number}","type":"late","source":"/bench","subject":"{PADDING}","data":{value}}}'
        for number in range(count)) + "]").encode()


def publish(connection, path, body):
    return connection.call("POST", path, body, "application/cloudevents-batch+json")


def schedule(port, firsts, size, begin, within):
    """A share of the batches, each for a moment of its own."""
    connection = Connection(port)
    for first in firsts:
        due = begin + random.randrange(within * 1000)
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(due // 1000)) + f".{due % 1000:03d}Z"
        publish(connection, f"/v1/topics/late/events?at={moment}", batch(first, size, due))


def publish_live(port, rate, stop, latencies):
    """Batches of ten at an even pace."""
    connection, begin, number = Connection(port), time.monotonic(), 0
    body = batch(0, 10, 0)
    while not stop.is_set():
        before = time.monotonic()
        publish(connection, "/v1/topics/live/events", body)
        latencies.append((time.monotonic() - before) * 1000)
        number += 1
        time.sleep(max(0, begin + number * 10 / rate - time.monotonic()))


def watch(port, stop, seen):
    """When the topic was known to reach how far."""
    connection = Connection(port)
    while not stop.is_set():
        end = json.loads(connection.call("GET", "/v1/topics/late"))["positions"][0]["end"]
        now = time.time() * 1000
        if not seen or seen[-1][0] < end:
            seen.append((end, now))
        time.sleep(0.004)


def percentile(values, share):
    return round(values[min(len(values) - 1, int(len(values) * share))], 1)


def processor_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid):
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGESIZE")


def measure(server, port, options):
    control = Connection(port)
    for topic in ("late", "live"):
        control.call("PUT", f"/v1/topics/{topic}")
    begun = time.time()
    begin = int((begun + options.lead) * 1000)
    firsts = range(0, options.events, options.batch)
    writers = [
        threading.Thread(target=schedule, args=(port, firsts[share::4], options.batch, begin, options.within))
        for share in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    seconds = time.time() - begun
    if time.time() * 1000 > begin:
        raise SystemExit(f"scheduling took {seconds:.0f} s: ask for a longer --lead")
    stop, latencies, seen = threading.Event(), [], []
    others = [
        threading.Thread(target=publish_live, args=(port, options.live, stop, latencies)),
        threading.Thread(target=watch, args=(port, stop, seen))]
    time.sleep(max(0, begin / 1000 - 1 - time.time()))
    before = processor_seconds(server.pid)
    for other in others:
        other.start()
    deadline = begin / 1000 + options.within + 60
    while (not seen or seen[-1][0] < options.events) and time.time() < deadline:
        time.sleep(0.1)
    spent, memory = processor_seconds(server.pid) - before, resident(server.pid)
    stop.set()
    for other in others:
        other.join()
    # The server has closed the first one: nothing was asked there for too long.
    control = Connection(port)
    ends = [end for end, _ in seen]
    late, stamped, ids, at = [], [], set(), 0
    while at < seen[-1][0]:
        page = json.loads(control.call("GET", f"/v1/topics/late/events?from={at}&limit=1000"))
        for event in page["events"]:
            due = event["event"]["data"]
            late.append(seen[bisect.bisect_right(ends, event["offset"])][1] - due)
            ids.add(event["event"]["id"])
        at = page["next"]
    late.sort()
    latencies.sort()
    print(json.dumps({
        "scheduled": options.events, "scheduled_per_second": round(options.events / seconds), "published": len(late),
        "different": len(ids), "earliest_ms": round(late[0], 1), "p50_ms": percentile(late, 0.5),
        "p99_ms": percentile(late, 0.99), "max_ms": round(late[-1], 1), "live_publishes_per_second": round(
            10 * len(latencies) / (options.within + 1)), "live_p50_ms": percentile(latencies, 0.5),
        "live_p99_ms": percentile(latencies, 0.99), "processor_us_per_event": round(spent / options.events * 1e6, 1),
        "resident_mb": memory // 1_000_000}), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("apus")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--within", type=int, default=60)
    parser.add_argument("--lead", type=int, default=45)
    parser.add_argument("--batch", type=int, default=20)
    parser.add_argument("--live", type=int, default=3000)
    options = parser.parse_args()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen([
            options.apus, "serve", "--data", folder, "--listen", f"127.0.0.1:{port}", "--log-level", "warning"])
        try:
            while True:
                try:
                    Connection(port).call("GET", "/v1/status")
                    break
                except ConnectionRefusedError:
                    if server.poll() is not None:
                        raise SystemExit("the server does not start") from None
                    time.sleep(0.05)
            measure(server, port, options)
        finally:
            server.terminate()
            server.wait()


main()
