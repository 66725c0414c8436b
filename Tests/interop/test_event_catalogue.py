# SPDX-License-Identifier: Apache-2.0
"""The catalogue of events against the built binary: discovered from traffic, declared by file, remembered through kill -9, told by the command, exported as a page
and as AsyncAPI that other people's model of the specification accepts."""

import html.parser
import json
import os
import pathlib
import re
import subprocess
import time
import uuid

import pytest

from apus_server import ApusServer

DOCS = pathlib.Path(__file__).parents[2] / "docs"


def apus(server, *arguments, check=True, stdin=None):
    """Runs a command against a server."""
    done = subprocess.run(
        [server.binary, *arguments, "--url", server.url], capture_output=True, text=True, timeout=60, input=stdin or "")
    assert not check or done.returncode == 0, done.stderr
    return done


def publish(server, topic, type, data, source="/shop"):
    server.succeed(
        "POST", f"/v1/topics/{topic}/events", data=json.dumps(data),
        headers={"Content-Type": "application/json", "ce-specversion": "1.0", "ce-id": uuid.uuid4().hex,
                 "ce-source": source, "ce-type": type})


def seen(server, type, count, topic=None):
    """What is known of a type once so many events of it were seen."""
    end = time.monotonic() + 30
    while True:
        found = server.request("GET", f"/v1/event-types/{type}")
        body = found.json()
        places = [place for place in body.get("topics", []) if topic in (None, place["topic"])]
        if found.status_code == 200 and sum(place["count"] for place in places) >= count:
            return body
        assert time.monotonic() < end, body
        time.sleep(0.05)


@pytest.fixture
def server(apus_server):
    """The server that all tests share."""
    return apus_server


@pytest.fixture
def names():
    tag = uuid.uuid4().hex[:10]
    return f"orders-{tag}", f"order.placed.{tag}"


def test_what_was_seen_and_declared_survives_kill_9(tmp_path):
    server = ApusServer(tmp_path).start()
    try:
        server.create_topic("orders", 2)
        for number in range(5):
            publish(server, "orders", "order.placed", {"id": number})
        server.succeed("PUT", "/v1/event-types/order.placed", json={"owner": "shop"})
        seen(server, "order.placed", 5)
        server.kill()
        server.start()
        found = server.request("GET", "/v1/event-types/order.placed").json()
        assert (found["count"], found["owner"], found["declared"], found["discovered"]) == (5, "shop", True, True)
        assert [one["source"] for one in found["producers"]] == ["/shop"]
        publish(server, "orders", "order.placed", {"id": 9})
        assert seen(server, "order.placed", 6)["count"] == 6
    finally:
        server.stop()


def test_who_publishes_and_who_breaks(server, names):
    topic, type = names
    server.create_topic(topic, 1)
    server.create_topic(f"{topic}-large", 1)
    server.succeed("PUT", f"/v1/subscriptions/{topic}-billing", json={"topic": topic, "pattern": {"type": [type]}})
    server.succeed("PUT", f"/v1/subscriptions/{topic}-other", json={"topic": topic, "pattern": {"type": ["something.else"]}})
    server.succeed("PUT", f"/v1/subscriptions/{topic}-vip", json={"topic": f"{topic}-large"})
    server.succeed("PUT", f"/v1/rules/{topic}", json={
        "topic": topic, "pattern": {"data": {"total": [{"numeric": [">", 100]}]}}, "targets": [{"topic": f"{topic}-large"}]})
    publish(server, topic, type, {"total": 5})
    publish(server, topic, type, {"total": 500}, source="/till")
    found = seen(server, type, 1, topic=f"{topic}-large")
    assert {(one["source"], one["way"]) for one in found["producers"]} == {("/shop", None), ("/till", None), ("/till", "rule")}
    assert {(one["kind"], one["name"], one["gets"]) for one in found["consumers"]} == {
        ("subscription", f"{topic}-billing", "all"), ("subscription", f"{topic}-vip", "all"), ("rule", topic, "some")}
    text = apus(server, "event", "show", type).stdout
    for word in ["/till", f"{topic}-billing", f"{topic}-large", "some"]:
        assert word in text
    assert f"{topic}-other" not in text
    assert apus(server, "event", "show", "no.such.type", check=False).returncode == 3
    rows = [json.loads(line) for line in apus(server, "event", "list", "--search", type.upper(), "--json").stdout.splitlines()]
    assert [row["type"] for row in rows] == [type]


def test_the_file_of_the_documentation_declares(server):
    page = (DOCS / "event-catalogue.md").read_text()
    declarations = re.search(r"```json\n(\{\"events\".*?)```", page, re.DOTALL).group(1)
    assert "declared" in apus(server, "event", "declare", "--file", "-", stdin=declarations).stdout
    found = server.request("GET", "/v1/event-types/order.placed").json()
    for name, value in json.loads(declarations)["events"][0].items():
        told = {"producers": "declared_producers", "consumers": "declared_consumers"}.get(name, name)
        if name != "topics" and name != "subject":
            assert found[told] == value, name
    assert [one["topic"] for one in found["topics"] if one["declared"]] == ["orders"]
    apus(server, "event", "withdraw", "order.placed", "--yes")
    assert apus(server, "event", "withdraw", "order.placed", "--yes", check=False).returncode == 3


