# SPDX-License-Identifier: Apache-2.0
"""Confluent's own Python client, unmodified, with the schema registry and the Kafka gateway: serializers, references, compatibility, settings,
deletion. And requests that no client makes."""

import base64
import json
import uuid

import pytest
import requests
from confluent_kafka import Consumer, Producer
from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.serialization import MessageField, SerializationContext, SerializationError

ORDER = {
    "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Order", "type": "object",
    "properties": {"id": {"type": "string"}, "quantity": {"type": "integer", "minimum": 1}},
    "required": ["id", "quantity"], "additionalProperties": False,
}
NOTED = {**ORDER, "properties": {**ORDER["properties"], "note": {"type": "string"}}}
STRICTER = {**ORDER, "properties": {**ORDER["properties"], "quantity": {"type": "integer", "minimum": 10}}}


def schema(value, references=()):
    return Schema(json.dumps(value), "JSON", list(references))


@pytest.fixture
def registry(apus_server):
    return SchemaRegistryClient({"url": apus_server.url + "/schema-registry"})


@pytest.fixture
def subject():
    return f"s-{uuid.uuid4().hex[:12]}"


def code(error):
    return error.value.http_status_code, error.value.error_code


def test_serializers_work_over_the_kafka_gateway(apus_server, registry):
    topic = f"orders-{uuid.uuid4().hex[:8]}"
    apus_server.create_topic(topic)
    serialize = JSONSerializer(json.dumps(ORDER), registry)
    deserialize = JSONDeserializer(json.dumps(ORDER), schema_registry_client=registry)
    context = SerializationContext(topic, MessageField.VALUE)
    producer = Producer({"bootstrap.servers": apus_server.kafka})
    sent = [{"id": str(number), "quantity": number} for number in range(1, 4)]
    for order in sent:
        producer.produce(topic, serialize(order, context))
    assert producer.flush(20) == 0
    with pytest.raises(SerializationError):
        serialize({"id": "x", "quantity": 0}, context)

    consumer = Consumer({
        "bootstrap.servers": apus_server.kafka, "group.id": f"g-{topic}", "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    received = []
    for _ in range(60):
        message = consumer.poll(1)
        if message is not None and message.error() is None:
            # Magic byte 0 and the id, as everybody's clients expect it.
            assert message.value()[0] == 0
            assert int.from_bytes(message.value()[1:5], "big") == registry.get_latest_version(f"{topic}-value").schema_id
            received.append(deserialize(message.value(), context))
        if len(received) == len(sent):
            break
    consumer.close()
    assert received == sent
    assert registry.get_versions(f"{topic}-value") == [1]


def test_the_same_text_has_one_id_everywhere(registry, subject):
    first = registry.register_schema(subject, schema(ORDER))
    assert registry.register_schema(subject + "-other", schema(ORDER)) == first
    assert registry.register_schema(subject, schema(ORDER)) == first
    found = registry.lookup_schema(subject, schema(ORDER))
    assert (found.schema_id, found.version, found.subject) == (first, 1, subject)
    fresh = SchemaRegistryClient({"url": registry._rest_client.base_urls[0]})
    got = fresh.get_schema(first)
    assert got.schema_type == "JSON" and json.loads(got.schema_str) == ORDER
    assert sorted(fresh.get_subjects_by_schema_id(first))[-2:] == sorted([subject, subject + "-other"])
    assert {version.subject for version in fresh.get_schema_versions(first)} >= {subject, subject + "-other"}
    assert subject in registry.get_subjects()


def test_names_with_every_kind_of_character(registry):
    name = f"a/b c%d+ü?{uuid.uuid4().hex[:8]}"
    registry.register_schema(name, schema(ORDER))
    assert registry.get_versions(name) == [1]
    assert name in registry.get_subjects()
    assert registry.get_latest_version(name).subject == name
    assert registry.delete_subject(name) == [1]


def test_references_are_kept_resolved_and_guarded(registry, subject):
    part = f"{subject}-part"
    registry.register_schema(part, schema({"$id": "https://x.example/part.json", "type": "string"}))
    reference = SchemaReference("https://x.example/part.json", part, 1)
    whole = {"type": "object", "properties": {"p": {"$ref": "https://x.example/part.json"}}}
    number = registry.register_schema(subject, schema(whole, [reference]))
    got = SchemaRegistryClient({"url": registry._rest_client.base_urls[0]}).get_schema(number)
    assert [(one.name, one.subject, one.version) for one in got.references] == [("https://x.example/part.json", part, 1)]
    assert registry.get_referenced_by(part, 1) == [number]
    with pytest.raises(SchemaRegistryError) as error:
        registry.delete_subject(part)
    assert code(error) == (422, 42206)
    with pytest.raises(SchemaRegistryError) as error:
        registry.register_schema(subject, schema(whole, [SchemaReference("https://x.example/part.json", part, 7)]))
    assert code(error) == (422, 42201)


def test_settings_of_subjects_and_of_all(registry, subject):
    registry.register_schema(subject, schema(ORDER))
    with pytest.raises(SchemaRegistryError) as error:
        registry.get_compatibility(subject)
    assert code(error) == (404, 40408)
    assert registry.get_compatibility() == "BACKWARD"
    registry.set_compatibility(subject, "FULL_TRANSITIVE")
    assert registry.get_compatibility(subject) == "FULL_TRANSITIVE"
    assert registry.delete_config(subject).compatibility_level == "FULL_TRANSITIVE"
    with pytest.raises(SchemaRegistryError) as error:
        registry.set_compatibility(subject, "SIDEWARD")
    assert code(error) == (422, 42203)
    assert registry.get_global_mode() == "READWRITE"
    registry.update_mode(subject, "READONLY")
    assert registry.get_mode(subject) == "READONLY"
    with pytest.raises(SchemaRegistryError) as error:
        registry.register_schema(subject, schema(NOTED))
    assert code(error) == (422, 42205)
    with pytest.raises(SchemaRegistryError) as error:
        registry.update_mode(subject, "SIDEWARD")
    assert code(error) == (422, 42204)
    registry.delete_mode(subject)
    with pytest.raises(SchemaRegistryError) as error:
        registry.get_mode(subject)
    assert code(error) == (404, 40409)


def test_what_is_not_compatible_is_refused(registry, subject):
    registry.register_schema(subject, schema(ORDER))
    assert not registry.test_compatibility(subject, schema(STRICTER))
    with pytest.raises(SchemaRegistryError) as error:
        registry.register_schema(subject, schema(STRICTER))
    assert code(error) == (409, 409)
    registry.set_compatibility(subject, "NONE")
    assert registry.test_compatibility(subject, schema(STRICTER))
    registry.register_schema(subject, schema(STRICTER))
    assert registry.get_versions(subject) == [1, 2]


def test_deletion_is_soft_before_it_is_permanent(registry, subject):
    registry.register_schema(subject, schema(ORDER))
    with pytest.raises(SchemaRegistryError) as error:
        registry.delete_subject(subject, permanent=True)
    assert code(error) == (404, 40405)
    assert registry.delete_subject(subject) == [1]
    assert registry.delete_subject(subject, permanent=True) == [1]
    # Numbers of versions are not given twice.
    registry.register_schema(subject, schema(ORDER))
    assert registry.get_versions(subject) == [2]


def test_deletion_step_by_step(apus_server, registry, subject):
    def ask(method, path, **options):
        return apus_server.request(method, "/schema-registry" + path, **options)

    registry.register_schema(subject, schema(ORDER))
    number = registry.get_latest_version(subject).schema_id
    assert ask("DELETE", f"/subjects/{subject}?permanent=true").json()["error_code"] == 40405
    assert ask("DELETE", f"/subjects/{subject}/versions/1?permanent=true").json()["error_code"] == 40407
    assert ask("DELETE", f"/subjects/{subject}/versions/latest").json() == 1
    assert ask("GET", f"/subjects/{subject}/versions").json()["error_code"] == 40401
    assert ask("GET", f"/subjects/{subject}/versions?deleted=true").json() == [1]
    assert ask("DELETE", f"/subjects/{subject}/versions/1").json()["error_code"] == 40406
    # Records that were written with it can still be read.
    assert ask("GET", f"/schemas/ids/{number}").status_code == 200
    assert ask("DELETE", f"/subjects/{subject}/versions/1?permanent=true").json() == 1
    assert ask("GET", f"/schemas/ids/{number}/versions").status_code in (200, 404)
    assert ask("GET", f"/subjects/{subject}/versions?deleted=true").json()["error_code"] == 40401


def test_answers_to_odd_requests(apus_server, subject):
    def ask(method, path, **options):
        response = apus_server.request(method, "/schema-registry" + path, **options)
        assert response.headers["Content-Type"] == "application/vnd.schemaregistry.v1+json"
        return response.status_code, response.json()

    post = {"headers": {"Content-Type": "application/vnd.schemaregistry.v1+json"}}
    assert ask("GET", "/") == (200, {})
    assert ask("GET", "") == (200, {})
    assert set(ask("GET", "/schemas/types")[1]) == {"JSON", "AVRO", "PROTOBUF", "XSD"}
    assert ask("GET", "/contexts") == (200, ["."])
    assert ask("GET", "/nothing")[0] == 404
    assert ask("PATCH", "/subjects")[0] == 405
    assert ask("GET", f"/subjects/{subject}/versions/0")[1]["error_code"] == 42202
    assert ask("GET", f"/subjects/{subject}/versions/x")[1]["error_code"] == 42202
    assert ask("GET", "/schemas/ids/2000000000")[1]["error_code"] == 40403
    assert ask("GET", "/subjects/:.other:name/versions")[1]["error_code"] == 42208
    assert ask("POST", f"/subjects/{subject}/versions", data="{", **post)[0] == 422
    assert ask("POST", f"/subjects/{subject}/versions", data="{}", **post)[1]["error_code"] == 42201
    assert ask("POST", f"/subjects/{subject}/versions", json={"schemaType": "THRIFT", "schema": "x"})[1]["error_code"] == 42201
    assert ask("POST", f"/subjects/{subject}/versions", json={"schemaType": "JSON", "schema": "{\"type\": 7}"})[1]["error_code"] == 42201
    assert ask("POST", f"/subjects/{subject}/versions", data="{}", headers={"Content-Type": "text/plain"})[0] == 415
    assert ask("POST", f"/subjects/{subject}/versions", data=b" " * (5 << 20), **post)[0] == 413
    assert ask("POST", f"/subjects/{subject}/versions", json={"schemaType": "JSON", "schema": "{}", "ruleSet": {"domainRules": []}})[0] == 422
    assert ask("POST", f"/subjects/{subject}", json={"schemaType": "JSON", "schema": "{}"})[1]["error_code"] == 40401


def test_normalizing_finds_the_same_schema_in_another_form(apus_server, subject):
    def post(path, text):
        return apus_server.request(
            "POST", f"/schema-registry{path}", json={"schemaType": "JSON", "schema": text}).json()

    first = post(f"/subjects/{subject}/versions?normalize=true", '{"type": "object", "title": "T"}')
    second = post(f"/subjects/{subject}/versions?normalize=true", '{ "title":"T",  "type":"object" }')
    assert first["id"] == second["id"]


def test_avro_and_protobuf_are_kept_and_served(registry, subject):
    avro = Schema('{"type": "record", "name": "R", "fields": []}', "AVRO")
    number = registry.register_schema(subject, avro)
    fresh = SchemaRegistryClient({"url": registry._rest_client.base_urls[0]})
    assert fresh.get_schema(number).schema_str == avro.schema_str
    assert fresh.get_schema(number).schema_type == "AVRO"
    protobuf = Schema('syntax = "proto3"; message M { string a = 1; }', "PROTOBUF")
    number = registry.register_schema(subject + "-p", protobuf)
    assert fresh.get_schema(number).schema_type == "PROTOBUF"


def test_the_token_is_a_password(new_server, monkeypatch):
    monkeypatch.setenv("APUS_TOKEN", "a-token-of-some-length")
    server = new_server()
    server.http.headers["Authorization"] = "Bearer a-token-of-some-length"
    server.start()
    url = server.url + "/schema-registry"
    client = SchemaRegistryClient({"url": url, "basic.auth.user.info": "anybody:a-token-of-some-length"})
    assert client.get_subjects() == []
    for credentials in ["anybody:wrong", "a-token-of-some-length:", ""]:
        encoded = base64.b64encode(credentials.encode()).decode()
        response = requests.get(url + "/subjects", headers={"Authorization": f"Basic {encoded}"}, timeout=10)
        assert response.status_code == 401 and response.json()["error_code"] == 401
    assert requests.get(url + "/subjects", timeout=10).status_code == 401
    # The server's own API takes no passwords.
    assert requests.get(
        server.url + "/v1/topics", auth=("anybody", "a-token-of-some-length"), timeout=10).status_code == 401


def test_schemas_survive_a_restart(new_server):
    server = new_server().start()
    client = SchemaRegistryClient({"url": server.url + "/schema-registry"})
    number = client.register_schema("kept", schema(ORDER))
    client.set_compatibility("kept", "FULL")
    server.restart()
    again = SchemaRegistryClient({"url": server.url + "/schema-registry"})
    assert json.loads(again.get_schema(number).schema_str) == ORDER
    assert again.get_compatibility("kept") == "FULL"
    assert again.register_schema("kept", schema(ORDER)) == number
