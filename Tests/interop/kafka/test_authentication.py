# SPDX-License-Identifier: Apache-2.0
"""Clients say who they are where the server has a token: any user, the token as the password, with PLAIN and SCRAM; nobody else is served."""

import pytest
import wire
from apus_server import ApusServer
from clients import ALL, Login, Record, each_client
from wire import Connection, request

TOKEN = "s3cret,with=signs"
MECHANISMS = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("locked")
    token = folder / "token"
    token.write_text(TOKEN)
    server = ApusServer(folder, ["--token-file", str(token)])
    server.http.headers["Authorization"] = f"Bearer {TOKEN}"
    server.start()
    server.create_topic("locked")
    yield server
    server.kill()


@each_client
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_the_token_is_everybody_s_password(server, client, mechanism):
    topic = f"{client.name}-{mechanism}"
    server.create_topic(topic)
    # kafka-python and older versions of librdkafka send names as they are, where SCRAM has `=` and `,` written otherwise.
    users = ["alice", "bob=,x" if client.name in ("aiokafka", "confluent-kafka") else "bob"]
    for user in users:
        client.produce(server.kafka, topic, [Record(user.encode())], login=Login(mechanism, user, TOKEN))
    found = client.consume(server.kafka, topic, 2, login=Login(mechanism, "reader", TOKEN))
    assert [record.value.decode() for record in found] == users


@pytest.mark.parametrize("client", ALL, ids=repr)
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_another_password_is_refused(server, client, mechanism):
    more = {
        "kafka-python": {"bootstrap_timeout_ms": 1500}, "aiokafka": {}, "confluent-kafka": {"message_timeout_ms": 1500},
        "kcat": {"message_timeout_ms": 1500}}[client.name]
    with pytest.raises(Exception):
        client.produce(server.kafka, "locked", [Record(b"x")], login=Login(mechanism, "mallory", TOKEN + "x"), **more)
    assert server.read_all("locked") == []


def test_nothing_is_answered_before_authentication(server):
    for api, version in ((wire.METADATA, 4), (wire.PRODUCE, 7), (wire.FETCH, 11), (10, 0), (32, 1)):
        with Connection(server) as connection:
            # What there is may be asked by anybody.
            connection.ask(request(wire.API_VERSIONS, 0))
            connection.send(request(api, version, b"\0" * 64))
            assert connection.is_closed()


def test_a_mechanism_that_there_is_not_is_answered_with_those_that_there_are(server):
    with Connection(server) as connection:
        answer = connection.ask(request(17, 1, wire.text("GSSAPI")))
    assert answer[:2] == b"\0\x21"
    for mechanism in MECHANISMS:
        assert mechanism.encode() in answer


@pytest.mark.parametrize("message", [b"", b"\0", b"\0\0", b"\0u\0", b"\0u\0wrong", b"a\0b\0c\0d", b"\xff\0\xff\0\xff"])
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_broken_messages_are_refused(server, mechanism, message):
    with Connection(server) as connection:
        connection.ask(request(17, 1, wire.text(mechanism)))
        answer = connection.ask(request(36, 0, len(message).to_bytes(4, "big") + message))
        # SASL_AUTHENTICATION_FAILED, and no more than that is served on this connection.
        assert answer[:2] == b"\0\x3a"
        connection.send(request(wire.METADATA, 4, b"\xff\xff\xff\xff\0"))
        assert connection.is_closed()
