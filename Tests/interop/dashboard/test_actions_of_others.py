# SPDX-License-Identifier: Apache-2.0
"""What somebody else has made or changed stays: nothing new replaces it, and nobody saves over it without knowing."""

import uuid

import pytest

from test_actions_rules import pattern_field, settings, trips  # noqa: F401


@pytest.fixture
def topic(scene):
    name = f"bug-{uuid.uuid4().hex[:8]}"
    scene.server.create_topic(name)
    return name


def test_a_new_topic_does_not_silently_change_one_of_that_name(scene, open_page, topic):
    server = scene.server
    server.create_topic(topic, retention={"age": None})
    page = open_page(server.url + "/ui/topics")
    page.click("button:text-is('Create a topic')")
    page.fill("label:has-text('Name') + input", topic)
    page.click("dialog button[type=submit]")
    page.locator(".toast, dialog .problem:visible").first.wait_for()
    assert server.succeed("GET", f"/v1/topics/{topic}").json()["retention"]["age"] is None


def test_a_new_rule_does_not_silently_replace_one_of_that_name(scene, open_page, trips):
    before = settings(scene.server, trips)
    page = open_page(f"{scene.server.url}/ui/rules/new?topic={trips}")
    page.fill("label:has-text('Name') + input", trips)
    page.fill("label:has-text('Targets') + textarea", f'[{{"topic": "{trips}-slow"}}]')
    page.click("button:text-is('Make the rule')")
    page.locator(".toast").first.wait_for()
    assert settings(scene.server, trips) == before


def open_rule(scene, open_page, trips):
    page = open_page(f"{scene.server.url}/ui/rules/{trips}")
    page.wait_for_selector("[data-trial] >> text=2 of 4 events match.")
    return page


def press(page, button):
    page.click(f"button:text-is('{button}')")
    page.locator(".toast").first.wait_for()


def test_saving_does_not_switch_on_what_somebody_has_switched_off(scene, open_page, trips):
    page = open_rule(scene, open_page, trips)
    scene.server.succeed("PUT", f"/v1/rules/{trips}", json=settings(scene.server, trips) | {"enabled": False})
    pattern_field(page).fill('{"data": {"km": [5]}}')
    press(page, "Save")
    assert not settings(scene.server, trips)["enabled"]


def test_switching_off_does_not_take_back_a_pattern(scene, open_page, trips):
    page = open_rule(scene, open_page, trips)
    scene.server.succeed("PUT", f"/v1/rules/{trips}", json=settings(scene.server, trips) | {"pattern": {"data": {"km": [50]}}})
    press(page, "Switch off")
    assert settings(scene.server, trips)["pattern"] == {"data": {"km": [50]}}


def test_saving_a_pattern_does_not_take_back_targets(scene, open_page, trips):
    page = open_rule(scene, open_page, trips)
    theirs = settings(scene.server, trips) | {"targets": [{"topic": trips + "-slow"}]}
    scene.server.succeed("PUT", f"/v1/rules/{trips}", json=theirs)
    pattern_field(page).fill('{"data": {"km": [5]}}')
    press(page, "Save")
    assert settings(scene.server, trips)["targets"] == theirs["targets"]


def test_saving_does_not_make_anew_what_somebody_has_deleted(scene, open_page, trips):
    page = open_rule(scene, open_page, trips)
    scene.server.succeed("DELETE", f"/v1/rules/{trips}")
    press(page, "Save")
    assert scene.server.request("GET", f"/v1/rules/{trips}").status_code == 404
