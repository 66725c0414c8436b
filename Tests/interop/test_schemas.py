# SPDX-License-Identifier: Apache-2.0
"""Schemas against the built binary: registered, kept through kill -9, enforced where events come in over HTTP and by the command."""

import json
import subprocess
import uuid

import pytest

from apus_server import ApusServer

ORDER = {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer", "minimum": 1}}}


@pytest.fixture
def subject():
    return f"s-{uuid.uuid4().hex[:12]}"


def register(server, subject, schema, **more):
    return server.request("POST", f"/v1/schemas/{subject}/versions", json={"schema": schema, **more})


def enforced(server, topic, **settings):
    server.succeed("PUT", f"/v1/topics/{topic}", json={"schema": {"enforcement": "enforce", **settings}})


def event(data, **attributes):
    return {"specversion": "1.0", "id": uuid.uuid4().hex, "source": "/test", "type": "order", "data": data, **attributes}


def publish(server, topic, events):
    if isinstance(events, list):
        return server.request(
            "POST", f"/v1/topics/{topic}/events", data=json.dumps(events),
            headers={"Content-Type": "application/cloudevents-batch+json"})
    return server.request(
        "POST", f"/v1/topics/{topic}/events", data=json.dumps(events),
        headers={"Content-Type": "application/cloudevents+json"})


def apus(server, *arguments, check=True):
    """Runs a command against a server."""
    done = subprocess.run(
        [server.binary, *arguments, "--url", server.url], capture_output=True, text=True, timeout=60,
        stdin=subprocess.DEVNULL)
    assert not check or done.returncode == 0, done.stderr
    return done


def test_what_was_registered_survives_kill_9(tmp_path):
    server = ApusServer(tmp_path).start()
    try:
        assert register(server, "orders-value", ORDER).status_code == 201
        again = register(server, "orders-value", ORDER)
        assert (again.status_code, again.json()["version"], again.json()["id"]) == (200, 1, 1)
        server.succeed("PUT", "/v1/schemas/orders-value/config", json={
            "compatibility": "full", "assert_formats": True, "event_types": ["order"]})
        register(server, "gone", {"type": "string"})
        server.succeed("DELETE", "/v1/schemas/gone")
        server.create_topic("orders", 1)
        enforced(server, "orders")
        server.kill()
        server.start()
        version = server.succeed("GET", "/v1/schemas/orders-value/versions/latest").json()
        assert (version["version"], version["id"], version["schema"]) == (1, 1, ORDER)
        config = server.succeed("GET", "/v1/schemas/orders-value/config").json()
        assert (config["compatibility"], config["assert_formats"], config["event_types"]) == ("full", True, ["order"])
        assert [s["subject"] for s in server.succeed("GET", "/v1/schemas").json()["subjects"]] == ["orders-value"]
        assert server.request("GET", "/v1/schemas/gone").status_code == 404
        assert server.succeed("GET", "/v1/schema-ids/2").json()["schema"] == {"type": "string"}
        assert publish(server, "orders", event({"id": 0})).status_code == 422
        assert publish(server, "orders", event({"id": 1})).status_code == 200
    finally:
        server.kill()


def test_formats_are_checked_where_that_is_decided(apus_server, topic):
    subject = f"{topic}-value"
    register(apus_server, subject, {"type": "object", "properties": {"day": {"type": "string", "format": "date"}}})
    enforced(apus_server, topic)
    assert publish(apus_server, topic, event({"day": "today"})).status_code == 200
    assert '"effective":{' in apus(apus_server, "schema", "config", subject, "--json").stdout.replace(" ", "")
    apus(apus_server, "schema", "config", subject, "--assert-formats", "yes")
    refused = publish(apus_server, topic, event({"day": "today"}))
    assert refused.status_code == 422
    assert [(v["path"], v["rule"]) for v in refused.json()["violations"]] == [("/day", "format")]
    judged = apus_server.succeed("POST", f"/v1/schemas/{subject}/versions/1/judge", json={"data": {"day": "today"}}).json()
    assert not judged["valid"]
    apus(apus_server, "schema", "config", subject, "--assert-formats", "inherit")
    assert publish(apus_server, topic, event({"day": "today"})).status_code == 200
    assert apus(apus_server, "schema", "config", subject, "--assert-formats", "perhaps", check=False).returncode != 0


def test_a_refusal_says_what_is_wrong_and_where(apus_server, topic):
    subject = f"{topic}-value"
    register(apus_server, subject, ORDER)
    enforced(apus_server, topic)
    answer = publish(apus_server, topic, event({"id": 0}))
    problem = answer.json()
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    violation = problem["violations"][0]
    assert (violation["event"], violation["path"], violation["rule"], violation["got"]) == (0, "/id", "minimum", "0")
    assert (violation["subject"], violation["version"]) == (subject, 1)
    assert problem["retryable"] is False
    batch = publish(apus_server, topic, [event({"id": 1}), event({}), event({"id": "x"})])
    assert batch.status_code == 422
    assert [(v["event"], v["rule"]) for v in batch.json()["violations"]] == [(1, "required"), (2, "type")]
    assert apus_server.succeed("GET", f"/v1/topics/{topic}/events?from=earliest").json()["events"] == []


def test_with_quarantine_the_rest_of_a_batch_is_stored(apus_server, topic):
    register(apus_server, f"{topic}-value", ORDER)
    enforced(apus_server, topic, quarantine=f"{topic}.bad")
    receipts = publish(apus_server, topic, [event({"id": 1}), event({}), event({"id": 2})]).json()["receipts"]
    assert [r["topic"] for r in receipts] == [topic, f"{topic}.bad", topic]
    assert [r.get("quarantined", False) for r in receipts] == [False, True, False]
    aside = apus_server.succeed("GET", f"/v1/topics/{topic}.bad/events?from=earliest").json()["events"]
    assert len(aside) == 1
    text = apus_server.succeed("GET", "/metrics").text
    assert f'apus_schema_validated_events_total{{topic="{topic}"}} 3' in text
    assert f'apus_schema_violations_total{{enforcement="enforce",topic="{topic}"}} 1' in text \
        or f'apus_schema_violations_total{{topic="{topic}",enforcement="enforce"}} 1' in text


def test_warn_lets_pass(apus_server, topic):
    register(apus_server, f"{topic}-value", ORDER)
    apus_server.succeed("PUT", f"/v1/topics/{topic}", json={"schema": {"enforcement": "warn"}})
    assert publish(apus_server, topic, event({})).status_code == 200
    apus_server.succeed("PUT", f"/v1/topics/{topic}", json={"schema": None})
    assert apus_server.succeed("GET", f"/v1/topics/{topic}").json()["schema"]["enforcement"] == "off"


@pytest.mark.parametrize("schema, status", [
    ({"type": "strange"}, 422), ({"$ref": "nowhere.json"}, 422), ({"$schema": "https://example.com/x"}, 422), ("{", 422),
    ({"pattern": "(?=a)"}, 422), (7, 400)])
def test_what_is_no_schema_is_refused_and_not_stored(apus_server, subject, schema, status):
    assert register(apus_server, subject, schema).status_code == status
    assert apus_server.request("GET", f"/v1/schemas/{subject}").status_code == 404


def test_a_schema_that_is_too_large_is_refused(apus_server, subject):
    answer = register(apus_server, subject, json.dumps({"$comment": "x" * (1 << 20)}))
    assert answer.status_code in (413, 422)
    assert apus_server.request("GET", f"/v1/schemas/{subject}").status_code == 404


HOSTILE = {
    "10 MB": lambda: '{"$comment": "' + "x" * (10 << 20) + '"}',
    "nested 100,000 deep": lambda: '{"not":' * 100_000 + "true" + "}" * 100_000,
    "an enum of 500,000 values": lambda: '{"enum": [' + ",".join(map(str, range(500_000))) + "]}",
    "an enum of 20,000 values": lambda: '{"enum": [' + ",".join(map(str, range(20_000))) + "]}",
    "an alternative of 100,000 schemas": lambda: '{"anyOf": [' + ",".join(["true"] * 100_000) + "]}",
    "a reference to itself": lambda: '{"$ref": "#"}',
    "an expression that explodes": lambda: '{"pattern": "(a{1,500}){1,500}"}',
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_schema_is_refused_by_every_api_and_nothing_is_stored(apus_server, subject, what):
    """With a reason that a person can read, within seconds, by a server that goes on."""
    text = HOSTILE[what]()
    answers = [
        register(apus_server, subject, text),
        apus_server.request(
            "POST", f"/schema-registry/subjects/{subject}/versions",
            json={"schemaType": "JSON", "schema": text}, headers={"Content-Type": "application/vnd.schemaregistry.v1+json"}),
        apus_server.request(
            "PUT", f"/xregistry/schemagroups/default/schemas/{subject}", data=text,
            headers={"Content-Type": "application/schema+json"}),
        apus_server.request("POST", f"/v1/schemas/{subject}/check", json={"schema": text}),
    ]
    for answer in answers:
        assert answer.status_code in (400, 413, 422), answer.text[:500]
        body = answer.json()
        reason = body.get("detail") or body.get("message") or body.get("title")
        assert 20 < len(reason) < 1000, reason[:2000]
        assert answer.elapsed.total_seconds() < 5
    assert apus_server.request("GET", f"/v1/schemas/{subject}").status_code == 404


@pytest.mark.parametrize("data, words", [
    ("[" * 100_000 + "]" * 100_000, "deep"), ('{"id":' * 100_000 + "1" + "}" * 100_000, "deep"),
    ('{"id": 1, "a": "\\ud800"}', ""), ('{"id": 1e999999999}', "")])
def test_a_hostile_document_is_judged_and_the_server_goes_on(apus_server, topic, data, words):
    register(apus_server, f"{topic}-value", ORDER)
    enforced(apus_server, topic)
    answer = apus_server.request(
        "POST", f"/v1/topics/{topic}/events", data=data,
        headers={"Content-Type": "application/json", "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "order"})
    assert answer.status_code in ((422,) if words else (200, 422))
    assert words in answer.text
    assert answer.elapsed.total_seconds() < 5
    assert publish(apus_server, topic, event({"id": 1})).status_code == 200


def test_references_lead_to_registered_versions(apus_server, subject):
    register(apus_server, f"{subject}-address", {"required": ["city"]})
    reference = {"name": "address.json", "subject": f"{subject}-address", "version": 1}
    schema = {"properties": {"to": {"$ref": "address.json"}}}
    assert register(apus_server, subject, schema, references=[reference]).status_code == 201
    judged = apus_server.succeed("POST", f"/v1/schemas/{subject}/versions/1/judge", json={"data": {"to": {}}}).json()
    assert judged["valid"] is False
    assert judged["violations"][0]["path"] == "/to"
    refused = apus_server.request("DELETE", f"/v1/schemas/{subject}-address")
    assert refused.status_code == 409
    missing = {**reference, "version": 9}
    assert register(apus_server, subject, True, references=[missing]).status_code == 422


def test_a_new_version_is_compared_by_what_it_accepts(apus_server, subject):
    """Backward by default: what was accepted stays accepted, whatever the texts look like."""
    assert register(apus_server, subject, ORDER).status_code == 201
    wider = {**ORDER, "properties": {"id": {"type": "number", "exclusiveMinimum": 0}}, "$comment": "written otherwise"}
    assert register(apus_server, subject, wider).status_code == 201
    narrower = {**wider, "required": ["id", "total"]}
    refused = register(apus_server, subject, narrower)
    assert refused.status_code == 409
    assert "total" in refused.text and "backward" in refused.text
    apus_server.succeed("PUT", f"/v1/schemas/{subject}/config", json={"compatibility": "forward"})
    assert register(apus_server, subject, narrower).status_code == 201
    assert register(apus_server, subject, {"type": "object"}).status_code == 409


def test_deleting_is_soft_first(apus_server, subject):
    register(apus_server, subject, {"type": "object"})
    assert apus_server.request("DELETE", f"/v1/schemas/{subject}?permanent=true").status_code == 409
    assert apus_server.request("DELETE", f"/v1/schemas/{subject}").status_code == 204
    assert apus_server.request("DELETE", f"/v1/schemas/{subject}").status_code == 404
    assert apus_server.succeed("GET", f"/v1/schemas/{subject}?deleted=true").json()["versions"] == [1]
    assert apus_server.request("DELETE", f"/v1/schemas/{subject}?permanent=true").status_code == 204
    assert apus_server.request("GET", f"/v1/schemas/{subject}?deleted=true").status_code == 404
    assert register(apus_server, subject, {"type": "object"}).json()["version"] == 2


def test_subjects_are_called_whatever_people_like(apus_server):
    name = f"shop/orders ä {uuid.uuid4().hex[:6]}"
    path = "/v1/schemas/" + name.replace("/", "%2F").replace(" ", "%20").replace("ä", "%C3%A4")
    assert apus_server.request("POST", f"{path}/versions", json={"schema": True}).status_code == 201
    assert apus_server.succeed("GET", f"{path}/versions").json()["versions"][0]["subject"] == name


def test_the_command_does_all_of_it(apus_server, topic, tmp_path, subject):
    file = tmp_path / "order.json"
    file.write_text(json.dumps(ORDER))
    def run(*arguments, check=True):
        return apus(apus_server, *arguments, check=check)

    assert "version 1" in run("schema", "put", subject, str(file)).stdout
    assert "there already" in run("schema", "put", subject, str(file)).stdout
    assert subject in run("schema", "list").stdout
    assert "minimum" in run("schema", "show", subject).stdout
    assert "1" in run("schema", "versions", subject).stdout
    assert "compatible" in run("schema", "check", subject, str(file)).stdout
    file.write_text(json.dumps({"type": "string"}))
    refused = run("schema", "check", subject, str(file), check=False)
    assert refused.returncode == 1 and "not compatible" in refused.stdout
    run("schema", "config", subject, "--compatibility", "none", "--event-type", f"{subject}.made")
    assert "none" in run("schema", "config", subject).stdout
    run("topic", "set", topic, "--schema", "enforce", "--schema-subject", subject)
    bad = run("publish", topic, '{"id": 0}', check=False)
    assert bad.returncode == 1 and "/id" in bad.stderr
    run("schema", "delete", subject, "--yes")
    run("schema", "delete", subject, "--permanent", "--yes")
    assert subject not in run("schema", "list", "--deleted").stdout
