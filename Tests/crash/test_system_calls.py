"""Chosen system calls of the server are its last, or fail: strace counts them and injects the fault.

A fault at a random moment rarely hits the few that matter; these go through them one after the other: the
first, second, third ... fdatasync of each thread, and so on, recovery after the previous fault included.
"""

import subprocess
import time

import pytest
from apus_server import ServerEnded
from traffic import Client, NO_ANSWER, Publisher, Reader, Traffic, create_topics, cycles

# How long one life under strace may last before it is taken for one that the fault does not reach.
LIFE_SECONDS_MAX = 1.6
RECOVER_SECONDS_MAX = 15


class Housekeeping:
    """Makes and deletes topics, and settles deliveries, so that all kinds of files are written and removed."""

    def __init__(self):
        self.number = 0

    def run(self, server, is_stopped):
        client = Client(server)
        try:
            while not is_stopped():
                self.number += 1
                self.round(client, f"house-{self.number % 2}")
                time.sleep(0.1)
        except NO_ANSWER:
            pass
        finally:
            client.close()

    def round(self, client, name):
        """Requests that may be refused while the disk fails; what they leave is not looked at."""
        client.request("PUT", f"/v1/topics/{name}", {"partitions": 1})
        client.request("PUT", f"/v1/subscriptions/{name}", {"topic": name, "start": "earliest"})
        client.request("POST", f"/v1/topics/{name}/events", {"number": self.number})
        _, answer = client.request("POST", f"/v1/subscriptions/{name}/receive", {"max": 10})
        leases = [delivery["lease"] for delivery in answer.get("deliveries", [])]
        if leases:
            client.request("POST", f"/v1/subscriptions/{name}/ack", {"leases": leases})
        if self.number % 4 == 0:
            client.request("DELETE", f"/v1/topics/{name}?cascade=true")


@pytest.fixture
def trace(strace):
    """A wrapper that injects a fault; the test is skipped where processes may not be traced."""
    probe = subprocess.run(
        [strace, "-f", "--seccomp-bpf", "-e", "trace=getpid", "true"], capture_output=True, text=True, check=False)
    if probe.returncode != 0:
        pytest.skip(f"strace cannot trace here: {probe.stderr.strip()[-200:]}")

    def wrapper(call, fault, when, log):
        # With its filter strace is faster, but then the kernel drops the signals that it injects.
        options = ["-f"] if fault.startswith("signal") else ["-f", "--seccomp-bpf"]
        return [strace, *options, "-qq", "-o", str(log), "-e", f"trace={call}",
                "-e", f"inject={call}:{fault}:when={when}"]

    return wrapper


def workers(ledger, seed, fails_reads=False):
    publishers = (
        Publisher(ledger, f"p{seed}-{number}", seed=(seed << 8) + number, pause_seconds=0.005)
        for number in range(3))
    return [*publishers, Reader(ledger, seed, may_fail=fails_reads), Housekeeping()]


def moments(count):
    """The first calls one after the other, then with growing steps."""
    when, step = 1, 1
    for number in range(count):
        yield when
        if number >= 8:
            step += 1 + step // 3
        when += step


# System call and at how many of its calls the server is killed.
LAST_CALLS = [("fdatasync", 12), ("pwrite64", 14), ("rename", 4), ("ftruncate", 3), ("unlink", 3), ("fsync", 4)]


@pytest.mark.parametrize(("call", "count"), LAST_CALLS, ids=[call for call, _ in LAST_CALLS])
def test_killed_at_a_system_call(new_server, trace, report, call, count):
    server = new_server("--journal-size", "32MiB")
    server.start()
    ledger = create_topics(server, segment_bytes=1 << 20)
    server.kill()
    hits, misses = [], 0
    for seed, when in enumerate(moments(cycles(count))):
        if live_until_killed(server, ledger, seed, trace(call, "signal=KILL", when, server.folder / "strace")):
            hits.append(when)
            misses = 0
        else:
            misses += 1
        server.start()
        ledger.check_new(server)
        server.kill()
        if misses == 2:
            break
    server.start()
    ledger.check_all(server)
    report(f"killed at {len(hits)} calls, up to number {max(hits, default=0)}; {ledger.summary()}")
    if not hits:
        pytest.skip(f"no thread of the server calls {call} within {LIFE_SECONDS_MAX} s")


