# SPDX-License-Identifier: Apache-2.0
"""Share groups (KIP-932), by a client of our own: records are handed out one by one, come again when they should, and go to the dead letter
when they must; sessions, administration and restarts."""

import confluent_kafka
import pytest
import share_client
from clients import PATIENCE, until
from share_client import (
    ACCEPT, INVALID_CONFIG, INVALID_RECORD_STATE, INVALID_REQUEST, INVALID_SHARE_SESSION_EPOCH, NON_EMPTY_GROUP,
    GROUP_ID_NOT_FOUND, REJECT, RELEASE, RENEW, SHARE_SESSION_NOT_FOUND, UNKNOWN_TOPIC_ID, Member)
from wire import Connection

# How long a fetch waits for what is sure to come.
WAIT = PATIENCE * 1000


@pytest.fixture
def produce(kafka_server):
    """Produces values to partition 0 of a topic, in one batch if they are many."""
    producer = confluent_kafka.Producer({"bootstrap.servers": kafka_server.kafka, "linger.ms": 20})

    def make(topic, *values, partition=0):
        for value in values:
            producer.produce(topic, str(value).encode(), partition=partition)
        assert producer.flush(PATIENCE) == 0

    return make


@pytest.fixture
def admin(kafka_server):
    with Connection(kafka_server) as connection:
        yield connection


@pytest.fixture
def member(kafka_server, admin, group):
    """Makes members of a group that reads a topic from its beginning; the member and the partition."""
    made = []

    def make(topic, partition=0, **options):
        assert share_client.set_config(admin, group, "share.auto.offset.reset", "earliest") == (0, None)
        joined = Member(kafka_server, group, **options)
        made.append(joined)
        return joined, (joined.join(topic), partition)

    yield make
    for each in made:
        each.die()


def dead_letters(server, topic):
    response = server.request("GET", "/v1/dead-letters", params={"topic": f"{topic}.dead-letter"})
    return response.json()["dead_letters"] if response.ok else []


def test_members_share_a_partition_and_each_record_is_handed_out_once(new_topic, produce, member):
    topic = new_topic()
    produce(topic, *range(100))
    first, place = member(topic)
    second, _ = member(topic)
    taken = []
    members = [first, second]
    while len(taken) < 100:
        for each in members:
            records = each.take(place, records=7)
            taken += [int(value) for value, count in records.values() if count == 1]
            if records:
                each.settle(place, ACCEPT, *records)
    assert sorted(taken) == list(range(100))
    assert first.take(place) == {} == second.take(place)


def test_a_fetch_that_waits_gets_what_comes(new_topic, produce, member):
    topic = new_topic()
    waiting, place = member(topic)
    assert waiting.take(place) == {}
    produce(topic, "late")
    assert waiting.take(place, wait=WAIT) == {0: (b"late", 1)}


def test_released_records_come_again_and_count(new_topic, produce, member):
    topic = new_topic()
    produce(topic, *"abc")
    first, place = member(topic)
    assert first.take(place) == {0: (b"a", 1), 1: (b"b", 1), 2: (b"c", 1)}
    # Said with the next fetch, which has the released one at once.
    answer = first.fetch({place: [(0, 2, [ACCEPT, RELEASE, ACCEPT])]})
    assert answer[place].acknowledged == 0
    assert answer[place].records == {1: (b"b", 2)}
    first.settle(place, RELEASE, 1)
    second, _ = member(topic)
    assert second.take(place) == {1: (b"b", 3)}


def test_rejected_records_are_dead_letters(kafka_server, new_topic, produce, member):
    topic = new_topic()
    produce(topic, "good", "bad")
    only, place = member(topic)
    assert len(only.take(place)) == 2
    only.settle(place, REJECT, 1)
    letter, = dead_letters(kafka_server, topic)
    assert letter["reason"] == "rejected by the consumer"
    assert letter["attempts"] == 1
    assert letter["origin"] == {"topic": topic, "partition": 0, "offset": 1}
    assert only.take(place) == {}


