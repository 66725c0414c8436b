# SPDX-License-Identifier: Apache-2.0
"""The library's transport for Azure Event Grid against a double of a namespace (double.py): who is let in, what is missing and how that is said, faults
of the service, and what becomes of events that are given up. The contract of all transports is in test_bus_contract.py, the shop in test_orders.py."""

import os
import subprocess

from event_grid import KEY


def run(bus_check, url, only, **environment):
    result = subprocess.run(
        [bus_check, url, "--only", only, "--patience", "60"], capture_output=True, text=True, timeout=300,
        env={**{k: v for k, v in os.environ.items() if not k.startswith("EVENTGRID_")}, **environment})
    return result.returncode, result.stdout + result.stderr


RECEIPTS = "one receipt for each event"
ACKNOWLEDGED = "once acknowledged does not come again"


def test_the_environment_says_who(bus_check, event_grid):
    space = event_grid()
    url = space.url(key=None)
    assert run(bus_check, url, RECEIPTS, EVENTGRID_ACCESS_KEY=KEY)[0] == 0
    assert run(bus_check, url + "&auth=sas", RECEIPTS, EVENTGRID_ACCESS_KEY=KEY)[0] == 0
    code, said = run(bus_check, url, RECEIPTS)
    assert code == 1 and "EVENTGRID_ACCESS_KEY" in said


def test_a_ready_signature_is_enough_where_it_is_for(bus_check, event_grid):
    space = event_grid()
    url = space.url(key=None)
    everywhere = space.signature("https://ns")
    assert run(bus_check, url, ACKNOWLEDGED, EVENTGRID_SAS_TOKEN=everywhere)[0] == 0
    code, said = run(bus_check, url, RECEIPTS, EVENTGRID_SAS_TOKEN=space.signature("https://ns/topics/another"))
    assert code == 1 and "another resource" in said
    code, said = run(bus_check, url, RECEIPTS, EVENTGRID_SAS_TOKEN=space.signature("https://ns", lifetime=-5))
    assert code == 1 and "expired" in said
    forged = everywhere.partition("&s=")[0] + "&s=" + "A" * 43 + "%3D"
    code, said = run(bus_check, url, RECEIPTS, EVENTGRID_SAS_TOKEN=forged)
    assert code == 1 and "does not match" in said and forged not in said


def test_a_key_that_is_none_is_refused_and_not_repeated(bus_check, event_grid):
    wrong = "d3JvbmcgYnV0IGxvbmcgZW5vdWdo"
    for auth in ("", "&auth=sas"):
        code, said = run(bus_check, event_grid().url(key=wrong) + auth, RECEIPTS)
        assert code == 1 and "401" in said
        assert wrong not in said and KEY not in said


def test_what_an_administrator_has_to_make_is_named_with_the_command(bus_check, event_grid):
    space = event_grid(make=False)
    code, said = run(bus_check, space.url(), RECEIPTS)
    assert code == 1 and "there is no topic 'contract-" in said
    assert "az eventgrid namespace topic create --topic-name contract-" in said
    code, said = run(bus_check, space.url(), ACKNOWLEDGED)
    assert code == 1 and "there is no event subscription" in said
    assert "az eventgrid namespace topic event-subscription create --name contract-" in said


def test_a_service_in_trouble_is_asked_again_when_it_says(bus_check, event_grid):
    space = event_grid()
    for operation in ("publish", "receive", "acknowledge", "renewLock"):
        space.test("faults", {"operation": operation, "status": 503, "times": 2, "retryAfter": 1})
    code, said = run(bus_check, space.url(), ACKNOWLEDGED)
    assert code == 0, said
    published = [request for request in space.test("seen") if request["operation"] == "publish"]
    assert len(published) == 4, "two that failed, and the two events of the promise"


def test_one_lock_of_many_that_cannot_be_dealt_with_just_now_is_asked_about_again(bus_check, event_grid):
    space = event_grid()
    space.test("faults", {"operation": "acknowledge", "token": True, "times": 2})
    code, said = run(bus_check, space.url(), ACKNOWLEDGED)
    assert code == 0, said


def test_a_connection_that_goes_before_the_answer_is_no_loss(bus_check, event_grid):
    space = event_grid()
    # Of a publish it is not known whether it happened: here it did not.
    space.test("faults", {"operation": "publish", "times": 1})
    space.test("faults", {"operation": "acknowledge", "times": 1})
    code, said = run(bus_check, space.url(), ACKNOWLEDGED)
    assert code == 0, said


def test_what_is_refused_for_good_is_not_asked_again(bus_check, event_grid):
    space = event_grid()
    space.test("faults", {"operation": "publish", "status": 400, "code": "BadRequest", "times": 1})
    code, said = run(bus_check, space.url(), RECEIPTS)
    assert code == 1 and "BadRequest (400)" in said


def test_what_is_given_up_goes_to_the_destination_of_the_event_subscription(bus_check, event_grid):
    space = event_grid()
    code, said = run(bus_check, space.url(), "each verdict of a call is about its event")
    assert code == 0, said
    path = next(r["path"] for r in space.test("seen") if r["operation"] == "reject")
    topic, subscription = path.split("/")[2], path.split("/")[4].split(":")[0]
    dead = space.test(f"dead-letters?topic={topic}&subscription={subscription}")
    assert sorted(letter["event"]["id"] for letter in dead) == ["2", "5", "8"]
    assert all(letter["deadletterreason"] == "Rejected" for letter in dead)
