# SPDX-License-Identifier: Apache-2.0
"""What people do with topics, schedules, feeds, clients and the server itself; each command that a page shows does the same as its button."""

import json
import pathlib
import uuid

import pytest
import requests

from apus_server import event
from browsing import confirm, line_in, run, wait_for


def name_of(kind):
    return f"{kind}-{uuid.uuid4().hex[:8]}"


def settings(server, topic):
    found = server.succeed("GET", f"/v1/topics/{topic}").json()
    return {member: found[member] for member in ("partitions", "durability", "retention", "cleanup", "deduplication")}


def exists(server, path):
    return server.request("GET", path).status_code == 200


def cancel_dialog(page):
    page.click("dialog >> button:text-is('Cancel')")
    page.wait_for_selector("dialog", state="detached")


@pytest.mark.parametrize("retention, durability", [("12h", "100ms"), ("", "flush")])
def test_the_command_for_a_new_topic_makes_one_like_the_pages(retention, durability, scene, open_page):
    server = scene.server
    name = name_of("made")
    page = open_page(server.url + "/ui/topics")
    page.click("button:text-is('Create a topic')")
    create = page.locator("dialog button[type=submit]")
    assert create.is_disabled()
    page.fill("label:has-text('Name') + input", name)
    page.fill("label:has-text('Partitions') + input", "0")
    assert create.is_disabled()
    page.fill("label:has-text('Partitions') + input", "3")
    page.fill("label:has-text('Kept for') + input", retention)
    page.fill("label:has-text('Durability') + input", durability)
    line = line_in(page.locator("dialog"))
    create.click()
    page.wait_for_selector(f"h1:text-is('{name}')")
    run(line.replace(name, name + "-again"), server)
    assert settings(server, name + "-again") == settings(server, name)
    assert settings(server, name)["retention"]["age"] == (retention or None) and settings(server, name)["partitions"] == 3


def test_of_a_compacted_topic_pages_tell_how_many_events_there_are_at_most(scene, open_page):
    server = scene.server
    name = name_of("prices")
    server.create_topic(name, cleanup="compact")
    server.publish(name, event("one", partitionkey="a"), event("two", partitionkey="a"))
    page = open_page(f"{server.url}/ui/topics/{name}")
    page.wait_for_selector("header >> text=at most 2 events kept")
    for action, text in (("Purge…", "At most 2 events will be gone"), ("Delete…", "its events (at most 2 events) will be gone")):
        page.click(f"button:text-is('{action}')")
        page.wait_for_selector(f"dialog >> text={text}")
        cancel_dialog(page)
    page.goto(f"{server.url}/ui/topics?search={name}")
    cell = page.locator(f"tr:has-text('{name}') td span[title^='Offsets that are kept']")
    assert cell.inner_text() == "≤ 2"


def test_the_commands_that_empty_and_delete_a_topic_do_that(scene, open_page):
    server = scene.server
    name = name_of("shelf")
    server.create_topic(name)
    server.publish(name, event("one"))
    server.create_rule(name, name, {}, [{"topic": "vip"}])
    scene.subscribe(name, topic=name)
    page = open_page(f"{server.url}/ui/topics/{name}")
    page.click("button:text-is('Purge…')")
    page.wait_for_selector("dialog >> text=1 event will be gone for good")
    line = line_in(page.locator("dialog"))
    cancel_dialog(page)
    kept = lambda: [(one["start"], one["end"]) for one in server.succeed("GET", f"/v1/topics/{name}").json()["positions"]]
    assert kept() == [(0, 1)]
    run(line, server)
    assert kept() == [(1, 1)]
    page.click("button:text-is('Delete…')")
    line = line_in(page.locator("dialog"))
    cancel_dialog(page)
    run(line, server)
    # And what uses it, as the dialog said.
    assert not any(exists(server, f"/v1/{kind}/{name}") for kind in ("topics", "rules", "subscriptions"))


def test_events_that_wait_for_their_time_are_cancelled(scene, open_page):
    server = scene.server
    first, second, third = [server.succeed(
        "POST", "/v1/topics/audit/events", params={"delay": f"{minutes}m"}, json={"n": minutes}).json()["id"] for minutes in (10, 20, 30)]
    page = open_page(server.url + "/ui/schedules")
    page.click(f"button[aria-label='Cancel {first}']")
    page.wait_for_selector("dialog >> text=/in audit, will never be published/")
    cancel_dialog(page)
    assert exists(server, f"/v1/delayed/{first}")
    page.click(f"button[aria-label='Cancel {first}']")
    confirm(page, "cancel")
    page.wait_for_selector(".toast >> text=Cancelled.")
    page.wait_for_selector(f"button[aria-label='Cancel {first}']", state="detached")
    assert not exists(server, f"/v1/delayed/{first}") and exists(server, f"/v1/delayed/{second}")
    page.click(f"button[aria-label='Cancel {second}']")
    line = line_in(page.locator("dialog"))
    cancel_dialog(page)
    run(line, server)
    assert not exists(server, f"/v1/delayed/{second}") and exists(server, f"/v1/delayed/{third}")
    # Somebody else was quicker.
    page.click(f"button[aria-label='Cancel {third}']")
    server.succeed("DELETE", f"/v1/delayed/{third}")
    page.fill("dialog input", "cancel")
    page.click("dialog button[type=submit]")
    page.locator("dialog .problem", has_text=third).wait_for()


