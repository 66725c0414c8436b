"""A RabbitMQ that says nothing more, and one that has forgotten everything: both are noticed, and mended without anybody's help."""

import os
import signal
import time

from apus_server import event
from broker import wait_for


def round_trip(bridged, id):
    """One event out by the rule and back by the feed."""
    bridged.server.succeed(
        "POST", "/v1/topics/out/events", json=event(id, {"id": id}),
        headers={"Content-Type": "application/cloudevents+json"})
    wait_for(lambda: str(id) in [each["id"] for each in bridged.server.read_all("back")], f"event {id}", 90)


def both_ways(bridged, node, settings=""):
    bridged.server.create_topic("out")
    bridged.server.create_topic("back")
    bridged.connect("rabbit", node.url + settings)
    bridged.feed("back", connection="rabbit", **{"from": "orders"}, into="back")
    bridged.until_running("back")
    bridged.rule("out", "out", "rabbit", "orders", breaker={"failures": 20, "initial": "500ms", "max": "2s"})
    round_trip(bridged, "first")


def test_a_broker_that_is_silent_for_two_heartbeats_is_given_up_and_found_again(bridged, new_node):
    both_ways(bridged, new_node, "?heartbeat=1")
    os.killpg(new_node.process.pid, signal.SIGSTOP)
    stopped = time.monotonic()
    try:
        # Its socket is open and takes what is sent: only the heartbeats that do not come tell.
        wait_for(lambda: bridged.state("back")["state"] == "waiting", "noticing that the broker is silent", 30)
        noticed = time.monotonic() - stopped
        said = bridged.state("back")["last_failure"]
    finally:
        os.killpg(new_node.process.pid, signal.SIGCONT)
    assert "the broker was silent for 2 s" in said, said
    bridged.until_running("back")
    round_trip(bridged, "second")
    print(f"\nnoticed after {noticed:.1f} s: {said}")


def queues(node):
    return set(node.control("list_queues", "name", "--silent").split())


def test_what_a_broker_has_forgotten_is_declared_again(bridged, new_node):
    both_ways(bridged, new_node)
    before = queues(new_node)
    for command in ("stop_app", "reset", "start_app"):
        new_node.control(command)
    # What is published before the feed has its queue again is for nobody, as with any subscription that is not there.
    wait_for(lambda: before <= queues(new_node), f"declaring {before} again", 90)
    bridged.until_running("back")
    round_trip(bridged, "second")
