# SPDX-License-Identifier: Apache-2.0
"""What a page shows, copies and publishes again is the event as it is: large numbers, the key of a record, on servers with a token."""

import json
import os
import subprocess
import uuid

import pytest

from apus_server import event
from test_actions_copy import CLIPBOARD, copied, in_shell

BIG = "12345678901234567890"


@pytest.fixture
def topic(scene):
    name = f"bug-{uuid.uuid4().hex[:8]}"
    scene.server.create_topic(name)
    return name


def put_big(server, topic):
    server.succeed("POST", f"/v1/topics/{topic}/events", headers={"Content-Type": "application/cloudevents+json"}, data=(
        '{"specversion":"1.0","id":"big","source":"/t","type":"big","datacontenttype":"application/json","data":{"n":' + BIG + '}}'))


def raw(server, topic, offset):
    return server.request("GET", f"/v1/topics/{topic}/events?partition=0&from={offset}&limit=1").text


def test_large_numbers_are_shown_as_they_are(scene, open_page, topic):
    put_big(scene.server, topic)
    page = open_page(f"{scene.server.url}/ui/topics/{topic}/0/0")
    page.click("button:has-text('Raw')")
    assert BIG in page.locator("pre.code-block").first.inner_text()


def test_large_numbers_stay_in_a_copied_curl_line(scene, open_page, topic):
    put_big(scene.server, topic)
    page = open_page(f"{scene.server.url}/ui/topics/{topic}/0/0", **CLIPBOARD)
    in_shell(copied(page, "button:text-is('Copy as curl')"))
    assert BIG in raw(scene.server, topic, 1)


def test_large_numbers_stay_when_an_event_is_published_again(scene, open_page, topic):
    put_big(scene.server, topic)
    page = open_page(f"{scene.server.url}/ui/topics/{topic}/0/0")
    page.click("text=Edit and publish again")
    page.click("dialog button[type=submit]")
    page.wait_for_url("**/0/1")
    assert BIG in raw(scene.server, topic, 1)


def test_large_numbers_stay_when_a_dead_letter_is_edited(scene, open_page, topic):
    server = scene.server
    put_big(server, topic)
    scene.subscribe(topic, topic=topic, start="earliest")
    [one] = server.succeed("POST", f"/v1/subscriptions/{topic}/receive", json={"max": 1}).json()["deliveries"]
    server.succeed("POST", f"/v1/subscriptions/{topic}/reject", json={"leases": [one["lease"]], "reason": "x"})
    page = open_page(f"{server.url}/ui/dead-letters?subscription={topic}")
    page.click("button:text-is('Edit…')")
    page.click("dialog button[type=submit]")
    page.wait_for_selector(".toast >> text=Redriven as edited")
    assert BIG in server.request("POST", f"/v1/subscriptions/{topic}/receive", json={"max": 1, "wait": "5s"}).text


def test_a_copied_curl_line_keeps_the_key_of_a_kafka_record(scene, open_page, topic):
    server = scene.server
    subprocess.run(["kcat", "-b", server.kafka, "-t", topic, "-P", "-K:"], input='customer-7:{"a":1}\n', text=True, check=True)
    page = open_page(f"{server.url}/ui/topics/{topic}/0/0", **CLIPBOARD)
    in_shell(copied(page, "button:text-is('Copy as curl')"))
    first, again = server.succeed("GET", f"/v1/topics/{topic}/events?partition=0").json()["events"]
    assert first["key"] == "customer-7" and again["key"] == first["key"]


def test_a_copied_curl_line_works_where_the_server_wants_a_token(new_server, open_page, tmp_path):
    (tmp_path / "token").write_text("correct-horse-battery")
    server = new_server("--token-file", str(tmp_path / "token"))
    server.http.headers["Authorization"] = "Bearer correct-horse-battery"
    server.start()
    server.create_topic("t")
    server.publish("t", event("x"))
    page = open_page(server.url + "/ui/topics/t/0/0", **CLIPBOARD)
    page.fill("dialog input", "correct-horse-battery")
    page.click("dialog button[type=submit]")
    line = copied(page, "button:text-is('Copy as curl')")
    assert "correct-horse" not in line
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, env={**os.environ, "APUS_TOKEN": "correct-horse-battery"})
    page.goto("about:blank")
    assert "offset" in json.loads(done.stdout), done.stdout
