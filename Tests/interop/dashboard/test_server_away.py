# SPDX-License-Identifier: Apache-2.0
"""What people see while the server is away, and that what they had typed is done when it is back."""

from apus_server import event
from browsing import confirm

# What the browser says by itself about a server that does not answer.
AWAY = ("Failed to load resource: net::ERR_",)


def test_a_page_says_that_the_server_is_away_and_goes_on_when_it_is_back(new_server, open_page):
    server = new_server().start()
    server.create_topic("orders")
    server.publish("orders", event("one"))
    server.succeed("PUT", "/v1/subscriptions/billing", json={"topic": "orders", "start": "earliest"})
    page = open_page(server.url + "/ui/subscriptions/billing", expected=AWAY)
    pulse = page.locator(".pulse")
    pulse.locator("text=Connected").wait_for()
    page.click("button:text-is('Delete…')")
    server.kill()
    page.fill("dialog input", "billing")
    page.click("dialog button[type=submit]")
    # The dialog stays, with the reason and what was typed.
    page.wait_for_selector("dialog .problem:visible")
    assert page.input_value("dialog input") == "billing"
    page.keyboard.press("Escape")
    pulse.locator("text=Connection lost, trying again").wait_for()
    # What was shown is still there.
    assert page.locator("text=Settled before").is_visible()
    # It has tried again in vain before the server is back.
    with page.expect_event("requestfailed", lambda request: "/v1/activity" in request.url):
        pass
    server.start()
    pulse.locator("text=Connected").wait_for()
    assert not server.succeed("GET", "/v1/subscriptions/billing").json()["paused"]
    page.click("button:text-is('Delete…')")
    confirm(page, "billing")
    page.wait_for_url("**/ui/subscriptions")
    page.wait_for_selector("text=There are no subscriptions yet.")
    assert server.request("GET", "/v1/subscriptions/billing").status_code == 404
    page.goto("about:blank")
