# SPDX-License-Identifier: Apache-2.0
"""What people do on the dashboard's pages: each action does what it says, tells the command that does the same, and asks before anything is lost."""

import base64

import pytest
import requests

from apus_server import event
from browsing import run, until


def test_a_first_event_is_published_from_an_empty_server(new_server, open_page):
    server = new_server("--auto-create-topics").start()
    page = open_page(server.url + "/ui/topics")
    page.wait_for_selector("text=There are no topics yet")
    page.goto(server.url + "/ui/")
    page.click("text=Publish an event")
    page.fill("label:has-text('Subject') + input", "orders/1")
    line = page.locator("dialog [data-cli]").get_attribute("data-cli")
    assert line.startswith("apus publish orders ") and "--subject orders/1" in line
    page.click("dialog >> button:has-text('Publish')")
    page.wait_for_selector("h1:has-text('order.placed')")
    assert page.url.endswith("/ui/topics/orders/0/0")
    [stored] = server.read_all("orders")
    assert stored["subject"] == "orders/1" and stored["data"]["total"] == 1290
    # The command that was shown does the same.
    run(line, server)
    [first, second] = server.read_all("orders")
    assert second["data"] == first["data"] and second["type"] == first["type"] and second["subject"] == first["subject"]


def test_a_topic_is_created_purged_and_deleted(scene, open_page):
    server = scene.server
    page = open_page(server.url + "/ui/topics")
    page.click("text=Create a topic")
    page.fill("label:has-text('Name') + input", "shelf")
    page.fill("label:has-text('Partitions') + input", "2")
    page.click("dialog >> button:has-text('Create')")
    page.wait_for_selector("h1:has-text('shelf')")
    page.wait_for_selector("text=This topic has no events")
    assert server.succeed("GET", "/v1/topics/shelf").json()["partitions"] == 2
    server.publish("shelf", *[event(number, partitionkey=str(number)) for number in range(20)])
    page.click("text=Look again")
    page.wait_for_selector("text=20 shown, newest first")
    page.click("button:has-text('Purge…')")
    destroy = page.locator("dialog button[type=submit]")
    assert destroy.is_disabled()
    page.fill("dialog input", "shel")
    assert destroy.is_disabled()
    page.fill("dialog input", "shelf")
    destroy.click()
    page.wait_for_selector("text=This topic has no events")
    positions = server.succeed("GET", "/v1/topics/shelf").json()["positions"]
    assert sum(one["end"] for one in positions) == 20 and all(one["start"] == one["end"] for one in positions)
    server.publish("shelf", event("one more"))
    assert sum(one["end"] - one["start"] for one in server.succeed("GET", "/v1/topics/shelf").json()["positions"]) == 1
    run(f"apus topic purge shelf --yes --url {server.url}", server)
    assert all(one["start"] == one["end"] for one in server.succeed("GET", "/v1/topics/shelf").json()["positions"])
    page.click("button:has-text('Delete…')")
    page.fill("dialog input", "shelf")
    page.click("dialog button[type=submit]")
    page.wait_for_selector("h1:has-text('Topics')")
    assert server.request("GET", "/v1/topics/shelf").status_code == 404


def test_the_newest_events_come_first_over_all_partitions_and_older_ones_follow(scene, open_page):
    server = scene.server
    server.create_topic("pile", partitions=4)
    for number in range(130):
        server.publish("pile", event(number, type=f"n.{number}", partitionkey=str(number)))
    page = open_page(server.url + "/ui/topics/pile")
    names = lambda: page.locator("tbody td.name").all_inner_texts()
    # Those of the same millisecond come in any order, unless they are of one partition.
    rank = {f"n.{number}": one["time"] for partition in range(4) for one in server.succeed(
        "GET", f"/v1/topics/pile/events?partition={partition}").json()["events"] for number in [one["event"]["id"]]}
    page.wait_for_selector("text=50 shown")
    times = [rank[name] for name in names()]
    assert times == sorted(rank.values(), reverse=True)[:50]
    page.click("text=Older events")
    page.wait_for_selector("text=100 shown")
    page.click("text=Older events")
    page.wait_for_selector("text=130 shown")
    assert [rank[name] for name in names()] == sorted(rank.values(), reverse=True) and len(set(names())) == 130
    assert page.locator("text=Older events").is_hidden()
    page.keyboard.press("/")
    page.keyboard.type("n.77")
    until(page, "document.querySelectorAll('tbody tr').length === 1")
    assert "filter=n.77" in page.url


