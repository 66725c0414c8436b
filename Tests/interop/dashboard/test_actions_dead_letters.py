# SPDX-License-Identifier: Apache-2.0
"""What people do with dead letters: send back all, those of one subscription, one, one that was edited; discard one. The server tells first what
would happen, nothing happens before it is confirmed, and each command that a page shows does the same as its button."""

import uuid

import pytest

from apus_server import event
from browsing import confirm, line_in, run, wait_for


class Desk:
    """A subscription of somebody who rejects what comes."""

    def __init__(self, server, name):
        self.server = server
        self.name = name
        if server.request("GET", f"/v1/topics/{name}").status_code == 404:
            server.create_topic(name)
        server.succeed("PUT", f"/v1/subscriptions/{name}", json={"topic": name, "start": "earliest"})

    def receive(self, count):
        found = []
        while len(found) < count:
            deliveries = self.server.succeed(
                "POST", f"/v1/subscriptions/{self.name}/receive", json={"max": 50, "wait": "5s"}).json()["deliveries"]
            assert deliveries, f"{len(found)} of {count} were handed out"
            found += deliveries
        return found

    def ids(self, deliveries):
        return sorted(one["event"]["id"] for one in deliveries)

    def reject(self, deliveries, reason="it has no stamp"):
        leases = [one["lease"] for one in deliveries]
        self.server.succeed("POST", f"/v1/subscriptions/{self.name}/reject", json={"leases": leases, "reason": reason})

    def publish_and_reject(self, *ids, **attributes):
        self.server.publish(self.name, *[event(one, type="letter", data={"for": one}, **attributes) for one in ids])
        self.reject(self.receive(len(ids)))

    @property
    def letters(self):
        answer = self.server.succeed("GET", f"/v1/dead-letters?subscription={self.name}&limit=1000").json()
        return [one["event"]["id"] for one in answer["dead_letters"]]


@pytest.fixture
def desk(scene):
    return Desk(scene.server, f"desk-{uuid.uuid4().hex[:8]}")


def open_letters(desk, open_page):
    page = open_page(f"{desk.server.url}/ui/dead-letters?subscription={desk.name}")
    page.wait_for_selector("h1:has-text('Dead letters')")
    return page


def test_all_dead_letters_of_a_subscription_are_redriven_after_a_dry_run(scene, open_page, desk):
    other = Desk(scene.server, desk.name + "-other")
    other.publish_and_reject("theirs")
    desk.publish_and_reject("a", "b", "c")
    page = open_letters(desk, open_page)
    page.click("button:text-is('Redrive all…')")
    page.wait_for_selector("[data-dryrun] >> text=3 dead letters would be redriven.")
    line = line_in(page.locator("dialog"))
    # The dry run is one, and who thinks better of it changes nothing.
    page.click("dialog >> button:text-is('Cancel')")
    page.wait_for_selector("dialog", state="detached")
    assert desk.letters == ["a", "b", "c"]
    assert '"matched":3' in run(line.replace(" --url ", " --dry-run --url "), scene.server)
    page.click("button:text-is('Redrive all…')")
    page.wait_for_selector("[data-dryrun] >> text=3 dead letters would be redriven.")
    page.click("dialog button[type=submit]")
    page.wait_for_selector(".toast >> text=3 dead letters redriven.")
    page.wait_for_selector("text=Nothing was given up here.")
    again = desk.receive(3)
    assert desk.ids(again) == ["a", "b", "c"] and desk.letters == []
    assert other.letters == ["theirs"]
    # The command that was shown does the same.
    desk.reject(again)
    assert '"redriven":3' in run(line, scene.server)
    assert desk.ids(desk.receive(3)) == ["a", "b", "c"] and desk.letters == []
    assert other.letters == ["theirs"]


def test_a_dry_run_tells_of_what_others_have_done_meanwhile(scene, open_page, desk):
    desk.publish_and_reject("a", "b")
    page = open_letters(desk, open_page)
    page.wait_for_selector("button:text-is('Redrive all…')")
    scene.server.succeed("POST", "/v1/dead-letters/discard", json={"subscription": desk.name})
    page.click("button:text-is('Redrive all…')")
    page.wait_for_selector("[data-dryrun] >> text=0 dead letters would be redriven.")
    assert page.locator("dialog button[type=submit]").is_disabled()
    page.keyboard.press("Escape")
    # One that is gone, too.
    page.locator("table[aria-label='Dead letters'] >> button:text-is('Discard…')").first.click()
    page.fill("dialog input.code", "discard")
    page.click("dialog button[type=submit]")
    page.wait_for_selector(".toast >> text=0 dead letters discarded.")


def test_one_dead_letter_is_redriven_and_the_others_stay(scene, open_page, desk):
    desk.publish_and_reject("a", "b", "c")
    page = open_letters(desk, open_page)
    row = page.locator("table[aria-label='Dead letters'] tbody tr").nth(1)
    row.locator("button:text-is('Redrive')").click()
    page.wait_for_selector("[data-dryrun] >> text=1 dead letter would be redriven.")
    line = line_in(page.locator("dialog"))
    page.click("dialog button[type=submit]")
    page.wait_for_selector(".toast >> text=1 dead letter redriven.")
    [again] = desk.receive(1)
    assert again["event"]["id"] == "b" and desk.letters == ["a", "c"]
    page.locator("table[aria-label='Dead letters'] tbody tr").nth(1).locator("button:text-is('Redrive')").click()
    page.wait_for_selector("[data-dryrun] >> text=1 dead letter would be redriven.")
    line = line_in(page.locator("dialog"))
    run(line, scene.server)
    [again] = desk.receive(1)
    assert again["event"]["id"] == "c" and desk.letters == ["a"]


