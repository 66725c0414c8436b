"""A rule delivers to SNS with an SQS queue behind it while moto, which plays them, is stopped or killed, by itself or with the server. What AWS has not acknowledged arrives
when it is back."""

import datetime
import json
import os
import signal
import threading

import boto3
import botocore.config
import botocore.exceptions
import pytest

from aws_double import KEYS, REGION
from bridging import Bridged
from broker import wait_for
from under_fire import PATIENCE, Publisher

SUBSCRIPTION = "/v1/subscriptions/out.bus-1"
ROUNDS = 2


class Shop:
    """Topic `out`, and a rule from there to SNS, behind whose topic `orders` is a queue that everything is taken from."""

    def __init__(self, server, moto):
        self.server, self.moto = server, moto
        self.seen = []
        self.newest = -1
        self.is_made = threading.Event()
        self.is_away = threading.Event()
        self.over = threading.Event()
        self.make()
        server.create_topic("out")
        self.bridged = Bridged(server)
        self.bridged.connect("aws", f"aws://testing:testing@{REGION}?endpoint={moto.url}")
        self.bridged.rule(
            "out", "out", "aws", "orders", timeout="2s", batch={"max_events": 10}, concurrency=2,
            breaker={"failures": 20, "initial": "500ms", "max": "2s"})
        self.publisher = Publisher(server, "out", batch=5, pause=0.1, room=self.has_room)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.publisher.start()
        self.reader.start()

    def client(self, service, **options):
        return boto3.client(service, endpoint_url=self.moto.url, **options, **KEYS)

    def has_room(self):
        """moto takes longer for everything the more a queue has: 0.4 ms for each event in it. So no more are published than are taken, but for those that wait until it is back."""
        return self.is_away.is_set() or self.publisher.acknowledged - self.newest < 100

    def make(self):
        """The topic of SNS and the queue behind it. Nobody asks moto for anything before they are there: it may answer nonsense to the first that come together."""
        sqs, sns = self.client("sqs"), self.client("sns")
        topic = sns.create_topic(Name="orders")["TopicArn"]
        # A short time until what was handed to a reader that gave up comes again.
        self.queue = sqs.create_queue(QueueName="watch", Attributes={"VisibilityTimeout": "5"})["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
        self.is_made.set()

    def forget(self):
        """Kills moto, with all that it had."""
        self.is_made.clear()
        self.moto.kill()

    def read(self):
        """Takes events from the queue, whenever there is one."""
        patience = botocore.config.Config(read_timeout=5, connect_timeout=5, retries={"total_max_attempts": 1})
        sqs = self.client("sqs", config=patience)
        while not self.over.wait(0.01):
            if not self.is_made.wait(0.1):
                continue
            try:
                messages = sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", [])
                if messages:
                    ids = [int(json.loads(message["Body"])["id"]) for message in messages]
                    self.seen += ids
                    self.newest = max(self.newest, *ids)
                    sqs.delete_message_batch(QueueUrl=self.queue, Entries=[
                        {"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(messages)])
            except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
                # moto is silent, or was killed: what was not deleted comes again, if it is still there.
                pass

    def until_arriving(self):
        before = len(self.seen)
        wait_for(lambda: len(self.seen) >= before + 50, "events in the queue", PATIENCE)

    def until_failing(self):
        """Waits until attempts fail and events wait, and returns those that were published since now."""
        self.is_away.set()
        # Those that are on their way to the server may have been stored before.
        newest = self.publisher.acknowledged + self.publisher.batch
        failed = self.server.succeed("GET", SUBSCRIPTION).json()["failed"]
        wait_for(lambda: self.server.succeed("GET", SUBSCRIPTION).json()["failed"] > failed, "failing attempts", PATIENCE)
        wait_for(lambda: self.publisher.acknowledged >= newest + 50, "events that wait", PATIENCE)
        self.is_away.clear()
        return range(newest, self.publisher.acknowledged)

    def finish(self):
        """How many events were published, once each of them has been settled and the queue is empty."""
        events = self.publisher.finish()
        wait_for(lambda: self.server.succeed("GET", SUBSCRIPTION).json()["backlog"] == 0, "settling everything", PATIENCE)
        sqs = self.client("sqs")
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        wait_for(lambda: set(sqs.get_queue_attributes(
            QueueUrl=self.queue, AttributeNames=names)["Attributes"].values()) == {"0"}, "the queue's end", PATIENCE)
        self.over.set()
        self.reader.join(30)
        assert self.server.succeed("GET", "/v1/dead-letters").json()["dead_letters"] == []
        return events

    def delivered(self, number):
        """When AWS acknowledged an event, by its journey."""
        return [
            datetime.datetime.fromisoformat(step["time"]) for step in self.bridged.attempts("out", 1, number)
            if step["outcome"] == "delivered"]


@pytest.fixture
def shop(new_server, moto):
    made = Shop(new_server("--no-auto-create-topics").start(), moto)
    yield made
    made.publisher.enough.set()
    made.over.set()


@pytest.mark.parametrize("victims", ["aws", "both"])
def test_nothing_is_lost_while_aws_is_silent(shop, victims):
    """Stopped, with its sockets open: an attempt does not know what became of it."""
    for _ in range(ROUNDS):
        shop.until_arriving()
        shop.moto.stop()
        try:
            shop.until_failing()
            if victims == "both":
                shop.server.restart()
        finally:
            shop.moto.go_on()
    shop.until_arriving()
    events = shop.finish()
    assert set(shop.seen) == set(range(events))
    print(f"\n{victims}, silent {ROUNDS} times: {events} events, none lost, {len(shop.seen) - events} came twice")


@pytest.mark.parametrize("victims", ["aws", "both"])
def test_what_aws_has_not_acknowledged_arrives_when_it_is_back(shop, victims):
    """moto keeps all in memory: what it had acknowledged and nobody had taken dies with it, and nothing else."""
    waited = 0
    for _ in range(ROUNDS):
        shop.until_arriving()
        shop.forget()
        meanwhile = shop.until_failing()
        # Nothing may be sent before the queue is there again: it would be acknowledged, and for nobody.
        if victims == "both":
            shop.server.kill()
        else:
            os.kill(shop.server.process.pid, signal.SIGSTOP)
        # The server may have read the last acknowledgement only when moto was dead.
        forgotten = datetime.datetime.now(datetime.timezone.utc)
        try:
            shop.moto.start()
            shop.make()
        finally:
            if victims == "both":
                shop.server.start()
            else:
                os.kill(shop.server.process.pid, signal.SIGCONT)
        wait_for(lambda: set(meanwhile) <= set(shop.seen), "what was published meanwhile", PATIENCE)
        waited += len(meanwhile)
    shop.until_arriving()
    events = shop.finish()
    gone = set(range(events)) - set(shop.seen)
    for number in gone:
        times = shop.delivered(number)
        assert times and min(times) < forgotten, (
            f"event {number} was lost; acknowledged: {times}; AWS last began anew at {forgotten}")
    print(
        f"\n{victims}, killed {ROUNDS} times: {events} events, {waited} of them published meanwhile, all of which came; {len(gone)} died in the queue; "
        f"{len(shop.seen) - len(set(shop.seen))} came twice")
