# SPDX-License-Identifier: Apache-2.0
"""The alerts and dashboards in monitoring/, held against Debian's Prometheus: rules as promtool judges them on a clock of its own, every
expression against a server that really runs, and an incident from its first alert to the all-clear."""

import json
import pathlib
import re
import shutil
import subprocess
import time

import pytest
import requests
import yaml

from apus_server import event
from free_ports import free_port

FOLDER = pathlib.Path(__file__).resolve().parents[3] / "monitoring"
RULES = FOLDER / "prometheus" / "apus.rules.yml"
DASHBOARDS = sorted((FOLDER / "grafana").glob("*.json"))

pytestmark = pytest.mark.skipif(not shutil.which("prometheus"), reason="prometheus is not installed")


def expressions():
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        for rule in group["rules"]:
            yield f"{RULES.name}: {rule['alert']}", rule["expr"]
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel.get("targets", []):
                yield f"{path.name}: {panel['title']}", re.sub(r"\$(instance|subscription)", ".*", target["expr"])


class Prometheus:
    """A Prometheus that looks at one server five times a second, with rules that do not wait before they fire and whose minutes are
    seconds; nothing else in them is changed."""

    def __init__(self, folder, server):
        rules = yaml.safe_load(RULES.read_text())
        for group in rules["groups"]:
            group["interval"] = "200ms"
            # The disk is the machine's, on which other tests write meanwhile: within seconds it may well look as if it were soon full. promtool
            # judges this one on series of its own.
            group["rules"] = [rule for rule in group["rules"] if rule["alert"] != "ApusDiskFilling"]
            for rule in group["rules"]:
                rule.pop("for", None)
                rule["expr"] = rule["expr"].replace("> 300", "> 1").replace("[5m]", "[2s]").replace("[15m]", "[5s]")
        (folder / "rules.yml").write_text(yaml.safe_dump(rules))
        (folder / "prometheus.yml").write_text(yaml.safe_dump({
            "global": {"scrape_interval": "200ms", "evaluation_interval": "200ms", "scrape_timeout": "200ms"},
            "rule_files": ["rules.yml"],
            "scrape_configs": [
                {"job_name": "apus", "static_configs": [{"targets": [f"127.0.0.1:{server.port}"]}]}]}))
        self.url = f"http://127.0.0.1:{free_port()}"
        self.log = (folder / "prometheus.log").open("wb")
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}",
             f"--web.listen-address={self.url.removeprefix('http://')}", "--enable-feature=exemplar-storage"], stdout=self.log, stderr=self.log)
        self.wait("it looks at the server", lambda: self.query('up{job="apus"} == 1'))

    def close(self):
        self.process.kill()
        self.process.wait()
        self.log.close()

    def query(self, expression):
        try:
            response = requests.get(f"{self.url}/api/v1/query", {"query": expression}, timeout=10)
        except requests.ConnectionError:
            assert self.process.poll() is None, "Prometheus has ended"
            return []
        # While it starts up it answers, in plain text, that it is not ready.
        if response.status_code == 503:
            return []
        answer = response.json()
        assert answer["status"] == "success", f"{expression}: {answer}"
        return answer["data"]["result"]

    def firing(self):
        return {
            (alert["labels"]["alertname"], alert["labels"].get("subscription"))
            for alert in requests.get(f"{self.url}/api/v1/alerts", timeout=10).json()["data"]["alerts"]
            if alert["state"] == "firing"}

    def wait(self, what, condition, seconds=60):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"never: {what}; firing are {self.firing()}"
            time.sleep(0.1)


def settle(server, subscription, verb, count):
    """Takes `count` events and settles all of them in one way."""
    while count:
        taken = server.succeed(
            "POST", f"/v1/subscriptions/{subscription}/receive", json={"max": count, "wait": "1s"}).json()["deliveries"]
        body = {"leases": [delivery["lease"] for delivery in taken]}
        results = server.succeed("POST", f"/v1/subscriptions/{subscription}/{verb}", json=body).json()["results"]
        assert all(result["status"] == "ok" for result in results)
        count -= len(taken)


@pytest.fixture
def prometheus(tmp_path, server):
    found = Prometheus(tmp_path, server)
    yield found
    found.close()


