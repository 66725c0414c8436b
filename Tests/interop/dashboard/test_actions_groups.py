# SPDX-License-Identifier: Apache-2.0
"""What is done to consumer groups of Kafka's clients while nobody is in them."""

import uuid

import pytest
from confluent_kafka import Consumer, TopicPartition

from browsing import run


@pytest.fixture
def away(scene):
    """A group that has committed, and is away."""
    name = f"away-{uuid.uuid4().hex[:8]}"
    consumer = Consumer({"bootstrap.servers": scene.server.kafka, "group.id": name})
    consumer.commit(offsets=[TopicPartition("orders", partition, 2) for partition in (0, 1)], asynchronous=False)
    consumer.close()
    return name


def positions(server, group):
    return [one["committed"] for one in server.succeed("GET", f"/v1/groups/{group}").json()["positions"]]


def test_a_group_is_moved_after_a_preview_and_by_the_command(scene, open_page, away):
    server = scene.server
    page = open_page(f"{server.url}/ui/groups/{away}")
    page.click("button:has-text('Reset…')")
    page.fill("dialog label:has-text('Topic') + input", "orders")
    page.fill("dialog label:has-text('To') + input", "1")
    page.wait_for_selector("[data-preview] >> text=2 events will come again")
    line = page.locator("dialog [data-cli]").get_attribute("data-cli")
    assert line == f"apus group reset {away} --topic orders --to 1 --url {server.url}"
    assert positions(server, away) == [2, 2]
    page.click("dialog button[type=submit]")
    page.wait_for_selector(".toast >> text=goes on from 1")
    # The topic has a third partition, of which the group had not committed anything.
    assert positions(server, away)[:2] == [1, 1]
    run(line.replace("--to 1", "--to earliest"), server)
    assert positions(server, away) == [0, 0, 0]


def test_a_group_is_forgotten_once_its_name_is_typed(scene, open_page, away):
    server = scene.server
    page = open_page(f"{server.url}/ui/groups/{away}")
    page.click("button:has-text('Delete…')")
    line = page.locator("dialog [data-cli]").get_attribute("data-cli")
    assert page.locator("dialog button[type=submit]").is_disabled()
    page.fill("dialog input", away)
    page.click("dialog button[type=submit]")
    page.wait_for_selector("h1:has-text('Consumer groups')")
    assert server.request("GET", f"/v1/groups/{away}").status_code == 404
    consumer = Consumer({"bootstrap.servers": server.kafka, "group.id": away})
    consumer.commit(offsets=[TopicPartition("orders", 0, 1)], asynchronous=False)
    consumer.close()
    run(line, server)
    assert server.request("GET", f"/v1/groups/{away}").status_code == 404
