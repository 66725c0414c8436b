# SPDX-License-Identifier: Apache-2.0
"""What must not happen on the dashboard: an event's text becoming part of a page, a token standing in an address, a foreign page using the server."""

import http.client
import json

import pytest

from apus_server import event
from browsing import until

HOSTILE = [
    "<script>window.stolen = 1</script>",
    "<img src=x onerror=\"window.stolen = 1\">",
    "\"><svg onload=window.stolen=1>",
    "javascript:window.stolen=1",
    "{{constructor.constructor('window.stolen=1')()}}",
    "</script><script>window.stolen = 1</script>",
    "\u202egnp.exe\u0000\u001b[31m",
]


def test_no_text_of_an_event_becomes_markup(scene, open_page):
    server = scene.server
    server.create_topic("hostile")
    scene.subscribe("victim", topic="hostile", start="earliest")
    live = open_page(server.url + "/ui/live?topic=hostile")
    live.wait_for_selector("text=live")
    live.wait_for_timeout(300)
    for number, text in enumerate(HOSTILE):
        clean = "".join(letter for letter in text if letter >= " ") or "x"
        server.publish("hostile", event(
            f"{number}-{clean}", type=clean, source=f"/x/{number}", subject=clean, partitionkey=clean, remark=clean, data={text: [text, {"deep": text}]}))
    leases = [one["lease"] for one in server.succeed("POST", "/v1/subscriptions/victim/receive", json={"max": 10}).json()["deliveries"]]
    for lease, text in zip(leases, HOSTILE):
        server.succeed("POST", "/v1/subscriptions/victim/reject", json={"leases": [lease], "reason": text})
    until(live, f"document.querySelectorAll('tbody tr').length === {len(HOSTILE)}")
    pages = [live]
    paths = ["/ui/topics/hostile", "/ui/dead-letters?subscription=victim", "/ui/rules/new?topic=hostile"]
    paths += [f"/ui/topics/hostile/0/{offset}" for offset in range(len(HOSTILE))]
    # In the address as well as in the data.
    paths += ["/ui/topics/%3Cimg%20src=x%20onerror=window.stolen=1%3E", "/ui/topics?search=%3Cscript%3Ewindow.stolen=1%3C/script%3E",
              "/ui/dead-letters?subscription=%3Cimg%20src=x%20onerror=window.stolen=1%3E", "/ui/live?topic=%22%3E%3Csvg%20onload=window.stolen=1%3E"]
    for path in paths:
        page = open_page(server.url + path)
        page.wait_for_timeout(400)
        pages.append(page)
    for page in pages:
        assert page.evaluate("window.stolen") is None
        assert page.locator("main script, main img, main iframe, main object").count() == 0
    shown = pages[1].locator("table").inner_text()
    assert "<script>window.stolen = 1</script>" in shown
    # Lines for a shell are quoted so that they stay one word.
    pages[4].click("text=Edit and publish again")
    assert "'<script>" in pages[4].locator("dialog [data-cli]").get_attribute("data-cli")


def test_a_token_is_asked_for_kept_for_the_tab_and_never_in_an_address(new_server, open_page, tmp_path):
    secret = "correct-horse-battery"
    file = tmp_path / "token"
    file.write_text(secret)
    server = new_server("--token-file", str(file))
    server.http.headers["Authorization"] = f"Bearer {secret}"
    server.start()
    page = open_page(server.url + "/ui/topics")
    addresses = []
    page.on("request", lambda request: addresses.append(request.url))
    page.wait_for_selector("dialog >> text=This server wants a token")
    page.fill("dialog input", "wrong")
    page.click("dialog button[type=submit]")
    page.wait_for_selector("dialog >> text=not this server's")
    page.fill("dialog input", secret)
    page.click("dialog button[type=submit]")
    page.wait_for_selector("text=There are no topics yet")
    page.goto(server.url + "/ui/")
    page.wait_for_selector(".badge >> text=token")
    page.wait_for_selector(".pulse[data-state=live]")
    assert page.evaluate("Object.values(sessionStorage)") == [secret]
    assert secret not in str(page.evaluate("Object.entries(localStorage)")) + page.evaluate("document.cookie")
    assert not any(secret in address for address in addresses + [page.url])
    page.goto(server.url + "/ui/settings")
    page.click("text=Forget it")
    page.wait_for_selector("dialog >> text=This server wants a token")


