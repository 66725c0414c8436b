# SPDX-License-Identifier: Apache-2.0
"""What people do with rules that are there: change and save them, delete them. Each command that a page shows does the same as its button."""

import uuid

import pytest

from apus_server import event
from browsing import confirm, line_in, run, until, wait_for


@pytest.fixture
def trips(scene):
    """A topic with four trips and a rule for the long ones, each test's own; returns its name, which is the rule's, too."""
    name = f"trips-{uuid.uuid4().hex[:8]}"
    for topic in (name, name + "-far", name + "-slow"):
        scene.server.create_topic(topic)
    scene.server.publish(name, *[event(km, type="trip.made", data={"km": km, "hours": hours}) for km, hours in ((5, 9), (50, 1), (500, 2), (900, 9))])
    scene.server.create_rule(name, name, {"data": {"km": [{"numeric": [">", 400]}]}}, [{"topic": name + "-far"}])
    yield name
    scene.server.request("DELETE", f"/v1/rules/{name}")


def settings(server, name):
    stored = server.succeed("GET", f"/v1/rules/{name}").json()
    return {member: stored[member] for member in ("topic", "pattern", "targets", "enabled")}


def pattern_field(page):
    return page.locator("label:has-text('Pattern') + textarea")


def test_an_existing_rule_is_changed_tried_and_saved(scene, open_page, trips):
    server = scene.server
    before = settings(server, trips)
    page = open_page(f"{server.url}/ui/rules/{trips}")
    page.wait_for_selector("[data-trial] >> text=2 of 4 events match.")
    assert page.locator("label:has-text('Name') + input").get_attribute("readonly") is not None
    pattern_field(page).fill('{"data": {"hours": [9]}}')
    page.fill("label:has-text('Targets') + textarea", f'[{{"topic": "{trips}-slow"}}]')
    until(page, f"document.querySelector('main [data-cli]').dataset.cli.includes('--to-topic {trips}-slow ')")
    page.wait_for_selector(f"table[aria-label='Events that match'] >> text={trips}-slow / 0")
    page.wait_for_selector("[data-trial] >> text=2 of 4 events match.")
    line = line_in(page.locator("main"))
    # Nothing has happened so far.
    assert settings(server, trips) == before
    page.click("button:text-is('Save')")
    page.wait_for_selector(".toast >> text=Saved.")
    after = settings(server, trips)
    assert after == before | {"pattern": {"data": {"hours": [9]}}, "targets": [{"topic": trips + "-slow"}]}
    # It works from the next event on.
    server.publish(trips, event("next", data={"km": 900, "hours": 1}), event("slow", data={"km": 1, "hours": 9}))
    assert wait_for(lambda: [one["id"] for one in server.read_all(trips + "-slow")], "the slow trip") == ["slow"]
    assert server.read_all(trips + "-far") == []
    # The command that was shown does the same.
    server.succeed("PUT", f"/v1/rules/{trips}", json=before)
    run(line, server)
    assert settings(server, trips) == after


def test_a_rule_that_is_off_stays_off_when_it_is_saved(scene, open_page, trips):
    server = scene.server
    server.succeed("PUT", f"/v1/rules/{trips}", json=settings(server, trips) | {"enabled": False})
    page = open_page(f"{server.url}/ui/rules/{trips}")
    page.wait_for_selector(".badge:text-is('off')")
    pattern_field(page).fill('{"data": {"km": [5]}}')
    page.wait_for_selector("[data-trial] >> text=1 of 4 events match.")
    line = line_in(page.locator("main"))
    assert " --disabled " in line
    page.click("button:text-is('Save')")
    page.wait_for_selector(".toast >> text=Saved.")
    saved = settings(server, trips)
    assert not saved["enabled"] and saved["pattern"] == {"data": {"km": [5]}}
    server.succeed("PUT", f"/v1/rules/{trips}", json=saved | {"enabled": True, "pattern": {}})
    run(line, server)
    assert settings(server, trips) == saved


def test_what_is_wrong_is_not_saved_and_told(scene, open_page, trips):
    server = scene.server
    before = settings(server, trips)
    page = open_page(f"{server.url}/ui/rules/{trips}")
    page.wait_for_selector("[data-trial] >> text=2 of 4 events match.")
    for text, remark, reason in (
            ('{"data": {"km": [', "The pattern is no JSON yet.", "'pattern' is missing"),
            ('{"data": {"km": [{"nearly": 5}]}}', "nearly", "nearly")):
        pattern_field(page).fill(text)
        page.locator("main .notice", has_text=remark).first.wait_for()
        page.click("button:text-is('Save')")
        page.locator(".toast[data-tone=bad]", has_text=reason).last.wait_for()
        assert settings(server, trips) == before
        # What was typed is still there, to be put right.
        assert pattern_field(page).input_value() == text
    pattern_field(page).fill("{}")
    page.wait_for_selector("[data-trial] >> text=4 of 4 events match.")
    page.click("button:text-is('Save')")
    page.wait_for_selector(".toast >> text=Saved.")
    assert settings(server, trips) == before | {"pattern": {}}


def test_a_rule_stays_with_its_topic(scene, open_page, trips):
    server = scene.server
    before = settings(server, trips)
    page = open_page(f"{server.url}/ui/rules/{trips}")
    page.fill("label:has-text('Topic') + input", "orders")
    page.click("button:text-is('Save')")
    page.locator(".toast[data-tone=bad]", has_text=f"belongs to topic '{trips}'").wait_for()
    assert settings(server, trips) == before


def test_what_somebody_else_has_saved_is_there_when_the_page_is_shown_anew(scene, open_page, trips):
    server = scene.server
    page = open_page(f"{server.url}/ui/rules/{trips}")
    page.wait_for_selector("[data-trial] >> text=2 of 4 events match.")
    server.succeed("PUT", f"/v1/rules/{trips}", json=settings(server, trips) | {"pattern": {"data": {"km": [50]}}, "enabled": False})
    page.reload()
    page.wait_for_selector("[data-trial] >> text=1 of 4 events match.")
    page.wait_for_selector(".badge:text-is('off')")
    assert "50" in pattern_field(page).input_value()


def test_a_rule_is_deleted_by_the_page_and_by_its_command(scene, open_page, trips):
    server = scene.server
    before = settings(server, trips)
    page = open_page(f"{server.url}/ui/rules/{trips}")
    page.click("button:text-is('Delete…')")
    line = line_in(page.locator("dialog"))
    page.click("dialog >> button:has-text('Cancel')")
    page.wait_for_selector("dialog", state="detached")
    assert settings(server, trips) == before
    page.click("button:text-is('Delete…')")
    confirm(page, trips)
    page.wait_for_selector(f".toast >> text={trips} is deleted.")
    page.wait_for_url("**/ui/rules")
    assert server.request("GET", f"/v1/rules/{trips}").status_code == 404
    server.succeed("PUT", f"/v1/rules/{trips}", json=before)
    run(line, server)
    assert server.request("GET", f"/v1/rules/{trips}").status_code == 404
