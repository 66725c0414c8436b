# SPDX-License-Identifier: Apache-2.0
"""The commands at the foot of pages, and those that a page shows where it has nothing to show: each runs as it stands, and tells what the page is
about. Those of actions are held against their buttons in the files of actions."""

import contextlib
import json
import os
import shutil
import subprocess
import threading
import uuid

from apus_server import event
from browsing import run, wait_for

# What ends by itself, by its page: the lines there, and a word that is in what they print.
FEET = {
    "/ui/topics": {"apus topic list": "orders"},
    "/ui/topics/orders": {"apus get orders --from 1h": "order.placed"},
    "/ui/topics/orders?partition=1": {"apus get orders --partition 1 --from 1h": "order."},
    "/ui/topics/orders?tab=partitions": {"apus topic show orders": '"partitions":3'},
    "/ui/topics/orders/0/3": {"apus trace orders/0/3": "published", "apus get orders --partition 0 --from 3 --limit 1": '"offset":3'},
    "/ui/find?text=order.placed&topic=orders": {"apus trace --text order.placed --topic orders --list": "order.placed"},
    "/ui/find?topic=orders": {"apus trace --topic orders --list": "order."},
    "/ui/find?id=order-7": {"apus trace order-7 --list": "order-7"},
    "/ui/event-types": {"apus event list": "order.placed"},
    "/ui/event-types/order.placed": {"apus event show order.placed": "/shop/web"},
    "/ui/schemas": {"apus schema list": "orders-value"},
    "/ui/schemas/orders-value": {"apus schema show orders-value": "customer"},
    "/ui/rules": {"apus rule list": "audit-all"},
    "/ui/schedules": {"apus delayed list": ""},
    "/ui/subscriptions": {"apus subscription list": "warehouse"},
    "/ui/subscriptions/warehouse": {"apus explain warehouse": "warehouse", "apus trace --subscription warehouse": "503"},
    "/ui/dead-letters": {"apus dead-letter causes": "503"},
    "/ui/dead-letters?subscription=warehouse&since=1h": {"apus dead-letter causes --subscription warehouse --since 1h": "503"},
    "/ui/dead-letters?rule=no-such": {"apus dead-letter causes --rule no-such": ""},
    "/ui/attempts?status=503": {"apus trace --attempts --status 503": "warehouse"},
    "/ui/groups": {"apus group list": "{group}"},
    "/ui/groups/{group}": {"apus group describe {group}": "orders"},
    "/ui/clients": {"apus client list": "python-requests"},
}
def lines_of(page):
    return page.locator("main [data-cli]").evaluate_all("(all) => all.map((one) => one.dataset.cli)")


def test_the_commands_at_the_foot_of_pages_tell_what_the_page_does(scene, open_page, group):
    server = scene.server
    scene.wait_for_event_type("order.placed")
    page = open_page(server.url + "/ui/no/such/page")
    for path, wanted in FEET.items():
        page.goto(server.url + path.format(group=group))
        page.wait_for_selector("main [data-cli]")
        shown = lines_of(page)
        for line, word in wanted.items():
            line = f"{line.format(group=group)} --url {server.url}"
            assert line in shown, (path, shown)
            printed = run(line, server)
            # Each line of it is JSON.
            [json.loads(one) for one in printed.splitlines()]
            assert word.format(group=group) in printed, (line, printed[:500])


def test_a_page_that_was_asked_nothing_shows_no_command(scene, open_page):
    page = open_page(scene.server.url + "/ui/find")
    page.wait_for_selector("text=Say what is known of the event.")
    assert lines_of(page) == []


def test_values_that_begin_with_a_dash_stay_values(scene, open_page):
    server, topic = scene.server, f"dashed-{uuid.uuid4().hex[:8]}"
    page = open_page(f"{server.url}/ui/find?key=-5&text=-foo&topic=orders")
    page.wait_for_selector("main [data-cli]")
    [line] = lines_of(page)
    assert line == f"apus trace --key=-5 --text=-foo --topic orders --list --url {server.url}"
    run(line, server)
    page.goto(server.url + "/ui/")
    page.click("button:has-text('Publish an event')")
    for name, value in (("Topic", topic), ("Subject", "-x"), ("Key", "-5")):
        page.fill(f"dialog label:text-is('{name}') + input", value)
    line = page.locator("dialog [data-cli]").get_attribute("data-cli")
    assert "--subject=-x --key=-5" in line
    run(line, server)
    [stored] = server.read_all(topic)
    assert (stored["subject"], stored["partitionkey"]) == ("-x", "-5")
    server.succeed("POST", f"/v1/topics/{topic}/events", json={"specversion": "1.0", "id": "-7", "type": "t", "source": "/s"},
                   headers={"Content-Type": "application/cloudevents+json"})
    # What belongs to no option comes behind all of them.
    page.goto(f"{server.url}/ui/find?id=-7")
    page.wait_for_selector("main [data-cli]")
    [line] = lines_of(page)
    assert line == f"apus trace --list --url {server.url} -- -7"
    done = subprocess.run([server.binary, *line.split()[1:]], capture_output=True, text=True, timeout=30, check=True)
    assert "-7" in done.stdout


