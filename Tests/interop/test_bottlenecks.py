# SPDX-License-Identifier: Apache-2.0
"""'Why is this slow?' on a real server: receivers that are slow, down, and well again; what `apus explain`, `apus top` and `apus status` say of them, and
the alarms of slow consumers."""

import json
import os
import pty
import re
import select
import subprocess
import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from apus_server import event

LOOK = "300ms"


@pytest.fixture
def server(new_server):
    return new_server("--allow-private-webhooks", "--look-interval", LOOK).start()


def until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.1)
    return found


def until_looked(server):
    """Waits until the server has looked at everything that was there when this was called."""
    look = lambda: server.succeed("GET", "/v1/bottlenecks").json()["time"]
    for _ in range(2):
        last = look()
        until(lambda: look() != last)


def apus(server, *arguments, check=True):
    done = subprocess.run(
        [server.binary, *arguments, "--url", server.url], capture_output=True, text=True, check=False, timeout=60)
    assert not check or done.returncode == 0, done.stderr
    return done.stdout


def causes(server, name):
    found = server.succeed("GET", f"/v1/subscriptions/{name}/explanation").json()
    return [cause["cause"] for cause in found["causes"]]


def gauge(server, name, **labels):
    for family in text_string_to_metric_families(server.metrics()):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return sample.value
    return None


def publish(server, topic, count, **attributes):
    server.publish(topic, *[event(number, {"n": number}, **attributes) for number in range(count)])


def test_a_slow_receiver_is_named_with_its_figures(server, hook):
    hook.seconds = 0.3
    server.create_topic("orders")
    server.succeed("PUT", "/v1/subscriptions/hooks", json={
        "topic": "orders", "start": "earliest", "push": {"url": hook.url, "concurrency": 2}})
    publish(server, "orders", 200, partitionkey="acme")
    until(lambda: "slow_receiver" in causes(server, "hooks"))
    found = server.succeed("GET", "/v1/subscriptions/hooks/explanation").json()
    assert found["causes"][0]["cause"] == "slow_receiver"
    assert found["keys"][0]["key"] == "acme"
    assert found["rates"]["room"] == 2 and found["rates"]["utilisation"] > 0.8
    until(lambda: server.succeed("GET", "/v1/subscriptions/hooks").json()["rates"]["drain"])

    told = apus(server, "explain", "hooks")
    assert told.startswith("hooks: ") and "its receiver is slow" in told and "push.concurrency" in told
    assert json.loads(apus(server, "explain", "hooks", "--json"))["causes"][0]["cause"] == "slow_receiver"

    tight = server.succeed("GET", "/v1/bottlenecks?sort=backlog").json()
    assert tight["subscriptions"][0]["name"] == "hooks"
    assert tight["targets"][0]["subscription"] == "hooks"
    assert tight["partitions"][0]["topic"] == "orders"
    assert tight["disk"]["level"] in ("ample", "low")

    hook.seconds = 0
    until(lambda: server.succeed("GET", "/v1/subscriptions/hooks").json()["backlog"] == 0)
    assert causes(server, "hooks") == []
    assert "nothing waits" in apus(server, "explain", "hooks")


def test_what_failed_is_not_failing_once_it_has_recovered(server, hook):
    hook.status = 500
    server.create_topic("orders")
    server.succeed("PUT", "/v1/subscriptions/hooks", json={
        "topic": "orders", "start": "earliest", "max_attempts": 100,
        "push": {"url": hook.url, "breaker": {"failures": 3, "initial": "200ms", "max": "200ms"}},
        "retry": {"initial": "50ms", "max": "50ms"}})
    publish(server, "orders", 20)
    state = lambda: server.succeed("GET", "/v1/subscriptions/hooks").json()["state"]
    until(lambda: state() == "failing")
    until(lambda: causes(server, "hooks")[:1] == ["receiver_down"])
    assert "HTTP 500" in apus(server, "explain", "hooks") or "500" in apus(server, "explain", "hooks")
    hook.status = 204
    publish(server, "orders", 300)
    until(lambda: state() == "ok")
    assert server.succeed("GET", "/v1/diagnosis").json()["findings"] == []


