# SPDX-License-Identifier: Apache-2.0
"""The Swift library's transport for RabbitMQ beside clients in C on librabbitmq, on the same broker, in turns.

    transport.py CHECK CLIENT [--plain PROGRAM] [--count 25000] [--rounds 4] [--size 1024] [--batch 250] [--prefetch 1000] [--modes publish,consume] [--settings publish_timeout=60s]

Starts a RabbitMQ (Debian's, on loopback, in a temporary folder). Publishes `--count` persistent events of `--size` bytes to a topic exchange with one quorum queue, all of them confirmed, and consumes them
with acknowledgements, in each of `--rounds`: by CLIENT without headers (`plain`), by CLIENT with the headers of an event (`events`), and by CHECK, which is apus-amqp-check (`transport`). CHECK makes four
calls of `--batch` events at a time, so the clients have four times as many unconfirmed at most. `--plain` names another program to be the one without headers, `--settings` more of the transport's URL. Prints a line
of JSON for each, and at the end the medians of the ratios of the transport to both, taken within each round.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

TESTS = pathlib.Path(__file__).resolve().parents[2] / "Tests"
sys.path[:0] = [str(TESTS), str(TESTS / "interop" / "rabbitmq")]
import broker  # noqa: E402

WHO = ("plain", "events", "transport")
GROUP = "bench"
# How many calls apus-amqp-check makes at a time.
CALLS = 4


def run(command):
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    lines = [line for line in result.stdout.splitlines() if line.startswith("{")]
    if result.returncode:
        raise SystemExit(f"{command}: {result.stdout}{result.stderr}")
    return json.loads(lines[-1]) if lines else {}


def processor_seconds(node):
    fields = pathlib.Path(f"/proc/{node.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def url(options, node):
    return node.url + ("?" if options.settings else "") + "&".join(options.settings)


def command(options, node, mode, who, topic):
    """What one of them does of a mode, to a topic and the queue of its only subscription."""
    count, size, window, prefetch = (str(each) for each in (options.count, options.size, CALLS * options.batch, options.prefetch))
    port, queue = str(node.port), f"{GROUP}.{topic}"
    if who == "transport":
        rest = [topic, count, size, str(options.batch)] if mode == "publish" else [topic, GROUP, count, prefetch]
        return [options.check, f"{mode}-rate", url(options, node), *rest]
    if who == "plain" and options.plain:
        rest = ["--exchange", topic, "--key", "check.event", "--size", size, "--window", window] if mode == "publish" else ["--queue", queue, "--prefetch", prefetch]
        return [options.plain, mode, "--port", port, "--count", count, *rest]
    return [options.client, mode, port, *([topic, count, size, window] if mode == "publish" else [queue, count, prefetch]), who]


def measure(node, options):
    rates = {mode: {who: [] for who in WHO} for mode in options.modes.split(",")}
    for number in range(options.rounds):
        topics = {who: f"{who}-{number}" for who in WHO}
        for topic in topics.values():
            run([options.check, "subscribe", url(options, node), topic, GROUP])
        if "publish" not in rates:
            for who, topic in topics.items():
                run(command(options, node, "publish", who, topic))
        for mode, results in rates.items():
            # Whoever begins may have it easier or harder: everybody does in some round.
            for who in WHO[number % len(WHO):] + WHO[:number % len(WHO)]:
                used = processor_seconds(node)
                result = run(command(options, node, mode, who, topics[who]))
                rate = result.get("rate", result.get("msgs_per_s"))
                results[who].append(rate)
                print(json.dumps({
                    "round": number, "mode": mode, "who": who, "rate": round(rate), "processor_us": result.get("processor_us", result.get("client_cpu_us_per_msg")),
                    "broker_us": round((processor_seconds(node) - used) / options.count * 1e6, 2)}), flush=True)
    for mode, results in rates.items():
        summary = {"mode": mode} | {who: round(statistics.median(values)) for who, values in results.items()}
        for base in ("plain", "events"):
            ratios = [mine / other for mine, other in zip(results["transport"], results[base])]
            summary[f"transport_to_{base}"] = round(statistics.median(ratios), 2)
            summary[f"transport_to_{base}_all"] = [round(ratio, 2) for ratio in ratios]
        print(json.dumps(summary), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("check")
    parser.add_argument("client")
    parser.add_argument("--plain")
    parser.add_argument("--count", type=int, default=25_000)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--batch", type=int, default=250)
    parser.add_argument("--prefetch", type=int, default=1000)
    parser.add_argument("--modes", default="publish,consume")
    parser.add_argument("--settings", nargs="*", default=[], help="of the transport's URL, NAME=VALUE")
    options = parser.parse_args()
    reason = broker.missing()
    if reason:
        raise SystemExit(reason)
    folder = tempfile.mkdtemp()
    names = broker.NameServer()
    node = broker.Node(pathlib.Path(folder) / "rabbitmq", names)
    try:
        measure(node.start().wait_until_ready(), options)
    finally:
        node.kill()
        names.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
