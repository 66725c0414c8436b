# SPDX-License-Identifier: Apache-2.0
"""What the first page says needs attention, however much that is: the gravest first, what many have in common once, and nothing left out in silence."""

import json


def finding(severity, subject, text, hint="mend it"):
    return {"severity": severity, "subject": subject, "finding": text, "hint": hint}


def show(scene, open_page, findings):
    """The home page of a server that would find this."""
    page = open_page(scene.server.url + "/ui/no/such/page")
    page.route("**/v1/diagnosis", lambda route: route.fulfill(
        status=200, content_type="application/json", body=json.dumps({"healthy": False, "findings": findings})))
    page.goto(scene.server.url + "/ui/")
    page.wait_for_selector(".notice")
    return page


def test_what_many_have_in_common_is_said_once(scene, open_page):
    findings = [
        finding("note", "subscription a", "it is paused, with 1 event waiting", "POST /v1/subscriptions/a/resume when it should go on"),
        finding("note", "subscription b", "it is paused, with 2 events waiting", "POST /v1/subscriptions/b/resume when it should go on"),
        *[finding("warning", f"subscription reader-{number}", f"{number + 1} events wait; the last one failed: answered with status 503 after {number} ms",
                  f"see 'apus explain reader-{number}'") for number in range(30)],
        finding("warning", "subscription other", "4 events wait; the last one failed: answered with status 404 after 4 ms"),
        finding("error", "disk", "1 stored batches failed verification"),
    ]
    page = show(scene, open_page, findings)
    boxes = page.locator(".notice h3").all_text_contents()
    assert boxes == [
        "disk: 1 stored batches failed verification",
        "30 subscriptions: … events wait; the last one failed: answered with status 503 after …",
        "subscription other: 4 events wait; the last one failed: answered with status 404 after 4 ms",
        "2 subscriptions: it is paused, with … events waiting"]
    many = page.locator(".notice", has_text="30 subscriptions")
    assert "See 'apus explain NAME'" in many.inner_text()
    assert many.locator("a").all_inner_texts() == ["reader-0", "reader-1", "reader-2", "reader-3", "reader-4", "25 more"]
    many.locator("a").last.click()
    page.wait_for_selector("h1:has-text('Bottlenecks')")


def test_what_has_no_place_is_counted(scene, open_page):
    causes = "abcdefghijkl"
    page = show(scene, open_page, [
        *[finding("note", f"subscription n-{cause}", f"note {cause}") for cause in "ab"],
        *[finding("warning", f"topic {cause}", f"events are {cause}-like") for cause in causes]])
    assert page.locator(".notice").count() == 8
    rest = page.locator("p:has-text('further findings')")
    assert rest.inner_text() == "6 further findings (4 warnings, 2 notes): see all that the server finds"
    rest.locator("a").click()
    page.wait_for_selector("h1:has-text('Settings and doctor')")
    assert page.locator(".notice").count() >= 14
