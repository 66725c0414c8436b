"""Rules that deliver to SNS and EventBridge and feeds that take from SQS, against moto's server, looked at with boto3."""

import json

import boto3
import pytest

from apus_server import event
from aws_double import KEYS, REGION
from broker import wait_for
from bridging import fields


@pytest.fixture
def client(aws):
    return lambda service: boto3.client(service, endpoint_url=aws, **KEYS)


def url(scheme, aws, rest=""):
    return f"{scheme}://testing:testing@{REGION}{rest}?endpoint={aws}"


def test_a_rule_delivers_to_sns_and_a_feed_takes_from_sqs(bridged, topic, aws, client):
    bridged.server.create_topic(f"{topic}-back")
    shown = bridged.connect(f"aws-{topic}", url("aws", aws))
    assert shown["url"] == f"aws://testing:****@{REGION}?endpoint={aws}"
    feed = f"in-{topic}"
    bridged.feed(feed, connection=f"aws-{topic}", **{"from": "orders"}, into=f"{topic}-back")
    bridged.until_running(feed)
    bridged.rule(f"out-{topic}", topic, f"aws-{topic}", "orders")
    bridged.server.publish(topic, *(event(n, {"n": n}) for n in range(40)))
    events = bridged.events(f"{topic}-back", 40)
    assert {each["id"] for each in events} == {str(n) for n in range(40)}
    assert all(int(each["apushops"]) == 1 for each in events)
    queue = next(each for each in client("sqs").list_queues()["QueueUrls"] if each.endswith("apus__orders"))

    def left():
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
        return sum(map(int, attributes.values()))

    wait_for(lambda: left() == 0, "settling")


def test_a_feed_takes_from_a_queue_of_somebody_else(bridged, topic, aws, client):
    queue = client("sqs").create_queue(QueueName="legacy-orders")["QueueUrl"]
    bridged.connect(f"aws-{topic}", url("aws", aws))
    bridged.feed(f"in-{topic}", connection=f"aws-{topic}", queue="legacy-orders", into=topic)
    bridged.until_running(f"in-{topic}")
    place = f"00-{'1' * 32}-{'2' * 16}-01"
    client("sqs").send_message(
        QueueUrl=queue, MessageBody="plain text",
        MessageAttributes={"traceparent": {"DataType": "String", "StringValue": place}})
    client("sqs").send_message(QueueUrl=queue, MessageBody=json.dumps(event("x", {"a": 1})))
    events = {each["type"]: each for each in bridged.events(topic, 2)}
    assert events["test.happened.v1"]["id"] == "x"
    # With the trace that instrumentation has put beside it.
    assert events["com.amazonaws.sqs.message"]["traceparent"] == place


def test_a_rule_delivers_to_eventbridge(bridged, topic, aws, client):
    sqs, events = client("sqs"), client("events")
    bridged.connect(f"eb-{topic}", url("eventbridge", aws, "/shop"))
    queue = sqs.create_queue(QueueName="watch")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="watch", EventBusName="shop", EventPattern=json.dumps({"source": ["orders"]}))
    events.put_targets(Rule="watch", EventBusName="shop", Targets=[{"Id": "q", "Arn": arn}])
    bridged.rule(f"out-{topic}", topic, f"eb-{topic}", "orders")
    bridged.server.publish(topic, *(event(n, {"n": n}) for n in range(25)))
    seen = {}

    def came():
        for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
            body = json.loads(message["Body"])
            assert body["source"] == "orders" and body["detail-type"] == "test.happened.v1"
            seen[body["detail"]["id"]] = body["detail"]["data"]["n"]
        return len(seen) == 25

    wait_for(came, "25 events")
    assert seen == {str(n): n for n in range(25)}


def test_an_event_that_is_too_large_for_aws_takes_no_other_along(bridged, topic, aws):
    bridged.server.create_topic(f"{topic}-back")
    bridged.connect(f"aws-{topic}", url("aws", aws))
    bridged.feed(f"in-{topic}", connection=f"aws-{topic}", **{"from": "orders"}, into=f"{topic}-back")
    bridged.until_running(f"in-{topic}")
    bridged.rule(f"out-{topic}", topic, f"aws-{topic}", "orders")
    bridged.server.publish(topic, event("a"), event("large", "x" * 400_000), event("b"))
    assert {each["id"] for each in bridged.events(f"{topic}-back", 2)} == {"a", "b"}
    letters = lambda: bridged.server.request("GET", "/v1/dead-letters", params={"topic": f"{topic}.dead-letter"})
    wait_for(lambda: letters().status_code == 200 and letters().json()["dead_letters"], "the dead letter")
    letter = letters().json()["dead_letters"][0]
    assert "limit of 262144" in letter["reason"] and letter["attempts"] == 1
    # Their journeys tell of both, each with its own answer.
    taken, refused = (bridged.attempts(topic, 1, offset)[0] for offset in (0, 1))
    assert taken["request"]["url"] == url("aws", aws).replace(":testing@", ":****@") and taken["request"]["broker"] == {
        "transport": "aws", "connection": f"aws-{topic}", "topic": "orders"}
    assert fields(taken["response"])["message-id"]
    assert refused["response"]["error"] == "too large" and "262144" in refused["response"]["body"]
    assert len(refused["request"]["body"]) == 2048 and refused["request"]["bytes"] > 400_000
