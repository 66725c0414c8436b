# SPDX-License-Identifier: Apache-2.0

"""Segments are Kafka's own bytes: another implementation's record parser reads them.

Needs the fixture `apus_server`: a running server with `.url` and `.data_dir`, and PyPI's kafka-python and requests.
"""

import json
import pathlib
import time

import requests
from kafka.record import MemoryRecords


def segment_records(data_dir):
    """Yield (file, record) for every record in every segment below `data_dir`."""
    for path in sorted(pathlib.Path(data_dir).rglob("*.log")):
        if not path.stem.isdigit():
            continue
        records = MemoryRecords(path.read_bytes())
        while (batch := records.next_batch()) is not None:
            assert batch.validate_crc(), f"{path}: a batch fails Kafka's checksum"
            for record in batch:
                yield path, record


def wait_for(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError("nothing was found in segments in time")


def test_a_kafka_parser_reads_published_events(apus_server):
    marker = "segment-interop"
    for number in range(20):
        event = {
            "specversion": "1.0", "id": f"{marker}-{number}", "source": "/interop", "type": "interop.test",
            "datacontenttype": "application/json", "data": {"marker": marker, "number": number},
        }
        answer = requests.post(
            f"{apus_server.url}/topics/{marker}/events", data=json.dumps(event),
            headers={"Content-Type": "application/cloudevents+json"}, timeout=5)
        assert answer.status_code < 300, answer.text

    def published():
        found = [r for _, r in segment_records(apus_server.data_dir) if r.value and marker.encode() in r.value]
        return found if len(found) >= 20 else None

    records = wait_for(published)
    assert sorted(json.loads(r.value)["number"] for r in records) == list(range(20))
    for record in records:
        headers = dict(record.headers)
        assert headers["ce_type"] == b"interop.test"


def test_offsets_grow_within_every_segment(apus_server):
    last = {}
    for path, record in segment_records(apus_server.data_dir):
        assert record.offset >= int(path.stem)
        assert record.offset > last.get(path, -1)
        last[path] = record.offset