def test_live_shows_what_arrives_and_pauses(scene, open_page):
    page = open_page(scene.server.url + "/ui/live?topic=payments")
    page.wait_for_selector("text=live")
    page.wait_for_timeout(300)
    scene.server.publish("payments", event("a", type="payment.made"))
    page.wait_for_selector("tbody >> text=payment.made")
    page.keyboard.press("p")
    page.wait_for_selector("button:has-text('Go on')")
    scene.server.publish("payments", event("b", type="payment.refused"))
    page.wait_for_timeout(600)
    assert page.locator("tbody tr").count() == 1


def test_an_event_is_shown_as_tree_raw_and_hex_and_published_again(scene, open_page):
    server = scene.server
    server.create_topic("shapes")
    server.publish("shapes", event("s", type="shape", data={"a": [1, {"b": "deep"}], "c": None}))
    page = open_page(server.url + "/ui/topics/shapes/0/0")
    page.wait_for_selector(".tree >> text=deep")
    page.click("button:has-text('Hex')")
    page.wait_for_selector("pre.hex >> text=7b 0a")
    page.click("button:has-text('Raw')")
    assert '"b": "deep"' in page.locator("pre.code-block").inner_text()
    page.click("text=Edit and publish again")
    page.fill("dialog textarea", '{"a": 2}')
    page.click("dialog button[type=submit]")
    page.wait_for_url("**/shapes/0/1")
    [first, second] = server.read_all("shapes")
    assert second["data"] == {"a": 2} and second["id"] != first["id"] and second["type"] == "shape"
    # The address changes before the page that answers to the key is there.
    until(page, "document.querySelector('h1') && document.querySelector('.tree')?.textContent.includes('2') && !document.querySelector('.tree').textContent.includes('deep')")
    page.keyboard.press("k")
    page.wait_for_url("**/shapes/0/0")


def test_a_subscription_is_paused_replayed_and_moved_after_a_preview(scene, open_page):
    server = scene.server
    server.create_topic("post")
    server.publish("post", *[event(number) for number in range(10)])
    scene.subscribe("reader", topic="post", start="earliest")
    leased = server.succeed("POST", "/v1/subscriptions/reader/receive", json={"max": 10}).json()["deliveries"]
    server.succeed("POST", "/v1/subscriptions/reader/ack", json={"leases": [one["lease"] for one in leased]})
    look = lambda: server.succeed("GET", "/v1/subscriptions/reader").json()
    page = open_page(server.url + "/ui/subscriptions/reader")
    page.click("button:has-text('Pause')")
    page.wait_for_selector("text=It is paused.")
    assert look()["paused"]
    resume = page.locator("main >> button:has-text('Go on')").get_attribute("title")
    page.click("main >> button:has-text('Go on')")
    page.wait_for_selector("main >> button:has-text('Pause')")
    assert not look()["paused"]
    # The commands that the buttons tell do the same.
    run(page.locator("main >> button:has-text('Pause')").get_attribute("title"), server)
    assert look()["paused"]
    run(resume, server)
    assert not look()["paused"]
    page.click("button:has-text('Replay…')")
    page.fill("label:has-text('From') + input", "2")
    page.fill("label:has-text('To') + input", "5")
    page.wait_for_selector("[data-preview] >> text=3 events will be handed out once more")
    page.click("dialog button[type=submit]")
    page.wait_for_selector(".toast >> text=replays")
    again = server.succeed("POST", "/v1/subscriptions/reader/receive", json={"max": 10, "wait": "5s"}).json()["deliveries"]
    assert [one["offset"] for one in again] == [2, 3, 4]
    server.succeed("POST", "/v1/subscriptions/reader/ack", json={"leases": [one["lease"] for one in again]})
    page.click("button:has-text('Reset…')")
    page.fill("dialog input", "6")
    page.wait_for_selector("[data-preview] >> text=4 events will come again")
    assert page.locator("dialog [data-cli]").get_attribute("data-cli") == f"apus subscription replay reader --from 6 --url {server.url}"
    page.click("dialog button[type=submit]")
    page.wait_for_selector(".toast >> text=goes on from 6")
    assert look()["positions"][0]["cursor"] == 6


