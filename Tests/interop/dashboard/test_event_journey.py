# SPDX-License-Identifier: Apache-2.0
"""The journey of an event on the dashboard: the line of time, what was sent and what came back, why rules matched or not, and the redrive that
appears on it."""

import time

from apus_server import event
from scene import Receiver


def shop(server, receiver):
    server.create_topic("orders")
    server.create_topic("vip")
    server.create_rule("big", "orders", {"data": {"total": [{"numeric": [">", 100]}]}}, [{"topic": "vip"}])
    server.create_rule("small", "orders", {"data": {"total": [{"numeric": ["<=", 100]}]}}, [{"topic": "vip"}])
    server.succeed("PUT", "/v1/subscriptions/crm", json={
        "topic": "orders", "start": "earliest", "max_attempts": 2, "retry": {"initial": "10ms", "max": "10ms"},
        "push": {"url": receiver.url, "breaker": {"failures": 0}}})
    server.publish("orders", event("<b>one</b>", data={"total": 250}, correlationid="chain"))
    server.publish("vip", event("two", causationid="<b>one</b>", correlationid="chain"))
    end = time.monotonic() + 20
    while server.succeed("GET", "/v1/status").json()["dead_letters"] != 1:
        assert time.monotonic() < end, "nothing was given up"
        time.sleep(0.05)


def test_the_journey_is_told_and_its_dead_letter_sent_back(new_server, open_page):
    receiver = Receiver(503)
    server = new_server("--allow-private-webhooks").start()
    try:
        shop(server, receiver)
        page = open_page(server.url + "/ui/topics/orders/0/0")
        line = page.locator("ol.timeline")
        line.locator("text=Published over http").wait_for()
        assert line.locator("li:has-text('failed 503')").count() == 2
        assert line.locator("li:has-text('Given up by')").count() == 1
        # What was sent and what came back.
        line.locator("li:has-text('Attempt 1 of 2') >> summary").click()
        sent = line.locator("li:has-text('Attempt 1 of 2') >> pre").first.inner_text()
        assert "POST http://127.0.0.1" in sent and '"total": 250' in sent or '"total":250' in sent
        # Why a rule did not match.
        page.click("button:has-text('Why?')")
        page.locator("li:has-text('small') >> text=does not hold").wait_for()
        # Causes and effects.
        page.click("button:has-text('Look for them')")
        page.locator("section:has-text('Caused these') >> a:has-text('vip')").first.wait_for()
        # The redrive is part of the journey.
        receiver.status = 204
        page.click("button:has-text('Redrive')")
        line.locator("li:has-text('Dead letter sent back')").wait_for()
        line.locator("li:has-text('delivered 204')").wait_for()
        assert page.locator("button:has-text('Redrive')").count() == 0
        line = page.locator("[data-cli^='apus trace']").first
        assert line.get_attribute("data-cli") == f"apus trace orders/0/0 --url {server.url}"
    finally:
        receiver.close()


def test_an_attempt_on_an_outside_broker_is_told_as_one_on_a_webhook_is(new_server, open_page):
    """Another Apus server, where one of two topics has a schema that the event does not keep to."""
    other, server = new_server().start(), new_server().start()
    other.create_topic("vip")
    other.succeed("POST", "/v1/schemas/strict-value/versions", json={"schema": {"type": "string"}})
    other.create_topic("strict", schema={"enforcement": "enforce"})
    server.create_topic("orders")
    server.succeed("PUT", "/v1/connections/other", json={"url": other.url.replace("http://", "apus://")})
    for rule, topic in (("good", "vip"), ("bad", "strict")):
        server.create_rule(rule, "orders", {}, [{"bus": {"connection": "other", "topic": topic, "breaker": {"failures": 0}}}])
    server.publish("orders", event("one", data={"total": 250}))
    page = open_page(server.url + "/ui/topics/orders/0/0")
    line = page.locator("ol.timeline")
    good, bad = (line.locator(f"li:has-text('{rule}.bus-1: {how}')").first for rule, how in (
        ("good", "delivered"), ("bad", "refused")))
    for step in (good, bad):
        step.locator("summary").click()
    sent, answer = good.locator("pre").all_inner_texts()
    assert sent.startswith(f"publish apus://127.0.0.1:{other.port}\nconnection: other\ntopic: vip\nce-id: one\n")
    assert '250' in sent and answer.startswith("accepted\ntopic: vip\npartition: 0\noffset: 0\n")
    refusal = bad.locator("pre").all_inner_texts()[1]
    assert refusal.startswith("invalid\n") and "string" in refusal


def test_failed_attempts_of_a_subscription_are_listed_and_lead_to_their_events(new_server, open_page):
    receiver = Receiver(503)
    server = new_server("--allow-private-webhooks").start()
    try:
        shop(server, receiver)
        page = open_page(server.url + "/ui/subscriptions/crm#attempts")
        panel = page.locator("section#attempts")
        panel.locator("li").first.wait_for()
        assert panel.locator("li").count() == 2
        panel.locator("a:has-text('orders/0/0')").first.click()
        page.wait_for_selector("ol.timeline")
    finally:
        receiver.close()


def test_an_event_is_found_by_its_key_and_by_text(new_server, open_page):
    server = new_server().start()
    server.create_topic("orders", partitions=2)
    server.publish("orders", *[event(f"o{number}", data={"n": number}, partitionkey=f"k{number}") for number in range(8)])
    page = open_page(server.url + "/ui/find")
    page.fill("label:has-text('Key') + input", "k5")
    page.click("button:has-text('Find')")
    page.wait_for_selector("td >> text=k5")
    assert page.url.endswith("?key=k5") and page.locator("tbody tr").count() == 1
    assert page.locator("[data-cli]").first.get_attribute("data-cli") == f"apus trace --key k5 --list --url {server.url}"
    page.fill("label:has-text('Key') + input", "")
    page.fill("label:has-text('Id') + input", "no-such")
    page.click("button:has-text('Find')")
    page.wait_for_selector("text=No such event was found")
