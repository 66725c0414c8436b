"""The server is killed with SIGKILL while events are published, over and over on the same data."""

import random
import time

from traffic import Client, NO_ANSWER, Publisher, Reader, Traffic, create_topics, cycles


class TopicChurn:
    """Creates and deletes topics under the same few names, and notes which of them must be there."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.topics = {f"churn-{number}": False for number in range(3)}
        # Names whose last request had no answer.
        self.unknown = set()
        self.changes = 0

    def run(self, server, is_stopped):
        client = Client(server)
        try:
            while not is_stopped():
                self.change(client)
        except NO_ANSWER:
            pass
        finally:
            client.close()

    def change(self, client):
        name = self.random.choice(list(self.topics))
        self.unknown.add(name)
        if self.topics[name]:
            status, answer = client.request("DELETE", f"/v1/topics/{name}")
            assert status == 204, f"deleting {name}: {status} {answer}"
        else:
            status, answer = client.request("PUT", f"/v1/topics/{name}", {"partitions": 2})
            assert status == 201, f"creating {name}: {status} {answer}"
            status, answer = client.request("POST", f"/v1/topics/{name}/events?key=a", {"life": self.changes})
            assert status == 200 and answer["offset"] == 0, f"a new topic begins at {answer}"
        self.topics[name] = not self.topics[name]
        self.unknown.discard(name)
        self.changes += 1
        time.sleep(0.005)

    def check(self, server):
        there = {topic["name"] for topic in server.succeed("GET", "/v1/topics").json()["topics"]}
        for name, is_there in self.topics.items():
            if name in self.unknown:
                self.topics[name] = name in there
            else:
                assert (name in there) == is_there, f"{name} should {'' if is_there else 'not '}be there: {there}"
        self.unknown.clear()


def percentile(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def test_nothing_acknowledged_is_lost_by_sigkill(new_server, report):
    server = new_server("--journal-size", "32MiB")
    server.start()
    ledger = create_topics(server, segment_bytes=1 << 20)
    churn = TopicChurn(seed=1)
    publishers = [Publisher(ledger, f"p{number}", seed=number) for number in range(4)]
    chance = random.Random(2)
    recoveries = []
    for _ in range(cycles(40)):
        traffic = Traffic([*publishers, Reader(ledger, chance.random()), churn]).start(server)
        time.sleep(chance.choice((chance.uniform(0, 0.1), chance.uniform(0.1, 0.6), chance.uniform(0.6, 1.6))))
        server.kill()
        traffic.join()
        begun = time.monotonic()
        server.start()
        recoveries.append(time.monotonic() - begun)
        ledger.check_new(server)
        churn.check(server)
    ledger.check_all(server)
    assert server.stop() == 0
    server.start()
    ledger.check_all(server)
    report(
        f"{len(recoveries)} kills, {ledger.summary()}, {churn.changes} topics made or deleted; ready after "
        f"{percentile(recoveries, 0.5) * 1000:.0f} ms at the median, {max(recoveries) * 1000:.0f} ms at most")
