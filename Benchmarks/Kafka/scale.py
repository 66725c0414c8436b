# SPDX-License-Identifier: Apache-2.0
"""Many partitions, many connections, and many consumers that wait for nothing.

    scale.py APUS [--partitions 10000] [--connections 5000] [--descriptors 20000] [--durability none]

Starts a server that may have `--descriptors` open, makes ten topics with `--partitions` together, fills each partition with a batch and opens `--connections`.
Prints a line of JSON for each of: making the topics; connections that do nothing (memory for each, processor time); batches to one partition and the same
batches spread over all, with the connections open (a rate each and their ratio); as many consumers that wait in long polls (memory, processor time); and starts with
all that in the folder, after a stop and after a kill, until the first batch is acknowledged.
"""

import argparse
import json
import os
import pathlib
import resource
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import wire  # noqa: E402

TOPICS = 10
PRODUCERS = 32
IN_FLIGHT = 5
# What was written is brought to the disk behind the appends; this long after, that is over.
SETTLE = 4


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    def __init__(self, apus, descriptors, durability):
        self.folder = tempfile.mkdtemp()
        self.command = [apus, "serve", "--data", self.folder, "--durability", durability, "--log-level", "warning"]
        self.descriptors = descriptors
        self.durability = durability
        self.start()

    def start(self):
        """Starts; the seconds until somebody listens."""
        self.port, self.kafka = free_port(), free_port()
        limit = (self.descriptors, self.descriptors)
        begun = time.monotonic()
        self.process = subprocess.Popen(
            self.command + ["--listen", f"127.0.0.1:{self.port}", "--kafka-listen", f"127.0.0.1:{self.kafka}"],
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, limit))
        while time.monotonic() < begun + 60:
            try:
                # Both, in either order.
                for port in (self.kafka, self.port):
                    wire.Connection(port).close()
                return time.monotonic() - begun
            except OSError:
                time.sleep(0.002)
        raise SystemExit("the server does not listen")

    def topic(self, name, partitions):
        body = json.dumps({"partitions": partitions, "durability": self.durability}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/v1/topics/{name}", method="PUT", data=body, headers={"content-type": "application/json"})
        urllib.request.urlopen(request, timeout=120).read()

    def processor_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_kib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])

    def open_files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait()


def say(what, **figures):
    print(json.dumps({"what": what} | figures), flush=True)


def produce_all(connections, requests):
    """Sends the requests, each connection with a few under way; the seconds that took."""
    selector = selectors.DefaultSelector()
    source = iter(requests)
    owed = 0
    begun = time.monotonic()
    for connection in connections:
        selector.register(connection.socket, selectors.EVENT_READ, connection)
        for _ in range(IN_FLIGHT):
            if (request := next(source, None)) is not None:
                connection.send(request)
                owed += 1
    while owed:
        for key, _ in selector.select():
            answers = key.data.take()
            for answer in answers:
                if error := wire.produce_error(answer):
                    raise SystemExit(f"a batch was refused with error {error}")
            owed -= len(answers)
            for _ in answers:
                if (request := next(source, None)) is not None:
                    key.data.send(request)
                    owed += 1
    return time.monotonic() - begun


def idle_share(server, seconds):
    """Processor time of a server that nobody asks anything, as a share of one core."""
    time.sleep(SETTLE)
    used = server.processor_seconds()
    time.sleep(seconds)
    return (server.processor_seconds() - used) / seconds


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("apus")
    parser.add_argument("--partitions", type=int, default=10_000)
    parser.add_argument("--connections", type=int, default=5_000)
    parser.add_argument("--descriptors", type=int, default=20_000)
    parser.add_argument("--durability", default="none")
    parser.add_argument("--batches", type=int, default=30_000)
    parser.add_argument("--records", type=int, default=100)
    parser.add_argument("--size", type=int, default=100)
    parser.add_argument("--idle", type=float, default=8)
    parser.add_argument("--only", default="idle,batches,polls,starts", help="which parts, of these")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)

    server = Server(options.apus, options.descriptors, options.durability)
    try:
        measure(server, options)
    finally:
        if server.process.poll() is None:
            server.stop()
        shutil.rmtree(server.folder, ignore_errors=True)