def test_the_command_of_a_topics_settings_changes_nothing_that_is_not_in_it(scene, open_page):
    server = scene.server
    before = server.succeed("GET", "/v1/topics/audit").json()
    page = open_page(server.url + "/ui/topics/audit?tab=settings")
    page.wait_for_selector("main [data-cli]")
    [line] = lines_of(page)
    assert line == f"apus topic set audit --retention 30d --url {server.url}"
    run(line, server)
    after = server.succeed("GET", "/v1/topics/audit").json()
    for member in before.keys() - {"positions", "published"}:
        assert after[member] == before[member], member


def test_the_command_of_the_settings_writes_an_archive(scene, open_page, tmp_path):
    page = open_page(scene.server.url + "/ui/settings")
    page.wait_for_selector("main [data-cli]")
    [settings, line] = lines_of(page)
    assert settings == f"apus status --settings --url {scene.server.url}"
    told = {one["name"]: (one["value"], one["origin"]) for one in map(json.loads, run(settings, scene.server).splitlines())}
    assert told["auto-create-topics"] == ("on", "flag") and told["journal-size"] == ("128MiB", "default")
    table = page.locator("table[aria-label='What the server is set to'] tbody tr")
    assert {row.split("\t")[0].strip() for row in table.all_inner_texts()} == set(told)
    assert table.first.inner_text().split("\t")[2].strip() == "flag"
    run(line, scene.server, folder=tmp_path, status=(0, 1))
    assert (tmp_path / "apus.tar.gz").stat().st_size > 0


def test_commands_that_watch_do_that(scene, open_page):
    server, topic = scene.server, f"watched-{uuid.uuid4().hex[:8]}"
    server.create_topic(topic)
    page = open_page(f"{server.url}/ui/live?topic={topic}")
    page.wait_for_selector("main [data-cli]")
    [tail] = lines_of(page)
    assert tail == f"apus tail {topic} --url {server.url}"
    with watching(tail, server) as lines:
        # It tells of what comes from when it has begun on.
        wait_for(lambda: server.publish(topic, event("one", type="watched.event")) and lines, "a line of it")
        assert "watched.event" in lines[0]
    page.goto(server.url + "/ui/bottlenecks?sort=name")
    page.wait_for_selector("main [data-cli]")
    top = lines_of(page)[-1]
    assert top == f"apus top --sort name --url {server.url}"
    with watching(top, server) as lines:
        wait_for(lambda: any("billing" in line for line in lines), "a subscription")


@contextlib.contextmanager
def watching(line, server):
    """Runs a command that does not end by itself; gives the lines that it has printed so far."""
    process = subprocess.Popen(
        ["bash", "-c", 'apus() { exec "$APUS" "$@"; }; ' + line], text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, env={**os.environ, "APUS": shutil.which(server.binary) or server.binary})
    lines = []
    reader = threading.Thread(target=lambda: [lines.append(one) for one in iter(process.stdout.readline, "")], daemon=True)
    reader.start()
    try:
        yield lines
    finally:
        process.kill()
        process.wait()
        reader.join()
        process.stdout.close()


def test_what_empty_pages_propose_works_in_that_order(new_server, open_page, receiver, tmp_path):
    """On a server where there is nothing: whoever follows what the pages say has made one of everything."""
    server = new_server("--auto-create-topics", "--allow-private-webhooks").start()
    (tmp_path / "order.json").write_text('{"type": "object"}')
    page = open_page(server.url + "/ui/no/such/page")
    proposed = {}
    for name in ("topics", "live", "event-types", "subscriptions", "rules", "schedules", "schemas", "dead-letters"):
        page.goto(f"{server.url}/ui/{name}")
        page.wait_for_selector("main .empty")
        proposed[name] = [one.removeprefix("$ ") for one in page.locator("main .empty .code-line code").all_inner_texts()]
    assert all(proposed.values())
    # Topics that they take for granted.
    for topic in ("vip", "reports"):
        server.create_topic(topic)
    lease = None
    for line in (one for lines in proposed.values() for one in lines):
        # What stands for something of one's own.
        printed = run(line.replace("https://example.org/hook", receiver.url).replace("LEASE", lease or ""), server, folder=tmp_path)
        if line.startswith("apus receive "):
            lease = json.loads(printed.splitlines()[0])["lease"]
    for path, member, name in (
            ("topics", "topics", "orders"), ("event-types", "event_types", "order.placed"), ("subscriptions", "subscriptions", "billing"),
            ("subscriptions", "subscriptions", "hooks"), ("rules", "rules", "vip"), ("schedules", "schedules", "report"),
            ("schemas", "subjects", "orders-value"), ("delayed", "delayed", "orders"), ("dead-letters", "dead_letters", "no such customer")):
        assert name in json.dumps(server.succeed("GET", f"/v1/{path}").json()[member]), path
