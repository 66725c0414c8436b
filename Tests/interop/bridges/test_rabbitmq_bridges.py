"""Rules that deliver to RabbitMQ and feeds that take from it, looked at with pika, which knows nothing of Apus."""

import json
import uuid

import pika
import pytest

from apus_server import event
from bridging import Bridged, fields
from broker import Node, wait_for


@pytest.fixture
def channel(rabbitmq):
    connection = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", rabbitmq.port))
    channel = connection.channel()
    channel.confirm_delivery()
    yield channel
    connection.close()


@pytest.fixture
def outside():
    """A name that no other test uses."""
    return f"x-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def rabbit(bridged, rabbitmq):
    assert bridged.connect("rabbit", rabbitmq.url)["state"] == "connected"
    return "rabbit"


def test_a_rule_delivers_to_rabbitmq(bridged, topic, rabbit, channel, outside):
    channel.exchange_declare(outside, "topic", durable=True)
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(queue, outside, "#")
    bridged.rule(f"out-{outside}", topic, rabbit, outside)
    bridged.server.publish(topic, *(event(n, {"n": n}, subject="s", partitionkey=f"k{n}") for n in range(50)))
    seen = []
    for method, properties, body in channel.consume(queue, inactivity_timeout=30):
        assert method is not None, f"only {len(seen)} events came"
        seen.append((properties.headers["cloudEvents_id"], properties.headers["cloudEvents_partitionkey"],
                     json.loads(body)["n"]))
        assert properties.headers["cloudEvents_apushops"] == 1
        assert method.routing_key == "test.happened.v1"
        channel.basic_ack(method.delivery_tag)
        if len(seen) == 50:
            break
    assert sorted(seen, key=lambda each: each[2]) == [(str(n), f"k{n}", n) for n in range(50)]
    subscription = bridged.server.succeed("GET", f"/v1/subscriptions/out-{outside}.bus-1").json()
    assert subscription["push"]["connection"] == "rabbit" and subscription["push"]["topic"] == outside
    assert bridged.server.succeed("GET", "/v1/connections/rabbit").json()["uses"] >= 1


@pytest.mark.parametrize("kind, binding, durable", [
    ("direct", {"routing_key": "test.happened.v1"}, True),
    ("fanout", {}, False),
    ("headers", {"arguments": {"x-match": "all", "cloudEvents_type": "test.happened.v1"}}, True),
])
def test_exchanges_of_every_kind_are_delivered_to(bridged, topic, rabbit, channel, outside, kind, binding, durable):
    channel.exchange_declare(outside, kind, durable=durable)
    queue, others = (channel.queue_declare("", exclusive=True).method.queue for _ in range(2))
    channel.queue_bind(queue, outside, **binding)
    if kind != "fanout":
        unlike = {"routing_key": "other"} if kind == "direct" else {
            "arguments": {"x-match": "all", "cloudEvents_type": "other"}}
        channel.queue_bind(others, outside, **unlike)
    bridged.rule(f"out-{outside}", topic, rabbit, outside)
    bridged.server.publish(topic, *(event(n) for n in range(20)))
    seen = []
    for method, properties, _ in channel.consume(queue, inactivity_timeout=30):
        assert method is not None, f"only {len(seen)} events came"
        seen.append(properties.headers["cloudEvents_id"])
        channel.basic_ack(method.delivery_tag)
        if len(seen) == 20:
            break
    assert sorted(seen, key=int) == [str(n) for n in range(20)]
    assert channel.queue_declare(others, passive=True).method.message_count == 0
    # It is as it was made.
    channel.exchange_declare(outside, kind, durable=durable)