def test_a_subscription_is_created_by_the_page_as_by_the_command(scene, open_page):
    server = scene.server
    server.create_topic("intake")
    page = open_page(server.url + "/ui/subscriptions")
    for name in ("clerk", "scribe"):
        page.goto(server.url + "/ui/subscriptions")
        page.click("text=Create a subscription")
        page.fill("dialog label:has-text('Name') + input", name)
        page.fill("dialog label:has-text('Topic') + input", "intake")
        page.fill("dialog label:has-text('From') + input", "earliest")
        page.fill("dialog label:has-text('Deliver to') + input", "http://127.0.0.1:9/it's")
        page.fill("dialog label:has-text('Pattern') + textarea", '{"type": ["a"')
        assert page.locator("dialog button[type=submit]").is_disabled()
        page.fill("dialog label:has-text('Pattern') + textarea", '{"type": ["a"]}')
        line = page.locator("dialog [data-cli]").get_attribute("data-cli")
        if name == "clerk":
            page.click("dialog >> button:has-text('Create')")
            page.wait_for_selector("h1:has-text('clerk')")
        else:
            run(line, server)
    [clerk, scribe] = [server.succeed("GET", f"/v1/subscriptions/{name}").json() for name in ("clerk", "scribe")]
    for member in ("topic", "kind", "start", "push", "pattern"):
        assert clerk[member] == scribe[member], member
    assert clerk["push"]["url"] == "http://127.0.0.1:9/it's" and clerk["pattern"] == {"type": ["a"]} and clerk["start"] == "earliest"
    page.goto(server.url + "/ui/topics?search=intake")
    row = page.locator("table[aria-label='Topics'] tbody tr", has_text="intake")
    row.wait_for()
    assert row.locator("td").nth(4).inner_text() == "2"


def test_attempts_of_all_subscriptions_are_chosen_and_retried_since(scene, open_page, receiver):
    server = scene.server
    server.create_topic("pleas")
    receiver.status = 503
    for name in ("plea-a", "plea-b"):
        server.succeed("PUT", f"/v1/subscriptions/{name}", json={
            "topic": "pleas", "start": "earliest", "push": {"url": receiver.url}, "retry": {"initial": "1h", "max": "1h"}})
    server.publish("pleas", event(1), event(2))
    page = open_page(server.url + "/ui/attempts?status=503")
    page.wait_for_selector("ol.timeline >> text=plea-a")
    page.wait_for_selector("ol.timeline >> text=plea-b")
    line = page.locator("main [data-cli]").get_attribute("data-cli")
    assert line == f"apus trace --attempts --status 503 --url {server.url}"
    assert "plea-a" in run(line, server)
    page.fill("label:has-text('Subscription') + input", "plea-b")
    page.click("form >> button:has-text('Show')")
    page.wait_for_url("**subscription=plea-b**")
    page.click("button:has-text('Retry…')")
    page.fill("dialog label:has-text('Came since') + input", "1h")
    line = page.locator("dialog [data-cli]").get_attribute("data-cli")
    assert line == f"apus subscription retry plea-b --since 1h --url {server.url}"
    page.wait_for_selector("dialog >> text=wait for the next attempt")
    receiver.status = 200
    page.click("dialog button[type=submit]")
    page.wait_for_selector(".toast >> text=2 events retried now")
    page.goto(server.url + "/ui/subscriptions/plea-b")
    page.wait_for_selector("text=everything is settled")
    assert server.succeed("GET", "/v1/subscriptions/plea-b").json()["acknowledged"] == 2
    assert server.succeed("GET", "/v1/subscriptions/plea-a").json()["acknowledged"] == 0


