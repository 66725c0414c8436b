# SPDX-License-Identifier: Apache-2.0
"""Publishing to a topic whose events are judged by a schema, beside one whose events are not.

    enforcement.py APUS JUDGE CLIENT [--rounds 5] [--seconds 3] [--records 1000000] [--durability none] [--lines 7]

The events are the orders of Schema/ with --lines lines, about 1 KiB, and the schema is theirs. In each round, in turn: wrk publishes them over HTTP
over 64 connections to either topic; librdkafka (CLIENT, from Kafka/client.c) produces them to either; and JUDGE (the benchmark `schema`) judges
the same bytes by itself. Prints a line of JSON for each round and one of medians: requests a second, the processor time for an event in
microseconds of the whole server and of its event loops, and what judging adds to the latter in times of what it takes by itself: alone, beside
another process, and under the same load, while CLIENT produces to the topic that is not judged. Every second round begins with the judged topic.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
SCHEMA = HERE.parent / "Schema" / "order.schema.json"
sys.path.insert(0, str(SCHEMA.parent))

from schema import event  # noqa: E402


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    def __init__(self, apus, durability):
        self.folder = tempfile.mkdtemp()
        port, self.kafka = free_port(), free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            [apus, "serve", "--data", self.folder, "--listen", f"127.0.0.1:{port}", "--kafka-listen", f"127.0.0.1:{self.kafka}",
             "--durability", durability, "--log-level", "warning"])
        for _ in range(100):
            try:
                self.request("GET", "/v1/topics")
                return
            except OSError:
                time.sleep(0.1)
        raise SystemExit("the server does not answer")

    def request(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.url + path, method=method, data=data, headers={"content-type": "application/json"})
        with urllib.request.urlopen(request) as response:
            text = response.read()
        return json.loads(text) if text else None

    def make(self, topic, durability, enforcement):
        self.request("PUT", f"/v1/topics/{topic}", {
            "durability": durability, "schema": {"enforcement": enforcement, "subject": "orders-value"},
            "retention": {"bytes": 1 << 28}})

    def used(self):
        """Seconds of processor time that all of the server has used, and its event loops, where requests are taken and events judged: when there is
        nothing left to do, because bringing events to segments belongs to those who published them."""
        clock = (~self.process.pid << 3) | 2  # The processor time of another process, in nanoseconds.
        before = time.clock_gettime(clock)
        while True:
            time.sleep(0.15)
            now = time.clock_gettime(clock)
            if now - before < 0.003:
                break
            before = now
        loops = 0
        for task in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            if (task / "comm").read_text().startswith("NIO-ELT"):
                loops += int((task / "schedstat").read_text().split()[0])
        return now, loops / 1e9

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder)


def per_event(before, after, events):
    """Microseconds of processor time for an event: of all, and of the event loops."""
    return [(now - then) / events * 1e6 for then, now in zip(before, after)]


def over_http(server, topic, seconds, data):
    """Requests a second, and microseconds of the server's processor time for one."""
    before = server.used()
    output = subprocess.run(
        ["wrk", "--threads", "1", "--connections", "64", "--duration", f"{seconds}s", "--script", str(HERE / "publish.lua"),
         f"{server.url}/v1/topics/{topic}/events"],
        check=True, capture_output=True, text=True, env={**os.environ, "APUS_BENCH_DATA": str(data)}).stdout
    if "Non-2xx" in output:
        raise SystemExit(output)
    requests = int(re.search(r"(\d+) requests in", output).group(1))
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1))
    return rate, *per_event(before, server.used(), requests)


def over_kafka(server, client, topic, records, data):
    """Records a second, and microseconds of the server's processor time for one."""
    before = server.used()
    output = subprocess.run(
        [client, "produce", f"127.0.0.1:{server.kafka}", topic, str(records), str(data), "plain", "enable.idempotence=false"],
        check=True, capture_output=True, text=True).stdout
    return json.loads(output)["rate"], *per_event(before, server.used(), records)


def judged_alone(judge, data, load):
    """Microseconds of processor time for one event: when nothing else runs, beside another process that is as busy, and under `load`, a command. Where two
    processors are the threads of one core, or share its memory, each is slower beside another, as the server is beside its client."""
    def once(name="validations_per_s"):
        output = subprocess.run([judge, str(SCHEMA), str(data)], check=True, capture_output=True, text=True).stdout
        return 1e6 / json.loads(output)[name]

    def beside(command, name):
        other = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            time.sleep(0.2)
            found = once(name)
            if other.poll() is not None:
                raise SystemExit("the other process ended before judging did")
            return found
        finally:
            other.kill()
            other.wait()

    return once(), beside([judge, str(SCHEMA), *[str(data)] * 20], "validations_per_s"), beside(load, "mean_validations_per_s")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("apus")
    parser.add_argument("judge")
    parser.add_argument("client")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--durability", default="none", help="of the topics that are produced to")
    parser.add_argument("--lines", type=int, default=7)
    options = parser.parse_args()
    server = Server(options.apus, options.durability)
    try:
        data = pathlib.Path(server.folder) / "event.json"
        data.write_text(json.dumps(event(options.lines), separators=(",", ":")))
        server.request("POST", "/v1/schemas/orders-value/versions", {"format": "json", "schema": SCHEMA.read_text()})
        topics = {"plain": "off", "judged": "enforce"}
        for topic, enforcement in topics.items():
            server.make(f"http-{topic}", "flush", enforcement)
            server.make(f"kafka-{topic}", options.durability, enforcement)
            over_http(server, f"http-{topic}", 1, data)
            over_kafka(server, options.client, f"kafka-{topic}", options.records // 10, data)
        rounds = []
        for number in range(1, options.rounds + 1):
            order = list(topics) if number % 2 else list(topics)[::-1]
            http = {topic: over_http(server, f"http-{topic}", options.seconds, data) for topic in order}
            load = [options.client, "produce", f"127.0.0.1:{server.kafka}", "kafka-plain", str(100 * options.records), str(data), "plain",
                    "enable.idempotence=false"]
            alone, beside, loaded = judged_alone(options.judge, data, load)
            kafka = {topic: over_kafka(server, options.client, f"kafka-{topic}", options.records, data) for topic in order}
            figures = {"round": number, "bytes": data.stat().st_size, "judging_alone_us": round(alone, 3),
                       "judging_beside_us": round(beside, 3), "judging_under_load_us": round(loaded, 3)}
            for name, (plain, judged) in {"http": (http["plain"], http["judged"]), "kafka": (kafka["plain"], kafka["judged"])}.items():
                figures |= {
                    f"{name}_plain_per_s": round(plain[0]), f"{name}_judged_per_s": round(judged[0]),
                    f"{name}_rate_ratio": round(judged[0] / plain[0], 3), f"{name}_plain_us": round(plain[1], 3),
                    f"{name}_judged_us": round(judged[1], 3), f"{name}_us_ratio": round(judged[1] / plain[1], 3),
                    f"{name}_loops_plain_us": round(plain[2], 3), f"{name}_loops_judged_us": round(judged[2], 3),
                    f"{name}_added_to_alone": round((judged[2] - plain[2]) / alone, 2),
                    f"{name}_added_to_beside": round((judged[2] - plain[2]) / beside, 2),
                    f"{name}_added_to_loaded": round((judged[2] - plain[2]) / loaded, 2)}
            rounds.append(figures)
            print(json.dumps(figures), flush=True)
        del figures["round"]
        print(json.dumps({"medians_of": len(rounds)} | {name: round(statistics.median(one[name] for one in rounds), 3) for name in figures}))
    finally:
        server.stop()


if __name__ == "__main__":
    main()