def test_an_attempt_is_told_with_what_was_sent_and_what_the_broker_said(
        bridged, topic, rabbitmq, rabbit, channel, outside):
    """Of a success and of a failure; and the broker's password in none of it."""
    password = "pw-of-the-shop"
    rabbitmq.control("add_user", outside, password)
    rabbitmq.control("set_permissions", outside, ".*", "", ".*")
    channel.exchange_declare(outside, "topic", durable=True)
    bridged.connect(outside, rabbitmq.url.replace("://", f"://{outside}:{password}@"))
    bridged.rule(f"out-{outside}", topic, rabbit, outside)
    bridged.rule(f"no-{outside}", topic, outside, outside, breaker={"failures": 0})
    bridged.server.publish(topic, event("a", {"n": 7}, subject="s"))
    found = {one["outcome"]: one for one in bridged.attempts(topic, 2)}
    sent, answer = found["delivered"]["request"], found["delivered"]["response"]
    assert (sent["method"], sent["url"], sent["bytes"]) == ("publish", rabbitmq.url, len(json.dumps({"n": 7})))
    assert sent["broker"] == {"transport": "amqp", "connection": rabbit, "topic": outside}
    assert json.loads(sent["body"]) == {"n": 7}
    assert fields(sent).items() >= {"ce-id": "a", "ce-subject": "s", "ce-apushops": "1"}.items()
    assert answer["status"] is None and answer["error"] is None and fields(answer)["topic"] == outside
    refused = found["failed"]
    assert refused["request"]["url"] == rabbitmq.url.replace("://", f"://{outside}:****@")
    # RabbitMQ closes the channel in place of a confirm, so it is not known for sure.
    assert refused["response"]["error"] == "undecided", refused
    assert "ACCESS_REFUSED" in refused["response"]["body"] and outside in refused["response"]["body"], refused
    assert refused["next"]
    for text in (bridged.trace(f"{topic}/0/0", "--json"), shown := bridged.trace(f"{topic}/0/0", "--full")):
        assert password not in text
    for part in (f"> publish {rabbitmq.url}", f"> topic: {outside}", "> ce-id: a", "< accepted", "< undecided"):
        assert part in shown, shown


def test_a_trace_that_instrumentation_puts_beside_a_message_comes_in_with_its_event(
        bridged, topic, rabbit, channel, outside):
    place, own = (f"00-{digit * 32}-{digit * 16}-01" for digit in "12")
    bridged.feed(f"in-{outside}", connection=rabbit, **{"from": outside}, into=topic)
    bridged.until_running(f"in-{outside}")
    attributes = {
        "cloudEvents_specversion": "1.0", "cloudEvents_source": "/shop", "cloudEvents_type": "order.placed"}
    for identity, headers in {
        "plain": {"traceparent": place, "tracestate": "a=1"}, "own": {
            "traceparent": place, "cloudEvents_traceparent": own}, "wrong": {"traceparent": "00-1-2-01"},
    }.items():
        channel.basic_publish(
            outside, "t", b"{}", properties=pika.BasicProperties(
                content_type="application/json", headers={
                    "cloudEvents_id": identity, **attributes, **headers}))
    channel.basic_publish(
        outside, "t", b"x", properties=pika.BasicProperties(message_id="bare", headers={"traceparent": place}))
    events = {each["id"]: each for each in bridged.events(topic, 4)}
    assert {name: each.get("traceparent") for name, each in events.items()} == {
        "plain": place, "own": own, "wrong": None, "bare": place}
    assert events["plain"]["tracestate"] == "a=1"


def test_a_subscription_delivers_to_rabbitmq_too(bridged, topic, rabbit, channel, outside):
    channel.exchange_declare(outside, "topic", durable=True)
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(queue, outside, "#")
    bridged.server.succeed(
        "PUT", f"/v1/subscriptions/{outside}",
        json={"topic": topic, "push": {"connection": rabbit, "topic": outside, "rate": 1000}})
    bridged.server.publish(topic, event("a"))
    method, properties, _ = next(channel.consume(queue, inactivity_timeout=30))
    assert properties.headers["cloudEvents_id"] == "a"


