# SPDX-License-Identifier: Apache-2.0
"""A support bundle is read by others: it has what they need, and none of the secrets that were planted everywhere, nor an event's data."""

import http.server
import json
import os
import stat
import subprocess
import tarfile
import threading
import time

import pytest

from apus_server import event

PLANTED = {
    "token": "tok-planted-0123456789abcdef", "webhook secret": "whsec_cGxhbnRlZC1zaWduaW5nLXNlY3JldC0wMTIz",
    "userinfo": "planted-userinfo", "query": "planted-query", "header": "planted-header-value", "payload": "planted-payload",
    "schedule": "planted-schedule-data", "environment": "planted-environment-secret", "key": "planted-key",
    "schema text": "planted-schema-text", "path": "xP1antedPathToken0123456789"}


@pytest.fixture
def server(new_server, tmp_path):
    token = tmp_path / "token"
    token.write_text(PLANTED["token"])
    server = new_server("--allow-private-webhooks", "--look-interval", "300ms", "--token-file", str(token))
    server.launch()
    server.http.headers["Authorization"] = f"Bearer {PLANTED['token']}"
    server.wait_until_ready()
    return server


@pytest.fixture
def echo():
    """A receiver that refuses events and repeats them in its answer, as many do; and its address."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(400)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.daemon_threads = True
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{made.server_port}/hook"
    made.shutdown()
    made.server_close()


def wait_for(what, text):
    """What a function answers, once it has this text in it."""
    end = time.monotonic() + 30
    while text not in json.dumps(answer := what()):
        assert time.monotonic() < end, f"{text} is not in {answer}"
        time.sleep(0.05)
    return answer


def plant(server, echo):
    """A server with a secret in every place that can have one."""
    server.create_topic("orders")
    server.create_topic("vip")
    server.succeed("PUT", "/v1/subscriptions/hooks", json={
        "topic": "orders", "start": "earliest", "max_attempts": 2, "retry": {"initial": "10ms", "max": "10ms"},
        "push": {
            "url": f"http://127.0.0.1:1/hook/T0/{PLANTED['path']}?key={PLANTED['query']}", "secrets": [PLANTED["webhook secret"]],
            "headers": {"x-planted": PLANTED["header"], "authorization": "Bearer " + PLANTED["header"]}}})
    server.succeed("PUT", "/v1/subscriptions/billing", json={"topic": "orders", "start": "earliest", "ordering": {"by": "key"}})
    server.succeed("PUT", "/v1/subscriptions/echo", json={
        "topic": "orders", "start": "earliest", "push": {"url": echo, "breaker": {"failures": 0}}})
    server.succeed("PUT", "/v1/subscriptions/reader", json={"topic": "orders", "start": "earliest"})
    server.create_rule("r", "orders", {"type": ["x"]}, [{"topic": "vip"}])
    server.succeed("PUT", "/v1/schedules/daily", json={
        "topic": "orders", "schedule": "0 9 * * *", "event": {"type": "t", "source": "/s", "data": {"s": PLANTED["schedule"]}}})
    server.succeed("POST", "/v1/schemas/orders-value/versions", json={
        "schema": {"type": "object", "description": PLANTED["schema text"]}})
    server.publish("orders", *[
        event(number, {"note": PLANTED["payload"]}, partitionkey=PLANTED["key"]) for number in range(30)])
    # A consumer's reason is what a person wrote, and may quote the event.
    [taken] = server.succeed("POST", "/v1/subscriptions/reader/receive", json={"max": 1, "wait": "5s"}).json()["deliveries"]
    server.succeed("POST", "/v1/subscriptions/reader/reject", json={"leases": [taken["lease"]], "reason": f"bad {PLANTED['payload']}"})
    # What could tell of events is there before the bundle is made.
    get = lambda path: server.succeed("GET", path).json()
    wait_for(lambda: get("/v1/subscriptions/billing/explanation"), "hot_key")
    wait_for(lambda: get("/v1/subscriptions/echo"), PLANTED["payload"])
    for what in ("answered with status 400", "given up by its consumer"):
        wait_for(lambda: get("/v1/log?limit=1000"), what)


def bundle(server, path, *arguments, check=True):
    done = subprocess.run(
        [server.binary, "doctor", "--url", server.url, "--data", str(server.data), "--bundle", str(path), *arguments],
        capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "APUS_TOKEN": PLANTED["token"], "APUS_SECRET_RABBIT": PLANTED["environment"]})
    assert not check or path.exists(), done.stderr
    return done


def contents(path):
    with tarfile.open(path) as archive:
        return {member.name: archive.extractfile(member).read().decode() for member in archive.getmembers()}


def test_no_secret_and_no_event_leaves(server, tmp_path, echo):
    plant(server, echo)
    assert PLANTED["payload"] not in server.log.read_text()
    assert PLANTED["payload"] not in server.succeed("GET", "/v1/log?limit=1000").text
    log = tmp_path / "old.log"
    log.write_text(
        f"connected to amqp://{PLANTED['userinfo']}:x@rabbit/shop\ntoken {PLANTED['token']}\nsecret {PLANTED['environment']}\nposted to https://hooks.example/T0/{PLANTED['path']}, twice\nlast line\n")
    path = tmp_path / "apus.tar.gz"
    done = bundle(server, path, "--log", str(log))
    assert "look through it" in done.stderr
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    files = contents(path)
    for name, text in files.items():
        for what, secret in PLANTED.items():
            assert secret not in text, f"the {what} is in {name}"
    prefix = "apus-bundle/"
    billing = next(one for one in json.loads(files[prefix + "server/explanations.json"]) if one["subscription"] == "billing")
    assert "hot_key" in [one["cause"] for one in billing["causes"]]
    assert {name.removeprefix(prefix) for name in files} >= {
        "README.txt", "doctor.json", "machine.json", "log.txt", "server/status.json", "server/diagnosis.json",
        "server/alarms.json", "server/bottlenecks.json", "server/explanations.json", "server/metrics.txt", "definitions/topics.json",
        "definitions/subscriptions.json", "definitions/rules.json", "definitions/schedules.json", "definitions/schemas.json", "server/log.json",
        "server/clients.json"}
    assert json.loads(files[prefix + "definitions/schemas.json"])[0] == {
        "subject": "orders-value", "compatibility": "backward", "mode": "readwrite", "event_types": [], "versions": [1]}
    lines = json.loads(files[prefix + "server/log.json"])
    assert any(line["message"] == "listening" and line["level"] == "info" for line in lines)
    subscriptions = json.loads(files[prefix + "definitions/subscriptions.json"])
    hook = next(one for one in subscriptions if one["name"] == "hooks")
    assert hook["push"]["url"] == "http://127.0.0.1:1/hook/T0/****?key=****"
    assert set(hook["push"]["headers"].values()) == {"***"}
    assert "last line" in files[prefix + "log.txt"]
    assert "apus_published_events_total" in files[prefix + "server/metrics.txt"]
    assert json.loads(files[prefix + "machine.json"])["processors"] >= 1
    assert json.loads(files[prefix + "server/status.json"])["version"]


def test_a_server_that_is_gone_leaves_a_bundle_that_says_so(server, tmp_path):
    server.kill()
    path = tmp_path / "apus.tar.gz"
    done = bundle(server, path)
    assert done.returncode == 1
    files = contents(path)
    assert "error" in json.loads(files["apus-bundle/server/status.json"])
    assert any(check["status"] == "fail" for check in json.loads(files["apus-bundle/doctor.json"]))