def measure(server, options):
    before = server.resident_kib()
    begun = time.monotonic()
    for number in range(TOPICS):
        server.topic(f"t{number}", options.partitions // TOPICS)
    server.topic("one", 1)
    say("topics", seconds=round(time.monotonic() - begun, 2), partitions=options.partitions,
        kib_each=round((server.resident_kib() - before) / options.partitions, 2))

    records = wire.batch(options.records, options.size, int(time.time() * 1000))
    places = [(f"t{number % TOPICS}", number // TOPICS) for number in range(options.partitions)]
    everywhere = [wire.produce(topic, partition, records) for topic, partition in places]
    one = wire.produce("one", 0, records)
    connections = [wire.Connection(server.kafka) for _ in range(PRODUCERS)]
    say("first batch in each", seconds=round(produce_all(connections, everywhere), 2), resident_kib=server.resident_kib())
    only = options.only.split(",")
    crowd = []
    if "idle" in only or "batches" in only or "polls" in only:
        crowd = measure_idle(server, options)
    if "batches" in only:
        measure_batches(server, options, connections, one, everywhere, len(records))
    if "polls" in only:
        measure_polls(server, options, crowd, places)
    for connection in crowd + connections:
        connection.close()
    if "starts" in only:
        measure_starts(server, everywhere)


def measure_idle(server, options):
    time.sleep(3)
    before = server.resident_kib()
    crowd = [wire.Connection(server.kafka) for _ in range(options.connections - PRODUCERS)]
    for connection in crowd:
        connection.ask(wire.versions())
    say("idle connections", connections=options.connections, kib_each=round((server.resident_kib() - before) / len(crowd), 2),
        open_files=server.open_files(), processor_share=round(idle_share(server, options.idle), 4))
    return crowd


def measure_batches(server, options, connections, one, everywhere, length):
    rates = {"one": [], "all": []}
    costs = {"one": [], "all": []}
    for _ in range(3):
        for what, requests in (
            ("one", (one for _ in range(options.batches))),
            ("all", (everywhere[number % len(everywhere)] for number in range(options.batches))),
        ):
            used = server.processor_seconds()
            rates[what].append(options.batches / produce_all(connections, requests))
            costs[what].append((server.processor_seconds() - used) / options.batches * 1e6)
    middle = {what: sorted(values)[1] for what, values in rates.items()}
    say("batches", bytes=length, per_second_to_one=round(middle["one"]), per_second_to_all=round(middle["all"]),
        ratio=round(middle["all"] / middle["one"], 2), cpu_us_one=round(sorted(costs["one"])[1], 1),
        cpu_us_all=round(sorted(costs["all"])[1], 1), open_files=server.open_files(), resident_kib=server.resident_kib())


def measure_polls(server, options, crowd, places):
    time.sleep(3)
    before = server.resident_kib()
    for number, connection in enumerate(crowd):
        topic, partition = places[number % len(places)]
        # Behind everything that can be there.
        connection.send(wire.fetch(topic, partition, end_of(connection, topic, partition), 30_000))
    share = idle_share(server, options.idle)
    waiting = sum(connection.is_silent() for connection in crowd)
    say("consumers in long polls", consumers=len(crowd), waiting=waiting,
        kib_each=round((server.resident_kib() - before) / len(crowd), 2), processor_share=round(share, 4))


def measure_starts(server, everywhere):
    for how in (signal.SIGTERM, signal.SIGKILL):
        begun = time.monotonic()
        server.stop(how)
        ended = time.monotonic() - begun
        listening = server.start()
        begun = time.monotonic()
        connection = wire.Connection(server.kafka)
        # Retried, as clients do: topics may still be opening.
        while wire.produce_error(connection.ask(everywhere[-1])):
            time.sleep(0.005)
        say("start after " + how.name, seconds_to_listen=round(listening, 3),
            seconds_to_first_batch=round(listening + time.monotonic() - begun, 3), seconds_to_stop=round(ended, 2),
            resident_kib=server.resident_kib())
        connection.close()
        produce_one = [wire.Connection(server.kafka) for _ in range(PRODUCERS)]
        produce_all(produce_one, everywhere)


def end_of(connection, topic, partition):
    """Where a partition ends: the high watermark in the answer to a fetch that begins nowhere."""
    answer = connection.ask(wire.fetch(topic, partition, 1 << 60, 0))
    name = int.from_bytes(answer[18:20], "big")
    return int.from_bytes(answer[20 + name + 4 + 4 + 2:][:8], "big", signed=True)


if __name__ == "__main__":
    main()
