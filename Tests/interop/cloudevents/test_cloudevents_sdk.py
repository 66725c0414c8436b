# SPDX-License-Identifier: Apache-2.0
"""The Python SDK for CloudEvents against a running Apus server.

What the SDK publishes, in each content mode, must come back as the same event, read by the same SDK.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    APUS_URL=http://127.0.0.1:8080 venv/bin/pytest
"""

import datetime
import http.client
import json
import os
import urllib.parse
import uuid

import pytest
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

APUS_URL = os.environ.get("APUS_URL", "").rstrip("/")

pytestmark = pytest.mark.skipif(not APUS_URL, reason="APUS_URL names no server")


def make_event(**changes):
    """An event with a fresh id; `changes` replaces attributes, and `data` the data."""
    data = changes.pop("data", None)
    attributes = {
        "id": str(uuid.uuid4()),
        "source": "https://example.com/orders/42",
        "type": "com.example.order.created",
        "specversion": "1.0",
        "time": datetime.datetime(2026, 3, 1, 12, 30, 0, 125000, tzinfo=datetime.timezone.utc),
    }
    attributes.update(changes)
    return CloudEvent(attributes=attributes, data=data)


EVENTS = {
    "json": lambda: make_event(datacontenttype="application/json", data={"order": 42, "tags": ["a", "é"]}),
    "text": lambda: make_event(datacontenttype="text/plain", data="plain <text>\nline"),
    "bytes": lambda: make_event(datacontenttype="application/octet-stream", data=b"\x00\x01\xfe\xff"),
    "no data": lambda: make_event(),
    "awkward text": lambda: make_event(subject='Zoë 50% "new" €😀'),
    "all attributes": lambda: make_event(
        subject="s",
        dataschema="https://example.com/schemas/order.json",
        datacontenttype="application/json",
        partitionkey="order-42",
        comexampleother="value",
        data={"order": 42},
    ),
}

MODES = {"binary": to_binary_event, "structured": to_structured_event}


@pytest.fixture
def topic():
    """A topic for one test."""
    return "sdk-" + uuid.uuid4().hex


def request(method, path, headers=None, body=None):
    """Returns status, headers and body. Sends the given headers and no content type of its own."""
    server = urllib.parse.urlsplit(APUS_URL)
    connection = http.client.HTTPConnection(server.hostname, server.port, timeout=10)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def publish(topic, headers, body):
    return request("POST", f"/v1/topics/{topic}/events", headers, body)


def read_back(topic):
    """All events of the topic, each read by the SDK from its place in the JSON batch."""
    status, headers, body = request("GET", f"/v1/topics/{topic}/events?offset=earliest&limit=100")
    assert status == 200, body
    assert headers.get_content_type() == "application/cloudevents-batch+json"
    events = [JSONFormat().read(CloudEvent, json.dumps(event)) for event in json.loads(body)]
    return events


def assert_same(actual, expected):
    assert actual.get_attributes() == expected.get_attributes()
    assert actual.get_data() == expected.get_data()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", EVENTS)
def test_an_event_comes_back_as_it_was_published(topic, kind, mode):
    event = EVENTS[kind]()
    message = MODES[mode](event)
    status, _, answer = publish(topic, message.headers, message.body)
    assert 200 <= status < 300, answer
    events = read_back(topic)
    assert len(events) == 1
    assert_same(events[0], event)


def test_a_batch_comes_back_in_order(topic):
    events = [make_event(datacontenttype="application/json", data={"n": n}) for n in range(10)]
    body = "[" + ",".join(to_structured_event(event).body.decode() for event in events) + "]"
    headers = {"content-type": "application/cloudevents-batch+json"}
    status, _, answer = publish(topic, headers, body.encode())
    assert 200 <= status < 300, answer
    # A batch of one source without partition key keeps its order within a partition.
    found = {event.get_id(): event for event in read_back(topic)}
    assert set(found) == {event.get_id() for event in events}
    for event in events:
        assert_same(found[event.get_id()], event)


def test_a_message_without_required_attributes_is_refused(topic):
    message = to_binary_event(make_event())
    headers = {name: value for name, value in message.headers.items() if name != "ce-type"}
    status, _, answer = publish(topic, headers, message.body)
    assert status == 400, answer


def test_a_batch_with_a_bad_event_is_refused_as_a_whole(topic):
    good = to_structured_event(make_event()).body.decode()
    headers = {"content-type": "application/cloudevents-batch+json"}
    status, _, answer = publish(topic, headers, f'[{good},{{"specversion":"1.0"}}]'.encode())
    assert status == 400, answer