def test_a_feed_brings_events_in_and_leaves_nothing_behind(bridged, topic, rabbit, channel, outside):
    feed = f"in-{outside}"
    bridged.feed(feed, connection=rabbit, **{"from": outside}, into=topic)
    bridged.until_running(feed)
    for n in range(100):
        channel.basic_publish(
            outside, "order.placed", json.dumps({"n": n}).encode(), mandatory=True,
            properties=pika.BasicProperties(
                content_type="application/json", delivery_mode=2, headers={
                    "cloudEvents_specversion": "1.0", "cloudEvents_id": f"o-{n}", "cloudEvents_source": "/shop",
                    "cloudEvents_type": "order.placed"}))
    channel.basic_publish(
        outside, "plain", b"hello", properties=pika.BasicProperties(message_id="plain", type="greeting"))
    events = bridged.events(topic, 101)
    assert [each["id"] for each in events] == [f"o-{n}" for n in range(100)] + ["plain"]
    assert events[7]["data"] == {"n": 7} and events[7]["source"] == "/shop"
    assert events[100]["type"] == "greeting"
    wait_for(lambda: channel.queue_declare(f"apus.{outside}", passive=True).method.message_count == 0, "settling")
    state = bridged.state(feed)
    assert state["published"] == 101 and state["refused"] == 0 and state["state"] == "running"
    assert f'apus_feed_events_total{{feed="{feed}",outcome="published"}} 101' in bridged.server.metrics()


def test_a_topic_goes_with_its_feeds_if_that_is_asked_for(bridged, rabbit, outside):
    bridged.server.create_topic(outside)
    feed = f"in-{outside}"
    bridged.feed(feed, connection=rabbit, **{"from": outside}, into=outside)
    refused = bridged.server.request("DELETE", f"/v1/topics/{outside}")
    assert refused.status_code == 409 and f"apus feed delete {feed}" in refused.text
    bridged.server.succeed("DELETE", f"/v1/topics/{outside}", params={"cascade": "true"})
    assert bridged.server.request("GET", f"/v1/feeds/{feed}").status_code == 404
    assert bridged.server.request("GET", f"/v1/topics/{outside}").status_code == 404


def test_a_paused_feed_goes_on_where_it_stopped(bridged, topic, rabbit, channel, outside):
    feed = f"in-{outside}"
    bridged.feed(feed, connection=rabbit, **{"from": outside}, into=topic)
    bridged.until_running(feed)
    channel.basic_publish(outside, "t", b"1", properties=pika.BasicProperties(message_id="1", delivery_mode=2))
    bridged.events(topic, 1)
    assert bridged.server.succeed("POST", f"/v1/feeds/{feed}/pause").json()["state"] == "paused"
    wait_for(lambda: channel.queue_declare(f"apus.{outside}", passive=True).method.consumer_count == 0, "pausing")
    channel.basic_publish(outside, "t", b"2", properties=pika.BasicProperties(message_id="2", delivery_mode=2))
    wait_for(lambda: channel.queue_declare(f"apus.{outside}", passive=True).method.message_count == 1, "queueing")
    assert len(bridged.server.read_all(topic)) == 1
    bridged.server.succeed("POST", f"/v1/feeds/{feed}/resume")
    assert [each["id"] for each in bridged.events(topic, 2)] == ["1", "2"]


def test_a_queue_that_somebody_else_made_is_consumed_as_it_is(bridged, topic, rabbit, channel, outside):
    feed = f"in-{outside}"
    bridged.feed(feed, connection=rabbit, queue=outside, into=topic)
    wait_for(lambda: bridged.state(feed)["last_failure"] is not None, "noticing that the queue is not there")
    channel.queue_declare(outside, durable=True, arguments={"x-max-priority": 3})
    channel.basic_publish("", outside, b"x", properties=pika.BasicProperties(message_id="1", type="old.format"))
    assert bridged.events(topic, 1)[0]["type"] == "old.format"


