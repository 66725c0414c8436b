# SPDX-License-Identifier: Apache-2.0
"""Consumer groups as they are shown over HTTP and by `apus group`: their members, positions and lag."""

import json
import os
import subprocess

import kafka
import pytest
from clients import Confluent, KafkaPython, Record, until
from epoch_bumps import EpochBumpTransactions
from group_members import Members


def cli(server, *arguments):
    made = subprocess.run(
        [server.binary, *arguments, "--url", server.url], capture_output=True, text=True, timeout=30, check=False,
        env={**os.environ, "NO_COLOR": "1"})
    return made.returncode, made.stdout, made.stderr


def group_of(server, name):
    return server.succeed("GET", f"/v1/groups/{name}").json()


@pytest.mark.parametrize("client", ["confluent-kafka", "kafka-python", "aiokafka"])
def test_members_positions_and_lag_are_shown(kafka_server, new_topic, group, client):
    topic = new_topic(partitions=2)
    Confluent().produce(kafka_server.kafka, topic, [Record(b"x", partition=number % 2) for number in range(10)])
    with Members(kafka_server, topic, group) as members:
        first, second = members.start(client), members.start(client)
        until(lambda: first.assigned and second.assigned and members.are_settled(2), members.story)
        until(lambda: first.committed + second.committed == 10, members.story)
        found = group_of(kafka_server, group)
        assert (found["kind"], found["state"], found["lag"]) == ("classic", "Stable", 0)
        assert len(found["members"]) == 2
        owners = {
            place["partition"]: member["id"] for member in found["members"] for place in member["partitions"]}
        assert set(owners) == {0, 1} and len(set(owners.values())) == 2
        assert [(one["partition"], one["committed"], one["end"], one["lag"], one["member"]) for one in found["positions"]] == [
            (0, 5, 5, 0, owners[0]), (1, 5, 5, 0, owners[1])]
        listed, = [one for one in kafka_server.succeed("GET", "/v1/groups").json()["groups"] if one["name"] == group]
        assert listed == {
            "name": group, "kind": "classic", "state": "Stable", "members": 2, "topics": [topic], "lag": 0}
        code, text, _ = cli(kafka_server, "group", "describe", group)
        assert code == 0 and f"{group}: Stable, classic protocol, 2 members" in text
        assert all(owner in text for owner in owners.values())
        first.leave()
        second.leave()
    Confluent().produce(kafka_server.kafka, topic, [Record(b"y", partition=1)] * 3)
    found = group_of(kafka_server, group)
    assert (found["state"], found["members"], found["lag"]) == ("Empty", [], 3)
    code, text, _ = cli(kafka_server, "group", "list", "--json")
    assert code == 0
    assert {"name": group, "lag": 3}.items() <= {
        one["name"]: one for one in map(json.loads, text.splitlines())}[group].items()


def test_a_group_is_moved_and_forgotten_while_nobody_is_in_it(kafka_server, new_topic, group):
    topic = new_topic(partitions=2)
    Confluent().produce(kafka_server.kafka, topic, [Record(b"x", partition=number % 2) for number in range(10)])
    reset = lambda **body: kafka_server.request("POST", f"/v1/groups/{group}/reset", json=body)
    with Members(kafka_server, topic, group) as members:
        first = members.start("confluent-kafka")
        until(lambda: first.committed == 10, members.story)
        # A look is free, a change is refused, and it is said who is there.
        looked = reset(to="earliest", dry_run=True)
        assert looked.status_code == 200 and [one["again"] for one in looked.json()["positions"]] == [5, 5]
        refused = reset(to="earliest")
        assert refused.status_code == 409 and "1 members" in refused.json()["detail"], refused.text
        assert kafka_server.request("DELETE", f"/v1/groups/{group}").status_code == 409
        first.leave()
    until(lambda: not group_of(kafka_server, group)["members"], lambda: group_of(kafka_server, group))
    code, text, _ = cli(kafka_server, "group", "reset", group, "--topic", topic, "--partition", "1", "--to", "2")
    assert code == 0 and "3 events come again, 0 are passed over" in text, text
    assert [one["committed"] for one in group_of(kafka_server, group)["positions"]] == [5, 2]
    with Members(kafka_server, topic, group) as members:
        again = members.start("confluent-kafka")
        until(lambda: again.committed == 3, members.story)
        again.leave()
    until(lambda: not group_of(kafka_server, group)["members"], lambda: group_of(kafka_server, group))
    code, _, errors = cli(kafka_server, "group", "delete", group, "--yes")
    assert code == 0, errors
    assert kafka_server.request("GET", f"/v1/groups/{group}").status_code == 404
    # One that nobody has used yet begins where it is put.
    assert reset(to="1h", topic=topic).json()["positions"] == [
        {"topic": topic, "partition": number, "committed": None, "to": 0, "again": 0, "skipped": 0} for number in range(2)]
    assert group_of(kafka_server, group)["lag"] == 10


def test_groups_outlive_the_server_and_may_be_called_anything(new_server):
    server = new_server().start()
    server.create_topic("t")
    names = ["plain", "with/slash", "mit Umlaut ä", "100%"]
    admin = kafka.KafkaAdminClient(**KafkaPython.options(server.kafka))
    for name in names:
        admin.alter_group_offsets(name, {kafka.TopicPartition("t", 0): kafka.structs.OffsetAndMetadata(0, "m", -1)})
    admin.close()
    server.restart()
    for name in names:
        code, text, _ = cli(server, "group", "describe", name, "--json")
        assert code == 0
        shown = json.loads(text)
        assert shown["name"] == name and shown["state"] == "Empty"
        assert shown["positions"] == [{
            "topic": "t", "partition": 0, "committed": 0, "pending": False, "end": 0, "lag": 0, "metadata": "m",
            "member": None}]
    seen, after = [], None
    while True:
        page = server.succeed("GET", "/v1/groups", params={"limit": 3, **({"after": after} if after else {})}).json()
        seen += [one["name"] for one in page["groups"]]
        after = page["next"]
        if not after:
            break
    assert seen == sorted(names)
    assert server.request("GET", "/v1/groups/none").status_code == 404
    code, _, error = cli(server, "group", "describe", "none")
    assert code != 0 and "none" in error


def test_a_position_of_a_transaction_is_pending(kafka_server, new_topic, group):
    topic = new_topic()
    producer = EpochBumpTransactions(kafka_server.kafka, f"tx-{group}")
    producer.offsets(group, topic, 3)
    position, = group_of(kafka_server, group)["positions"]
    assert (position["committed"], position["pending"], position["lag"]) == (None, True, None)
    producer.commit()
    position, = group_of(kafka_server, group)["positions"]
    assert (position["committed"], position["pending"]) == (3, False)
    producer.close()
