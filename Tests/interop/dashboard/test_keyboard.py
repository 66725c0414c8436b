# SPDX-License-Identifier: Apache-2.0
"""The dashboard without a mouse: every page is reached, rows are gone through and opened, lists are searched, and actions done from the first
key to the last."""

import re
import uuid

from apus_server import event
from browsing import until

TABS_MAX = 80


def focused(page):
    """What has the focus, as a line."""
    return page.evaluate("((one) => one.tagName + ' ' + (one.getAttribute('aria-label') ?? one.textContent).trim())(document.activeElement)")


def tab_to(page, name):
    """Presses Tab until something of this name has the focus."""
    seen = []
    for _ in range(TABS_MAX):
        page.keyboard.press("Tab")
        seen.append(focused(page))
        if seen[-1].split(" ", 1)[1] == name:
            return
    raise AssertionError(f"Tab never comes to {name}: {seen}")


def test_every_page_of_the_navigation_has_keys_that_help_tells(scene, open_page):
    page = open_page(scene.server.url + "/ui/no/such/page")
    links = dict(page.locator("nav.nav a").evaluate_all("(links) => links.map((one) => [one.firstChild.textContent, one.getAttribute('href')])"))
    page.keyboard.press("?")
    told = page.locator("dialog .shortcuts li").evaluate_all(
        "(lines) => lines.map((one) => [one.firstChild.textContent, [...one.querySelectorAll('kbd')].map((key) => key.textContent)])")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    ways = {about.removeprefix("Go to "): keys for about, keys in told if about.startswith("Go to ")}
    assert ways.keys() == links.keys() and len({tuple(keys) for keys in ways.values()}) == len(ways)
    for label, keys in ways.items():
        for key in keys:
            page.keyboard.press(key)
        page.wait_for_url(scene.server.url + links[label])
        page.locator(f"nav.nav a[href='{links[label]}'][aria-current=page]").wait_for()
        assert page.locator("h1").count() == 1 and focused(page).startswith("H1 "), label


# Pages with rows, and what Enter opens.
ROWS = [
    ("/ui/schemas", "/ui/schemas/."),
    ("/ui/event-types?search=order", "/ui/event-types/order"),
    ("/ui/bottlenecks?search=billing", "/ui/subscriptions/billing$"),
    ("/ui/find?text=order.placed", "/ui/topics/[a-z]+/[0-9]+/[0-9]+$"),
    ("/ui/rules", "/ui/rules/."),
    ("/ui/dead-letters?subscription=warehouse", "group=warehouse"),
    ("/ui/groups?search=group-", "/ui/groups/group-"),
    ("/ui/topics/orders?tab=consumers", "/ui/subscriptions/."),
]
SEARCHED = ["event-types", "schemas", "subscriptions", "bottlenecks", "groups", "clients", "live", "topics/orders", "rules"]


def test_rows_of_newer_pages_are_gone_through_and_opened(scene, group, open_page):
    scene.wait_for_event_type("order.placed")
    page = open_page(scene.server.url + "/ui/no/such/page")
    for path, opens in ROWS:
        page.goto(scene.server.url + path)
        go_through(page, path, opens)


def go_through(page, path, opens):
    page.wait_for_selector("tbody tr")
    title = page.locator("h1").inner_text()
    rows = page.locator("table").first.locator("tbody tr").count()
    for enter in ("Enter", "o"):
        for key in ("j", "j", "k"):
            page.keyboard.press(key)
        selected = page.locator("tr[aria-selected=true]")
        assert selected.count() == 1
        # With one row it stays at that.
        assert rows > 1 or selected.evaluate("(row) => row.rowIndex") == 1
        page.keyboard.press(enter)
        page.wait_for_url(re.compile(opens))
        page.wait_for_selector("h2:has-text('503')" if "dead-letters" in path else f"h1:not(:text-is('{title}'))")
        page.go_back()
        # The address changes before the page that answers to the keys is there.
        page.wait_for_selector(f"h1:text-is('{title}')")
        until(page, "document.querySelector('tbody tr') && !document.querySelector('tr[aria-selected=true]')")