def test_nobody_receives_then_somebody_does(server):
    server.create_topic("orders")
    server.succeed("PUT", "/v1/subscriptions/billing", json={"topic": "orders", "start": "earliest"})
    publish(server, "orders", 1)
    until(lambda: causes(server, "billing") == ["nobody_receives"])
    assert "1 event waits: nobody receives" in apus(server, "explain", "billing")
    assert apus(server, "explain", "nothing", check=False) == ""


def test_idle_rules_and_publishers_of_invalid_events(server):
    server.create_topic("orders", schema={"enforcement": "enforce"})
    server.succeed("POST", "/v1/schemas/orders-value/versions", json={"schema": {"type": "object", "required": ["id"]}})
    server.create_topic("plain")
    server.create_topic("vip")
    until_looked(server)
    server.create_rule("never", "plain", {"type": ["other"]}, [{"topic": "vip"}])
    publish(server, "plain", 5)
    idle = until(lambda: server.succeed("GET", "/v1/bottlenecks").json()["idle_rules"])
    assert [(rule["name"], rule["topic"]) for rule in idle] == [("never", "plain")]
    refused = server.request(
        "POST", "/v1/topics/orders/events", json=event(1, {"n": 1}, source="/till/7"),
        headers={"Content-Type": "application/cloudevents+json"})
    assert refused.status_code == 422, refused.text
    invalid = server.succeed("GET", "/v1/bottlenecks").json()["invalid_publishers"]
    assert [(one["source"], one["topic"], one["events"]) for one in invalid] == [("/till/7", "orders", 1)]
    finding, = server.succeed("GET", "/v1/diagnosis").json()["findings"]
    assert finding["subject"] == "topic orders" and finding["finding"].startswith("1 event was not as") and "refused" in finding["finding"]


def test_events_that_drift_away_from_their_schema_are_told_with_the_command_that_proposes_a_version(server):
    server.succeed("POST", "/v1/schemas/orders-value/versions", json={
        "schema": {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}})
    server.create_topic("orders", schema={"enforcement": "warn"})
    for number in range(3):
        server.succeed("POST", "/v1/topics/orders/events", json=event(number, {"id": f"o-{number}"}, source="/till/7"),
                       headers={"Content-Type": "application/cloudevents+json"})
    status = apus(server, "status", check=False)
    assert "3 events were not as their schema has it, and let pass" in status and "'apus schema infer --topic orders'" in status
    proposed = json.loads(apus(server, "schema", "infer", "--topic", "orders", "--json", check=False))
    assert set(proposed["properties"]["id"]["type"]) == {"integer", "string"}
    server.succeed("PUT", "/v1/schemas/orders-value/config", json={"compatibility": "backward"})
    server.succeed("POST", "/v1/schemas/orders-value/versions", json={"schema": proposed})


def test_a_slow_consumer_is_an_alarm_until_it_has_caught_up(server):
    server.create_topic("orders")
    apus(server, "subscription", "create", "billing", "--topic", "orders", "--from", "earliest",
         "--alarm-age", "1s", "--alarm-backlog", "none")
    publish(server, "orders", 3)
    alarms = lambda: server.succeed("GET", "/v1/alarms").json()["alarms"]
    alarm = until(alarms)[0]
    assert (alarm["alarm"], alarm["subject"]) == ("slow_consumer", "subscription billing")
    assert "3 events wait" in alarm["finding"] and "apus explain billing" in alarm["hint"]
    one = server.succeed("GET", "/v1/subscriptions/billing").json()
    assert one["state"] == "slow" and one["slow_since"] == alarm["since"]
    assert one["alarm"] == {"age": "1s", "backlog": None}
    assert gauge(server, "apus_alarms", alarm="slow_consumer") == 1
    assert gauge(server, "apus_subscription_slow", subscription="billing", topic="orders") == 1
    findings = server.succeed("GET", "/v1/diagnosis").json()["findings"]
    assert any(finding["subject"] == "subscription billing" for finding in findings)

    leases = [one["lease"] for one in server.succeed(
        "POST", "/v1/subscriptions/billing/receive", json={"max": 10}).json()["deliveries"]]
    server.succeed("POST", "/v1/subscriptions/billing/ack", json={"leases": leases})
    until(lambda: not alarms())
    assert gauge(server, "apus_alarms", alarm="slow_consumer") == 0
    log = server.log.read_text()
    assert log.count("its consumers are slow") == 1 and log.count("no longer behind") == 1
    assert '"n"' not in log


