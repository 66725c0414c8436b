# SPDX-License-Identifier: Apache-2.0
"""A server for each module of tests with Kafka clients, and topics on it."""

import os
import uuid

import pytest

from apus_server import ApusServer


@pytest.fixture(scope="module")
def kafka_server(tmp_path_factory):
    """A server that the tests of one module share; nothing but the tests' own topics is on it."""
    server = ApusServer(tmp_path_factory.mktemp("kafka"), ["--allow-private-webhooks"]).start()
    yield server
    server.kill()


@pytest.fixture
def new_topic(kafka_server):
    """Makes topics: new_topic(partitions). They do not wait for the disk, which is for the tests that kill servers."""

    def make(partitions=1, **settings):
        name = f"k-{uuid.uuid4().hex[:12]}"
        kafka_server.create_topic(name, partitions, **{"durability": "none", **settings})
        return name

    return make


@pytest.fixture
def group():
    """The name of a group that nobody else has."""
    return f"g-{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="module")
def kafka_check():
    """The program that publishes, consumes and copies; `make test` sets APUS_KAFKA_CHECK where the transport was built."""
    path = os.environ.get("APUS_KAFKA_CHECK")
    if not path:
        pytest.skip("APUS_KAFKA_CHECK names no apus-kafka-check: the transport for Kafka was not built")
    return path
