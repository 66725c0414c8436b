# SPDX-License-Identifier: Apache-2.0
"""Next occurrences of cron expressions, held against other people's: croniter and Python's time zones."""

import random
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

croniter = pytest.importorskip("croniter").croniter

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Sydney", "America/Sao_Paulo"]


def field(chance, low, high):
    kind = chance.randrange(4)
    if kind == 0:
        return "*"
    first = chance.randint(low, high)
    if kind == 1 or first == high:
        return str(first)
    # A range of one number is a whole circle to croniter.
    last = chance.randint(first + 1, high)
    return f"{first}-{last}" if kind == 2 else f"{first}-{last}/{chance.randint(1, 5)}"


def expression(chance):
    return " ".join((field(chance, 0, 59), field(chance, 0, 23), field(chance, 1, 28), field(chance, 1, 12),
                     field(chance, 0, 6)))


def is_plain(zone, moment):
    """Whether no clock changes within two days: what happens then is a matter of taste."""
    offsets = {(moment + timedelta(hours=hours)).astimezone(zone).utcoffset() for hours in range(-48, 49, 12)}
    return len(offsets) == 1


def test_next_occurrences_are_those_of_croniter(apus_server, topic):
    chance = random.Random(7)
    compared = 0
    for number in range(400):
        text = expression(chance)
        zone = ZoneInfo(chance.choice(ZONES))
        start = datetime(2030, 1, 1, tzinfo=timezone.utc) + timedelta(minutes=chance.randrange(5 * 365 * 1440))
        answer = apus_server.succeed("PUT", f"/v1/schedules/s{number % 50}", json={
            "topic": topic, "schedule": text, "time_zone": zone.key, "event": {},
            "start": start.isoformat().replace("+00:00", "Z")}).json()
        local = (start - timedelta(seconds=1)).astimezone(zone)
        expected = croniter(text, local, max_years_between_matches=60).get_next(datetime).astimezone(timezone.utc)
        found = datetime.fromisoformat(answer["next"])
        if not (is_plain(zone, expected) and is_plain(zone, found)):
            continue
        assert found == expected, f"{text} in {zone.key} from {start}"
        compared += 1
    assert compared > 250
