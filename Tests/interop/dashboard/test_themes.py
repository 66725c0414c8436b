# SPDX-License-Identifier: Apache-2.0
"""Both themes, chosen against the system's: every page, every dialog and what is said in the corner can be read, has a name for those who see
nothing, fits a small screen, and puts nothing on the console."""

import uuid

import pytest

from apus_server import event
from browsing import NARROW, WIDE
from test_pages import CONTRAST, NAMELESS, PAGES

OTHER = {"light": "dark", "dark": "light"}
# What the shop alone does not show.
MORE = {
    "own": ("/ui/topics/{topic}", "{topic}", "themed.event"),
    "own-event": ("/ui/topics/{topic}/0/0", "themed.event", "Given up by"),
    "after-the-last": ("/ui/topics/{topic}/0/1", "Partition 0, offset 1", "There is no event at this offset."),
    "empty-schema": ("/ui/schemas/{topic}-value", "{topic}-value", "Nothing is registered under this subject yet."),
    "empty-letters": ("/ui/dead-letters?subscription=replica", "Dead letters", "Nothing was given up here."),
    "unknown": ("/ui/subscriptions/{topic}-nobody", "This cannot be shown", "{topic}-nobody"),
}
# Each button that asks something first, and where it is.
DIALOGS = [
    ("/ui/", "button:text-is('Publish an event')"),
    ("/ui/topics", "button:text-is('Create a topic')"),
    ("/ui/topics/{topic}", "button:text-is('Publish')"),
    ("/ui/topics/{topic}", "button:text-is('Purge…')"),
    ("/ui/topics/{topic}", "button:text-is('Delete…')"),
    ("/ui/topics/{topic}/0/0", "button:text-is('Edit and publish again')"),
    ("/ui/subscriptions/{topic}", "button:text-is('Replay…')"),
    ("/ui/subscriptions/{topic}", "button:text-is('Reset…')"),
    ("/ui/subscriptions/{topic}", "button:text-is('Delete…')"),
    ("/ui/dead-letters?subscription={topic}", "button:text-is('Redrive all…')"),
    ("/ui/dead-letters?subscription={topic}", "button:text-is('Edit…')"),
    ("/ui/dead-letters?subscription={topic}", "button:text-is('Discard…') >> nth=-1"),
    ("/ui/rules/vip", "button:text-is('Delete…')"),
    ("/ui/schedules", "button[aria-label='Cancel {delayed}']"),
    ("/ui/bridges", "button[aria-label='Pause {topic}']"),
    ("/ui/clients", "button:text-is('Disconnect…') >> nth=0"),
    ("/ui/settings", "button[aria-label='Keyboard shortcuts']"),
]


@pytest.fixture(scope="module")
def things(scene):
    """A topic with an event that was given up, a feed, a subject without versions and an event that waits: names for what stands in braces."""
    server, topic = scene.server, f"themed-{uuid.uuid4().hex[:8]}"
    server.create_topic(topic)
    server.publish(topic, event("one", type="themed.event", data={"a": [1, {"b": None}]}))
    scene.subscribe(topic, topic=topic, start="earliest")
    [delivery] = server.succeed("POST", f"/v1/subscriptions/{topic}/receive", json={"max": 1}).json()["deliveries"]
    server.succeed("POST", f"/v1/subscriptions/{topic}/reject", json={"leases": [delivery["lease"]], "reason": "it has no stamp"})
    server.succeed("PUT", f"/v1/schemas/{topic}-value/config", json={"compatibility": "none"})
    server.succeed("PUT", f"/v1/connections/{topic}", json={"url": server.url.replace("http://", "apus://")})
    server.succeed("PUT", f"/v1/feeds/{topic}", json={"connection": topic, "from": topic, "into": "vip"})
    scene.wait_for_event_type("order.cancelled")
    yield {"topic": topic, "delayed": server.succeed("POST", "/v1/topics/audit/events", params={"delay": "1h"}, json={}).json()["id"]}
    server.succeed("DELETE", f"/v1/feeds/{topic}")
    server.succeed("DELETE", f"/v1/connections/{topic}")


def open_in(open_page, server, theme, size=WIDE):
    """A page in a theme that was chosen in it, where the system has the other one."""
    page = open_page(server.url + "/ui/no/such/page", size, OTHER[theme])
    background = "getComputedStyle(document.documentElement).backgroundColor"
    before = page.evaluate(background)
    page.locator(f"button:text-is('{theme.title()}')").evaluate("(button) => button.click()")
    assert page.evaluate(background) != before
    return page


def go(page, path):
    """To another page as a link does it."""
    page.evaluate("(path) => { history.pushState(null, '', path); dispatchEvent(new PopStateEvent('popstate')); }", path)


def check(page, what):
    width = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert width[0] <= width[1], f"{what}: the page is wider than the screen"
    assert page.evaluate(CONTRAST) == [], what
    assert page.evaluate(NAMELESS) == [], what


@pytest.mark.parametrize("theme", OTHER)
def test_every_page_is_readable_in_a_theme_that_was_chosen(theme, scene, things, open_page):
    page = open_in(open_page, scene.server, theme)
    for name, (path, title, text) in {**PAGES, **MORE}.items():
        path, title, text = (one.format(**things) for one in (path, title, text))
        go(page, path)
        page.wait_for_selector(f"h1:has-text('{title}')")
        page.wait_for_selector(f"main >> text={text}")
        check(page, name)
    assert page.evaluate("document.documentElement.dataset.theme") == theme


@pytest.mark.parametrize("theme", OTHER)
def test_every_dialog_is_readable_and_fits_a_small_screen(theme, scene, things, open_page):
    page = open_in(open_page, scene.server, theme, NARROW)
    for path, button in DIALOGS:
        path, button = (one.format(**things) for one in (path, button))
        go(page, path)
        page.locator(button).click()
        dialog = page.locator("dialog")
        dialog.wait_for()
        if "Redrive" in button:
            page.wait_for_selector("[data-dryrun] >> text=1 dead letter would be redriven.")
        if button in ("button:text-is('Replay…')", "button:text-is('Reset…')"):
            page.wait_for_selector("[data-preview]")
        check(page, (path, button))
        box = dialog.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= NARROW["width"], (path, button)
        assert dialog.evaluate("(one) => one.scrollWidth <= one.clientWidth"), (path, button)
        page.keyboard.press("Escape")
        dialog.wait_for(state="detached")


@pytest.mark.parametrize("theme", OTHER)
def test_what_is_said_in_the_corner_is_readable(theme, scene, things, open_page):
    page = open_in(open_page, scene.server, theme)
    go(page, "/ui/subscriptions/billing")
    copy = page.locator("main [data-cli] button").first
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { configurable: true, value: { writeText: async () => {} } })")
    copy.click()
    page.wait_for_selector(".toast[data-tone=good] >> text=Copied.")
    page.route("**/v1/subscriptions/billing/pause", lambda route: route.fulfill(json={"detail": "the disk is full"}, status=409))
    page.click("button:text-is('Pause')")
    page.wait_for_selector(".toast[data-tone=bad] >> text=the disk is full")
    assert page.locator(".toast").count() == 2
    check(page, "toasts")
