"""The wall clock jumps wildly while the server is down or runs: nothing is wiped, and order does not depend on it."""

import pathlib
import re
import shutil
import time

import pytest
from apus_server import event
from ledger import read_records

JUMP = 400 * 24 * 3600
# In this time retention has looked at every topic.
RETENTION_SECONDS = 11


@pytest.fixture
def clock(tmp_path):
    """A wrapper under which the server sees another wall clock, and a way to set that clock while it runs."""
    faketime = shutil.which("faketime")
    if faketime is None:
        pytest.skip("faketime is not installed")
    forget_the_dead()
    return Clock(faketime, tmp_path / "clock")


def forget_the_dead():
    """Removes what faketime shared with processes that were killed: one that has the number of such a process cannot begin."""
    for shared in pathlib.Path("/dev/shm").glob("*faketime_*"):
        number = re.search(r"_(\d+)$", shared.name)
        if number and not pathlib.Path("/proc", number[1]).exists():
            shared.unlink(missing_ok=True)


class Clock:
    def __init__(self, faketime, file):
        self.file = file
        self.set(0)
        # The command shares its state with what it runs; without that its library would change the environment
        # before Swift has found the arguments next to it.
        self.wrapper = [
            faketime, "--exclude-monotonic", "-f", "+0", "env", "-u", "FAKETIME",
            f"FAKETIME_TIMESTAMP_FILE={file}", "FAKETIME_NO_CACHE=1"]

    def set(self, seconds):
        self.file.write_text(f"{seconds:+d}\n")


def server_time(server, topic):
    """The time of a topic's last event, as the server stamped it."""
    return list(read_records(server, topic, 0, 0))[-1]["time"]


@pytest.mark.parametrize("direction", [1, -1], ids=["forward", "back"])
def test_a_wild_jump_changes_nothing(new_server, clock, report, direction):
    server = new_server("--journal-size", "32MiB")
    server.start(clock.wrapper)
    server.create_topic("orders", retention={"age": "1d", "bytes": None}, segment_bytes=1 << 20)
    server.succeed("PUT", "/v1/subscriptions/all", json={"topic": "orders", "start": "earliest"})
    filler = "x" * 100_000
    for number in range(30):
        server.publish("orders", event(number, filler))
    before = server_time(server, "orders")
    leased = receive(server, 1)

    clock.set(direction * JUMP)
    server.publish("orders", event(30, filler))
    after = server_time(server, "orders")
    if before[:4] == after[:4]:
        pytest.skip("the server does not see the clock that faketime shows: a static binary")
    # A lease runs on: it is neither over nor endless.
    more = receive(server, 100)
    assert leased[0]["offset"] not in {delivery["offset"] for delivery in more}
    # What is settled may be trimmed, so that nothing but good sense keeps retention from it.
    results = server.succeed("POST", "/v1/subscriptions/all/ack", json={
        "leases": [delivery["lease"] for delivery in leased + more]}).json()["results"]
    assert {result["status"] for result in results} == {"ok"} and len(results) == 31
    let_retention_work(direction)
    assert_has_all(server, 31)

    server.kill()
    server.start(clock.wrapper)
    server.publish("orders", event(31, filler))
    let_retention_work(direction)
    assert_has_all(server, 32)
    server.kill()
    clock.set(0)
    server.start(clock.wrapper)
    server.publish("orders", event(32, filler))
    assert_has_all(server, 33)
    report(f"from {before} to {after} and back; nothing is wiped")


def let_retention_work(direction):
    """Nothing gets older by a clock that goes back."""
    if direction > 0:
        time.sleep(RETENTION_SECONDS)


def receive(server, count):
    return server.succeed("POST", "/v1/subscriptions/all/receive", json={
        "max": count, "lease": "1m", "wait": "200ms"}).json()["deliveries"]


def assert_has_all(server, count):
    records = list(read_records(server, "orders", 0, 0))
    assert [record["offset"] for record in records] == list(range(count))
    assert [record["event"]["id"] for record in records] == [str(number) for number in range(count)]