def test_after_the_last_delivery_a_record_is_a_dead_letter(kafka_server, new_topic, produce, member):
    topic = new_topic()
    produce(topic, "poison")
    only, place = member(topic)
    for attempt in range(1, 6):
        assert only.take(place) == {0: (b"poison", attempt)}
        only.settle(place, RELEASE, 0)
    assert only.take(place) == {}
    letter, = until(lambda: dead_letters(kafka_server, topic), "no dead letter")
    assert letter["attempts"] == 5


def test_locks_end(new_topic, produce, member, admin, group):
    topic = new_topic()
    assert share_client.set_config(admin, group, "share.record.lock.duration.ms", "1000") == (0, None)
    produce(topic, "slow")
    slow, place = member(topic)
    assert slow.take(place) == {0: (b"slow", 1)}
    assert slow.lock == 1000
    other, _ = member(topic)
    assert other.take(place) == {}
    assert other.take(place, wait=WAIT) == {0: (b"slow", 2)}
    assert slow.acknowledge({place: [(0, 0, [ACCEPT])]}) == {place: INVALID_RECORD_STATE}
    other.settle(place, ACCEPT, 0)


def test_renewed_locks_last(new_topic, produce, member, admin, group):
    topic = new_topic()
    assert share_client.set_config(admin, group, "share.record.lock.duration.ms", "1500") == (0, None)
    produce(topic, "long")
    slow, place = member(topic, version=2)
    assert slow.take(place) == {0: (b"long", 1)}
    other, _ = member(topic, version=2)
    # Each fetch of the other would have got it had the lock ended: three times 700 ms are more than one lock.
    for _ in range(3):
        assert other.take(place, wait=700) == {}
        assert slow.fetch({place: [(0, 0, [RENEW])]}, renew=True)[place].acknowledged == 0
    slow.settle(place, ACCEPT, 0)
    assert other.take(place) == {}
    # Only a request that says so may renew.
    assert slow.acknowledge({place: [(0, 0, [RENEW])]}) == {place: INVALID_REQUEST}


def test_what_a_dead_member_had_comes_to_the_others(new_topic, produce, member):
    topic = new_topic()
    produce(topic, *"abc")
    dying, place = member(topic)
    assert len(dying.take(place)) == 3
    other, _ = member(topic)
    assert other.take(place) == {}
    dying.die()
    # How often it was handed out is not forgotten: it may have been what killed its consumer.
    assert other.take(place, wait=WAIT) == {0: (b"a", 2), 1: (b"b", 2), 2: (b"c", 2)}


def test_a_session_that_ends_gives_back_what_it_has(new_topic, produce, member):
    topic = new_topic()
    produce(topic, *"abc")
    ending, place = member(topic)
    assert len(ending.take(place)) == 3
    assert ending.acknowledge({place: [(1, 1, [ACCEPT])]}, epoch=-1) == {place: 0}
    other, _ = member(topic)
    assert other.take(place) == {0: (b"a", 1), 2: (b"c", 1)}
    assert ending.acknowledge({place: [(0, 0, [ACCEPT])]}) == SHARE_SESSION_NOT_FOUND
    # The same with the last fetch, which is handed nothing any more.
    answer = other.fetch({place: [(2, 2, [ACCEPT])]}, epoch=-1)
    assert answer[place].acknowledged == 0 and answer[place].records == {}
    last, _ = member(topic)
    assert last.take(place) == {0: (b"a", 1)}


def test_everything_is_remembered_over_a_restart(tmp_path):
    from apus_server import ApusServer

    server = ApusServer(tmp_path).start()
    try:
        server.create_topic("kept", 1)
        producer = confluent_kafka.Producer({"bootstrap.servers": server.kafka, "linger.ms": 20})
        for number in range(10):
            producer.produce("kept", b"%d" % number)
        assert producer.flush(PATIENCE) == 0
        with Connection(server) as admin:
            assert share_client.set_config(admin, "kept", "share.auto.offset.reset", "earliest") == (0, None)
        with Member(server, "kept") as before:
            place = before.join("kept"), 0
            assert len(before.take(place)) == 10
            before.settle(place, ACCEPT, 0, 1, 2, 5)
            before.settle(place, RELEASE, 3)
            before.settle(place, REJECT, 9)
            server.restart()
        with Connection(server) as admin:
            assert share_client.list_groups(admin, "share") == {"kept": ("Empty", "share")}
            assert share_client.describe_group(admin, "kept") == (0, "Empty", [])
            assert share_client.describe_offsets(admin, "kept") == (0, {("kept", 0): (3, 0)})
            assert share_client.configs(admin, "kept")["share.auto.offset.reset"] == "earliest"
        with Member(server, "kept") as after:
            # Who was in the group is not known any more, nor are sessions.
            assert after.acknowledge({place: []}, epoch=3) == SHARE_SESSION_NOT_FOUND
            assert after.heartbeat(epoch=1) == share_client.UNKNOWN_MEMBER_ID
            after.join("kept")
            records = after.take(place, wait=WAIT)
            assert {offset: count for offset, (_, count) in records.items()} == {3: 2, 4: 2, 6: 2, 7: 2, 8: 2}
            assert len(dead_letters(server, "kept")) == 1
    finally:
        server.kill()


