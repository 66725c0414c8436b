"""The RabbitMQ transport against RabbitMQ: its contract, and that nothing which was confirmed is lost when brokers die."""

import uuid

from broker import wait_for


def names():
    mark = uuid.uuid4().hex[:12]
    return f"topic-{mark}", f"group-{mark}"


def consumed_after(consumer, wanted, seconds):
    wait_for(lambda: wanted <= set(consumer.ids("settled")), f"consuming {len(wanted)} events", seconds)


def test_the_contract_of_a_bus_transport(rabbitmq, check):
    program = check("contract", rabbitmq.url)
    status = program.wait(300)
    broken = [line for line in program.lines() if not line.startswith(("kept", "not its kind"))]
    assert status == 0, broken


def test_a_broker_that_is_killed_and_started_again_loses_nothing_that_it_confirmed(new_node, check):
    node = new_node().start().wait_until_ready()
    topic, group = names()
    consumer = check("consume", node.url, topic, group)
    wait_for(lambda: "ready" in consumer.lines(), "subscribing")
    producer = check("produce", node.url, topic, 3000)
    wait_for(lambda: len(producer.ids("confirmed")) > 300, "the first 300 confirms")
    node.kill()
    assert producer.process.poll() is None and consumer.process.poll() is None
    node.start().wait_until_ready()
    assert producer.wait(120) == 0, producer.lines()[-5:]
    confirmed = set(producer.ids("confirmed"))
    assert confirmed == set(range(3000))
    consumed_after(consumer, confirmed, 60)


def test_a_cluster_that_loses_a_node_loses_nothing(new_node, check):
    nodes = [new_node().start().wait_until_ready()]
    for _ in range(2):
        node = new_node().start().wait_until_ready()
        node.control("stop_app")
        node.control("join_cluster", nodes[0].name)
        node.control("start_app")
        nodes.append(node)
    topic, group = names()
    url = "amqp://" + ",".join(f"127.0.0.1:{node.port}" for node in nodes)
    consumer = check("consume", url, topic, group)
    wait_for(lambda: "ready" in consumer.lines(), "subscribing")
    producer = check("produce", url, topic, 3000)
    wait_for(lambda: len(producer.ids("confirmed")) > 300, "the first 300 confirms")
    # The one that both are connected to, and where the queue's leader is.
    nodes[0].kill()
    assert producer.wait(120) == 0, producer.lines()[-5:]
    confirmed = set(producer.ids("confirmed"))
    assert confirmed == set(range(3000))
    consumed_after(consumer, confirmed, 60)
