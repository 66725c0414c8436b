# SPDX-License-Identifier: Apache-2.0
"""What people do with subscriptions beside stopping them: delete one; and the commands for what moves them, which do the same as the buttons."""

import json
import uuid

import pytest

from apus_server import event
from browsing import confirm, line_in, run, wait_for


@pytest.fixture
def reader(scene):
    """A subscription that has settled all ten events of its topic, which is named like it."""
    name = f"reader-{uuid.uuid4().hex[:8]}"
    scene.server.create_topic(name)
    scene.server.publish(name, *[event(number) for number in range(10)])
    scene.subscribe(name, topic=name, start="earliest")
    take(scene.server, name)
    return name


def take(server, name):
    """Receives and acknowledges what there is; returns its offsets."""
    deliveries = server.succeed("POST", f"/v1/subscriptions/{name}/receive", json={"max": 50, "wait": "5s"}).json()["deliveries"]
    server.succeed("POST", f"/v1/subscriptions/{name}/ack", json={"leases": [one["lease"] for one in deliveries]})
    return [one["offset"] for one in deliveries]


def exists(server, name):
    return server.request("GET", f"/v1/subscriptions/{name}").status_code == 200


def test_a_subscription_is_deleted_once_its_name_is_typed(scene, open_page, reader):
    server = scene.server
    settings = {"topic": reader, "start": "latest", "max_attempts": 3}
    page = open_page(f"{server.url}/ui/subscriptions/{reader}")
    page.click("button:text-is('Delete…')")
    page.wait_for_selector("dialog >> text=It forgets what it has settled; 0 events will not be delivered by it.")
    line = line_in(page.locator("dialog"))
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    assert exists(server, reader)
    server.publish(reader, event("one more"))
    wait_for(lambda: server.succeed("GET", f"/v1/subscriptions/{reader}").json()["backlog"], "an event that waits")
    page.reload()
    page.click("button:text-is('Delete…')")
    page.wait_for_selector(f"dialog >> text=1 event will not be delivered by it. The events stay in {reader}.")
    confirm(page, reader)
    page.wait_for_selector(f".toast >> text={reader} is deleted.")
    page.wait_for_url("**/ui/subscriptions")
    assert not exists(server, reader)
    assert len(server.read_all(reader)) == 11
    scene.subscribe(reader, **settings)
    run(line, server)
    assert not exists(server, reader)


def test_what_is_gone_already_is_told_in_the_dialog(scene, open_page, reader):
    page = open_page(f"{scene.server.url}/ui/subscriptions/{reader}")
    page.click("button:text-is('Delete…')")
    scene.server.succeed("DELETE", f"/v1/subscriptions/{reader}")
    page.fill("dialog input", reader)
    page.click("dialog button[type=submit]")
    page.wait_for_selector(f"dialog .problem:has-text('{reader}')")
    page.goto(f"{scene.server.url}/ui/subscriptions/{reader}")
    page.wait_for_selector("h1:has-text('This cannot be shown')")


def test_what_delivers_for_a_rule_is_not_deleted_by_itself(scene, open_page, receiver):
    name = f"hooked-{uuid.uuid4().hex[:8]}"
    scene.server.create_rule(name, "orders", {"type": ["no.such"]}, [{"webhook": {"url": receiver.url}}])
    [subscription] = scene.server.succeed("GET", f"/v1/rules/{name}").json()["subscriptions"]
    page = open_page(f"{scene.server.url}/ui/rules/{name}")
    page.click(f"a:text-is('{subscription}')")
    page.wait_for_selector(f"h1:text-is('{subscription}')")
    page.wait_for_selector("button:text-is('Pause')")
    assert page.locator("button:text-is('Delete…')").count() == 0
    page.click(f"main >> a:text-is('{name}')")
    page.wait_for_selector(f"h1:text-is('{name}')")
    scene.server.succeed("DELETE", f"/v1/rules/{name}")


def test_the_commands_of_replay_and_reset_do_the_same_as_the_buttons(scene, open_page, reader):
    server = scene.server
    page = open_page(f"{server.url}/ui/subscriptions/{reader}")
    page.click("button:text-is('Replay…')")
    page.fill("label:has-text('From') + input", "2")
    page.fill("label:has-text('To') + input", "5")
    page.wait_for_selector("[data-preview] >> text=3 events will be handed out once more")
    line = line_in(page.locator("dialog"))
    page.keyboard.press("Escape")
    run(line, server)
    assert take(server, reader) == [2, 3, 4]
    page.click("button:text-is('Reset…')")
    page.fill("dialog input", "latest")
    page.wait_for_selector("[data-preview] >> text=Nothing changes: it stands there already.")
    page.fill("dialog input", "7")
    page.wait_for_selector("[data-preview] >> text=3 events will come again")
    line = line_in(page.locator("dialog"))
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    run(line, server)
    assert server.succeed("GET", f"/v1/subscriptions/{reader}").json()["positions"][0]["cursor"] == 7
    assert take(server, reader) == [7, 8, 9]
    # What cannot be is told where it was typed.
    page.click("button:text-is('Reset…')")
    page.fill("dialog input", "some day")
    page.wait_for_selector("dialog .notice[data-tone=bad]")
    page.click("dialog button[type=submit]")
    page.wait_for_selector("dialog .problem:visible")