@pytest.mark.parametrize("has_topic", [False, True], ids=["at the source", "in a topic"])
def test_what_cannot_be_published_is_dead_lettered(bridged, rabbit, channel, outside, has_topic):
    bridged.server.create_topic(outside, max_batch_bytes=2000)
    bridged.server.create_topic(f"{outside}-broken")
    feed = f"in-{outside}"
    settings = {"dead_letter": f"{outside}-broken"} if has_topic else {}
    bridged.feed(feed, connection=rabbit, **{"from": outside}, into=outside, **settings)
    bridged.until_running(feed)
    for name, size in [("small", 10), ("large", 5000), ("last", 10)]:
        channel.basic_publish(
            outside, "t", b"x" * size, properties=pika.BasicProperties(message_id=name, delivery_mode=2))
    assert [each["id"] for each in bridged.events(outside, 2)] == ["small", "last"]
    if has_topic:
        letter = bridged.events(f"{outside}-broken", 1)[0]
        assert letter["id"] == "large" and "limit of 2000" in letter["apusreason"] and letter["apusfeed"] == feed
        waiting = bridged.server.succeed("GET", "/v1/dead-letters", params={"feed": feed}).json()["dead_letters"]
        assert [(one["feed"], one["event"]["id"]) for one in waiting] == [(feed, "large")]
        bridged.server.succeed("PUT", f"/v1/topics/{outside}", json={"max_batch_bytes": 100_000})
        done = bridged.server.succeed("POST", "/v1/dead-letters/redrive", json={"feed": feed}).json()
        assert done == {"matched": 1, "redriven": 1}
        sent_back = bridged.events(outside, 3)[2]
        assert sent_back["id"] == "large" and "apusreason" not in sent_back and "apusfeed" not in sent_back
    else:
        letters = f"apus.{outside}.dead-letter"
        wait_for(lambda: channel.queue_declare(letters, passive=True).method.message_count == 1, "the dead letter")
        _, properties, body = channel.basic_get(letters, auto_ack=True)
        assert len(body) == 5000 and "limit of 2000" in properties.headers["apus-reason"]
    assert bridged.state(feed)["refused"] == 1


def test_what_goes_in_a_circle_is_stopped(bridged, rabbit, channel, outside):
    for name in ("a", "b"):
        bridged.server.create_topic(f"{outside}-{name}")
    bridged.feed(f"in-{outside}", connection=rabbit, **{"from": outside}, into=f"{outside}-a")
    bridged.until_running(f"in-{outside}")
    # What the settings show is refused, over a rule between two topics as well.
    refused = bridged.server.request(
        "PUT", f"/v1/rules/out-{outside}",
        json={"topic": f"{outside}-a", "pattern": {},
              "targets": [{"bus": {"connection": rabbit, "topic": outside}}]})
    assert refused.status_code == 422 and "from itself" in refused.json()["detail"], refused.text
    bridged.server.create_rule(f"on-{outside}", f"{outside}-a", {}, [{"topic": f"{outside}-b"}])
    refused = bridged.server.request(
        "PUT", f"/v1/subscriptions/{outside}",
        json={"topic": f"{outside}-b", "push": {"connection": rabbit, "topic": outside}})
    assert refused.status_code == 422, refused.text
    # What they do not show, because somebody else's binding closes the circle, ends by the count of bridges.
    back = f"{outside}-back"
    channel.exchange_declare(back, "topic", durable=True)
    channel.exchange_bind(outside, back, "#")
    bridged.server.succeed(
        "PUT", f"/v1/subscriptions/{outside}", json={"topic": f"{outside}-a", "push": {"connection": rabbit, "topic": back}})
    bridged.server.publish(f"{outside}-a", event("round"))
    letters = f"{outside}-a.dead-letter"
    wait_for(lambda: bridged.server.request("GET", f"/v1/topics/{letters}").status_code == 200, "the dead letter")
    found = bridged.server.succeed("GET", "/v1/dead-letters", params={"topic": letters}).json()["dead_letters"]
    assert "crossed 16 bridges" in found[0]["reason"]
    assert len(bridged.server.read_all(f"{outside}-a")) == 17


def test_connections_keep_their_secrets(bridged, rabbitmq, outside):
    url = f"amqp://guest:guest@127.0.0.1:{rabbitmq.port}"
    shown = bridged.connect(outside, url)
    assert shown["url"] == f"amqp://guest:****@127.0.0.1:{rabbitmq.port}" and shown["state"] == "connected"
    # What was read can be sent again.
    assert bridged.connect(outside, shown["url"])["state"] == "connected"
    masked = bridged.server.request("PUT", f"/v1/connections/{outside}", json={"url": "amqp://guest:****@elsewhere"})
    assert masked.status_code == 422 and "masked" in masked.json()["detail"]
    assert "guest:guest" not in bridged.server.log_tail(10_000)
    bridged.server.succeed("DELETE", f"/v1/connections/{outside}")
    assert bridged.server.request("GET", f"/v1/connections/{outside}").status_code == 404


