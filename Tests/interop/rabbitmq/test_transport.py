"""The RabbitMQ transport against RabbitMQ: its contract, and that nothing which was confirmed is lost when brokers die."""

import shutil
import subprocess
import uuid

import pytest

from broker import wait_for
from free_ports import free_port


def names():
    mark = uuid.uuid4().hex[:12]
    return f"topic-{mark}", f"group-{mark}"


def consumed_after(consumer, wanted, seconds):
    wait_for(lambda: wanted <= set(consumer.ids("settled")), f"consuming {len(wanted)} events", seconds)


def keeps(bus_check, url, *arguments):
    """Whether a broker keeps the contract of the library's transports, and what the check said."""
    result = subprocess.run([bus_check, url, *arguments], capture_output=True, text=True, timeout=300)
    return result.returncode == 0, result.stdout + result.stderr


def test_the_contract_of_a_bus_transport(rabbitmq, bus_check):
    is_kept, said = keeps(bus_check, rabbitmq.url, "--jobs", "8")
    assert is_kept, said


def test_a_broker_that_is_killed_and_started_again_loses_nothing_that_it_confirmed(new_node, check):
    node = new_node().start().wait_until_ready()
    topic, group = names()
    consumer = check("consume", node.url, topic, group)
    wait_for(lambda: "ready" in consumer.lines(), "subscribing")
    # RabbitMQ 3.10 writes down that a quorum queue exists only minutes after it was made, or when it ends in order: killed before that, it comes
    # back with a queue that answers nobody, any client. That is not what is tested here.
    node.control("stop_app")
    node.control("start_app")
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


def test_an_event_that_kills_its_consumer_is_given_up_after_its_attempts(rabbitmq, check):
    topic, group = names()
    first = check("take", rabbitmq.url, topic, group, 3)
    assert first.wait(60) == 0 and first.lines() == ["none"]
    assert check("produce", rabbitmq.url, topic, 1).wait(60) == 0
    seen = []
    while "none" not in seen:
        program = check("take", rabbitmq.url, topic, group, 3)
        program.wait(60)
        seen += program.lines()
        assert len(seen) < 10, seen
    assert seen == ["attempt 1", "attempt 2", "attempt 3", "none"]
    dead = check("dead", rabbitmq.url, topic, group)
    assert dead.wait(60) == 0
    assert len(dead.lines()) == 1 and dead.lines()[0].startswith("dead 0 "), dead.lines()


def test_publishes_wait_while_the_broker_takes_none_and_consuming_goes_on(new_node, check):
    node = new_node().start().wait_until_ready()
    topic, group = names()
    consumer = check("consume", node.url, topic, group)
    wait_for(lambda: "ready" in consumer.lines(), "subscribing")
    node.control("set_vm_memory_high_watermark", "0.00001")
    # The broker looks at its memory every few seconds; until then it takes what it is sent.
    wait_for(lambda: "memory" in node.control("eval", "rabbit_alarm:get_alarms()."), "the alarm")
    producer = check("produce", node.url + "?publish_timeout=1000", topic, 100)
    wait_for(lambda: any("takes no publishes" in line for line in producer.lines()), "being told of the alarm")
    assert producer.process.poll() is None and not producer.ids("confirmed")
    node.control("set_vm_memory_high_watermark", "0.4")
    assert producer.wait(60) == 0, producer.lines()[-5:]
    consumed_after(consumer, set(range(100)), 60)


def test_tls_with_an_authority_of_ones_own(new_node, check, bus_check, tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    for name in ("right", "wrong"):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-keyout", str(tmp_path / f"{name}.key"), "-out", str(tmp_path / f"{name}.pem"), "-subj", "/CN=localhost",
             "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
    port = free_port()
    node = new_node(
        f"listeners.ssl.default = 127.0.0.1:{port}", f"ssl_options.certfile = {tmp_path}/right.pem",
        f"ssl_options.keyfile = {tmp_path}/right.key", f"ssl_options.cacertfile = {tmp_path}/right.pem",
    ).start().wait_until_ready()
    url = f"amqps://127.0.0.1:{port}"
    is_kept, said = keeps(
        bus_check, f"{url}?cacertfile={tmp_path}/right.pem&auth_mechanism=AMQPLAIN", "--only", "as they were")
    assert is_kept, said
    is_kept, said = keeps(bus_check, f"{url}?verify=verify_none", "--only", "as they were")
    assert is_kept, said
    stranger = check("produce", f"{url}?cacertfile={tmp_path}/wrong.pem&connection_timeout=3000", "t", 1)
    assert stranger.wait(120) == 1 and "certificate" in " ".join(stranger.lines()).lower(), stranger.lines()
    nobody = check("produce", node.url.replace("//", "//guest:wrong@"), "t", 1)
    assert nobody.wait(120) == 1 and "ACCESS_REFUSED" in " ".join(nobody.lines()), nobody.lines()
