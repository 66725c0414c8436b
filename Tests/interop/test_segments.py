# SPDX-License-Identifier: Apache-2.0

"""Segments are Kafka's own bytes: another implementation's record parser reads them."""

import json

from kafka.record import MemoryRecords

from apus_server import event


def segment_records(data_folder):
    """Every (file, record) of every segment, each batch held against Kafka's checksum."""
    for path in sorted(data_folder.rglob("*.log")):
        if not path.stem.isdigit():
            continue
        records = MemoryRecords(path.read_bytes())
        while (batch := records.next_batch()) is not None:
            assert batch.validate_crc(), f"{path}: a batch fails Kafka's checksum"
            for record in batch:
                yield path, record


def test_a_kafka_parser_reads_published_events(new_server):
    server = new_server().start()
    server.create_topic("orders")
    for number in range(20):
        server.publish("orders", event(f"segment-{number}", {"number": number}, type="interop.test"))
    # A server that has stopped has written everything to its segments.
    server.stop()
    found, last = [], {}
    for path, record in segment_records(server.data):
        assert record.offset >= int(path.stem)
        assert record.offset > last.get(path, -1)
        last[path] = record.offset
        headers = dict(record.headers)
        if headers.get("ce_type") == b"interop.test":
            found.append(json.loads(record.value)["number"])
    assert found == list(range(20))