@pytest.mark.parametrize("url, says", [
    ("gopher://x", "no kind of broker"), ("amqp", "scheme"), ("amqp://h/?heartbeat=often", "heartbeat"),
    ("amqp://h?colour=red", "colour"), ("amqp://u:{secret:nowhere}@h", "no secret 'nowhere'"),
    ("amqp://u:{secret:../../etc/passwd}@h", "letters"),
])
def test_a_url_that_cannot_work_is_refused(bridged, url, says):
    refused = bridged.server.request("PUT", "/v1/connections/wrong", json={"url": url})
    assert refused.status_code == 422 and says in refused.json()["detail"], refused.text


def test_what_is_not_there_is_named(bridged, topic, rabbit, outside):
    rule = bridged.server.request(
        "PUT", "/v1/rules/r", json={"topic": topic, "pattern": {}, "targets": [{"bus": {"connection": "none", "topic": "t"}}]})
    assert rule.status_code == 404 and "no connection 'none'" in rule.json()["detail"]
    feed = {"connection": rabbit, "from": outside, "into": "nothing-there"}
    assert bridged.server.request("PUT", "/v1/feeds/f", json=feed).status_code == 404
    both = bridged.server.request("PUT", "/v1/feeds/f", json=feed | {"queue": "q"})
    assert both.status_code == 400 and "exactly one" in both.json()["detail"]


def test_a_broker_that_is_not_there_yet_is_no_error(bridged, topic, name_server, tmp_path, outside):
    node = Node(tmp_path / "late", name_server, "apus-late")
    shown = bridged.connect(outside, node.url)
    bridged.feed(f"in-{outside}", connection=outside, **{"from": outside}, into=topic)
    bridged.server.create_topic(outside)
    bridged.rule(f"out-{outside}", outside, outside, f"{outside}-other", timeout="5s")
    bridged.server.publish(outside, event("early"))
    wait_for(lambda: bridged.state(f"in-{outside}")["state"] == "waiting", "failing")
    assert bridged.server.succeed("GET", f"/v1/connections/{outside}").json()["state"] == "failing", shown
    node.start().wait_until_ready()
    try:
        wait_for(lambda: bridged.state(f"in-{outside}")["state"] == "running", "running", 90)
        backlog = lambda: bridged.server.succeed("GET", f"/v1/subscriptions/out-{outside}.bus-1").json()["acknowledged"]
        wait_for(lambda: backlog() == 1, "delivering", 90)
        assert bridged.server.succeed("GET", f"/v1/connections/{outside}").json()["state"] == "connected"
    finally:
        for kind, name in [("feeds", f"in-{outside}"), ("rules", f"out-{outside}"), ("connections", outside)]:
            bridged.server.succeed("DELETE", f"/v1/{kind}/{name}")
        node.kill()


def test_a_file_says_it_all(new_server, rabbitmq, outside, tmp_path, channel):
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "rabbit").write_text("guest\n")
    bridges = tmp_path / "bridges.json"
    bridges.write_text(json.dumps({
        "topics": {"orders": {}, "copies": {"deduplication": {}}},
        "connections": {"rabbit": {"url": f"amqp://guest:{{secret:rabbit}}@127.0.0.1:{rabbitmq.port}"}},
        "feeds": {"back": {"connection": "rabbit", "from": outside, "into": "copies"}},
        "rules": {"out": {"topic": "orders", "pattern": {}, "targets": [
            {"bus": {"connection": "rabbit", "topic": outside}}]}}}))
    server = new_server("--bridges", str(bridges), "--secrets", str(secrets)).start()
    bridged = Bridged(server)
    bridged.until_running("back")
    server.publish("orders", *(event(n) for n in range(20)))
    assert {each["id"] for each in bridged.events("copies", 20)} == {str(n) for n in range(20)}
    server.restart()
    assert server.succeed("GET", "/v1/connections/rabbit").json()["url"].startswith("amqp://guest:{secret:rabbit}@")
    bridged.until_running("back")
    server.publish("orders", event("after"))
    assert "after" in {each["id"] for each in bridged.events("copies", 21)}
    server.stop()
    bridges.write_text('{"feeds": {"back": {"connection": "rabbit", "into": "copies"}}}')
    server.launch()
    assert server.process.wait(timeout=20) != 0
    assert "exactly one of 'from' and 'queue'" in server.log_tail()
    server.process = None
