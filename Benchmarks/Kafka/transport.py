# SPDX-License-Identifier: Apache-2.0
"""The Swift library's transport for Kafka beside clients in C, on the same librdkafka and the same server, in turns.

    transport.py APUS CHECK CLIENT [--plain KAFKA_BENCH] [--count 300000] [--rounds 3] [--size 1024] [--batch 200] [--modes publish,consume] [--settings linger.ms=5]

Publishes `--count` events of `--size` bytes (the transport: of JSON) to one partition and consumes them, in each of `--rounds`, by CLIENT without headers (`plain`), by CLIENT with the headers of an event
(`events`), and by CHECK, which is apus-kafka-check, in CloudEvents' binary and structured mode (`binary`, `structured`); CHECK also consumes what the client
without headers published (`records`), as it would consume any records that are no events, and the client without headers consumes what CHECK published (`same`). `--plain` names another program
to be the one without headers, `--settings` more of the transport's URL. Prints a line of JSON for each, and at the end the medians of the ratios of the transport to the clients, taken within each round:
`binary_to_same` and `records_to_plain` are of those who consume the very same records.
"""

import argparse
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import wire  # noqa: E402

PREFETCH = 4000


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    def __init__(self, apus):
        self.folder = tempfile.mkdtemp()
        self.port, self.kafka = free_port(), free_port()
        self.process = subprocess.Popen(
            [apus, "serve", "--data", self.folder, "--durability", "none", "--log-level", "warning",
             "--listen", f"127.0.0.1:{self.port}", "--kafka-listen", f"127.0.0.1:{self.kafka}"])
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                for port in (self.kafka, self.port):
                    wire.Connection(port).close()
                return
            except OSError:
                time.sleep(0.01)
        raise SystemExit("the server does not listen")

    def topic(self, name):
        body = json.dumps({"partitions": 1, "durability": "none"}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/v1/topics/{name}", method="PUT", data=body, headers={"content-type": "application/json"})
        urllib.request.urlopen(request, timeout=60).read()

    def delete(self, name):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/v1/topics/{name}", method="DELETE")
        urllib.request.urlopen(request, timeout=60).read()

    def processor_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def run(command):
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    lines = [line for line in result.stdout.splitlines() if line.startswith("{")]
    if result.returncode or not lines:
        raise SystemExit(f"{command}: {result.stdout}{result.stderr}")
    return json.loads(lines[-1])


TRANSPORT = {"publish": ("binary", "structured"), "consume": ("binary", "structured", "records")}


CLIENTS = {"publish": ("plain", "events"), "consume": ("plain", "events", "same")}
# What somebody consumes that somebody else has published.
PUBLISHED_BY = {"records": "plain", "same": "binary"}


def everybody(mode):
    return (*CLIENTS[mode], *TRANSPORT[mode])


def command(options, server, mode, who, topic, group):
    """What one of them does of a mode, to a topic."""
    at, count = f"127.0.0.1:{server.kafka}", str(options.count)
    if who in TRANSPORT[mode]:
        content = "binary" if who == "records" else who
        url = f"kafka://{at}?create_topics=true&content_mode={content}" + "".join(f"&{one}" for one in options.settings)
        rest = [topic, count, str(options.size), str(options.batch)] if mode == "publish" else [topic, group, count, str(PREFETCH)]
        return [options.check, f"{mode}-rate", url, *rest]
    ours = "produce" if mode == "publish" else "consume"
    if who == "same":
        who = "plain"
    if who == "plain" and options.plain:
        return [options.plain, ours, "--port", str(server.kafka), "--topic", topic, "--count", count, "--size", str(options.size),
                "--idempotence", "true"]
    return [options.client, ours, at, topic, count, str(options.size) if mode == "publish" else group, who]


def measure(server, options):
    rates = {mode: {who: [] for who in everybody(mode)} for mode in options.modes.split(",")}
    for number in range(options.rounds):
        topics = {who: f"{who}-{number}" for who in everybody("publish")}
        for topic in topics.values():
            server.topic(topic)
        if "publish" not in rates:
            for who, topic in topics.items():
                run(command(options, server, "publish", who, topic, ""))
        for mode, results in rates.items():
            # Whoever begins may have it easier or harder: everybody does in some round.
            order = everybody(mode)[number % len(results):] + everybody(mode)[:number % len(results)]
            for who in order:
                used = server.processor_seconds()
                topic = topics[PUBLISHED_BY.get(who, who)]
                result = run(command(options, server, mode, who, topic, f"group-{number}-{who}"))
                rate = result.get("rate", result.get("msgs_per_s"))
                results[who].append(rate)
                print(json.dumps({
                    "round": number, "mode": mode, "who": who, "rate": round(rate), "processor_us": result.get("processor_us"),
                    "server_us": round((server.processor_seconds() - used) / options.count * 1e6, 2)}), flush=True)
        for topic in topics.values():
            server.delete(topic)
    for mode, results in rates.items():
        summary = {"mode": mode} | {who: round(statistics.median(values)) for who, values in results.items()}
        for who in TRANSPORT[mode]:
            for base in CLIENTS[mode]:
                ratios = [mine / other for mine, other in zip(results[who], results[base])]
                summary[f"{who}_to_{base}"] = round(statistics.median(ratios), 2)
                summary[f"{who}_to_{base}_all"] = [round(ratio, 2) for ratio in ratios]
        print(json.dumps(summary), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("apus")
    parser.add_argument("check")
    parser.add_argument("client")
    parser.add_argument("--plain")
    parser.add_argument("--count", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=1024)
    # apus-kafka-check makes 16 calls at a time, each of so many events.
    parser.add_argument("--batch", type=int, default=200)
    parser.add_argument("--modes", default="publish,consume")
    parser.add_argument("--settings", nargs="*", default=[], help="of the transport's URL, NAME=VALUE")
    options = parser.parse_args()
    server = Server(options.apus)
    try:
        measure(server, options)
    finally:
        server.stop()


if __name__ == "__main__":
    main()
