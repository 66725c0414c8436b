# SPDX-License-Identifier: Apache-2.0
"""Manners of pages: the focus stays where somebody put it, lists have no empty ends, what goes wrong is told, and nothing is thrown."""

import uuid

import pytest

from apus_server import event
from browsing import until


@pytest.fixture
def topic(scene):
    name = f"bug-{uuid.uuid4().hex[:8]}"
    scene.server.create_topic(name)
    return name


def test_where_the_browser_does_not_copy_there_is_text_to_select(scene, open_page, topic):
    """navigator.clipboard is missing wherever the page came by plain HTTP from another machine."""
    scene.server.publish(topic, event("x"))
    page = open_page(f"{scene.server.url}/ui/topics/{topic}/0/0")
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.click("button:text-is('Copy as curl')")
    page.wait_for_selector("dialog >> text=The text is selected")
    until(page, "getSelection().toString().startsWith('curl ')")
    page.click("dialog >> button:has-text('Done')")
    page.wait_for_selector("dialog", state="detached")


def test_a_button_keeps_the_focus_while_the_page_looks_again(scene, open_page):
    page = open_page(scene.server.url + "/ui/subscriptions/billing")
    page.locator("button:text-is('Pause')").focus()
    for _ in range(2):
        with page.expect_response(lambda answer: answer.url.endswith("/v1/subscriptions/billing")):
            pass
    assert page.evaluate("document.activeElement.textContent") == "Pause"


def test_escape_does_not_empty_the_field_that_the_rows_go_by(scene, open_page):
    page = open_page(scene.server.url + "/ui/schemas")
    page.keyboard.press("/")
    page.keyboard.type("address")
    until(page, "document.querySelectorAll('tbody tr').length === 1")
    page.keyboard.press("Escape")
    until(page, "document.activeElement.tagName !== 'INPUT'")
    assert page.input_value("input[type=search]") == "address" and page.url.endswith("search=address")


def test_a_dialog_keeps_the_focus_when_the_server_answers(scene, open_page):
    page = open_page(scene.server.url + "/ui/dead-letters?subscription=warehouse")
    page.locator("button:text-is('Redrive all…')").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-dryrun] >> text=would be redriven")
    assert page.evaluate("document.activeElement.closest('dialog') !== null")


def test_the_event_before_the_end_is_reached_again(scene, open_page, topic):
    scene.server.publish(topic, event("one"))
    page = open_page(f"{scene.server.url}/ui/topics/{topic}/0/0")
    page.wait_for_selector("button:text-is('Copy JSON')")
    page.keyboard.press("j")
    page.wait_for_selector("h1:has-text('Partition 0, offset 1')")
    page.keyboard.press("j")
    page.wait_for_selector("h1:has-text('Partition 0, offset 2')")
    for place in ("h1:has-text('Partition 0, offset 1')", "button:has-text('Copy JSON')"):
        page.keyboard.press("k")
        page.wait_for_selector(place)


def test_the_link_to_the_page_skips_the_navigation(scene, open_page):
    page = open_page(scene.server.url + "/ui/topics")
    page.wait_for_selector("tbody tr")
    page.locator("a.skip").focus()
    page.keyboard.press("Enter")
    until(page, "location.hash === '#main' && document.activeElement.id === 'main'")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_there_is_no_empty_page_behind_a_full_last_one(new_server, open_page):
    server = new_server().start()
    server.create_topic("t")
    for number in range(50):
        server.succeed("PUT", f"/v1/subscriptions/s{number:03}", json={"topic": "t"})
    page = open_page(server.url + "/ui/subscriptions")
    page.wait_for_selector("text=s049")
    offered = page.locator("text=Next page").is_visible()
    if offered:
        page.click("text=Next page")
        page.wait_for_selector("main .empty")
        told = page.locator("main .empty h3").inner_text()
    page.goto("about:blank")
    assert not offered, told


def test_the_line_for_kafka_names_the_port_that_the_server_listens_at(scene, open_page):
    page = open_page(scene.server.url + "/ui/groups?search=")
    lines = page.locator("main .empty .code-line code").all_inner_texts()
    assert all(str(scene.server.kafka_port) in line for line in lines), lines


def test_one_damaged_batch_is_one(new_server, open_page):
    page = open_page(new_server().start().url + "/ui/settings")
    page.route("**/v1/verify", lambda route: route.fulfill(json={"batches": 5, "bytes": 100, "damage": ["topic t, partition 0, offset 0"]}))
    page.click("button:text-is('Verify checksums')")
    page.wait_for_selector(".notice[data-tone=bad] >> text=damaged")
    told = page.locator(".notice[data-tone=bad] h3").inner_text()
    page.goto("about:blank")
    assert told == "1 batch is damaged."


def test_a_page_that_is_left_while_it_searches_says_nothing_on_the_console(scene, open_page):
    page = open_page(scene.server.url + "/ui/schemas")
    page.wait_for_selector("tbody tr")
    page.route("**/v1/schemas?search=*", lambda route: None)
    page.keyboard.press("/")
    with page.expect_request("**/v1/schemas?search=*"):
        page.keyboard.type("x")
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("t")
    page.wait_for_selector("h1:has-text('Topics')")
    page.wait_for_selector("tbody tr")


def test_a_search_that_fails_is_told(scene, open_page):
    page = open_page(scene.server.url + "/ui/schemas")
    page.wait_for_selector("tbody tr")
    page.route("**/v1/schemas?search=*", lambda route: route.fulfill(status=503, json={"type": "unavailable", "detail": "the disk is full"}))
    page.keyboard.press("/")
    page.keyboard.type("address")
    page.wait_for_selector("text=the disk is full", timeout=3000)


def test_an_action_while_the_server_is_away_throws_nothing_and_says_so(new_server, open_page):
    """Needs open_page(expected=…), which is committed; 'exception: Failed to fetch' comes from look() behind attempt()."""
    server = new_server().start()
    server.create_topic("orders")
    server.succeed("PUT", "/v1/subscriptions/billing", json={"topic": "orders"})
    page = open_page(server.url + "/ui/subscriptions/billing", expected=("Failed to load resource: net::ERR_",))
    page.wait_for_selector("button:text-is('Pause')")
    server.kill()
    page.click("button:text-is('Pause')")
    page.wait_for_selector(".toast[data-tone=bad]")
    assert page.locator(".toast").first.inner_text() != "Failed to fetch"
