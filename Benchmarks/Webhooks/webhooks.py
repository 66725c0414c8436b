# SPDX-License-Identifier: Apache-2.0
"""How fast webhooks are delivered: webhooks.py APUS TARGET [rate] [slow]. APUS is the server's binary, TARGET the compiled target.c.

rate   events that wait in a topic, pushed to one fast target: deliveries per second, in each mode
slow   how old an event is when a fast target gets it, alone and beside 10,000 targets that take two seconds each"""

import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

EVENTS = int(os.environ.get("APUS_BENCH_EVENTS", "200000"))
SLOW_TARGETS = int(os.environ.get("APUS_BENCH_SLOW", "10000"))
SLOW_MILLISECONDS = 2000
SECONDS = 20


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def call(method, url, body=None, kind="application/json"):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": kind} if data else {}, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        text = answer.read()
    return json.loads(text) if text else None


class Run:
    def __init__(self, apus, target, folder):
        self.port, hook_port, slow_port = free_port(), free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        # Slow targets have an address of their own: those of one address share their connections, and the kernel its queue for new ones.
        self.hook, self.slow_hook = f"http://127.0.0.1:{hook_port}", f"http://127.0.0.1:{slow_port}"
        self.targets = [
            subprocess.Popen([target, str(port), str(SLOW_MILLISECONDS)]) for port in (hook_port, slow_port)]
        self.server = subprocess.Popen([
            apus, "serve", "--data", folder, "--listen", f"127.0.0.1:{self.port}", "--no-kafka", "--allow-private-webhooks",
            "--log-level", "warning"])
        deadline = time.monotonic() + 20
        while True:
            try:
                call("GET", self.url + "/v1/status")
                return
            except OSError:
                assert time.monotonic() < deadline, "the server did not start"
                time.sleep(0.05)

    def close(self):
        for process in (self.server, *self.targets):
            process.terminate()
            process.wait()

    def stats(self):
        slow = call("GET", self.slow_hook + "/stats")
        return {**call("GET", self.hook + "/stats"), **{name: slow[name] for name in ("slow", "slow_open_max")}}

    def reset(self):
        for hook in (self.hook, self.slow_hook):
            call("GET", hook + "/reset")

    def publish(self, topic, count, size=500):
        body = [{"specversion": "1.0", "type": "bench", "source": "/bench", "data": "x" * 256} for _ in range(size)]
        for begin in range(0, count, size):
            for number, event in enumerate(body):
                event["id"] = str(begin + number)
            call("POST", f"{self.url}/v1/topics/{topic}/events", body, "application/cloudevents-batch+json")

    def processor_seconds(self):
        fields = pathlib.Path(f"/proc/{self.server.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident(self):
        return int(pathlib.Path(f"/proc/{self.server.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def rate(run):
    secret = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo0NTY3ODk="
    modes = [
        ("binary", {"mode": "binary"}), ("structured", {"mode": "structured"}),
        ("binary, signed", {"mode": "binary", "secrets": [secret]}),
        ("batch of 100", {"mode": "batch", "concurrency": 16}),
    ]
    call("PUT", run.url + "/v1/topics/rate")
    run.publish("rate", EVENTS)
    for number, (name, push) in enumerate(modes):
        run.reset()
        before = run.processor_seconds()
        begin = time.monotonic()
        subscription = f"{run.url}/v1/subscriptions/rate-{number}"
        call("PUT", subscription, {
            "topic": "rate", "start": "earliest", "push": {"url": run.hook + "/fast", "concurrency": 256, **push}})
        while call("GET", subscription)["acknowledged"] < EVENTS:
            assert time.monotonic() - begin < 300, "not delivered in time"
            time.sleep(0.02)
        seconds = time.monotonic() - begin
        spent = run.processor_seconds() - before
        print(json.dumps({
            "mode": name, "deliveries_per_second": round(EVENTS / seconds),
            "processor_us_per_delivery": round(spent / EVENTS * 1e6, 1), "requests": run.stats()["fast"]}), flush=True)
        call("DELETE", subscription)


def paced(run, seconds, tick):
    """Publishes 200 events a second that say when they were made."""
    run.reset()
    begin = time.monotonic()
    number = 0
    while time.monotonic() - begin < seconds:
        body = {"specversion": "1.0", "id": str(number), "type": "bench", "source": "/bench",
                "datacontenttype": "text/plain", "data": f"{time.time_ns() // 1000} x"}
        call("POST", f"{run.url}/v1/topics/fast/events", body, "application/cloudevents+json")
        number += 1
        tick(time.monotonic() - begin)
        time.sleep(max(0, begin + number * 0.005 - time.monotonic()))
    time.sleep(1)
    return run.stats()


def slow(run):
    call("PUT", run.url + "/v1/topics/fast")
    call("PUT", run.url + "/v1/topics/slow")
    call("PUT", run.url + "/v1/subscriptions/fast", {
        "topic": "fast", "push": {"url": run.hook + "/fast", "concurrency": 64}})
    for number in range(SLOW_TARGETS):
        call("PUT", f"{run.url}/v1/subscriptions/slow-{number}", {
            "topic": "slow", "push": {"url": f"{run.slow_hook}/slow/{number}", "concurrency": 1, "timeout": "30s"}})
    paced(run, 3, lambda _: None)
    before = run.resident()
    alone = paced(run, SECONDS, lambda _: None)
    # As many events as keep every slow target at work all the time.
    run.publish("slow", SECONDS // 2 + 4, size=1)
    beside = paced(run, SECONDS, lambda _: None)
    for name, stats in (("alone", alone), (f"beside {SLOW_TARGETS} slow targets", beside)):
        print(json.dumps({"fast": name, **stats}), flush=True)
    print(json.dumps({
        "p99_ratio": round(beside["p99_us"] / alone["p99_us"], 2),
        "bytes_per_waiting_request": round((run.resident() - before) / max(1, beside["slow_open_max"]))}), flush=True)


def main():
    apus, target, *parts = sys.argv[1:]
    for part in parts or ["rate", "slow"]:
        with tempfile.TemporaryDirectory() as folder:
            run = Run(apus, target, folder)
            try:
                {"rate": rate, "slow": slow}[part](run)
            finally:
                run.close()


main()
