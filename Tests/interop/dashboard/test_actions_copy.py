# SPDX-License-Identifier: Apache-2.0
"""What people copy from pages: it is in the clipboard as it was promised, and a line for a shell does what it says."""

import base64
import json
import os
import shutil
import subprocess
import uuid

import pytest

from apus_server import event

CLIPBOARD = {"permissions": ["clipboard-read", "clipboard-write"]}
HARD = {"quote": "it's \"so\" $HOME `id` \\n", "lines": "a\nb\r\n\tc", "word": "Grüße 🐦", "none": None, "deep": [1, [2.5, {"x": []}]], "!": "!!"}


@pytest.fixture
def topic(scene):
    name = f"copies-{uuid.uuid4().hex[:8]}"
    scene.server.create_topic(name)
    return name


def copied(page, button):
    """Presses a button and returns what is in the clipboard then."""
    page.evaluate("navigator.clipboard.writeText('nothing')")
    page.click(button)
    page.locator(".toast", has_text="Copied.").last.wait_for()
    return page.evaluate("navigator.clipboard.readText()")


def in_shell(line):
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, (line, done.stderr)
    return done.stdout


def test_a_copied_curl_line_publishes_the_event_once_more(scene, open_page, topic):
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    server = scene.server
    sent = [
        event("it's", type="hard", subject="$(id) 'x' \"y\"", partitionkey="k'1", level="high", data=HARD),
        event("text", type="plain", datacontenttype="text/plain", data="-d @/etc/hostname\n'$PATH'"),
        event("raw", type="bytes", datacontenttype="application/octet-stream", data_base64=base64.b64encode(bytes(range(256))).decode()),
        event("bare", type="nothing")]
    server.publish(topic, *sent)
    for offset, one in enumerate(sent):
        page = open_page(f"{server.url}/ui/topics/{topic}/0/{offset}", **CLIPBOARD)
        receipt = json.loads(in_shell(copied(page, "button:text-is('Copy as curl')")))
        assert receipt["topic"] == topic and receipt["offset"] == len(sent) + offset
        stored = server.read_all(topic)
        assert stored[-1] == stored[offset], one["type"]


def test_a_copied_curl_line_of_what_a_rule_copied_works_too(scene, open_page):
    """Such an event has attributes that the server has given it."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    server = scene.server
    [first, *_] = server.read_all("vip")
    page = open_page(server.url + "/ui/topics/vip/0/0", **CLIPBOARD)
    receipt = json.loads(in_shell(copied(page, "button:text-is('Copy as curl')")))
    [again] = server.read("vip", offset=receipt["offset"])[0]
    assert {name: again.get(name) for name in first if not name.startswith("apus")} == {
        name: value for name, value in first.items() if not name.startswith("apus")}


def test_an_event_is_copied_as_json(scene, open_page, topic):
    scene.server.publish(topic, event("one", level="high", data=HARD))
    page = open_page(f"{scene.server.url}/ui/topics/{topic}/0/0", **CLIPBOARD)
    assert [json.loads(copied(page, "button:text-is('Copy JSON')"))] == scene.server.read_all(topic)


def test_a_line_is_copied_without_its_prompt(scene, open_page, topic):
    page = open_page(f"{scene.server.url}/ui/topics/{topic}", **CLIPBOARD)
    shown = page.locator("main [data-cli]").last
    line = shown.get_attribute("data-cli")
    assert shown.locator("code").inner_text() == "$ " + line
    assert copied(page, "main [data-cli] >> nth=-1 >> button") == line
    # The same for one in a dialog.
    page.click("button:text-is('Delete…')")
    line = page.locator("dialog [data-cli]").get_attribute("data-cli")
    assert copied(page, "dialog [data-cli] button") == line


def test_the_home_pages_lines_work_as_they_stand(new_server, open_page):
    """On a server where nobody has made anything; those whose program is missing are left out."""
    server = new_server("--auto-create-topics").start()
    page = open_page(server.url + "/ui/", **CLIPBOARD)
    page.wait_for_selector(".code-line")
    lines = [copied(page, f".code-line >> nth={index} >> button") for index in range(page.locator(".code-line").count())]
    curl, tail, kcat, swift = lines
    if shutil.which("curl"):
        assert json.loads(in_shell(curl))["topic"] == "orders"
        assert [one["data"] for one in server.read_all("orders")] == [{"id": 1}]
    else:
        server.publish("orders", event("one", data={"id": 1}))
    if shutil.which("kcat"):
        # It would wait for more.
        assert json.loads(in_shell(kcat + " -e")) == {"id": 1}
    assert '"id"' in first_line(tail, server)
    assert f"apus://127.0.0.1:{server.port}" in swift


def first_line(line, server):
    """What a command that does not end by itself prints first."""
    watching = subprocess.Popen(
        ["timeout", "30", "bash", "-c", 'apus() { exec "$APUS" "$@"; }; ' + line], text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, env={**os.environ, "APUS": shutil.which(server.binary) or server.binary})
    try:
        return watching.stdout.readline()
    finally:
        watching.terminate()
        watching.wait()
        watching.stdout.close()