def test_dead_letters_are_grouped_redriven_after_a_dry_run_and_discarded(scene, open_page):
    server = scene.server
    server.create_topic("parcels")
    scene.subscribe("door", topic="parcels", start="earliest")
    server.publish("parcels", *[event(number, type="parcel") for number in range(5)])
    leases = [one["lease"] for one in server.succeed("POST", "/v1/subscriptions/door/receive", json={"max": 5}).json()["deliveries"]]
    server.succeed("POST", "/v1/subscriptions/door/reject", json={"leases": leases[:4], "reason": "house 12 is empty"})
    server.succeed("POST", "/v1/subscriptions/door/reject", json={"leases": leases[4:], "reason": "the dog bites"})
    page = open_page(server.url + "/ui/dead-letters?subscription=door")
    page.wait_for_selector("text=house … is empty")
    assert page.locator("table[aria-label^='Dead letters by'] tbody tr").count() == 2
    page.locator("tr", has_text="house … is empty").locator("button:has-text('Redrive')").click()
    page.wait_for_selector("[data-dryrun] >> text=4 dead letters would be redriven")
    page.click("dialog button[type=submit]")
    page.wait_for_selector(".toast >> text=4 dead letters redriven")
    again = server.succeed("POST", "/v1/subscriptions/door/receive", json={"max": 10, "wait": "5s"}).json()["deliveries"]
    assert len(again) == 4
    page.wait_for_selector("table[aria-label='Dead letters'] >> text=the dog bites")
    page.click("table[aria-label='Dead letters'] >> button:has-text('Edit…')")
    page.fill("dialog textarea", page.locator("dialog textarea").input_value().replace('"parcel"', '"letter"'))
    page.click("dialog button[type=submit]")
    page.wait_for_selector(".toast >> text=Redriven as edited")
    [edited] = server.succeed("POST", "/v1/subscriptions/door/receive", json={"max": 10, "wait": "5s"}).json()["deliveries"]
    assert edited["event"]["type"] == "letter"
    server.succeed("POST", "/v1/subscriptions/door/reject", json={"leases": [edited["lease"]], "reason": "no"})
    page.reload()
    # What was given up of late is looked at, and redriven, by itself.
    page.select_option("select[aria-label='Given up']", "10m")
    page.wait_for_url("**since=10m**")
    page.click("text=Redrive all…")
    page.wait_for_selector("[data-dryrun] >> text=1 dead letter would be redriven")
    assert "--since 10m" in page.locator("dialog").inner_text()
    page.keyboard.press("Escape")
    page.click("text=Discard all…")
    page.fill("dialog input.code", "discard")
    page.click("dialog button[type=submit]")
    page.wait_for_selector("text=Nothing was given up here")
    assert server.succeed("GET", "/v1/dead-letters?subscription=door").json()["dead_letters"] == []


def test_a_rule_is_tried_while_it_is_typed_then_made_and_switched_off(scene, open_page):
    server = scene.server
    page = open_page(server.url + "/ui/rules/new?topic=orders")
    page.wait_for_selector("text=This event matches.")
    page.fill("label:has-text('Pattern') + textarea", '{"type": ["order.placed"], "data": {"city": ["Oslo"]}}')
    page.wait_for_selector("text=This event does not match.")
    row = page.locator("table[aria-label='Conditions, one by one'] tr", has_text="city")
    assert "fails" in row.inner_text() and "Oslo" in row.inner_text() and "nothing" in row.inner_text()
    page.click("text=Take the newest event")
    page.wait_for_selector("table[aria-label='Conditions, one by one'] >> text=data.city")
    until(page, "!/^0 of/.test(document.querySelector('[data-trial]')?.textContent ?? '0 of')")
    looked = page.locator("[data-trial]").inner_text()
    assert "events match" in looked
    page.fill("label:has-text('Name') + input", "north")
    until(page, "document.querySelector('main [data-cli]').dataset.cli.includes('rule set north')")
    line = page.locator("main [data-cli]").get_attribute("data-cli")
    assert line.startswith("apus rule set north --topic orders --pattern '{") and line.endswith(f"--to-topic vip --url {server.url}")
    page.click("text=Make the rule")
    page.wait_for_url("**/ui/rules/north")
    assert server.succeed("GET", "/v1/rules/north").json()["enabled"]
    off = page.locator("button:has-text('Switch off')").get_attribute("title")
    page.click("button:has-text('Switch off')")
    page.wait_for_selector("button:has-text('Switch on')")
    assert not server.succeed("GET", "/v1/rules/north").json()["enabled"]
    run(page.locator("button:has-text('Switch on')").get_attribute("title"), server)
    assert server.succeed("GET", "/v1/rules/north").json()["enabled"]
    run(off, server)
    assert not server.succeed("GET", "/v1/rules/north").json()["enabled"]
    page.click("button:has-text('Delete…')")
    page.fill("dialog input", "north")
    page.click("dialog button[type=submit]")
    page.wait_for_selector("h1:has-text('Rules')")
    assert server.request("GET", "/v1/rules/north").status_code == 404


