"""Either side of a bridge dies in the middle, again and again: nothing is lost. What comes twice is counted and said."""

import boto3
import pika
import pytest

from aws_double import KEYS, REGION
from bridging import Bridged
from broker import wait_for
from under_fire import Publisher, stored, verdict

EVENTS = 4000


def settled(node):
    """RabbitMQ 3.10 writes down that a quorum queue exists only minutes after it was made, or when it ends in order (see the tests of the transport)."""
    node.control("stop_app")
    node.control("start_app")


@pytest.fixture
def bridged(new_server):
    return Bridged(new_server("--no-auto-create-topics").start())


@pytest.mark.parametrize("victims", ["apus", "rabbitmq", "both"])
def test_nothing_is_lost_on_the_way_out_and_back(bridged, new_node, victims):
    """Topic `out`, a rule into RabbitMQ, a feed from there into topic `back`: every bridge there is, both ways."""
    server, node = bridged.server, new_node
    server.create_topic("out")
    server.create_topic("back")
    bridged.connect("rabbit", node.url)
    bridged.feed("back", connection="rabbit", **{"from": "orders"}, into="back")
    bridged.until_running("back")
    bridged.rule("out", "out", "rabbit", "orders", breaker={"failures": 20, "initial": "500ms", "max": "2s"})
    settled(node)
    publisher = Publisher(server, "out", EVENTS)
    publisher.start()
    for share in (0.2, 0.4, 0.6):
        wait_for(lambda: stored(server, "back") > EVENTS * share / 2 or not publisher.is_alive(), "progress", 120)
        if victims in ("apus", "both"):
            server.kill()
            server.start()
        if victims in ("rabbitmq", "both"):
            node.kill()
            node.start().wait_until_ready()
    publisher.finish()
    twice = verdict(server, "back", EVENTS, 180)
    letters = server.request("GET", "/v1/dead-letters").json()["dead_letters"]
    assert letters == []
    feed = bridged.state("back")
    print(f"\n{victims}: {EVENTS} events, none lost, {twice} came twice; {feed['state']}")
    queue = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", node.port)).channel().queue_declare(
        "apus.orders.dead-letter", passive=True)
    assert queue.method.message_count == 0


def test_a_topic_that_tells_duplicates_has_every_event_once(bridged, new_node):
    server, node = bridged.server, new_node
    server.create_topic("out")
    server.create_topic("back", deduplication={"window": "1h"})
    bridged.connect("rabbit", node.url)
    bridged.feed("back", connection="rabbit", **{"from": "orders"}, into="back")
    bridged.until_running("back")
    bridged.rule("out", "out", "rabbit", "orders", breaker={"failures": 20, "initial": "500ms", "max": "2s"})
    settled(node)
    publisher = Publisher(server, "out", EVENTS)
    publisher.start()
    for _ in range(3):
        seen = stored(server, "back")
        wait_for(lambda: stored(server, "back") > seen + EVENTS / 10, "progress", 120)
        server.restart()
    publisher.finish()
    assert verdict(server, "back", EVENTS, 120) == 0


def test_a_feed_from_sqs_loses_nothing_when_the_server_is_killed(bridged, aws):
    server = bridged.server
    server.create_topic("back")
    bridged.connect("aws", f"aws://testing:testing@{REGION}?endpoint={aws}")
    sqs = boto3.client("sqs", endpoint_url=aws, **KEYS)
    # A short time until what was handed to a server that died comes again.
    queue = sqs.create_queue(QueueName="legacy", Attributes={"VisibilityTimeout": "5"})["QueueUrl"]
    for start in range(0, 500, 10):
        sqs.send_message_batch(QueueUrl=queue, Entries=[
            {"Id": str(n), "MessageBody": '{"specversion":"1.0","id":"%d","source":"/s","type":"t"}' % n}
            for n in range(start, start + 10)])
    bridged.feed("back", connection="aws", queue="legacy", into="back", prefetch=40)
    for share in (100, 250):
        wait_for(lambda: stored(server, "back") > share, "progress", 120)
        server.restart()

    def everything():
        return len({each["id"] for each in server.read_all("back")}) == 500

    wait_for(everything, "every event", 150)
    print(f"\nsqs: 500 events, none lost, {len(server.read_all('back')) - 500} came twice")
