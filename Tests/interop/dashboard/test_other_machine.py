# SPDX-License-Identifier: Apache-2.0
"""Pages that come by plain HTTP from another machine, whose clock goes otherwise: browsers keep much from them, and what they do works all the same."""

import re

import pytest

from browsing import wait_for

# What the browser says by itself about a page that came so.
UNTRUSTED = ("The Cross-Origin-Opener-Policy header has been ignored",)


@pytest.fixture
def server(new_server):
    return new_server("--auto-create-topics", "--host-name", "apus.test").start()


def test_events_are_published_from_another_machine(server, open_page):
    page = open_page(f"http://apus.test:{server.port}/ui/", expected=UNTRUSTED)
    assert not page.evaluate("isSecureContext")
    page.click("button:has-text('Publish an event')")
    page.click("dialog button[type=submit]")
    page.wait_for_selector("h1:has-text('order.placed')")
    page.click("button:has-text('Edit and publish again')")
    page.fill("dialog textarea", '{"id": 2}')
    page.click("dialog button[type=submit]")
    events = wait_for(lambda: (found := server.read_all("orders"))[1:] and found, "the second event")
    ids = [one["id"] for one in events]
    assert len(set(ids)) == 2
    assert all(re.fullmatch("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", one) for one in ids)
    # What cannot be copied is shown, to be copied by hand.
    page.locator("main [data-cli] button").first.click()
    page.wait_for_selector("dialog >> text=Copy by hand")


def test_ages_are_by_the_servers_clock(server, open_page):
    server.create_topic("orders")
    server.succeed("PUT", "/v1/subscriptions/billing", json={"topic": "orders", "start": "earliest"})
    server.publish("orders", {"specversion": "1.0", "id": "1", "type": "t", "source": "/s"})
    page = open_page(f"http://apus.test:{server.port}/ui/no/such/page", expected=UNTRUSTED)
    # The browser's clock is two hours ahead from now on.
    page.add_init_script("const real = Date.now.bind(Date); Date.now = () => real() + 7_200_000;")
    page.goto(f"http://apus.test:{server.port}/ui/subscriptions")
    page.wait_for_selector(".pulse[data-state=live]")
    cell = page.locator("tr:has-text('billing') td").nth(7)
    wait_for(lambda: re.fullmatch(r"[0-9.]+ (ms|s)", cell.inner_text()), "an age in seconds")