def test_sessions_have_epochs(new_topic, produce, member):
    topic = new_topic(2)
    produce(topic, "a")
    produce(topic, "b", partition=1)
    only, (identity, _) = member(topic)
    zero, one = (identity, 0), (identity, 1)
    assert only.fetch(epoch=5) == SHARE_SESSION_NOT_FOUND
    assert only.fetch({zero: [(0, 0, [ACCEPT])]}, epoch=0) == INVALID_REQUEST
    assert only.acknowledge({zero: [(0, 0, [ACCEPT])]}, epoch=0) == INVALID_SHARE_SESSION_EPOCH
    answer = only.fetch([zero])
    assert set(answer) == {zero} and answer[zero].records == {0: (b"a", 1)}
    assert only.fetch(epoch=3) == INVALID_SHARE_SESSION_EPOCH
    # Only what is new, and only partitions with news.
    answer = only.fetch([one])
    assert set(answer) == {one} and answer[one].records == {0: (b"b", 1)}
    assert only.fetch() == {}
    produce(topic, "c")
    produce(topic, "d", partition=1)
    answer = only.fetch(forgotten=[zero])
    assert set(answer) == {one} and answer[one].records == {1: (b"d", 1)}
    # A forgotten partition's records can still be settled.
    assert only.acknowledge({zero: [(0, 0, [ACCEPT])], one: [(0, 1, [ACCEPT])]}) == {zero: 0, one: 0}
    # A session that is begun anew has what the member had.
    answer = only.fetch([zero, one], epoch=0)
    assert answer[zero].records == {1: (b"c", 1)} and answer[one].records == {}
    assert only.acknowledge({zero: [(1, 1, [ACCEPT])]}, epoch=1) == {zero: 0}


def test_acknowledgements_count_together_or_not_at_all(new_topic, produce, member):
    topic = new_topic()
    produce(topic, *range(10))
    only, place = member(topic)
    assert len(only.take(place, records=5)) == 5
    for batches, code in [
        ([(0, 9, [ACCEPT])], INVALID_RECORD_STATE), ([(0, 0, [ACCEPT]), (7, 7, [ACCEPT])], INVALID_RECORD_STATE),
        ([(0, 2**62, [ACCEPT])], INVALID_RECORD_STATE), ([(3, 1, [ACCEPT])], INVALID_REQUEST),
        ([(0, 2, [ACCEPT]), (2, 3, [ACCEPT])], INVALID_REQUEST), ([(0, 2, [ACCEPT, ACCEPT])], INVALID_REQUEST),
        ([(0, 0, [])], INVALID_REQUEST), ([(0, 0, [9])], INVALID_REQUEST), ([(-5, -1, [ACCEPT])], INVALID_REQUEST),
    ]:
        assert only.acknowledge({place: batches}) == {place: code}, batches
    assert only.acknowledge({place: [(0, 4, [ACCEPT])]}) == {place: 0}
    assert only.acknowledge({place: [(0, 4, [ACCEPT])]}) == {place: INVALID_RECORD_STATE}


