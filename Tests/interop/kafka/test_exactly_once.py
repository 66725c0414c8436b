# SPDX-License-Identifier: Apache-2.0
"""Typed events handled exactly once (`ConsumerOptions(transactions:)`) on Apus' own Kafka side: the service is killed in the middle, and so is the server; another client reads what was committed."""

import collections
import json
import signal
import time

import confluent_kafka

from check_program import Program, run


ORDERS = 600


def invoices(server, isolation):
    """How many invoices there are for each order, by a client that is not the library's."""
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": server.kafka, "group.id": f"reader-{isolation}-{time.monotonic_ns()}",
        "isolation.level": isolation, "auto.offset.reset": "earliest", "enable.partition.eof": True,
        "enable.auto.commit": False})
    topic = consumer.list_topics("invoices", timeout=20).topics["invoices"]
    consumer.assign([confluent_kafka.TopicPartition("invoices", number, 0) for number in topic.partitions])
    found, ended = collections.Counter(), set()
    while len(ended) < len(topic.partitions):
        message = consumer.poll(20)
        assert message is not None, "it reads on"
        if message.error():
            assert message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF, message.error()
            ended.add(message.partition())
        else:
            found[json.loads(message.value())["order"]] += 1
    consumer.close()
    return found


class Service:
    """The service, which is started anew whenever it is dead."""

    def __init__(self, *command):
        self.command = command
        self.lives = 1
        self.handled = collections.Counter()
        self.program = Program(*command)

    def count(self):
        return sum(line.startswith("handled") for line in self.program.lines)

    def handle_some(self):
        """Waits until it has handled some more, unless it has nothing left to do or ends."""
        before, deadline = self.count(), time.monotonic() + 90
        while self.count() <= before + 20 and self.program.process.poll() is None:
            assert time.monotonic() < deadline, f"it handles orders: {self.program.lines[-3:]}"
            time.sleep(0.005)

    def begin_anew(self):
        self.program.kill()
        self.lives += 1
        self.handled.update(line for line in self.program.lines if line.startswith("handled"))
        self.program = Program(*self.command)


def test_each_order_has_one_invoice_however_often_the_service_and_the_server_are_killed(kafka_check, new_server):
    server = new_server("--auto-create-topics").start()
    url = f"kafka://{server.kafka}?create_topics=true&partitions=3"
    run(kafka_check, "place", url, str(ORDERS))
    # A dead member is given up after its session; a transaction that it left open is aborted by the next life of its id.
    service = Service(kafka_check, "invoice", url + "&session.timeout.ms=6000", "invoicing-1")
    for _ in range(2):
        service.handle_some()
        service.begin_anew()
    service.handle_some()
    server.kill()
    server.start()
    deadline = time.monotonic() + 120
    while len(committed := invoices(server, "read_committed")) < ORDERS:
        # A service that cannot know whether its last transaction was made ends, and is started anew.
        if service.program.process.poll() is not None:
            service.begin_anew()
        assert time.monotonic() < deadline, f"{len(committed)} orders have an invoice: {service.program.lines[-3:]}"
        time.sleep(0.5)
    # All that it has under way it finishes, so that nothing comes afterwards.
    service.program.process.send_signal(signal.SIGTERM)
    assert service.program.process.wait(timeout=60) == 0, service.program.lines[-3:]
    service.program.reader.join()
    service.handled.update(line for line in service.program.lines if line.startswith("handled"))

    assert invoices(server, "read_committed") == {order: 1 for order in range(ORDERS)}
    assert sorted(int(line) for line in run(kafka_check, "invoices", url) if line) == list(range(ORDERS))
    # More were handled than committed: those whose transactions died with the service or the server, and then again.
    assert len(service.handled) == ORDERS
    print(f"{sum(service.handled.values()) - ORDERS} handled again, {service.lives} lives")