def test_one_dead_letter_is_discarded_and_the_others_stay(scene, open_page, desk):
    desk.publish_and_reject("a", "b", "c", "d")
    page = open_letters(desk, open_page)
    rows = page.locator("table[aria-label='Dead letters'] tbody tr")
    rows.nth(2).locator("button:text-is('Discard…')").click()
    page.wait_for_selector("dialog >> text=1 dead letter will be forgotten for good.")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    assert desk.letters == ["a", "b", "c", "d"]
    rows.nth(2).locator("button:text-is('Discard…')").click()
    page.fill("label:has-text('Reason') + input", "twice by mistake")
    assert "--reason 'twice by mistake'" in line_in(page.locator("dialog"))
    confirm(page, "discard")
    page.wait_for_selector(".toast >> text=1 dead letter discarded.")
    assert desk.letters == ["a", "b", "d"]
    page.wait_for_selector("table[aria-label='Dead letters'] tbody tr:nth-child(3)")
    rows.nth(0).locator("button:text-is('Discard…')").click()
    assert '"discarded":1' in run(line_in(page.locator("dialog")), scene.server)
    assert desk.letters == ["b", "d"]


def test_the_command_for_an_edited_dead_letter_takes_a_file(scene, open_page, desk, tmp_path):
    desk.publish_and_reject("a", "b")
    page = open_letters(desk, open_page)
    page.locator("table[aria-label='Dead letters'] tbody tr").nth(1).locator("button:text-is('Edit…')").click()
    text = page.locator("dialog textarea")
    text.fill("{")
    assert page.locator("dialog button[type=submit]").is_disabled()
    text.fill('{"specversion": "1.0", "id": "b", "source": "/tests", "type": "letter", "data": "mended"}')
    (tmp_path / "event.json").write_text(text.input_value())
    run(line_in(page.locator("dialog")), scene.server, folder=tmp_path)
    [again] = desk.receive(1)
    assert again["event"]["data"] == "mended" and desk.letters == ["a"]
    # Source and id must stay, and the dialog says so with what was typed still there.
    page.reload()
    page.locator("table[aria-label='Dead letters'] tbody tr").nth(0).locator("button:text-is('Edit…')").click()
    text.fill('{"specversion": "1.0", "id": "another", "source": "/tests", "type": "letter"}')
    page.click("dialog button[type=submit]")
    page.wait_for_selector("dialog .problem:has-text('id')")
    assert "another" in text.input_value() and desk.letters == ["a"]


def test_a_dead_letter_is_redriven_from_the_page_of_its_event(scene, open_page, desk):
    desk.publish_and_reject("a")
    page = open_page(f"{scene.server.url}/ui/topics/{desk.name}/0/0")
    line = page.locator("main >> button:text-is('Redrive')").get_attribute("title")
    page.click("main >> button:text-is('Redrive')")
    page.wait_for_selector("ol.timeline >> text=Dead letter sent back")
    [again] = desk.receive(1)
    assert desk.letters == []
    desk.reject([again])
    wait_for(lambda: desk.letters, "the dead letter")
    page.reload()
    newer = page.locator("main >> button:text-is('Redrive')").get_attribute("title")
    assert newer != line
    run(newer, scene.server)
    assert desk.ids(desk.receive(1)) == ["a"] and desk.letters == []


def test_everything_is_redriven_and_discarded_where_nothing_is_chosen(new_server, open_page):
    """On a server of its own: all means all."""
    server = new_server().start()
    desks = [Desk(server, "left"), Desk(server, "right")]
    for desk in desks:
        desk.publish_and_reject("a", "b")
    page = open_page(server.url + "/ui/dead-letters")
    page.click("button:text-is('Redrive all…')")
    page.wait_for_selector("[data-dryrun] >> text=4 dead letters would be redriven.")
    line = line_in(page.locator("dialog"))
    assert line == f"apus dead-letter redrive --all --url {server.url}"
    page.click("dialog button[type=submit]")
    page.wait_for_selector(".toast >> text=4 dead letters redriven.")
    again = [desk.receive(2) for desk in desks]
    for desk, deliveries in zip(desks, again):
        desk.reject(deliveries)
    run(line, server)
    assert [desk.letters for desk in desks] == [[], []]
    for desk in desks:
        desk.reject(desk.receive(2))
    page.reload()
    page.click("button:text-is('Discard all…')")
    line = line_in(page.locator("dialog"))
    page.wait_for_selector("dialog >> text=4 dead letters will be forgotten for good.")
    confirm(page, "discard")
    page.wait_for_selector(".toast >> text=4 dead letters discarded.")
    page.wait_for_selector("text=Nothing was given up.")
    assert [desk.letters for desk in desks] == [[], []]
    desks[0].publish_and_reject("c")
    assert '"discarded":1' in run(line, server)
