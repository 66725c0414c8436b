# SPDX-License-Identifier: Apache-2.0
"""Watermarks before the disk is full: an alarm first, then publishes are refused in each protocol's own form while consuming, acknowledging and deleting go on;
and all of it ends by itself, not before there is some space more.

The data folder is a small memory file system of its own, which only root can mount.
"""

import os
import time

import kafka
import kafka.errors
import pytest
from prometheus_client.parser import text_string_to_metric_families

from apus_server import event
from disks import RECOVER_SECONDS_MAX, wait_for_journal

MIB = 1 << 20


@pytest.fixture
def server(small_disk_server):
    small_disk_server.arguments += ["--disk-alarm", "120MiB", "--disk-refuse", "80MiB", "--look-interval", "300ms"]
    return small_disk_server.start()


def until(condition, seconds=RECOVER_SECONDS_MAX):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.1)
    return found


def alarms(server):
    return [alarm["alarm"] for alarm in server.succeed("GET", "/v1/alarms").json()["alarms"]]


def gauge(server, alarm):
    for family in text_string_to_metric_families(server.metrics()):
        for sample in family.samples:
            if sample.name == "apus_alarms" and sample.labels == {"alarm": alarm}:
                return sample.value
    return None


def publish(server, number):
    return server.request("POST", "/v1/topics/work/events", json=event(number), headers={
        "Content-Type": "application/cloudevents+json"})


def occupy(server, leaving):
    """Has others take the disk, but for so many bytes; what they have already stays, so that no more is free in between."""
    with (server.data / "ballast").open("ab", buffering=0) as file:
        more = free(server) - leaving
        if more < 0:
            file.truncate(file.tell() + more)
        for _ in range(more // MIB):
            file.write(bytes(MIB))


def free(server):
    status = os.statvfs(server.data)
    return status.f_bavail * status.f_frsize


def acknowledge_one(server):
    delivery = server.succeed("POST", "/v1/subscriptions/worker/receive", json={"max": 1}).json()["deliveries"][0]
    results = server.succeed(
        "POST", "/v1/subscriptions/worker/ack", json={"leases": [delivery["lease"]]}).json()["results"]
    assert results[0]["status"] == "ok"


def test_alarm_refusal_and_recovery(server, report):
    server.create_topic("work")
    server.create_topic("doomed")
    server.succeed("PUT", "/v1/subscriptions/worker", json={"topic": "work", "start": "earliest"})
    server.publish("work", *(event(f"w-{number}") for number in range(50)))
    wait_for_journal(server)
    assert alarms(server) == []

    occupy(server, 100 * MIB)
    until(lambda: alarms(server) == ["disk_low"])
    assert publish(server, "low").status_code == 200
    assert server.request("GET", "/health/ready").status_code == 200
    finding = [one for one in server.succeed("GET", "/v1/diagnosis").json()["findings"] if one["subject"] == "disk"]
    assert finding and "80 MiB" in finding[0]["finding"]
    assert gauge(server, "disk_low") == 1 and gauge(server, "disk_full") == 0

    occupy(server, 70 * MIB)
    until(lambda: alarms(server) == ["disk_full"])
    refused = publish(server, "full")
    assert refused.status_code == 503 and int(refused.headers["Retry-After"]) > 0
    assert refused.json()["retryable"] and "full" in refused.json()["detail"]
    assert server.request("GET", "/health/ready").status_code == 503
    assert server.request("GET", "/health/live").status_code == 200
    producer = kafka.KafkaProducer(bootstrap_servers=server.kafka, retries=0, acks=1)
    with pytest.raises(kafka.errors.KafkaError) as failure:
        producer.send("work", b"x").get(timeout=20)
    assert failure.value.retriable, failure.value
    producer.close(timeout=5)
    for _ in range(5):
        acknowledge_one(server)
    server.succeed("DELETE", "/v1/topics/doomed")
    assert server.succeed("GET", "/v1/status").json()["disk"]["level"] == "short"

    # Within the band nothing changes: what refuses at 80 MiB accepts at 90.
    occupy(server, 85 * MIB)
    left = free(server)
    assert 80 * MIB < left < 90 * MIB
    until(lambda: server.succeed("GET", "/v1/status").json()["disk"]["free_bytes"] == left)
    assert publish(server, "band").status_code == 503

    occupy(server, 100 * MIB)
    begun = time.monotonic()
    until(lambda: publish(server, "again").status_code == 200)
    seconds = time.monotonic() - begun
    assert alarms(server) == ["disk_low"]
    (server.data / "ballast").unlink()
    until(lambda: alarms(server) == [])
    acknowledge_one(server)
    log = server.log.read_text()
    assert log.count("Little space is left") == 1 and log.count("appends are refused") == 1
    assert log.count("appends are accepted") == 1 and log.count("enough space on the disk again") == 1
    report(f"publishing again {seconds:.1f} s after there was space")
