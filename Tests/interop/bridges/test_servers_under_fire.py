"""A rule delivers to a second Apus server, by its Kafka gateway or by Apus's own protocol, and a feed brings events back from there. Either server, or both, are killed
while events are published: each that was acknowledged is at the end in the topic there and in the topic here."""

import pytest

from bridging import Bridged
from broker import wait_for
from under_fire import PATIENCE, Publisher, stored, verdict

PARTITIONS = 3
# A group of Kafka's waits seconds for a member that was killed.
KILLS = {"kafka": 3, "apus": 4}


class Pair:
    """Topic `out` of the server with the bridges, a rule from there into topic `middle` of the other server, and a feed from there into topic `back`."""

    def __init__(self, kind, server, other):
        self.kind, self.server, self.other = kind, server, other
        self.bridged = Bridged(server)
        server.create_topic("out")
        server.create_topic("back")
        other.create_topic("middle", partitions=PARTITIONS)

    def connect(self):
        url = self.other.url.replace("http://", "apus://")
        if self.kind == "kafka":
            # The gateway's least: so long a group waits for a member that was killed.
            url = f"kafka://{self.other.kafka}?create_topics=true&session.timeout.ms=6000"
        answer = self.server.request("PUT", "/v1/connections/other", json={"url": url})
        if self.kind == "kafka" and "package trait" in answer.text:
            pytest.skip("the server was built without the transport for Kafka")
        assert answer.ok, answer.text
        self.bridged.feed("back", connection="other", **{"from": "middle"}, into="back")
        self.bridged.until_running("back")
        self.bridged.rule(
            "out", "out", "other", "middle", breaker={"failures": 20, "initial": "500ms", "max": "2s"})
        self.shorten_leases()

    def shorten_leases(self):
        """What a feed had taken when it was killed comes again when its lease ends: after this time, and not after a minute, which the feed sets whenever it starts."""
        self.bridged.until_running("back")
        if self.kind == "apus":
            settings = {"topic": "middle", "lease": "3s", "max_attempts": 1000, "dead_letter": "apus.middle.dead-letter"}
            self.other.succeed("PUT", "/v1/subscriptions/apus.middle", json=settings)

    def until_moving(self):
        """Waits until events go both ways, since now."""
        for server, topic in ((self.other, "middle"), (self.server, "back")):
            before = stored(server, topic)
            wait_for(lambda: stored(server, topic) >= before + 300, f"events in '{topic}'", PATIENCE)

    def dead_letters(self):
        return [
            letter for server in (self.server, self.other)
            for letter in server.succeed("GET", "/v1/dead-letters").json()["dead_letters"]]


@pytest.mark.parametrize("victims", ["bridge", "other", "both"])
@pytest.mark.parametrize("kind", ["kafka", "apus"])
def test_nothing_is_lost_between_two_servers(new_server, kind, victims):
    pair = Pair(kind, new_server("--no-auto-create-topics").start(), new_server().start())
    pair.connect()
    # In the order in which they start again: who has the bridges first, once in a while, and finds nobody there.
    killed = {"bridge": [pair.server], "other": [pair.other], "both": [pair.server, pair.other]}[victims]
    publisher = Publisher(pair.server, "out", batch=25)
    publisher.start()
    for _ in range(KILLS[kind]):
        pair.until_moving()
        assert publisher.is_alive()
        for server in killed:
            server.kill()
        for server in killed:
            server.start()
        killed.reverse()
        pair.shorten_leases()
    pair.until_moving()
    events = publisher.finish()
    there = verdict(pair.other, "middle", events, PATIENCE, PARTITIONS)
    here = verdict(pair.server, "back", events, PATIENCE)
    assert pair.dead_letters() == []
    print(f"\n{kind}, {victims} killed {KILLS[kind]} times: {events} events, none lost, {there} came twice there, {here} here")