def test_a_cursor_is_moved_and_has_no_replay(scene, open_page, reader):
    name = reader + "-cursor"
    scene.subscribe(name, topic=reader, kind="cursor", start="latest")
    page = open_page(f"{scene.server.url}/ui/subscriptions/{name}")
    page.wait_for_selector("button:text-is('Reset…')")
    assert page.locator("button:text-is('Replay…')").count() == 0
    page.click("button:text-is('Reset…')")
    page.fill("dialog input", "earliest")
    page.wait_for_selector("[data-preview] >> text=10 events will come again")
    page.click("dialog button[type=submit]")
    page.wait_for_selector(f".toast >> text={name} goes on from earliest.")
    assert scene.server.succeed("GET", f"/v1/subscriptions/{name}").json()["positions"][0]["cursor"] == 0


def test_a_failed_attempt_is_retried_from_the_list_of_them(scene, open_page, reader, receiver):
    """By the button of the attempt, and by the command that it shows."""
    server = scene.server
    name = reader + "-hook"
    receiver.status = 503
    scene.subscribe(
        name, topic=reader, start="latest", max_attempts=50, retry={"initial": "1h", "max": "1h", "schedule": ["1h"]},
        push={"url": receiver.url, "breaker": {"failures": 0}})
    server.publish(reader, event("one"), event("two"))
    waiting = lambda: server.succeed("GET", f"/v1/subscriptions/{name}").json()["waiting"]
    wait_for(lambda: waiting() == 2, "two that wait for a retry")
    page = open_page(f"{server.url}/ui/subscriptions/{name}")
    first = page.locator(f"#attempts >> button[aria-label^='Retry {reader}/0/10 ']").first
    second = page.locator(f"#attempts >> button[aria-label^='Retry {reader}/0/11 ']").first
    line = second.get_attribute("title")
    receiver.status = 204
    first.click()
    page.wait_for_selector(f".toast >> text={name} retries {reader}/0/10.")
    wait_for(lambda: waiting() == 1, "one that is done")
    assert '"retried":1' in run(line, server)
    wait_for(lambda: waiting() == 0, "both that are done")
    # Pressed again, it says that nothing waits.
    second.click()
    page.wait_for_selector(f".toast >> text={reader}/0/11 does not wait for a retry any more.")


@pytest.fixture
def hooked(scene, receiver):
    """A paused subscription that pushes to a receiver."""
    name = f"hooked-{uuid.uuid4().hex[:8]}"
    scene.server.create_topic(name)
    scene.subscribe(name, topic=name, push={"url": receiver.url}, paused=True)
    return name


def test_a_receiver_is_tested_by_the_page_and_by_the_command(scene, open_page, hooked):
    page = open_page(f"{scene.server.url}/ui/subscriptions/{hooked}")
    page.click("button:text-is('Test…')")
    line = line_in(page.locator("dialog"))
    page.click("dialog button[type=submit]")
    page.wait_for_selector("dialog [data-answer] .badge:text-is('delivered')")
    page.wait_for_selector("dialog [data-answer] pre:has-text('apus-test: true')")
    # It stays open: whoever mends a receiver tries again.
    page.click("dialog button[type=submit]")
    page.wait_for_selector("dialog [data-answer] .badge:text-is('delivered')")
    page.click("dialog button:text-is('Done')")
    page.wait_for_selector("dialog", state="detached")
    told = json.loads(run(line, scene.server))
    assert (told["outcome"], told["status"]) == ("delivered", 204)
    scene.subscribe(hooked, push={"url": "http://127.0.0.1:9/nobody"})
    page.reload()
    page.click("button:text-is('Test…')")
    page.click("dialog button[type=submit]")
    page.wait_for_selector("dialog [data-answer] .badge:text-is('failed')")
    assert scene.server.succeed("GET", f"/v1/subscriptions/{hooked}").json()["failed"] == 0


def test_a_secret_is_made_shown_once_and_the_old_one_retired(scene, open_page, hooked):
    def secrets():
        return scene.server.succeed("GET", f"/v1/subscriptions/{hooked}").json()["push"]["secrets"]

    page = open_page(f"{scene.server.url}/ui/subscriptions/{hooked}")
    page.click("button:text-is('Sign…')")
    line = line_in(page.locator("dialog"))
    page.click("dialog button[type=submit]")
    shown = page.wait_for_selector("dialog .stack code:has-text('whsec_')").inner_text()
    assert secrets() == ["whsec_****" + shown[-4:]]
    page.click("dialog button:text-is('Done')")
    page.wait_for_selector("dialog", state="detached")
    page.wait_for_selector(f"code:text-is('{secrets()[0]}')")
    assert shown not in page.content()
    made = json.loads(run(line, scene.server))["secret"]
    assert [one[-4:] for one in secrets()] == [made[-4:], shown[-4:]]
    page.click("button:text-is('Retire old…')")
    line = line_in(page.locator("dialog"))
    page.click("dialog button[type=submit]")
    page.wait_for_selector("button:text-is('Retire old…')", state="detached")
    assert [one[-4:] for one in secrets()] == [made[-4:]]
    run(line, scene.server)
    assert [one[-4:] for one in secrets()] == [made[-4:]]