@pytest.fixture
def server(new_server):
    return new_server("--allow-private-webhooks").start()


def test_rules_are_what_prometheus_takes_and_do_what_they_promise():
    for arguments in (["check", "rules", RULES], ["test", "rules", RULES.with_suffix(".test.yml")]):
        run = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, cwd=RULES.parent)
        assert run.returncode == 0, run.stdout + run.stderr


def test_every_alert_is_played_in_the_rules_own_tests_and_says_what_next():
    played = RULES.with_suffix(".test.yml").read_text()
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        for rule in group["rules"]:
            assert f'"{rule["alert"]}"' in played or f"alertname: {rule['alert']}\n" in played, rule["alert"]
            assert rule["annotations"]["summary"] and rule["annotations"]["description"], rule["alert"]
            assert rule["labels"]["severity"] in ("info", "warning", "critical")


def test_every_metric_that_is_asked_for_is_one_that_the_server_has():
    page = (FOLDER.parent / "docs" / "observability.md").read_text()
    known = set(re.findall(r"`(?:[^`]*?)(\b(?:apus|process)_[a-z_]+)", page))
    for place, expression in expressions():
        for name in re.findall(r"\b(?:apus|process)_[a-z_]+", expression):
            assert re.sub(r"_(bucket|sum|count)$", "", name) in known, f"{place}: {name}"


def test_dashboards_can_be_imported_and_their_queries_run(prometheus, server):
    assert len(DASHBOARDS) >= 2
    for path in DASHBOARDS:
        board = json.loads(path.read_text())
        assert board["uid"] and board["title"] and board["schemaVersion"] >= 36
        places = [panel["gridPos"] for panel in board["panels"]]
        assert all(place["x"] + place["w"] <= 24 for place in places)
        cells = [(x, y) for p in places for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])]
        assert len(cells) == len(set(cells)), f"panels of {path.name} lie on each other"
    for _, expression in expressions():
        prometheus.query(expression)


def test_prometheus_takes_the_exposition_and_its_exemplars_lead_to_traces(prometheus, server):
    """It asks for OpenMetrics by itself; promtool looks at the older format."""
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    server.create_topic("traced")
    server.succeed(
        "POST", "/v1/topics/traced/events", json={}, headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    now = time.time()

    def exemplars():
        answer = requests.get(f"{prometheus.url}/api/v1/query_exemplars", {
            "query": "apus_publish_ack_duration_seconds_bucket", "start": now - 60, "end": now + 600}, timeout=10).json()
        return {found["labels"]["trace_id"] for series in answer["data"] for found in series["exemplars"]}
    prometheus.wait("the exemplar comes", lambda: exemplars() == {trace})
    run = subprocess.run(["promtool", "check", "metrics"], input=server.metrics(), capture_output=True, text=True)
    assert "error" not in run.stderr.lower() and run.returncode in (0, 3), run.stderr


def test_an_incident_from_its_first_alert_to_the_all_clear(prometheus, server):
    """A consumer stays away and another gives everything up; then both are mended, and the server is killed and comes back."""
    assert prometheus.firing() == set()
    server.create_topic("orders")
    server.succeed("PUT", "/v1/subscriptions/billing", json={"topic": "orders", "start": "earliest"})
    server.succeed("PUT", "/v1/subscriptions/shipping", json={"topic": "orders", "start": "earliest"})
    # A counter says nothing of what happened before it was first seen.
    prometheus.wait("subscriptions are seen", lambda: len(prometheus.query("apus_subscription_backlog")) == 2)
    server.publish("orders", *(event(number) for number in range(3)))
    settle(server, "shipping", "reject", 3)
    prometheus.wait(
        "both are told of", lambda: {("ApusSubscriptionStuck", "billing"), ("ApusDeadLetters", "shipping")}
        <= prometheus.firing())
    assert ("ApusSubscriptionStuck", "shipping") not in prometheus.firing()

    settle(server, "billing", "ack", 3)
    prometheus.wait("all is well", lambda: prometheus.firing() == set())

    server.kill()
    prometheus.wait("the server is missed", lambda: ("ApusDown", None) in prometheus.firing())
    server.start()
    prometheus.wait("all is well again", lambda: prometheus.firing() == set())