def test_strangers_get_errors(new_topic, member, kafka_server, group):
    import uuid

    topic = new_topic()
    only, place = member(topic)
    nowhere = uuid.uuid4(), 0
    answer = only.fetch([nowhere, (place[0], 7)])
    assert answer[nowhere].error == UNKNOWN_TOPIC_ID
    assert answer[place[0], 7].error == share_client.UNKNOWN_TOPIC_OR_PARTITION
    assert only.acknowledge({nowhere: [(0, 0, [ACCEPT])]}) == {nowhere: share_client.UNKNOWN_TOPIC_OR_PARTITION}
    # Who is in no group makes no subscription by asking.
    with Member(kafka_server, group + "-other") as stranger:
        assert stranger.fetch([place])[place].error == share_client.UNKNOWN_TOPIC_OR_PARTITION
    with Member(kafka_server, "") as nobody:
        assert nobody.fetch([place]) == share_client.INVALID_GROUP_ID


def test_ranges_and_limits_are_as_asked(new_topic, produce, member):
    topic = new_topic()
    produce(topic, *range(20))
    only, place = member(topic, version=2)
    assert list(only.take(place, records=3)) == [0, 1, 2]
    assert list(only.take(place, records=4, batch=2)) == [3, 4, 5, 6]
    only.settle(place, RELEASE, 1, 5)
    # What came back goes first.
    records = only.take(place, records=4)
    assert {offset: count for offset, (_, count) in records.items()} == {1: 2, 5: 2, 7: 1, 8: 1}


def test_large_records_come_in_small_answers(new_topic, produce, member):
    topic = new_topic()
    for number in range(6):
        produce(topic, f"{number}" * 100_000)
    only, place = member(topic)
    taken = {}
    while len(taken) < 6:
        records = only.take(place, largest=250_000)
        assert 0 < len(records) <= 3
        taken |= records
        only.settle(place, ACCEPT, *records)
    assert all(count == 1 for _, count in taken.values())


def test_only_committed_records_are_handed_out(kafka_server, new_topic, member):
    topic = new_topic()
    producer = confluent_kafka.Producer({"bootstrap.servers": kafka_server.kafka, "transactional.id": f"to-{topic}"})
    producer.init_transactions(PATIENCE)
    only, place = member(topic)
    for value, ends in [(b"aborted", producer.abort_transaction), (b"committed", producer.commit_transaction)]:
        producer.begin_transaction()
        producer.produce(topic, value)
        producer.flush(PATIENCE)
        assert only.take(place) == {}
        ends(PATIENCE)
    # The aborted record and its marker are before it.
    assert only.take(place, wait=WAIT) == {2: (b"committed", 1)}
    only.settle(place, ACCEPT, 2)
    assert only.take(place) == {}


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_compressed_batches_are_shared(kafka_server, new_topic, member, codec):
    topic = new_topic()
    producer = confluent_kafka.Producer({
        "bootstrap.servers": kafka_server.kafka, "compression.type": codec, "linger.ms": 50})
    for number in range(50):
        producer.produce(topic, b"%d" % number * 10)
    assert producer.flush(PATIENCE) == 0
    first, place = member(topic)
    second, _ = member(topic)
    taken = first.take(place, records=20)
    taken |= second.take(place, records=100)
    assert [value for value, _ in taken.values()] == [b"%d" % number * 10 for number in range(50)]


