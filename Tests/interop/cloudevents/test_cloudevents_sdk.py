# SPDX-License-Identifier: Apache-2.0
"""The Python SDK for CloudEvents against a running Apus server.

What the SDK publishes, in each content mode, must come back as the same event, read by the same SDK.

The fixtures of Tests/conftest.py start the server.
"""

import datetime
import http.client
import json
import uuid

import pytest
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

BATCH = "application/cloudevents-batch+json"


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


class Topic:
    """A topic of its own on the shared server, spoken to without anything between SDK and socket."""

    def __init__(self, server, name):
        self.port = server.port
        self.path = f"/v1/topics/{name}/events"

    def request(self, method, path, headers=None, body=None):
        """Status, headers and body of the answer. Sends the given headers and no content type of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def publish(self, headers, body):
        return self.request("POST", self.path, headers, body)

    def read_back(self):
        """All events, each read by the SDK from its place in the JSON batch."""
        status, headers, body = self.request("GET", f"{self.path}?from=earliest&limit=100", {"Accept": BATCH})
        assert status == 200, body
        assert headers.get_content_type() == BATCH
        return [JSONFormat().read(CloudEvent, json.dumps(event)) for event in json.loads(body)]


@pytest.fixture
def sdk_topic(apus_server, topic):
    return Topic(apus_server, topic)


def assert_same(actual, expected):
    assert actual.get_attributes() == expected.get_attributes()
    assert actual.get_data() == expected.get_data()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", EVENTS)
def test_an_event_comes_back_as_it_was_published(sdk_topic, kind, mode):
    event = EVENTS[kind]()
    message = MODES[mode](event)
    status, _, answer = sdk_topic.publish(message.headers, message.body)
    assert 200 <= status < 300, answer
    events = sdk_topic.read_back()
    assert len(events) == 1
    assert_same(events[0], event)


def test_a_batch_comes_back_in_order(sdk_topic):
    events = [make_event(datacontenttype="application/json", data={"n": n}) for n in range(10)]
    body = "[" + ",".join(to_structured_event(event).body.decode() for event in events) + "]"
    headers = {"content-type": "application/cloudevents-batch+json"}
    status, _, answer = sdk_topic.publish(headers, body.encode())
    assert 200 <= status < 300, answer
    # A batch without keys goes to one partition, and this topic has no other.
    found = sdk_topic.read_back()
    assert [event.get_id() for event in found] == [event.get_id() for event in events]
    for actual, expected in zip(found, events):
        assert_same(actual, expected)


def test_a_message_without_required_attributes_is_refused(sdk_topic):
    message = to_binary_event(make_event())
    headers = {name: value for name, value in message.headers.items() if name != "ce-type"}
    status, _, answer = sdk_topic.publish(headers, message.body)
    assert status == 400, answer


def test_a_batch_with_a_bad_event_is_refused_as_a_whole(sdk_topic):
    good = to_structured_event(make_event()).body.decode()
    headers = {"content-type": "application/cloudevents-batch+json"}
    status, _, answer = sdk_topic.publish(headers, f'[{good},{{"specversion":"1.0"}}]'.encode())
    assert status == 400, answer
