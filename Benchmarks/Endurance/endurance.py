"""What a server takes over time and from crowds: memory under steady load, recovery of what that load left behind, consumers that stand
still, and connections that say nothing. Needs wrk and the binary; prints one line of JSON for each measurement.

    python3 Benchmarks/Endurance/endurance.py APUS_BINARY [--folder DIR] [--minutes 10] [steady] [stalled] [idle]

`steady` publishes events of 1 KB over 16 connections for --minutes, kills the server with -9 under that load, and times the next start to its first
receipt. `stalled` opens 1,000 tails that read nothing while others publish; `idle` opens 10,000 connections that send nothing.
"""

import argparse
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time

EVENT = b'{"d":"' + b"x" * 1000 + b'"}'
HEAD = (
    b"POST /v1/topics/%s/events HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nce-specversion: 1.0\r\n"
    b"ce-id: 1\r\nce-source: /endurance\r\nce-type: load\r\ncontent-length: %d\r\n\r\n")


class Server:
    def __init__(self, binary, folder):
        self.binary, self.folder = binary, folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.process = None

    def start(self):
        """Starts and publishes one event; the seconds that took."""
        begun = time.monotonic()
        self.process = subprocess.Popen(
            [self.binary, "dev", "--data", self.folder, "--listen", f"127.0.0.1:{self.port}", "--no-kafka"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while True:
            try:
                with self.connect() as connection:
                    publish(connection)
                    return time.monotonic() - begun
            except ConnectionRefusedError:
                if self.process.poll() is not None or time.monotonic() > begun + 60:
                    raise SystemExit("the server does not start") from None
                time.sleep(0.001)

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def resident(self):
        """MB resident."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:")) / 1000

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        self.process.wait()


def publish(connection, topic=b"load"):
    """Publishes one event and waits for its receipt; the seconds that took."""
    begun = time.monotonic()
    connection.sendall(HEAD % (topic, len(EVENT)) + EVENT)
    answer = connection.recv(4096)
    if not answer.startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"not published: {answer[:200]!r}")
    return time.monotonic() - begun


def wrk(server, seconds, connections):
    script = os.path.join(server.folder + ".lua")
    with open(script, "w", encoding="ascii") as file:
        file.write(
            'wrk.method = "POST"\nwrk.body = \'{"d":"\' .. string.rep("x", 1000) .. \'"}\'\n'
            'wrk.headers["content-type"] = "application/json"\nwrk.headers["ce-specversion"] = "1.0"\n'
            'wrk.headers["ce-id"] = "1"\nwrk.headers["ce-source"] = "/endurance"\nwrk.headers["ce-type"] = "load"\n')
    return subprocess.Popen(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script,
         f"http://127.0.0.1:{server.port}/v1/topics/load/events"], stdout=subprocess.PIPE, text=True)


def report(name, **figures):
    print(json.dumps({"measured": name, **figures}), flush=True)


def stored_gb(folder):
    return sum(
        os.path.getsize(os.path.join(place, name)) for place, _, names in os.walk(folder) for name in names) / 1e9


def steady(server, minutes):
    server.start()
    load = wrk(server, int(minutes * 60) + 30, 16)
    samples = []
    for _ in range(int(minutes * 6)):
        time.sleep(10)
        samples.append(round(server.resident()))
    by_minute = [sorted(samples[at:at + 6])[len(samples[at:at + 6]) // 2] for at in range(0, len(samples), 6)]
    # Killed while events come in, as an accident would.
    server.stop(signal.SIGKILL)
    load.kill()
    gb = stored_gb(server.folder)
    seconds = server.start()
    report(
        "steady load", minutes=minutes, resident_mb_by_minute=by_minute, resident_mb_max=max(samples),
        stored_gb=round(gb, 1), ms_from_start_after_kill_to_first_receipt=round(seconds * 1000),
        resident_mb_after_start=round(server.resident()))
    server.stop()


def percentile(values, share):
    return sorted(values)[int(len(values) * share)]


def latencies(server, seconds):
    """Milliseconds of single publishes, one after the other."""
    found = []
    with server.connect() as connection:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found.append(publish(connection) * 1000)
            time.sleep(0.002)
    return found


def stalled(server, count=1000):
    server.start()
    before = latencies(server, 5)
    base = server.resident()
    tails = []
    for _ in range(count):
        tail = server.connect()
        # As little as the system allows to take in without being read.
        tail.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        tail.sendall(b"GET /v1/tail?topic=load HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n")
        tails.append(tail)
    opened = sum(tail.recv(12) == b"HTTP/1.1 200" for tail in tails[:20])
    load = wrk(server, 30, 16)
    samples = []
    for _ in range(14):
        time.sleep(2)
        samples.append(round(server.resident()))
    out = load.communicate()[0]
    after = latencies(server, 5)
    report(
        "stalled tails", tails=count, first_answers_200=f"{opened} of 20", resident_mb_before=round(base),
        resident_mb_under_load=samples, published_per_s=next(
            (line.split()[1] for line in out.splitlines() if line.startswith("Requests/sec")), None),
        p99_ms_before=round(percentile(before, 0.99), 2), p99_ms_with_stalled=round(percentile(after, 0.99), 2))
    for tail in tails:
        tail.close()
    server.stop()


def idle(server, count=10_000):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count + 1000), hard))
    server.start()
    before = latencies(server, 5)
    base = server.resident()
    connections = [server.connect() for _ in range(count)]
    time.sleep(2)
    after = latencies(server, 5)
    report(
        "idle connections", connections=len(connections), resident_mb_before=round(base),
        resident_mb_with_them=round(server.resident()),
        p99_ms_before=round(percentile(before, 0.99), 2), p99_ms_with_them=round(percentile(after, 0.99), 2))
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    server.stop()


def main():
    parser = argparse.ArgumentParser(description="Memory and recovery of a server, measured from outside.")
    parser.add_argument("binary")
    parser.add_argument("what", nargs="*", default=["steady", "stalled", "idle"])
    parser.add_argument("--folder", help="where the data goes (default: a temporary folder)")
    parser.add_argument("--minutes", type=float, default=10)
    options = parser.parse_args()
    for name in options.what:
        parent = tempfile.mkdtemp(prefix="apus-endurance-", dir=options.folder)
        try:
            server = Server(options.binary, os.path.join(parent, "data"))
            {"steady": lambda: steady(server, options.minutes), "stalled": lambda: stalled(server), "idle": lambda: idle(server)}[name]()
        finally:
            if server.process and server.process.poll() is None:
                server.process.kill()
            shutil.rmtree(parent, ignore_errors=True)


if __name__ == "__main__":
    main()