def test_a_feed_is_paused_and_goes_on(scene, open_page):
    """From a topic of the server by way of a connection to itself."""
    server = scene.server
    name, source = name_of("feed"), name_of("outside")
    for topic in (name, source):
        server.create_topic(topic)
    server.succeed("PUT", f"/v1/connections/{name}", json={"url": server.url.replace("http://", "apus://")})
    server.succeed("PUT", f"/v1/feeds/{name}", json={"connection": name, "from": source, "into": name})
    feed = lambda: server.succeed("GET", f"/v1/feeds/{name}").json()
    came = lambda: [one["id"] for one in server.read_all(name)]
    wait_for(lambda: feed()["state"] == "running", "the feed running")
    page = open_page(server.url + "/ui/bridges")
    row = page.locator("table[aria-label=Feeds] tr", has_text=source)
    row.locator(".badge:text-is('running')").wait_for()
    page.click(f"button[aria-label='Pause {name}']")
    page.wait_for_selector("dialog >> text=It takes nothing until it is told to go on")
    pause = line_in(page.locator("dialog"))
    cancel_dialog(page)
    assert not feed()["paused"]
    page.click(f"button[aria-label='Pause {name}']")
    page.click("dialog button[type=submit]")
    page.wait_for_selector(f".toast >> text={name} is paused.")
    row.locator(".badge:text-is('paused')").wait_for()
    assert feed()["paused"]
    server.publish(source, event("meanwhile"))
    page.click(f"button[aria-label='Go on with {name}']")
    resume = line_in(page.locator("dialog"))
    assert came() == []
    page.click("dialog button[type=submit]")
    page.wait_for_selector(f".toast >> text={name} goes on.")
    wait_for(lambda: came() == ["meanwhile"], "what came while it was paused")
    # The commands do the same.
    run(pause, server)
    assert feed()["paused"]
    run(resume, server)
    assert not feed()["paused"]
    server.succeed("DELETE", f"/v1/feeds/{name}")
    server.succeed("DELETE", f"/v1/connections/{name}")


def test_the_command_that_sends_a_client_away_does_that(scene, open_page):
    server = scene.server
    session = requests.Session()
    session.headers["User-Agent"] = name_of("left")
    session.get(server.url + "/v1/topics").raise_for_status()
    page = open_page(f"{server.url}/ui/clients?search={session.headers['User-Agent']}")
    page.click("button:text-is('Disconnect…')")
    run(line_in(page.locator("dialog")), server)
    page.reload()
    page.wait_for_selector("text=is in no address, name, topic or group")
    # It is gone already: the dialog would say so; and who was sent away comes back by itself.
    session.get(server.url + "/v1/topics").raise_for_status()
    page.reload()
    page.click("button:text-is('Disconnect…')")
    session.close()
    wait_for(lambda: not server.succeed("GET", f"/v1/clients?search={session.headers['User-Agent']}").json()["clients"], "nobody")
    page.click("dialog button[type=submit]")
    page.wait_for_selector("dialog .problem:visible")


def test_checksums_are_verified_and_damage_is_told(new_server, open_page):
    server = new_server().start()
    server.create_topic("orders")
    marker = "y" * 64
    server.publish("orders", *[event(number, data=marker) for number in range(20)])
    segment = wait_for(lambda: [one for one in pathlib.Path(server.data).glob("logs/*/*.log") if marker.encode() in one.read_bytes()], "a segment")[0]
    page = open_page(server.url + "/ui/settings")
    verify = page.locator("button:text-is('Verify checksums')")
    line = verify.get_attribute("title")
    checked = lambda: {one["name"]: one for one in map(json.loads, run(line, server, status=(0, 1)).splitlines())}["checksums"]
    verify.click()
    page.wait_for_selector("main .notice[data-tone=good] >> text=/^[0-9,]+ batches \\(.*\\) are whole\\.$/")
    assert checked()["status"] == "ok"
    content = bytearray(segment.read_bytes())
    content[content.index(marker.encode())] ^= 1
    segment.write_bytes(content)
    verify.click()
    damage = page.locator("main .notice[data-tone=bad]", has_text="damaged")
    damage.wait_for()
    assert "orders" in damage.locator("pre").inner_text()
    assert checked()["status"] == "fail"
    assert verify.is_enabled()