def test_the_command_of_a_rule_says_all_that_its_page_does(scene, open_page):
    """Also what options cannot say: each target's transformation, settings of webhooks, that it is off."""
    server = scene.server
    server.succeed("PUT", "/v1/rules/shaped", json={
        "topic": "orders", "pattern": {"type": ["it's $special"]}, "enabled": False, "targets": [
            {"topic": "vip", "transformation": {"input_paths": {"n": "$.data.order"}, "input_template": '{"n": <n>}'}},
            {"webhook": {"url": "http://127.0.0.1:9/hook", "concurrency": 3, "secrets": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]}}]})
    before = server.succeed("GET", "/v1/rules/shaped").json()
    page = open_page(server.url + "/ui/rules/shaped")
    page.wait_for_selector("main [data-cli]")
    line = page.locator("main [data-cli]").get_attribute("data-cli")
    server.succeed("PUT", "/v1/rules/shaped", json={"topic": "orders", "pattern": {}, "enabled": True, "targets": before["targets"]})
    run(line, server)
    after = server.succeed("GET", "/v1/rules/shaped").json()
    for member in ("topic", "pattern", "targets", "enabled"):
        assert after[member] == before[member], member


def test_the_command_for_a_group_of_dead_letters_is_for_all_of_them(scene, open_page):
    server = scene.server
    server.create_topic("crates")
    scene.subscribe("dock", topic="crates", start="earliest")
    server.publish("crates", *[event(number) for number in range(40)])
    leases = [one["lease"] for one in server.succeed("POST", "/v1/subscriptions/dock/receive", json={"max": 40}).json()["deliveries"]]
    server.succeed("POST", "/v1/subscriptions/dock/reject", json={"leases": leases[:30], "reason": "gate 4 is shut"})
    server.succeed("POST", "/v1/subscriptions/dock/reject", json={"leases": leases[30:], "reason": "nobody is there"})
    left = lambda: [one["reason"] for one in server.succeed("GET", "/v1/dead-letters?subscription=dock").json()["dead_letters"]]
    page = open_page(server.url + "/ui/dead-letters?subscription=dock")
    page.locator("tr", has_text="gate … is shut").locator("button:has-text('Redrive')").click()
    page.wait_for_selector("[data-dryrun] >> text=30 dead letters would be redriven")
    line = page.locator("dialog [data-cli]").get_attribute("data-cli")
    assert line == f"apus dead-letter redrive --subscription dock --cause 'gate … is shut' --url {server.url}"
    page.keyboard.press("Escape")
    page.locator("tr", has_text="nobody is there").locator("button:has-text('Discard')").click()
    discard = page.locator("dialog [data-cli]").get_attribute("data-cli")
    run(line, server)
    assert left() == ["nobody is there"] * 10
    run(discard, server)
    assert left() == []


def test_an_event_is_published_again_whole(scene, open_page):
    """Data that is no text, extensions, media type: from the page, and by the command that it shows."""
    server = scene.server
    raw = bytes([0, 255, 10, 200, 10])
    sent = [
        event("raw", type="raw", datacontenttype="application/x-crate", level="high", data_base64=base64.b64encode(raw).decode()),
        event("text", type="text", datacontenttype="text/plain", level="it's $5", data="-n two\nlines"),
        event("json", type="json", datacontenttype="application/vnd.x+json", level="low", data={"a": [1, "é"]}),
        event("word", type="word", datacontenttype="application/json", dataschema="http://example.org/s", data="word")]
    for one in sent[:1]:
        one.pop("data", None)
    server.create_topic("again")
    server.publish("again", *sent)
    for offset, one in enumerate(sent):
        page = open_page(f"{server.url}/ui/topics/again/0/{offset}")
        page.click("text=Edit and publish again")
        line = page.locator("dialog [data-cli]").get_attribute("data-cli")
        page.click("dialog >> button:has-text('Publish')")
        page.wait_for_url(f"**/ui/topics/again/0/{len(sent) + 2 * offset}")
        run(line, server)
        for copy in server.read_all("again")[-2:]:
            for name in {*one, *copy} - {"id", "time", "traceparent"}:
                assert copy.get(name) == one.get(name), (one["type"], name)


def test_problems_are_told_with_what_to_do(scene, open_page):
    page = open_page(scene.server.url + "/ui/topics")
    page.click("text=Create a topic")
    page.fill("label:has-text('Name') + input", "no spaces please")
    page.click("dialog >> button:has-text('Create')")
    page.wait_for_selector("dialog .problem:has-text('name')")
    page.click("dialog >> button:has-text('Cancel')")
    page.goto(scene.server.url + "/ui/topics/nowhere")
    page.wait_for_selector("text=nowhere")
    page.wait_for_selector("h1:has-text('This cannot be shown')")