def test_a_page_without_a_token_says_so_and_asks_again_when_it_is_told_to(new_server, open_page, tmp_path):
    file = tmp_path / "token"
    file.write_text("correct-horse-battery")
    server = new_server("--token-file", str(file))
    server.http.headers["Authorization"] = "Bearer correct-horse-battery"
    server.start()
    page = open_page(server.url + "/ui/topics")
    page.wait_for_selector("dialog >> text=This server wants a token")
    page.keyboard.press("Escape")
    page.wait_for_selector(".pulse[data-state=token] >> text=Token wanted")
    page.wait_for_selector(".notice >> text=the server wants a token")
    # It does not come back by itself.
    page.wait_for_timeout(1500)
    assert page.locator("dialog").count() == 0
    assert page.locator("button:text-is('Give the token')").is_visible()
    page.click(".pulse button")
    page.fill("dialog input", "correct-horse-battery")
    page.click("dialog button[type=submit]")
    page.wait_for_selector(".pulse[data-state=live] >> text=Connected")
    page.wait_for_selector("text=There are no topics yet")
    assert not page.locator(".pulse button").is_visible()


def request(server, method, path, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.putrequest(method, path, skip_host="Host" in headers)
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders()
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read()


@pytest.mark.parametrize("path", ["/ui/", "/ui/topics/orders", "/"])
def test_pages_are_for_this_servers_names_alone(path, scene):
    assert request(scene.server, "GET", path, Host="evil.example", Accept="text/html")[0] == 421
    assert request(scene.server, "GET", path, Origin="http://evil.example", Accept="text/html")[0] == 403


def test_foreign_pages_change_nothing_even_without_a_body(scene):
    """Requests that a browser sends for any page without asking first."""
    for origin in ("http://evil.example", "null"):
        for path in ("/v1/subscriptions/billing/pause", "/v1/topics/orders/purge", "/v1/dead-letters/discard", "/v1/dead-letters/redrive"):
            assert request(scene.server, "POST", path, Origin=origin, Content_Type="text/plain", Content_Length="0")[0] == 403
    assert not scene.server.succeed("GET", "/v1/subscriptions/billing").json()["paused"]


def test_files_are_compressed_and_kept(scene):
    status, headers, document = request(scene.server, "GET", "/ui/")
    assert status == 200 and "default-src 'none'" in headers["Content-Security-Policy"]
    address = document.decode().split('src="')[1].split('"')[0]
    status, headers, whole = request(scene.server, "GET", address)
    assert status == 200 and "immutable" in headers["Cache-Control"] and headers["Content-Encoding"] is None
    status, small, body = request(scene.server, "GET", address, Accept_Encoding="gzip")
    assert small["Content-Encoding"] == "gzip" and len(body) < len(whole)
    assert request(scene.server, "GET", address, If_None_Match=headers["ETag"])[0] == 304
    assert request(scene.server, "HEAD", "/ui/")[2] == b""
    assert request(scene.server, "POST", "/ui/", Content_Length="0")[0] == 404


def test_one_sample_a_second_whoever_watches(scene):
    """Streams of activity are told the same samples."""
    def first(count):
        connection = http.client.HTTPConnection("127.0.0.1", scene.server.port, timeout=10)
        connection.request("GET", "/v1/activity")
        answer = connection.getresponse()
        found = []
        while len(found) < count:
            line = answer.readline().decode()
            if line.startswith("data: "):
                found.append(json.loads(line[6:]))
        connection.close()
        return found
    [one] = first(1)
    [other, *_] = first(1)
    assert one["time"] <= other["time"]
    samples = first(4)
    assert len({sample["time"] for sample in samples}) == 4
    assert samples[-1]["published"] >= samples[0]["published"] > 0
    assert one["publish_ack"]["counts"][-1] > 0 and len(one["publish_ack"]["counts"]) == len(one["publish_ack"]["bounds"]) + 1
