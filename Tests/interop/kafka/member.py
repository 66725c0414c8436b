# SPDX-License-Identifier: Apache-2.0
"""One member of a consumer group as a process of its own, so that it can be killed: python member.py CLIENT ADDRESS TOPIC GROUP [INSTANCE].

It writes what happens to it as lines of JSON: {"assigned": [...]}, {"revoked": [...]}, {"read": [[partition, offset, value], ...]},
{"committed": true}. It reads in batches and commits each after it has written that it read it. It leaves politely when its input ends."""

import asyncio
import json
import sys
import threading
import time

SESSION_MS = 6000
HEARTBEAT_MS = 200


def say(**what):
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def places(partitions):
    return sorted(place.partition for place in partitions)


class Stop:
    """True once the input has ended."""

    def __init__(self):
        self.event = threading.Event()
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        while sys.stdin.readline():
            pass
        self.event.set()

    def __bool__(self):
        return self.event.is_set()


def kafka_python(address, topic, group, instance, stop):
    import kafka

    class Listener(kafka.ConsumerRebalanceListener):
        def on_partitions_revoked(self, revoked):
            say(revoked=places(revoked))

        def on_partitions_assigned(self, assigned):
            say(assigned=places(assigned))

    consumer = kafka.KafkaConsumer(
        bootstrap_servers=address, group_id=group, group_instance_id=instance, enable_auto_commit=False,
        auto_offset_reset="earliest", session_timeout_ms=SESSION_MS, heartbeat_interval_ms=HEARTBEAT_MS,
        fetch_max_wait_ms=100, max_poll_records=20, reconnect_backoff_max_ms=500)
    consumer.subscribe([topic], listener=Listener())
    while not stop:
        polled = consumer.poll(100)
        read = [[message.partition, message.offset, message.value.decode()] for some in polled.values() for message in some]
        if read:
            say(read=read)
            try:
                consumer.commit()
                say(committed=True)
            except kafka.errors.KafkaError as error:
                # The group went on without this member; whoever has the partitions now reads them again.
                say(failed=type(error).__name__)
    consumer.close(autocommit=False)


def aiokafka(address, topic, group, instance, stop):
    import aiokafka

    class Listener(aiokafka.ConsumerRebalanceListener):
        async def on_partitions_revoked(self, revoked):
            say(revoked=places(revoked))

        async def on_partitions_assigned(self, assigned):
            say(assigned=places(assigned))

    async def run():
        consumer = aiokafka.AIOKafkaConsumer(
            bootstrap_servers=address, group_id=group, group_instance_id=instance, enable_auto_commit=False,
            auto_offset_reset="earliest", session_timeout_ms=SESSION_MS, heartbeat_interval_ms=HEARTBEAT_MS,
            fetch_max_wait_ms=100, max_poll_records=20)
        consumer.subscribe([topic], listener=Listener())
        await consumer.start()
        while not stop:
            polled = await consumer.getmany(timeout_ms=100, max_records=20)
            read = [
                [message.partition, message.offset, message.value.decode()] for some in polled.values()
                for message in some]
            if read:
                say(read=read)
                try:
                    await consumer.commit()
                    say(committed=True)
                except aiokafka.errors.KafkaError as error:
                    say(failed=type(error).__name__)
        await consumer.stop()

    asyncio.run(run())


def confluent(address, topic, group, instance, stop, **more):
    import confluent_kafka

    settings = {
        "bootstrap.servers": address, "group.id": group, "enable.auto.commit": False,
        "auto.offset.reset": "earliest", "fetch.wait.max.ms": 100, "log_level": 0, "broker.address.family": "v4",
        "reconnect.backoff.max.ms": 500, **more}
    if "group.protocol" not in more:
        settings |= {"session.timeout.ms": SESSION_MS, "heartbeat.interval.ms": HEARTBEAT_MS}
    if instance:
        settings["group.instance.id"] = instance
    consumer = confluent_kafka.Consumer(settings)

    is_incremental = more.get("partition.assignment.strategy") == "cooperative-sticky" or "group.protocol" in more

    def assigned(consumer, partitions):
        say(assigned=places(partitions), incremental=is_incremental)

    def revoked(consumer, partitions):
        say(revoked=places(partitions), incremental=is_incremental)

    consumer.subscribe([topic], on_assign=assigned, on_revoke=revoked, on_lost=revoked)
    while not stop:
        read = [
            [message.partition(), message.offset(), message.value().decode()] for message in consumer.consume(20, 0.1)
            if not message.error()]
        if read:
            say(read=read)
            try:
                consumer.commit(asynchronous=False)
                say(committed=True)
            except confluent_kafka.KafkaException as error:
                say(failed=error.args[0].name())
    consumer.close()


def cooperative(*arguments):
    confluent(*arguments, **{"partition.assignment.strategy": "cooperative-sticky"})


def consumer_protocol(*arguments):
    """The group protocol of KIP-848, in which the server assigns."""
    confluent(*arguments, **{"group.protocol": "consumer"})


CLIENTS = {
    "kafka-python": kafka_python, "aiokafka": aiokafka, "confluent-kafka": confluent, "confluent-cooperative": cooperative,
    "confluent-kip848": consumer_protocol}

if __name__ == "__main__":
    name, address, topic, group, *instance = sys.argv[1:]
    begun = time.monotonic()
    CLIENTS[name](address, topic, group, instance[0] if instance else None, Stop())
    say(left=True)