def test_groups_are_described_listed_and_deleted(kafka_server, new_topic, produce, member, admin, group):
    topic = new_topic()
    produce(topic, *range(5))
    only, place = member(topic)
    error, state, members = share_client.describe_group(admin, group)
    assert (error, state) == (0, "Stable")
    assert [each[0] for each in members] == [only.id]
    assert members[0][5] == [topic] and members[0][6][0][0] == (place[0], topic, [0])
    assert share_client.list_groups(admin, "share")[group] == ("Stable", "share")
    assert group not in share_client.list_groups(admin, "classic", "consumer")
    only.settle(place, ACCEPT, *list(only.take(place))[:3])
    assert share_client.describe_offsets(admin, group, {topic: [0, 9], "nowhere": [0]}) == (
        0, {(topic, 0): (3, 0), (topic, 9): (0, 3), ("nowhere", 0): (0, 3)})
    # Nothing is changed under members.
    assert share_client.alter_offset(admin, group, topic, 0, 0) == NON_EMPTY_GROUP
    assert share_client.delete_offsets(admin, group, topic) == NON_EMPTY_GROUP
    assert share_client.delete_group(admin, group) == NON_EMPTY_GROUP
    only.close()
    assert only.leave() == 0
    assert share_client.list_groups(admin, "share")[group] == ("Empty", "share")
    assert share_client.alter_offset(admin, group, topic, 0, 1) == 0
    assert share_client.alter_offset(admin, group, topic, 9, 1) == share_client.UNKNOWN_TOPIC_OR_PARTITION
    assert share_client.describe_offsets(admin, group) == (0, {(topic, 0): (1, 0)})
    again, _ = member(topic)
    assert sorted(again.take(place)) == [1, 2, 3, 4]
    again.close()
    assert again.leave() == 0
    name = f"{group}.share.{topic}"
    assert kafka_server.request("GET", f"/v1/subscriptions/{name}").ok
    assert share_client.delete_offsets(admin, group, topic) == 0
    assert kafka_server.request("GET", f"/v1/subscriptions/{name}").status_code == 404
    member(topic)[0].leave()
    assert share_client.delete_group(admin, group) == 0
    assert share_client.delete_group(admin, group) == GROUP_ID_NOT_FOUND
    assert share_client.describe_group(admin, group)[:2] == (GROUP_ID_NOT_FOUND, "Dead")
    assert share_client.describe_offsets(admin, group)[0] == GROUP_ID_NOT_FOUND
    assert share_client.alter_offset(admin, group, topic, 0, 0) == GROUP_ID_NOT_FOUND


def test_configs_of_groups_hold_for_groups_to_come_and_for_those_that_are(
        kafka_server, new_topic, member, admin, group):
    defaults = share_client.configs(admin, group)
    assert defaults["share.auto.offset.reset"] == "latest"
    assert defaults["share.record.lock.duration.ms"] == "30000"
    assert defaults["share.isolation.level"] == "read_committed"
    for name, value in [
        ("share.auto.offset.reset", "somewhere"), ("share.auto.offset.reset", "by_duration:-PT1H"),
        ("share.record.lock.duration.ms", "1"), ("share.isolation.level", "read_uncommitted"), ("no.such", "1"),
    ]:
        error, message = share_client.set_config(admin, group, name, value)
        assert error == INVALID_CONFIG and message
    assert share_client.set_config(admin, group, "share.delivery.count.limit", "3") == (0, None)
    topic = new_topic()
    member(topic)

    def settings():
        return kafka_server.succeed("GET", f"/v1/subscriptions/{group}.share.{topic}").json()

    assert (settings()["max_attempts"], settings()["lease"], settings()["start"]) == (3, "30s", "earliest")
    assert share_client.set_config(admin, group, "share.record.lock.duration.ms", "5000") == (0, None)
    assert share_client.set_config(admin, group, "share.delivery.count.limit", None) == (0, None)
    assert (settings()["max_attempts"], settings()["lease"]) == (5, "5s")
    assert share_client.configs(admin, group)["share.record.lock.duration.ms"] == "5000"


def test_a_group_begins_where_its_config_says(kafka_server, new_topic, produce, admin, group):
    topic = new_topic()
    produce(topic, "old")
    for reset, expected in [("latest", {}), ("by_duration:PT1H", {0: (b"old", 1)}), ("earliest", {0: (b"old", 1)})]:
        name = f"{group}.{reset.split(':')[0]}"
        assert share_client.set_config(admin, name, "share.auto.offset.reset", reset) == (0, None)
        with Member(kafka_server, name) as only:
            place = only.join(topic), 0
            assert only.take(place) == expected


def test_others_see_what_a_share_group_does(kafka_server, new_topic, produce, member, group):
    topic = new_topic()
    produce(topic, *"ab")
    only, place = member(topic)
    only.settle(place, ACCEPT, *list(only.take(place))[:1])
    name = f"{group}.share.{topic}"
    seen = kafka_server.succeed("GET", f"/v1/subscriptions/{name}").json()
    assert (seen["acknowledged"], seen["in_flight"], seen["kind"]) == (1, 1, "shared")
    assert f'apus_deliveries_total{{subscription="{name}",topic="{topic}"}} 2' in kafka_server.metrics()
