# SPDX-License-Identifier: Apache-2.0
"""A producer of transactions as Kafka's Java client 4 is one where the broker says that it may be (KIP-890): partitions and groups join a transaction
with the first batch and the first position, and each end gives the next epoch. None of the clients that can be had here does so: this one is
made of kafka-python's messages."""

import struct
import time

import kafka.errors
from clients import PATIENCE
from kafka.protocol.metadata import ApiVersionsRequest, ApiVersionsResponse
from kafka.protocol.producer import (
    AddPartitionsToTxnRequest, AddPartitionsToTxnResponse, EndTxnRequest, EndTxnResponse, InitProducerIdRequest,
    InitProducerIdResponse, ProduceRequest, ProduceResponse, TxnOffsetCommitRequest, TxnOffsetCommitResponse)
from wire import Connection, batch

# What says: once more.
COORDINATOR_NOT_AVAILABLE, NOT_ENOUGH_REPLICAS, CONCURRENT_TRANSACTIONS = 15, 19, 51


class _Server:
    """What a connection wants to know."""

    def __init__(self, address):
        self.kafka_port = int(address.rsplit(":", 1)[1])


class EpochBumpTransactions:
    name = "kip-890"

    def __init__(self, address, identity, is_patient=False):
        self.server = _Server(address)
        # Whether it connects anew and asks again when its connection goes.
        self.is_patient = is_patient
        self.connection = None
        self.transactional_id = identity
        self.unsent = []
        answer = self.until_settled(
            lambda: self.ask(
                InitProducerIdRequest[5](
                    transactional_id=identity, transaction_timeout_ms=20_000, producer_id=-1, producer_epoch=-1),
                InitProducerIdResponse[5]))
        self.take(answer)

    def take(self, answer):
        self.producer = (answer.producer_id, answer.producer_epoch)
        self.sequences = {}

    def ask(self, message, response):
        message.with_header(correlation_id=11, client_id=self.name)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                if self.connection is None:
                    self.connection = Connection(self.server)
                data = self.connection.ask(message.encode(header=True, framed=True))
                return response.decode(struct.pack(">i", 11) + data, header=True)
            except (OSError, AssertionError):
                self.close()
                if not self.is_patient or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    @staticmethod
    def until_settled(ask):
        """Asks until the answer is not to ask again."""
        deadline = time.monotonic() + PATIENCE
        while True:
            answer = ask()
            if answer.error_code not in (COORDINATOR_NOT_AVAILABLE, CONCURRENT_TRANSACTIONS):
                if answer.error_code:
                    raise kafka.errors.for_code(answer.error_code)()
                return answer
            assert time.monotonic() < deadline, answer
            time.sleep(0.005)

    @staticmethod
    def features(address):
        """What the server says may be used."""
        connection = Connection(_Server(address))
        message = ApiVersionsRequest[4](client_software_name="kip-890", client_software_version="1")
        message.with_header(correlation_id=11, client_id="kip-890")
        data = connection.ask(message.encode(header=True, framed=True))
        answer = ApiVersionsResponse[4].decode(struct.pack(">i", 11) + data, header=True)
        apis = {api.api_key: (api.min_version, api.max_version) for api in answer.api_keys}
        return {feature.name: feature.max_version_level for feature in answer.finalized_features}, apis

    def begin(self):
        assert not self.unsent

    def send(self, topic, value, partition=0):
        self.unsent.append((topic, partition, value))

    def produce(self, topic, partition, values, *, version=12, producer=None, sequence=None):
        """Sends one batch and returns its code and offset."""
        sequence = self.sequences.get((topic, partition), 0) if sequence is None else sequence
        records = batch(*values, transactional=True, producer=(*(producer or self.producer), sequence))
        data = ProduceRequest.TopicProduceData
        message = ProduceRequest[version](
            transactional_id=self.transactional_id, acks=-1, timeout_ms=10_000, topic_data=[
                data(name=topic, partition_data=[data.PartitionProduceData(index=partition, records=records)])])
        answer = self.ask(message, ProduceResponse[version]).responses[0].partition_responses[0]
        return answer.error_code, answer.base_offset

    def flush(self):
        deadline = time.monotonic() + PATIENCE
        while self.unsent:
            topic, partition, value = self.unsent[0]
            code, _ = self.produce(topic, partition, [value])
            if code in (NOT_ENOUGH_REPLICAS, CONCURRENT_TRANSACTIONS):
                assert time.monotonic() < deadline, code
                time.sleep(0.005)
                continue
            if code:
                raise kafka.errors.for_code(code)()
            self.unsent.pop(0)
            self.sequences[topic, partition] = self.sequences.get((topic, partition), 0) + 1

    def offsets(self, group, topic, offset):
        made = TxnOffsetCommitRequest.TxnOffsetCommitRequestTopic
        position = made.TxnOffsetCommitRequestPartition(
            partition_index=0, committed_offset=offset, committed_leader_epoch=-1, committed_metadata="")

        def ask():
            answer = self.ask(
                TxnOffsetCommitRequest[5](
                    transactional_id=self.transactional_id, group_id=group, producer_id=self.producer[0],
                    producer_epoch=self.producer[1], generation_id=-1, member_id="", group_instance_id=None,
                    topics=[made(name=topic, partitions=[position])]),
                TxnOffsetCommitResponse[5])
            return answer.topics[0].partitions[0]

        self.until_settled(ask)

    def add(self, topic, partitions, version=5, verify_only=False):
        """What brokers ask each other: the codes of partitions of one transaction."""
        made = AddPartitionsToTxnRequest
        answer = self.ask(
            made[version](transactions=[
                made.AddPartitionsToTxnTransaction(
                    transactional_id=self.transactional_id, producer_id=self.producer[0], producer_epoch=self.producer[1],
                    verify_only=verify_only, topics=[made.AddPartitionsToTxnTopic(name=topic, partitions=partitions)])]),
            AddPartitionsToTxnResponse[version])
        result, = answer.results_by_transaction
        assert result.transactional_id == self.transactional_id
        return {
            one.partition_index: one.partition_error_code for topic in result.topic_results
            for one in topic.results_by_partition}

    def end(self, committed, producer=None):
        who = producer or self.producer
        return self.ask(
            EndTxnRequest[5](
                transactional_id=self.transactional_id, producer_id=who[0], producer_epoch=who[1], committed=committed),
            EndTxnResponse[5])

    def commit(self):
        self.flush()
        self.take(self.until_settled(lambda: self.end(True)))

    def abort(self):
        self.unsent = []
        self.take(self.until_settled(lambda: self.end(False)))

    def close(self):
        if self.connection is not None:
            self.connection.socket.close()
        self.connection = None