@pytest.mark.parametrize("keys, title", [("gt", "Topics"), ("gs", "Subscriptions"), ("gd", "Dead letters"), ("gr", "Rules"), ("gl", "Live"), ("gh", "Home")])
def test_the_keyboard_leads_everywhere(keys, title, scene, open_page):
    page = open_page(scene.server.url + "/ui/settings")
    for key in keys:
        page.keyboard.press(key)
    page.wait_for_selector(f"h1:has-text('{title}')")
    assert page.evaluate("document.activeElement.tagName") == "H1"


def test_rows_are_gone_through_by_keyboard_and_help_tells_how(scene, open_page):
    page = open_page(scene.server.url + "/ui/topics")
    page.wait_for_selector("tbody tr")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    assert page.locator("tr[aria-selected=true]").count() == 1
    name = page.locator("tr[aria-selected=true] a").first.inner_text()
    page.keyboard.press("Enter")
    page.wait_for_selector(f"h1:has-text('{name}')")
    page.keyboard.press("?")
    page.wait_for_selector("dialog >> text=Next row")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    page.go_back()
    page.wait_for_selector("h1:has-text('Topics')")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.type") == "search"
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("h")
    page.wait_for_selector("h1:has-text('Home')")


def test_bottlenecks_name_what_is_slow_why_and_what_never_matches(new_server, open_page, receiver):
    server = new_server("--allow-private-webhooks", "--look-interval", "300ms").start()
    server.create_topic("orders", partitions=2)
    server.create_topic("vip")
    server.create_rule("never", "orders", {"type": ["no.such.type"]}, [{"topic": "vip"}])
    receiver.status = 503
    server.succeed("PUT", "/v1/subscriptions/hooks", json={
        "topic": "orders", "start": "earliest", "push": {"url": receiver.url}, "retry": {"initial": "10m", "max": "10m"}})
    server.succeed("PUT", "/v1/subscriptions/idle", json={"topic": "orders", "start": "earliest"})
    page = open_page(server.url + "/ui/bottlenecks")
    server.publish("orders", *[event(number, partitionkey="acme") for number in range(40)])
    page.wait_for_selector("table[aria-label='Subscriptions by their load'] >> text=hooks")
    page.wait_for_selector("[aria-label='Rules that never match'] >> text=never")
    page.wait_for_selector("[aria-label='Hottest partitions'] >> text=orders")
    # Causes are asked for more seldom than figures.
    page.reload()
    page.wait_for_selector("[aria-label='Why hooks is slow'] .notice")
    page.wait_for_selector("[aria-label='Why idle is slow'] >> text=nobody")
    page.wait_for_selector("[aria-label='Hottest keys'] >> text=acme")
    assert page.locator("[aria-label='Why hooks is slow'] [data-cli]").get_attribute("data-cli") == f"apus explain hooks --url {server.url}"
    page.select_option("select[aria-label='Order']", "name")
    until(page, "document.querySelector('table[aria-label=\"Subscriptions by their load\"] tbody tr').textContent.startsWith('hooks')")
    assert "sort=name" in page.url
    page.keyboard.press("Escape")
    page.fill("input[type=search]", "idl")
    until(page, "document.querySelectorAll('table[aria-label=\"Subscriptions by their load\"] tbody tr').length === 1")
    page.click("table[aria-label='Subscriptions by their load'] >> text=idle")
    page.wait_for_selector("h1:has-text('idle')")
    page.click("main >> text=bottlenecks")
    page.wait_for_selector("h1:has-text('Bottlenecks')")
    assert "search=idle" in page.url


