# SPDX-License-Identifier: Apache-2.0
"""Publishing to a topic with rules, beside one without.

    routing.py APUS [--rules 1000] [--rounds 3] [--seconds 3]

wrk publishes over 64 connections to a topic without rules and to one with many, in turn; each rule asks for one customer and copies to
a third topic, and one event in a hundred matches one. Prints a line of JSON for each round: requests a second without and with rules, their
ratio, the server's processor time for a request, and how many events were copied. The last line has the medians.
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
import tempfile
import time
import urllib.request


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    def __init__(self, apus):
        self.folder = tempfile.mkdtemp()
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            [apus, "serve", "--data", self.folder, "--listen", f"127.0.0.1:{port}", "--no-kafka", "--log-level", "warning"])
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

    def processor_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder)


def publish(server, topic, seconds):
    """Requests a second, and microseconds of the server's processor time for one."""
    before = server.processor_seconds()
    script = pathlib.Path(__file__).with_name("publish.lua")
    output = subprocess.run(
        ["wrk", "--threads", "1", "--connections", "64", "--duration", f"{seconds}s", "--script", str(script),
         f"{server.url}/v1/topics/{topic}/events"],
        check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in output:
        raise SystemExit(output)
    requests = int(re.search(r"(\d+) requests in", output).group(1))
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1))
    return rate, (server.processor_seconds() - before) / requests * 1e6


def copied(server):
    return sum(partition["end"] - partition["start"] for partition in server.request("GET", "/v1/topics/copies")["positions"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("apus")
    parser.add_argument("--rules", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    options = parser.parse_args()
    server = Server(options.apus)
    try:
        for topic in ("plain", "ruled", "copies"):
            server.request("PUT", f"/v1/topics/{topic}", {})
        for number in range(options.rules):
            server.request("PUT", f"/v1/rules/customer-{number}", {
                "topic": "ruled", "pattern": {"data": {"customer": {"id": [f"c-{number}"]}}},
                "targets": [{"topic": "copies"}]})
        for topic in ("plain", "ruled"):
            publish(server, topic, 1)
        ratios = []
        for number in range(1, options.rounds + 1):
            before = copied(server)
            without, cost = publish(server, "plain", options.seconds)
            with_rules, cost_with = publish(server, "ruled", options.seconds)
            ratios.append(with_rules / without)
            print(json.dumps({
                "round": number, "without": round(without), "with": round(with_rules), "ratio": round(ratios[-1], 2),
                "us_without": round(cost, 1), "us_with": round(cost_with, 1), "copied": copied(server) - before}), flush=True)
        print(json.dumps({"rules": options.rules, "ratio": round(statistics.median(ratios), 2)}))
    finally:
        server.stop()


if __name__ == "__main__":
    main()
