# SPDX-License-Identifier: Apache-2.0
"""Copies the topic "in" to the topic "out" in transactions, positions included, as the documentation of Kafka tells one to: after any error
it begins anew with what the group has committed. Now and then it aborts for no reason. A program of its own, so that it can be killed; it
says on its output how far it is.

    kafka_copier.py BOOTSTRAP COUNT PARTITIONS SEED
"""

import random
import sys

import confluent_kafka

SECONDS = 5


class Copier:
    def __init__(self, bootstrap, count, partitions, seed):
        self.options = {
            "bootstrap.servers": bootstrap, "log_level": 0, "broker.address.family": "v4", "retry.backoff.ms": 20,
            "reconnect.backoff.ms": 10, "reconnect.backoff.max.ms": 100}
        self.count = count
        self.partitions = partitions
        self.random = random.Random(seed)
        self.is_done = False

    def run(self):
        while not self.is_done:
            producer = confluent_kafka.Producer({
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
    Copier(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]).run()
    print("done", flush=True)