def test_what_waits_for_a_retry_is_retried_now(scene, open_page, receiver):
    """One event from its own page, all of them from the page of the subscription."""
    server = scene.server
    server.create_topic("retries")
    receiver.status = 503
    scene.subscribe(
        "later", topic="retries", start="earliest", max_attempts=50, retry={"initial": "1h", "max": "1h", "schedule": ["1h"]},
        push={"url": receiver.url, "breaker": {"failures": 0}})
    server.publish("retries", *[event(number) for number in range(3)])
    page = open_page(server.url + "/ui/topics/retries/0/1")
    waiting = lambda: server.succeed("GET", "/v1/subscriptions/later").json()["waiting"]
    page.wait_for_selector("button:has-text('Retry now')")
    while waiting() < 3:
        page.wait_for_timeout(50)
    line = page.locator("button:has-text('Retry now')").get_attribute("title")
    assert line == f"apus subscription retry later --event retries/0/1 --url {server.url}"
    receiver.status = 204
    page.click("button:has-text('Retry now')")
    page.wait_for_selector("text=done with it")
    assert waiting() == 2
    page.goto(server.url + "/ui/subscriptions/later")
    page.click("button:has-text('Retry now…')")
    page.wait_for_selector("dialog >> text=2 events wait for the next attempt")
    line = page.locator("dialog [data-cli]").get_attribute("data-cli")
    assert line == f"apus subscription retry later --url {server.url}"
    page.click("dialog button[type=submit]")
    page.wait_for_selector("text=2 events retried now")
    until(page, "document.querySelector('button:not([hidden])') !== null")
    while server.succeed("GET", "/v1/subscriptions/later").json()["backlog"]:
        page.wait_for_timeout(50)
    assert receiver.count >= 6
    # Nothing waits any more: nothing to press, and the command says so.
    page.wait_for_selector("button:has-text('Retry now…')", state="hidden")
    assert '"retried":0' in run(line, server).replace(" ", "")


def test_a_client_is_seen_and_sent_away(scene, open_page):
    server = scene.server
    session = requests.Session()
    session.headers["User-Agent"] = "left-behind/1.0"
    session.get(server.url + "/v1/topics").raise_for_status()
    page = open_page(server.url + "/ui/clients?search=left-behind")
    page.wait_for_selector("tbody >> text=GET /v1/topics")
    page.click("button:has-text('Disconnect…')")
    line = page.locator("dialog [data-cli]").get_attribute("data-cli")
    assert line.startswith("apus client disconnect http-")
    page.click("dialog button[type=submit]")
    page.wait_for_selector("text=is in no address, name, topic or group")
    page.fill("input[type=search]", "HeadlessChrome")
    page.wait_for_selector("tbody >> text=GET /v1/activity")


def test_versions_of_a_schema_are_compared_and_where_it_is_used_is_told(scene, open_page):
    server = scene.server
    server.succeed("PUT", "/v1/schemas/parcel/config", json={"compatibility": "none", "event_types": ["parcel.sent"]})
    first = {"type": "object", "properties": {"weight": {"type": "integer"}, "to": {"type": "string"}}}
    second = {"type": "object", "properties": {"weight": {"type": "string"}, "to": {"type": "string"}, "note": {"type": "string"}}}
    for schema in (first, second):
        scene.register("parcel", schema)
    server.succeed("PUT", "/v1/schemas/parcel/config", json={"compatibility": "backward"})
    server.create_topic("parcels", schema={"enforcement": "warn", "subject": "parcel"})
    server.succeed("POST", "/v1/schemas/depot/versions", json={
        "schema": {"type": "object", "properties": {"parcel": {"$ref": "parcel.json"}}},
        "references": [{"name": "parcel.json", "subject": "parcel", "version": 2}]})
    page = open_page(server.url + "/ui/schemas")
    page.keyboard.press("/")
    page.keyboard.type("PARC")
    until(page, "document.querySelectorAll('tbody tr').length === 1")
    page.click("tbody >> text=parcel")
    page.wait_for_selector("h1:has-text('parcel')")
    page.wait_for_selector("text=Version 2 is not compatible with version 1")
    kinds = page.locator(".diff-line").evaluate_all("(lines) => lines.map((one) => one.dataset.kind + one.textContent.trim().slice(1).trim())")
    assert 'removed"type": "integer"' in kinds and 'added"type": "string"' in kinds and 'added"note": {' in kinds
    for text in ("parcels", "parcel.sent", "depot", "v1 refers to v2"):
        page.wait_for_selector(f"table[aria-label='Where it is used'] >> text={text}")
    page.select_option("select[aria-label='To version']", "1")
    page.wait_for_selector("text=They are the same schema")
    assert "to=1" in page.url
    page.click("button:has-text('v1')")
    page.wait_for_selector(".tree >> text=integer")
    # It can be passed on as it is shown.
    page.reload()
    page.wait_for_selector("text=They are the same schema")
    page.wait_for_selector(".tree >> text=integer")
    assert '"subject":"parcel"' in run(page.locator("[data-cli]").last.get_attribute("data-cli"), server).replace(" ", "")
