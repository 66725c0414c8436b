# SPDX-License-Identifier: Apache-2.0
"""What looking on costs while traffic flows: the catalogue of events, which looks at what came once a second, and the looks at the load.

    looks.py APUS [--rounds 5] [--seconds 5] [--topics 200]

Two servers with --topics topics and as many subscriptions: one looks at the load every 100 ms, fifty times as often as usual, and the other once an
hour. In each round, in turn, wrk publishes 1 KiB over 64 connections to one topic of each. Prints a line of JSON for each round and one of medians:
requests a second, the server's processor time for one in microseconds, and what the catalogue's looks used of one processor, in percent.
Looks of the catalogue run on threads that end with them: their processor time is what the process has used less what the threads have that are
still there. Other threads that end take part in it, so it is a bound from above.
"""

import argparse
import json
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Enforcement"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Schema"))

from enforcement import HERE, free_port  # noqa: E402


class Server:
    def __init__(self, apus, look_interval, topics, folder):
        port = free_port()
        self.apus = apus
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            [apus, "serve", "--data", folder, "--listen", f"127.0.0.1:{port}", "--no-kafka", "--look-interval", look_interval,
             "--log-level", "warning"])
        for _ in range(100):
            if self.command("status", check=False).returncode == 0:
                break
            time.sleep(0.1)
        for number in range(topics):
            self.command("topic", "create", f"t{number}")
            self.command("subscription", "create", f"s{number}", "--topic", f"t{number}")

    def command(self, *arguments, check=True):
        return subprocess.run([self.apus, "--url", self.url, *arguments], check=check, capture_output=True, text=True)

    def used(self):
        """Seconds of processor time of the whole process, and of its threads that have ended."""
        whole = time.clock_gettime((~self.process.pid << 3) | 2)
        alive = 0
        for task in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            try:
                alive += int((task / "schedstat").read_text().split()[0])
            except OSError:
                pass
        return whole, whole - alive / 1e9

    def stop(self):
        self.process.terminate()
        self.process.wait()


def publish(server, seconds, data):
    """Requests a second, processor time for one in microseconds, and of ended threads in percent of one processor."""
    (whole, ended), start = server.used(), time.monotonic()
    output = subprocess.run(
        ["wrk", "--threads", "1", "--connections", "64", "--duration", f"{seconds}s", "--script", str(HERE / "publish.lua"),
         f"{server.url}/v1/topics/t0/events"],
        check=True, capture_output=True, text=True, env={"APUS_BENCH_DATA": str(data), "PATH": "/usr/bin:/bin"}).stdout
    if "Non-2xx" in output:
        raise SystemExit(output)
    (whole_after, ended_after), passed = server.used(), time.monotonic() - start
    requests = int(re.search(r"(\d+) requests in", output).group(1))
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1))
    return rate, (whole_after - whole) / requests * 1e6, (ended_after - ended) / passed * 100


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("apus")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--topics", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = pathlib.Path(folder) / "event.json"
        data.write_text(json.dumps({"pad": "x" * 1013}))
        servers = {}
        try:
            for name, interval in {"often": "100ms", "never": "1h"}.items():
                servers[name] = Server(options.apus, interval, options.topics, f"{folder}/{name}")
                publish(servers[name], 1, data)
            rounds = []
            for number in range(1, options.rounds + 1):
                order = list(servers) if number % 2 else list(servers)[::-1]
                figures = {"round": number}
                for name in order:
                    rate, used, looks = publish(servers[name], options.seconds, data)
                    figures |= {
                        f"{name}_per_s": round(rate), f"{name}_us": round(used, 2), f"{name}_catalogue_percent": round(looks, 2)}
                figures["us_ratio"] = round(figures["often_us"] / figures["never_us"], 3)
                rounds.append(figures)
                print(json.dumps(figures), flush=True)
            names = [name for name in figures if name != "round"]
            print(json.dumps({"medians_of": len(rounds)} | {name: statistics.median(one[name] for one in rounds) for name in names}))
        finally:
            for server in servers.values():
                server.stop()


if __name__ == "__main__":
    main()