def test_a_schema_is_proposed_then_registered_then_drifts(server, names):
    topic, type = names
    server.create_topic(topic, 2)
    for number in range(20):
        publish(server, topic, type, {"id": number, "city": ["Oslo", "Quito"][number % 2]})
    publish(server, topic, "note", {"text": "no order"})
    proposed = apus(server, "schema", "infer", "--topic", topic, "--type", type)
    schema = json.loads(proposed.stdout)
    assert schema["required"] == ["city", "id"] or schema["required"] == ["id", "city"]
    assert server.request("GET", f"/v1/schemas/{topic}-value").status_code == 404, "nothing is registered unasked"
    server.succeed("POST", f"/v1/schemas/{topic}-value/versions", json={"schema": schema})
    publish(server, topic, type, {"id": "x-1", "city": "Oslo"})
    found = server.succeed("POST", f"/v1/topics/{topic}/schema-proposal", json={"type": type}).json()
    assert (found["refused"], found["current"]["version"], found["compatibility"]["compatible"]) == (1, 1, True)
    assert found["drift"][0]["path"] == "/id" and found["drift"][0]["count"] == 1
    again = apus(server, "schema", "infer", "--topic", topic, "--type", type)
    assert "1 of them are not accepted by version 1" in again.stderr
    server.succeed("POST", f"/v1/schemas/{topic}-value/versions", json={"schema": json.loads(again.stdout)})
    settled = server.succeed("POST", f"/v1/topics/{topic}/schema-proposal", json={"type": type}).json()
    assert (settled["refused"], settled["schema"], settled["current"]["version"]) == (0, None, 2)


class Markup(html.parser.HTMLParser):
    """Elements and text of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.texts = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes

    def handle_data(self, data):
        self.texts.append(data)


def test_the_exported_page_is_whole_and_safe(server, names, tmp_path):
    topic, type = names
    server.create_topic(topic, 1)
    publish(server, topic, type, {"id": 1}, source="/o'neill?a&b")
    seen(server, type, 1)
    server.succeed("PUT", f"/v1/event-types/{type}", json={"owner": "</p><script>alert(1)</script>", "description": "<img src=x onerror=alert(1)>", "example": {"id": "</script>"}})
    server.succeed("POST", f"/v1/schemas/{topic}-value/versions", json={"schema": {"type": "object", "title": "An <order>"}})
    page = Markup(apus(server, "event", "export", "--html", "--topic", topic).stdout)
    assert page.tags.count("script") == 1 and "img" not in page.tags and "link" not in page.tags
    assert not [name for name, _ in page.attributes if name.startswith("on") or name == "src"]
    text = "".join(page.texts)
    for word in [type, topic, "/o'neill?a&b", "</p><script>alert(1)</script>", "<img src=x onerror=alert(1)>", "An <order>"]:
        assert word in text
    lines = apus(server, "event", "export", "--topic", topic).stdout.splitlines()
    assert [json.loads(line)["type"] for line in lines] == [type]


def test_the_asyncapi_document_is_accepted_by_others_and_by_our_own_validator(server, names):
    v3 = pytest.importorskip("pydantic_asyncapi.v3", reason="pydantic-asyncapi, a model of AsyncAPI 3.0 by others, is not installed")
    topic, type = names
    server.create_topic(topic, 3)
    server.succeed("PUT", f"/v1/subscriptions/{topic}-billing", json={"topic": topic})
    publish(server, topic, type, {"id": 1})
    seen(server, type, 1)
    server.succeed("PUT", f"/v1/event-types/{type}", json={"owner": "shop", "topics": [topic], "example": {"id": 1}, "producers": ["web shop"]})
    server.succeed("POST", f"/v1/schemas/{topic}-value/versions", json={"schema": {"type": "object", "required": ["id"]}})
    text = apus(server, "asyncapi", "--topic", topic).stdout
    document = v3.AsyncAPI.model_validate_json(text)
    assert document.channels[topic].address == topic
    assert {one.action for one in document.operations.values()} == {"send", "receive"}
    # The JSON Schema of their model, and our own validator: the document is data of a subject like any other.
    schema = v3.AsyncAPI.model_json_schema(by_alias=True)
    server.succeed("PUT", "/v1/schemas/asyncapi/config", json={"compatibility": "none"})
    server.succeed("POST", "/v1/schemas/asyncapi/versions", json={"schema": schema})
    judged = server.succeed("POST", "/v1/schemas/asyncapi/versions/latest/judge", json={"data": json.loads(text)}).json()
    assert judged["valid"], judged["violations"][:5]
    # AsyncAPI's own schema of 3.0.0 comes in no package: who has the file names it.
    if own := os.environ.get("ASYNCAPI_SCHEMA"):
        own = json.loads(pathlib.Path(own).read_text())
        server.succeed("POST", "/v1/schemas/asyncapi/versions", json={"schema": own})
        judged = server.succeed("POST", "/v1/schemas/asyncapi/versions/latest/judge", json={"data": json.loads(text)}).json()
        assert judged["valid"], judged["violations"][:5]
    broken = json.loads(text)
    broken["operations"][next(iter(broken["operations"]))]["action"] = "publish"
    judged = server.succeed("POST", "/v1/schemas/asyncapi/versions/latest/judge", json={"data": broken}).json()
    assert not judged["valid"]
