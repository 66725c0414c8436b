"""Bits flip on the disk while the server is down. What was damaged is reported, everything else is read."""

import collections
import json
import random
import shutil
import subprocess

import pytest
from apus_server import ServerEnded, event
from ledger import digest
from traffic import cycles

EVENTS = 40
BATCH_EVENTS = 5


def stored_event(number):
    return event(f"e-{number}", {"number": number, "filler": "abc" * 40}, datacontenttype="application/json")


def fill(server, topic):
    """One event a request, then some batches; the number of events."""
    server.create_topic(topic)
    for number in range(EVENTS):
        server.publish(topic, stored_event(number))
    for first in range(EVENTS, EVENTS + 4 * BATCH_EVENTS, BATCH_EVENTS):
        server.publish(topic, *(stored_event(first + index) for index in range(BATCH_EVENTS)))
    return EVENTS + 4 * BATCH_EVENTS


def read_around_damage(server, topic):
    """Offset -> event of all that can be read, and the ranges that the server says are damaged."""
    found, damaged = {}, []
    offset = 0
    while True:
        response = server.request("GET", f"/v1/topics/{topic}/events", params={"from": offset, "limit": 7})
        answer = response.json()
        if response.status_code == 500:
            assert answer["type"] == "corrupt" and answer["next"] > offset, answer
            damaged.append(range(max(offset, answer["offset"]), answer["next"]))
            offset = answer["next"]
            continue
        assert response.status_code == 200, answer
        found.update((record["offset"], record["event"]) for record in answer["events"])
        if answer["next"] >= answer["end"]:
            return found, damaged
        offset = answer["next"]


def log_file(server, topic):
    identity = server.succeed("GET", f"/v1/topics/{topic}").json()["id"]
    return server.data / "logs" / identity / ("0" * 20 + ".log")


def flip(path, position, mask=0x10):
    with path.open("r+b") as file:
        file.seek(position)
        byte = file.read(1)[0]
        file.seek(position)
        file.write(bytes([byte ^ mask]))


def test_a_damaged_event_is_reported_and_all_others_are_read_and_delivered(new_server, report):
    server = new_server("--journal-size", "32MiB")
    server.start()
    count = fill(server, "orders")
    path = log_file(server, "orders")
    assert server.stop() == 0
    flip(path, path.read_bytes().index(b"e-17") + 3)
    server.start()

    found, damaged = read_around_damage(server, "orders")
    assert damaged == [range(17, 18)]
    assert found == {number: stored_event(number) for number in range(count) if number != 17}
    damage = server.succeed("POST", "/v1/verify").json()["damage"]
    assert len(damage) == 1 and "orders" in damage[0] and "17" in damage[0], damage
    assert_doctor_names_it(server)
    assert_delivers_around(server, count)
    # Damage is no reason to refuse anything new.
    server.publish("orders", event("new"))
    report(f"{count} events, one of them damaged")


def assert_doctor_names_it(server):
    done = subprocess.run(
        [server.binary, "doctor", "--url", server.url, "--data", str(server.data), "--json"],
        capture_output=True, text=True, check=False)
    checks = [json.loads(line) for line in done.stdout.splitlines()]
    named = [check for check in checks if check["status"] == "fail" and "17" in check["what"] + check.get("why", "")]
    assert done.returncode == 1 and named, done.stdout + done.stderr


def assert_delivers_around(server, count):
    """A shared subscription hands out everything but the damaged event, which does not hold up the others."""
    server.succeed("PUT", "/v1/subscriptions/all", json={"topic": "orders", "start": "earliest"})
    offsets = set()
    while True:
        deliveries = server.succeed(
            "POST", "/v1/subscriptions/all/receive", json={"max": 100, "wait": "500ms"}).json()["deliveries"]
        if not deliveries:
            break
        offsets |= {delivery["offset"] for delivery in deliveries}
        server.succeed(
            "POST", "/v1/subscriptions/all/ack", json={"leases": [delivery["lease"] for delivery in deliveries]})
    assert offsets == set(range(count)) - {17}


def used_bytes(path):
    """Positions of a file that hold something: journal files are mostly zeros."""
    content = path.read_bytes()
    return [position for position, byte in enumerate(content) if byte] or list(range(len(content)))


@pytest.mark.parametrize("ending", ["stop", "kill"])
def test_a_flipped_bit_anywhere_loses_at_most_what_it_names(new_server, report, ending):
    """Stopped, all is in segments; killed, it is in the journal still."""
    server = new_server("--journal-size", "32MiB")
    server.start()
    count = fill(server, "orders")
    # The last block of a journal cannot be told from a torn one: it is for this event, which may go.
    server.create_topic("last")
    server.publish("last", event("sacrifice"))
    getattr(server, ending)()
    pristine = server.folder / "pristine"
    server.data.rename(pristine)
    files = {path.relative_to(pristine): used_bytes(path)
             for path in sorted(pristine.rglob("*")) if path.is_file() and path.stat().st_size}
    chance = random.Random(8)
    outcomes = []
    for _ in range(cycles(25)):
        shutil.rmtree(server.data, ignore_errors=True)
        shutil.copytree(pristine, server.data)
        name = chance.choice(list(files))
        position = chance.choice(files[name])
        flip(server.data / name, position, 1 << chance.randrange(8))
        outcomes.append(f"{name.name}: " + outcome(server, count, f"{name} at {position}"))
        server.kill()
    ends = collections.Counter(outcome.split(": ")[1] for outcome in outcomes)
    report(f"{len(outcomes)} flips: " + ", ".join(f"{end} {number}" for end, number in ends.most_common()))


def outcome(server, count, where):
    """What a flip led to; fails if anything changed or went away in silence."""
    try:
        server.start()
    except ServerEnded as ended:
        # Loud, and nothing is lost: the reason names what cannot be read.
        assert "the server cannot start" in str(ended), f"{where}: {ended}"
        return "did not start"
    topics = [topic["name"] for topic in server.succeed("GET", "/v1/topics").json()["topics"]]
    damage = server.succeed("POST", "/v1/verify").json()["damage"]
    if "orders" not in topics:
        assert damage, f"{where}: the topic is gone, and nothing says so"
        return "reported"
    found, damaged = read_around_damage(server, "orders")
    for offset, read in found.items():
        assert digest(read) == digest(stored_event(offset)), f"{where}: offset {offset} was changed"
    missing = set(range(count)) - found.keys()
    named = {offset for damage in damaged for offset in damage}
    if missing - named:
        # The journal's note of whose event it was is itself damaged: then only the count of what is damaged tells.
        quarantined = server.succeed("GET", "/v1/status").json()["disk"]["quarantined"]
        assert where.startswith("journal/") and quarantined > 0, (
            f"{where}: {sorted(missing)} are gone, and only {sorted(named)} reported")
    assert len(missing) <= BATCH_EVENTS, f"{where}: one bit cost {sorted(missing)}"
    if missing & named:
        assert damage, f"{where}: {sorted(missing)} are damaged, and verification does not say so"
        return "reported"
    return "counted only" if missing else "nothing lost"
