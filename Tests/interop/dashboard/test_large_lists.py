# SPDX-License-Identifier: Apache-2.0
"""Ten thousand subscriptions, and schedules of which there are more than a page: their list is searched and cut into pages by the server, and each page that shows some of them stays usable."""

import concurrent.futures
import http.client
import json
import time

import pytest

from apus_server import event
from browsing import until

COUNT = 10_010
PAGE = 50
# What a person still takes for at once. The best of a few tries counts, and pages that ask more of the server get more time, for machines that are
# busy with other things: what it takes is printed.
SECONDS_MAX = 1
BUSY_SECONDS_MAX = 3
TRIES = 4


@pytest.fixture(scope="module")
def crowded(quick_server):
    """A server with ten thousand subscriptions of two topics, one of them with an event that nobody has taken."""
    server = quick_server("--durability", "none").start()
    for topic in ("orders", "parcels"):
        server.create_topic(topic)
    server.publish("orders", event("one"))

    def subscribe(numbers):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        for number in numbers:
            body = json.dumps({"topic": "orders" if number % 2 else "parcels", "start": "earliest"})
            connection.request("PUT", f"/v1/subscriptions/reader-{number:05}", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            assert answer.status == 201, answer.read()
            answer.read()
        connection.close()

    with concurrent.futures.ThreadPoolExecutor(4) as workers:
        list(workers.map(subscribe, [range(first, COUNT, 4) for first in range(4)]))
    return server


def quickly(what, act, limit=SECONDS_MAX):
    """Does something a few times at most, until it has taken no longer than it may; says how long it took."""
    taken = []
    while not taken or (min(taken) > limit and len(taken) < TRIES):
        started = time.monotonic()
        act()
        taken.append(time.monotonic() - started)
    print(f"{what}: {min(taken):.2f} s")
    assert min(taken) <= limit, (what, taken)


def first_and_count(page, name, count):
    page.wait_for_selector(f"tbody tr:first-child:has-text('{name}')")
    until(page, f"document.querySelectorAll('tbody tr').length === {count}")


def test_ten_thousand_subscriptions_are_paged_and_searched_on_the_server(crowded, open_page):
    page = open_page(crowded.url + "/ui/subscriptions")
    asked = []
    page.on("request", lambda request: "/v1/subscriptions?" in request.url and asked.append(request.url))

    def open_at(query, name, count=PAGE):
        page.goto(f"{crowded.url}/ui/subscriptions{query}")
        first_and_count(page, name, count)

    quickly("first page", lambda: open_at("", "reader-00000"))
    quickly("a page in the middle", lambda: open_at("?after=reader-04999", "reader-05000"))
    quickly("last page", lambda: open_at("?after=reader-09999", "reader-10000", 10))
    assert page.locator("text=Next page").is_hidden() and page.locator("text=reader-10000 … reader-10009").is_visible()
    quickly("a search in the address", lambda: open_at("?search=r-0777", "reader-07770", 10))
    open_at("", "reader-00000")

    def there_and_back():
        page.click("text=Next page")
        first_and_count(page, "reader-00050", PAGE)
        assert page.url.endswith("?after=reader-00049")
        page.click("text=← Back")
        first_and_count(page, "reader-00000", PAGE)

    quickly("next page and back", there_and_back)

    def search():
        page.fill("input[type=search]", "")
        first_and_count(page, "reader-00000", PAGE)
        page.keyboard.type("0777")
        first_and_count(page, "reader-00777", 11)

    page.keyboard.press("/")
    quickly("a search that is typed", search)
    assert page.locator("text=11 found").is_visible()
    page.keyboard.type("x")
    page.wait_for_selector("text=No subscription has “0777x” in its name.")
    # The browser has one page of them, and its address is the page's own.
    page.fill("input[type=search]", "reader-09")
    first_and_count(page, "reader-09000", PAGE)
    page.click("text=Next page")
    first_and_count(page, "reader-09050", PAGE)
    page.reload()
    first_and_count(page, "reader-09050", PAGE)
    assert asked and all(f"limit={PAGE + 1}" in url for url in asked)


def test_pages_stay_usable_beside_ten_thousand_subscriptions(crowded, open_page):
    page = open_page(crowded.url + "/ui/groups")

    def show(path, text):
        page.goto("about:blank")
        page.goto(crowded.url + path)
        page.wait_for_selector(f"main >> text={text}")

    def press():
        page.keyboard.press("?")
        page.wait_for_selector("dialog >> text=Keyboard")
        page.keyboard.press("Escape")

    for path, text in (
            ("/ui/subscriptions/reader-07777", "Settled before"),
            ("/ui/", "Events per second"),
            ("/ui/settings", "Checksums"),
            ("/ui/bottlenecks?search=07777", "reader-07777"),
            ("/ui/topics/orders?tab=consumers", "reader-00001"),
            ("/ui/topics/orders/0/0", "reader-00001"),
            ("/ui/flow", f"{COUNT - 60:,} subscriptions not drawn")):
        quickly(path, lambda: show(path, text), BUSY_SECONDS_MAX)
        # A key is answered while the page is full.
        quickly("a key on " + path, press)


def test_schedules_are_cut_into_pages_by_the_server(quick_server, open_page):
    server = quick_server("--durability", "none").start()
    server.create_topic("reports")
    for number in range(PAGE + 3):
        server.succeed("PUT", f"/v1/schedules/every-{number:02}", json={"topic": "reports", "schedule": "0 9 * * *", "event": {}})
    page = open_page(server.url + "/ui/schedules")
    first_and_count(page, "every-00", PAGE)
    page.click("text=Next page")
    first_and_count(page, "every-50", 3)
    page.click("text=← Back")
    first_and_count(page, "every-00", PAGE)
