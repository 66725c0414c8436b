# SPDX-License-Identifier: Apache-2.0
"""Copies the topic "in" to the topic "out" in transactions, positions included, as the documentation of Kafka tells one to: after any error
it begins anew with what the group has committed. Now and then it aborts for no reason. A program of its own, so that it can be killed; it
says on its output how far it is.

    kafka_copier.py BOOTSTRAP COUNT PARTITIONS SEED PRODUCER
"""

import pathlib
import random
import sys

import confluent_kafka
import kafka

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "interop" / "kafka"))

from epoch_bumps import EpochBumpTransactions  # noqa: E402, its folder has to be known before

SECONDS = 5


class EpochBumpProducer:
    """The producer of KIP-890 in the words of confluent-kafka's. When its connection goes it asks again, whatever it was that it asked."""

    def __init__(self, bootstrap):
        self.bootstrap = bootstrap
        self.made = None

    def init_transactions(self, _):
        self.made = EpochBumpTransactions(self.bootstrap, "copier", is_patient=True)

    def begin_transaction(self):
        self.made.begin()

    def produce(self, topic, value, partition):
        self.made.send(topic, value, partition)

    def send_offsets_to_transaction(self, positions, metadata, _):
        self.made.flush()
        self.made.offsets("copier", positions[0].topic, positions[0].offset)

    def commit_transaction(self, _):
        self.made.commit()

    def abort_transaction(self, _):
        self.made.abort()


class Copier:
    def __init__(self, bootstrap, count, partitions, seed, producer):
        self.bootstrap = bootstrap
        self.is_bumping = producer == EpochBumpTransactions.name
        self.options = {
            "bootstrap.servers": bootstrap, "log_level": 0, "broker.address.family": "v4", "retry.backoff.ms": 20,
            "reconnect.backoff.ms": 10, "reconnect.backoff.max.ms": 100}
        self.count = count
        self.partitions = partitions
        self.random = random.Random(seed)
        self.is_done = False

    def run(self):
        while not self.is_done:
            producer = EpochBumpProducer(self.bootstrap) if self.is_bumping else confluent_kafka.Producer({
                **self.options, "transactional.id": "copier", "transaction.timeout.ms": 20_000, "linger.ms": 0})
            consumer = confluent_kafka.Consumer({
                **self.options, "group.id": "copier", "enable.auto.commit": False,
                "isolation.level": "read_committed", "fetch.wait.max.ms": 50})
            try:
                producer.init_transactions(2 * SECONDS)
                while not self.is_done:
                    self.copy_some(producer, consumer)
            except confluent_kafka.KafkaException as error:
                self.tell(f"anew: {error.args[0].str()}")
            except (kafka.errors.KafkaError, OSError, AssertionError) as error:
                self.tell(f"anew: {error!r}")
            finally:
                consumer.close()

    def copy_some(self, producer, consumer):
        place = confluent_kafka.TopicPartition("in", 0)
        position = max(consumer.committed([place], SECONDS)[0].offset, 0)
        consumer.assign([confluent_kafka.TopicPartition("in", 0, position)])
        while True:
            if position >= self.count:
                self.is_done = True
                return
            messages = [message for message in consumer.consume(self.random.randrange(1, 40), 1) if not message.error()]
            if not messages:
                return
            assert messages[0].offset() == position
            producer.begin_transaction()
            for message in messages:
                producer.produce("out", value=message.value(), partition=message.offset() % self.partitions)
            following = messages[-1].offset() + 1
            producer.send_offsets_to_transaction(
                [confluent_kafka.TopicPartition("in", 0, following)], consumer.consumer_group_metadata(), SECONDS)
            if self.random.random() < 0.2:
                producer.abort_transaction(SECONDS)
                self.tell("aborted")
                return
            producer.commit_transaction(SECONDS)
            self.tell(f"committed {following}")
            position = following

    def tell(self, what):
        print(what, flush=True)


if __name__ == "__main__":
    Copier(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5]).run()
    print("done", flush=True)
