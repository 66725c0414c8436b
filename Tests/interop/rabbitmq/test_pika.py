"""Other programs on the same broker: what pika publishes, the transport consumes, and the other way round."""

import uuid

import pika
import pytest

from broker import wait_for


@pytest.fixture
def channel(rabbitmq):
    connection = pika.BlockingConnection(pika.URLParameters(rabbitmq.url + "/%2F"))
    yield connection.channel()
    connection.close()


def test_what_pika_publishes_is_consumed_as_events(rabbitmq, check, channel):
    topic = f"topic-{uuid.uuid4().hex[:12]}"
    consumer = check("consume", rabbitmq.url, topic, "group")
    wait_for(lambda: "ready" in consumer.lines(), "subscribing")

    def publish(body, **properties):
        channel.basic_publish(topic, "any.key", body, pika.BasicProperties(**properties))

    for number, prefix in enumerate(("cloudEvents:", "cloudEvents_")):
        headers = {"specversion": "1.0", "id": f"id-{number}", "source": "/pika", "type": "pika.event", "number": 7}
        publish(b"binary", headers={prefix + name: value for name, value in headers.items()}, content_type="text/plain")
    publish(
        b'{"specversion": "1.0", "id": "id-2", "source": "/pika", "type": "pika.event", "data": 5}',
        content_type="application/cloudevents+json; charset=utf-8")
    publish(b"plain", message_id="id-3", type="pika.plain")
    publish(b"broken", headers={"cloudEvents_specversion": "1.0", "cloudEvents_id": "id-4"}, message_id="id-4")
    wait_for(lambda: sum(line.startswith("settled") for line in consumer.lines()) == 5, "consuming five messages")
    lines = [line.rstrip() for line in consumer.lines() if line.startswith("settled")]
    assert lines[:4] == [
        "settled id-0 pika.event /pika binary", "settled id-1 pika.event /pika binary", "settled id-2 pika.event /pika 5",
        f"settled id-3 pika.plain /exchanges/{topic} plain"]
    assert lines[4].startswith(f"settled id-4 amqp.message /exchanges/{topic} broken source is required"), lines[4]


def test_what_the_transport_publishes_is_consumed_by_pika(rabbitmq, check, channel):
    topic = f"topic-{uuid.uuid4().hex[:12]}"
    channel.exchange_declare(topic, "topic", durable=True)
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(queue, topic, "check.*")
    assert check("produce", rabbitmq.url, topic, 3).wait(60) == 0
    for number in range(3):
        method, properties, body = channel.basic_get(queue, auto_ack=True)
        assert method.routing_key == "check.event" and properties.delivery_mode == 2
        assert properties.content_type == "application/octet-stream" and body == b"a" * 100
        assert properties.headers == {
            "cloudEvents_specversion": "1.0", "cloudEvents_id": str(number), "cloudEvents_source": "/check",
            "cloudEvents_type": "check.event"}
