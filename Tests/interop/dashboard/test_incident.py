# SPDX-License-Identifier: Apache-2.0
"""A night's incident as somebody on call goes through it, from the first page to the last, without a command line: a receiver breaks, events pile up
and are given up, the cause is found, the receiver is mended, and what failed is sent again."""

import threading

from apus_server import event
from browsing import until
from scene import Receiver


def test_an_incident_is_seen_understood_and_put_right_in_the_browser(new_server, open_page):
    receiver = Receiver(204)
    server = new_server("--allow-private-webhooks").start()
    customers = Customers(server)
    try:
        server.create_topic("orders", partitions=2)
        server.succeed("PUT", "/v1/subscriptions/warehouse", json={
            "topic": "orders", "start": "earliest", "max_attempts": 2, "retry": {"initial": "20ms", "max": "20ms"},
            "push": {"url": receiver.url, "breaker": {"failures": 0}}})
        server.succeed("PUT", "/v1/subscriptions/billing", json={"topic": "orders", "start": "earliest"})
        customers.start()
        page = open_page(server.url + "/ui/")
        letters = page.locator("a.tile:has-text('Dead letters')")
        letters.locator("text=nothing was given up").wait_for()

        # The receiver breaks: the first page says so by itself, in figures, as a finding and in the navigation.
        receiver.status = 503
        letters.locator("text=wait for somebody").wait_for()
        page.wait_for_selector("nav a:has-text('Dead letters') .badge")
        finding = page.locator(".notice:has-text('subscription warehouse')").first
        finding.wait_for()

        # From there to the cause: which subscription, which target, which answer.
        finding.locator("a").click()
        page.wait_for_selector("h1:has-text('warehouse')")
        page.wait_for_selector(".badge >> text=failing")
        cause = page.locator(".notice").first
        cause.locator("text=503").first.wait_for()
        page.wait_for_selector("section#attempts li >> text=503")

        # Deliveries are stopped while somebody mends the receiver; others go on.
        page.click("button:has-text('Pause')")
        page.wait_for_selector(".badge >> text=paused")
        page.goto(server.url + "/ui/subscriptions")
        page.wait_for_selector("tr:has-text('billing') .badge >> text=ok")

        # The receiver is mended and deliveries go on: what waited drains.
        receiver.status = 204
        page.click("a:has-text('warehouse')")
        page.click("button:has-text('Go on')")
        until(page, "/^Waiting\\s*0/.test([...document.querySelectorAll('.tile')].find((tile) => tile.textContent.startsWith('Waiting'))?.textContent ?? '')")

        # What was given up meanwhile is sent again, after a look at how much that is.
        lost = server.succeed("GET", "/v1/status").json()["dead_letters"]
        accepted = receiver.count
        page.click("a:text-is('Dead letters') >> nth=-1")
        page.wait_for_selector("table[aria-label^='Dead letters by'] >> text=503")
        page.locator("table[aria-label^='Dead letters by'] tbody tr").first.locator("button:has-text('Redrive')").click()
        page.wait_for_selector(f"[data-dryrun] >> text={lost} dead letter")
        page.click("dialog button[type=submit]")
        page.wait_for_selector(f".toast >> text={lost} dead letter")
        page.wait_for_selector("text=Nothing was given up here")

        # All is well again, and the pages say that, too: with customers who go on it is soon most attempts that succeed.
        page.goto(server.url + "/ui/")
        letters.locator("text=nothing was given up").wait_for()
        page.goto(server.url + "/ui/subscriptions")
        page.locator("tr:has-text('warehouse') .badge >> text=ok").wait_for(timeout=60_000)
        assert receiver.count >= accepted + lost
    finally:
        customers.stop()
        receiver.close()


class Customers:
    """Somebody who orders until told to stop."""

    def __init__(self, server):
        self.server = server
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.order, daemon=True)

    def order(self):
        number = 0
        while not self.done.wait(0.05):
            number += 1
            self.server.publish("orders", event(f"o{number}", type="order.placed", data={"order": number}))

    def start(self):
        self.thread.start()

    def stop(self):
        self.done.set()
        if self.thread.is_alive():
            self.thread.join()