def test_lists_are_searched_by_keyboard(scene, group, open_page):
    page = open_page(scene.server.url + "/ui/no/such/page")
    for path in SEARCHED:
        page.goto(f"{scene.server.url}/ui/{path}")
        search(page, f"{scene.server.url}/ui/{path}?")


def search(page, address):
    page.wait_for_selector("main input[type=search]")
    # None of it is found; what arrives live may not have begun.
    rows = page.locator("main table").first
    label = rows.get_attribute("aria-label") if rows.count() else "nothing"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.type") == "search"
    # Letters that would lead elsewhere are text here.
    page.keyboard.type("gt?")
    until(page, "/[?&](search|filter)=gt%3F/.test(location.search)")
    assert page.url.startswith(address) and page.locator("dialog").count() == 0
    page.wait_for_selector(f"main table[aria-label='{label}']", state="detached")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.tagName") == "BODY"
    page.keyboard.press("g")
    page.keyboard.press("e")
    page.wait_for_selector("h1:has-text('Settings')")


def test_an_event_is_found_and_opened_by_keyboard(scene, open_page):
    page = open_page(scene.server.url + "/ui/settings")
    page.keyboard.press("g")
    page.keyboard.press("i")
    page.wait_for_selector("h1:has-text('Find an event')")
    page.keyboard.press("/")
    page.keyboard.type("order-7")
    page.keyboard.press("Enter")
    page.wait_for_url("**/ui/find?id=order-7")
    page.wait_for_selector("tbody tr")
    page.locator("input").first.evaluate("(input) => input.blur()")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_selector("dd >> text=order-7")


def test_an_action_is_done_from_the_first_key_to_the_last(scene, open_page):
    """The dialog takes the focus, keeps keys to itself, gives the focus back, and is sent off with Enter."""
    server = scene.server
    name = f"keyed-{uuid.uuid4().hex[:8]}"
    server.create_topic(name)
    server.publish(name, event("one"))
    page = open_page(f"{server.url}/ui/topics/{name}")
    page.wait_for_selector("button:text-is('Delete…')")
    tab_to(page, "Purge…")
    page.keyboard.press("Enter")
    assert focused(page).startswith("INPUT ")
    tab_to(page, "Cancel")
    for key in "gt?":
        page.keyboard.press(key)
    assert page.locator("dialog").count() == 1 and page.url.endswith(name)
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    assert focused(page) == "BUTTON Purge…"
    page.keyboard.press("Space")
    # Enter does nothing before the name is there.
    page.keyboard.type(name[:-1])
    page.keyboard.press("Enter")
    assert page.locator("dialog").count() == 1
    page.keyboard.type(name[-1])
    page.keyboard.press("Enter")
    page.wait_for_selector(f".toast >> text={name} is empty.")
    assert server.succeed("GET", f"/v1/topics/{name}").json()["positions"][0]["start"] == 1


def test_buttons_in_rows_are_reached_by_tab(scene, open_page):
    server = scene.server
    waiting = server.succeed("POST", "/v1/topics/audit/events", params={"delay": "1h"}, json={"n": 1}).json()["id"]
    page = open_page(server.url + "/ui/schedules")
    page.wait_for_selector(f"button[aria-label='Cancel {waiting}']")
    tab_to(page, f"Cancel {waiting}")
    page.keyboard.press("Enter")
    page.keyboard.type("cancel")
    page.keyboard.press("Enter")
    page.wait_for_selector(".toast >> text=Cancelled.")
    assert server.request("GET", f"/v1/delayed/{waiting}").status_code == 404


def test_the_first_tab_is_in_the_page(scene, open_page):
    page = open_page(scene.server.url + "/ui/topics")
    page.wait_for_selector("tbody tr")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")
