"""Rules that deliver to Kafka, to another Apus server and to Event Grid, and feeds that take from there: out of this server and back into another topic."""

import confluent_kafka
import pytest

from apus_server import event
from bridging import fields
from broker import wait_for

COUNT = 40


@pytest.fixture
def outside(new_server, event_grid, topic):
    """The URLs of outside brokers by kind, each with a topic of the test's topic's name."""

    def make(kind):
        if kind == "eventgrid":
            return event_grid().url()
        other = new_server().start()
        other.create_topic(topic)
        return f"kafka://{other.kafka}?create_topics=true" if kind == "kafka" else other.url.replace("http://", "apus://")

    return make


@pytest.mark.parametrize("kind", ["kafka", "apus", "eventgrid"])
def test_events_go_out_by_a_rule_and_come_back_by_a_feed(bridged, topic, outside, kind):
    name, back = f"{kind}-{topic}", f"{topic}-back"
    answer = bridged.server.request("PUT", f"/v1/connections/{name}", json={"url": outside(kind)})
    if kind == "kafka" and "package trait" in answer.text:
        pytest.skip("the server was built without the transport for Kafka")
    assert answer.status_code in (200, 201), answer.text
    bridged.server.create_topic(back)
    bridged.feed(f"in-{name}", connection=name, **{"from": topic}, into=back)
    bridged.until_running(f"in-{name}")
    bridged.rule(f"out-{name}", topic, name, topic)
    bridged.server.publish(topic, *(event(n, {"n": n}, partitionkey=f"k{n % 4}") for n in range(COUNT)))
    events = bridged.events(back, COUNT)
    assert {(each["id"], each["data"]["n"], each["partitionkey"]) for each in events} == {
        (str(n), n, f"k{n % 4}") for n in range(COUNT)}
    assert all(int(each["apushops"]) == 1 for each in events)
    wait_for(lambda: bridged.state(f"in-{name}")["published"] >= COUNT, "settling")
    subscription = bridged.server.succeed("GET", f"/v1/subscriptions/out-{name}.bus-1").json()
    assert (subscription["backlog"], subscription["dead_lettered"]) == (0, 0)


@pytest.mark.parametrize("kind, error", [("kafka", "unknown"), ("apus", "invalid")])
def test_the_journey_says_where_an_event_lies_outside_and_why_another_does_not(bridged, topic, new_server, kind, error):
    """The other server takes the event into one topic; the other topic is not there by Kafka's protocol, and does not accept it by Apus's."""
    name = f"{kind}-{topic}"
    other = new_server().start()
    other.create_topic(topic)
    url = f"kafka://{other.kafka}" if kind == "kafka" else other.url.replace("http://", "apus://")
    if kind == "apus":
        other.succeed("POST", f"/v1/schemas/{topic}-none-value/versions", json={"schema": {"type": "string"}})
        other.create_topic(f"{topic}-none", schema={"enforcement": "enforce"})
    answer = bridged.server.request("PUT", f"/v1/connections/{name}", json={"url": url})
    if kind == "kafka" and "package trait" in answer.text:
        pytest.skip("the server was built without the transport for Kafka")
    bridged.rule(f"out-{name}", topic, name, topic)
    bridged.rule(f"no-{name}", topic, name, f"{topic}-none", breaker={"failures": 0})
    bridged.server.publish(topic, event("a", {"n": 1}))
    delivered, failed = sorted(bridged.attempts(topic, 2), key=lambda one: one["outcome"] != "delivered")
    assert failed["outcome"] == ("failed" if error == "unknown" else "refused")
    assert delivered["request"]["broker"] == {"transport": kind, "connection": name, "topic": topic}
    assert delivered["request"]["url"] == url
    receipt = fields(delivered["response"])
    assert (receipt["topic"], receipt["partition"], receipt["offset"]) == (topic, "0", "0")
    assert failed["request"]["broker"]["topic"] == f"{topic}-none"
    assert failed["response"]["error"] == error, failed
    assert (f"{topic}-none" if error == "unknown" else "string") in failed["response"]["body"], failed


def test_the_log_of_a_feed_does_not_quote_what_a_schema_does_not_accept(bridged, topic, new_server):
    """The dead letter does: who may see that may see the event."""
    name, into = f"apus-{topic}", f"{topic}-judged"
    other = new_server().start()
    other.create_topic(topic)
    schema = ('<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="n" type="xs:int"/></xs:schema>')
    bridged.server.succeed("POST", f"/v1/schemas/{into}-value/versions", json={"format": "xsd", "schema": schema})
    bridged.server.create_topic(into, schema={"enforcement": "enforce"})
    bridged.server.create_topic(f"{into}.letters")
    bridged.connect(name, other.url.replace("http://", "apus://"))
    bridged.feed(f"in-{name}", connection=name, **{"from": topic}, into=into, dead_letter=f"{into}.letters")
    bridged.until_running(f"in-{name}")
    other.publish(topic, event("bad", datacontenttype="application/xml", data="<n>swordfish</n>"))
    [letter] = bridged.events(f"{into}.letters", 1)
    assert "swordfish" in letter["apusreason"]
    lines = bridged.server.succeed("GET", "/v1/log?limit=1000").json()["lines"]
    [line] = [one for one in lines if one["message"] == "a feed gave up an event" and one["metadata"]["feed"] == f"in-{name}"]
    assert line["metadata"]["reason"] == "its topic's schema does not accept it" and line["metadata"]["event"] == "bad"
    assert not any("swordfish" in str(one) for one in lines)


def test_a_trace_in_plain_headers_of_records_comes_in_with_the_event(bridged, topic, new_server):
    """As instrumentation of confluent-kafka writes it, which knows nothing of CloudEvents."""
    other = new_server("--auto-create-topics").start()
    other.create_topic(topic)
    answer = bridged.server.request("PUT", f"/v1/connections/k-{topic}", json={"url": f"kafka://{other.kafka}"})
    if "package trait" in answer.text:
        pytest.skip("the server was built without the transport for Kafka")
    bridged.feed(f"in-{topic}", connection=f"k-{topic}", **{"from": topic}, into=topic)
    bridged.until_running(f"in-{topic}")
    place, own = (f"00-{digit * 32}-{digit * 16}-01" for digit in "12")
    attributes = {"ce_specversion": "1.0", "ce_source": "/shop", "ce_type": "order.placed"}
    producer = confluent_kafka.Producer({"bootstrap.servers": other.kafka, "log_level": 0})
    for identity, headers in {
        "plain": {"traceparent": place, "tracestate": "a=1"}, "own": {"traceparent": place, "ce_traceparent": own},
        "wrong": {"traceparent": "00-1-2-01"}, "none": {},
    }.items():
        producer.produce(topic, b"x", headers={"ce_id": identity, **attributes, **headers})
    producer.produce(topic, b"bare", headers={"traceparent": place})
    assert producer.flush(30) == 0
    events = {each["id"]: each for each in bridged.events(topic, 5)}
    traces = {name: each.get("traceparent") for name, each in events.items()}
    assert {traces.pop(name) for name in list(traces) if "/" in name} == {place}
    assert traces == {"plain": place, "own": own, "wrong": None, "none": None}
    assert events["plain"]["tracestate"] == "a=1"