def test_status_says_what_needs_attention_first(server):
    server.create_topic("orders")
    server.succeed("PUT", "/v1/subscriptions/billing", json={
        "topic": "orders", "start": "earliest", "alarm": {"age": "1s"}})
    publish(server, "orders", 7)
    until(lambda: server.succeed("GET", "/v1/alarms").json()["alarms"])
    told = apus(server, "status")
    assert re.match(r"apus [0-9.]+: ready, up ", told)
    assert "NEEDS ATTENTION" in told and "apus explain billing" not in told.split("NEEDS ATTENTION")[0]
    assert "billing" in told and "free" in told
    full = json.loads(apus(server, "status", "--json"))
    assert full["ready"] and full["alarms"][0]["subject"] == "subscription billing"
    assert full["load"]["subscriptions"][0]["backlog"] == 7


def test_top_prints_one_picture_or_json_where_there_is_no_terminal(server):
    server.create_topic("orders")
    for name in ("a", "b"):
        server.succeed("PUT", f"/v1/subscriptions/{name}", json={"topic": "orders", "start": "earliest"})
    publish(server, "orders", 5)
    told = apus(server, "top", "--once", "--sort", "name", "--filter", "b")
    assert "SUBSCRIPTION" in told and "\x1b" not in told
    assert [line.split()[0] for line in told.splitlines() if " ok " in line] == ["b"]
    picture = json.loads(apus(server, "top", "--once", "--json"))
    assert picture["load"]["subscriptions"][0]["backlog"] == 5


class Terminal:
    """`apus top` on a terminal of its own."""

    def __init__(self, server, *arguments):
        self.master, slave = pty.openpty()
        self.before = subprocess.run(["stty", "-a"], stdin=slave, capture_output=True, text=True, check=True).stdout
        self.slave = slave
        self.process = subprocess.Popen(
            [server.binary, "top", "--url", server.url, "--interval", "200ms", *arguments], stdin=slave, stdout=slave,
            stderr=slave, env={**os.environ, "TERM": "xterm"})
        self.text = ""

    def read_until(self, text, seconds=20):
        """What came, from the last whole picture on."""
        deadline = time.monotonic() + seconds
        while text not in self.text:
            assert time.monotonic() < deadline, f"no {text!r} in {self.text[-2000:]!r}"
            ready, _, _ = select.select([self.master], [], [], 0.2)
            if ready:
                self.text += os.read(self.master, 65536).decode(errors="replace")

    def press(self, keys):
        self.text = ""
        os.write(self.master, keys.encode())

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)


def test_top_on_a_terminal_redraws_in_place_heeds_keys_and_leaves_it_as_it_was(server):
    server.create_topic("orders")
    for name in ("alpha", "beta"):
        server.succeed("PUT", f"/v1/subscriptions/{name}", json={"topic": "orders", "start": "earliest"})
    publish(server, "orders", 5)
    terminal = Terminal(server)
    try:
        terminal.read_until("by backlog")
        assert "\x1b[?1049h" in terminal.text and "\x1b[H" in terminal.text
        assert "alpha" in terminal.text and "beta" in terminal.text
        terminal.press("n")
        terminal.read_until("by name")
        terminal.press("/bet")
        terminal.read_until("filter: bet_")
        terminal.press("\r")
        terminal.read_until("filter 'bet'")
        terminal.press(" ")
        terminal.read_until("\x1b[J")
        assert "alpha" not in terminal.text
        terminal.press("q")
        terminal.read_until("\x1b[?1049l")
        assert terminal.process.wait(timeout=10) == 0
        after = subprocess.run(["stty", "-a"], stdin=terminal.slave, capture_output=True, text=True, check=True).stdout
        assert after == terminal.before
    finally:
        terminal.close()