def live_until_killed(server, ledger, seed, wrapper):
    """One life under a wrapper that may end it at any time; whether it did."""
    server.launch(wrapper)
    try:
        server.wait_until_ready()
    except ServerEnded:
        server.kill()
        return True
    traffic = Traffic(workers(ledger, seed)).start(server)
    deadline = time.monotonic() + LIFE_SECONDS_MAX
    while server.is_running and time.monotonic() < deadline:
        time.sleep(0.02)
    was_killed = not server.is_running
    server.kill()
    traffic.join()
    return was_killed


# System call, what it answers, and at which calls of each thread (strace's notation), the most telling first.
FAULTS = [
    ("fdatasync", "error=EIO", ["9", "7+9", "20..24", "3", "5", "14", "40", "15+"]),
    ("pwrite64", "error=EIO", ["14", "11+13", "20..24", "2", "5", "9", "40", "25+"]),
    ("pwrite64", "error=ENOSPC", ["20..28", "9+15", "8", "3", "50", "30+"]),
    ("fsync", "error=EIO", ["3..6", "1", "2"]),
    ("ftruncate", "error=EIO", ["1", "2", "3..6"]),
    ("rename", "error=EIO", ["3..6", "1", "2"]),
    ("pread64", "error=EIO", ["30..33", "9"]),
]


@pytest.mark.parametrize(("call", "fault", "whens"), FAULTS, ids=[f"{call}-{fault}" for call, fault, _ in FAULTS])
def test_a_system_call_fails(new_server, trace, report, call, fault, whens):
    server = new_server("--journal-size", "32MiB")
    server.start()
    ledger = create_topics(server, segment_bytes=1 << 20)
    server.kill()
    ends = []
    whens = whens[:cycles(3)]
    for seed, when in enumerate(whens):
        log = server.folder / "strace"
        ends.append(live_with_faults(
            server, ledger, seed, trace(call, fault, when, log), when,
            fails_reads=call == "pread64"))
        ends[-1] += f" ({log.read_text(errors='replace').count('INJECTED')} faults)"
        server.kill()
        server.start()
        ledger.check_new(server)
        server.kill()
    server.start()
    ledger.check_all(server)
    report(f"{', '.join(f'{when}: {end}' for when, end in zip(whens, ends))}; {ledger.summary()}")


def live_with_faults(server, ledger, seed, wrapper, when, fails_reads):
    """One life in which calls fail. The server may end itself; as long as it lives it must answer reads, and
    publish again once nothing fails any more."""
    server.launch(wrapper)
    try:
        server.wait_until_ready()
    except ServerEnded:
        return "did not start"
    everyone = workers(ledger, seed, fails_reads)
    publishers, reader = everyone[:3], everyone[3]
    traffic = Traffic(everyone).start(server)
    # The faults fall into this time, or never stop where `when` says so.
    time.sleep(LIFE_SECONDS_MAX)
    if not server.is_running:
        traffic.join()
        return "ended itself"
    refused = sum(len(publisher.refusals) for publisher in publishers)
    lasting = when.endswith("+")
    calm, answers = time.monotonic(), reader.answers
    while not lasting and not all((publisher.last_success or 0) > calm for publisher in publishers):
        assert time.monotonic() < calm + RECOVER_SECONDS_MAX, (
            f"publishing does not recover within {RECOVER_SECONDS_MAX} s: {publishers[0].refusals[-1:]}\n"
            + server.log_tail(5))
        assert not traffic.failures and server.is_running, traffic.failures
        time.sleep(0.05)
    time.sleep(0.3)
    assert traffic.failures or reader.answers > answers, "reads are not answered any more"
    server.kill()
    traffic.join()
    return f"went on, {refused} requests refused"
