# SPDX-License-Identifier: Apache-2.0
"""xRegistry's schema endpoints over HTTP: the same schemas as over Confluent's API, as entities, documents and details; XML Schema."""

import uuid

import pytest

XSD = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:include schemaLocation="types.xsd"/>
<xs:element name="order"><xs:complexType><xs:sequence><xs:element name="quantity" type="quantity"/></xs:sequence></xs:complexType></xs:element>
</xs:schema>"""
TYPES = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:simpleType name="quantity"><xs:restriction base="xs:int">
<xs:minInclusive value="1"/></xs:restriction></xs:simpleType></xs:schema>"""


@pytest.fixture
def name():
    return f"x-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def ask(apus_server):
    def ask(method, path, **options):
        return apus_server.request(method, "/xregistry" + path, **options)

    return ask


SCHEMAS = "/schemagroups/default/schemas"


def test_what_one_api_writes_the_other_reads(apus_server, ask, name):
    made = ask("PUT", f"{SCHEMAS}/{name}", data='{"type": "object"}', headers={"Content-Type": "application/schema+json"})
    assert made.status_code == 201
    url = made.headers["Location"]
    assert url == f"{apus_server.url}/xregistry{SCHEMAS}/{name}"
    read = apus_server.http.get(url, timeout=10)
    assert read.text == '{"type": "object"}'
    assert read.headers["xRegistry-schemaid"] == name and read.headers["xRegistry-versionid"] == "1"
    number = int(read.headers["xRegistry-globalid"])
    confluent = apus_server.request("GET", f"/schema-registry/schemas/ids/{number}").json()
    assert confluent["schema"] == '{"type": "object"}'
    details = ask("GET", f"{SCHEMAS}/{name}$details").json()
    assert details["self"] == url + "$details"
    assert apus_server.http.get(details["self"], timeout=10).json() == details
    meta = apus_server.http.get(details["metaurl"], timeout=10).json()
    assert meta["defaultversionid"] == "1" and meta["compatibility"] == "backward"
    assert apus_server.http.get(meta["defaultversionurl"], timeout=10).json()["isdefault"] is True
    assert apus_server.http.get(details["versionsurl"], timeout=10).json()["1"]["ancestorid"] == "1"
    assert name in ask("GET", SCHEMAS).json()


def test_xml_schemas_are_compiled_with_what_they_refer_to(ask, name):
    def put(path, **members):
        return ask("PUT", f"{SCHEMAS}/{path}$details", json={"format": "XSD/1.0", **members})

    assert put(name + ".types", schema=TYPES).status_code == 201
    refused = put(name, schema=XSD)
    assert refused.status_code == 400
    assert refused.json()["type"].endswith("#format_violation") and "types.xsd" in refused.json()["detail"]
    references = [{"name": "types.xsd", "subject": name + ".types", "version": 1}]
    made = put(name, schema=XSD, references=references)
    assert made.status_code == 201, made.text
    assert made.json()["formatvalidated"] is True and made.json()["references"] == references
    assert ask("GET", f"{SCHEMAS}/{name}").headers["Content-Type"] == "application/xml"
    hostile = '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>' + XSD
    assert put(name + ".hostile", schema=hostile).status_code == 400


def test_errors_have_the_form_of_the_specification(ask, name):
    for method, path, status in [
        ("GET", "/export", 404), ("GET", f"{SCHEMAS}/{name}", 404), ("DELETE", "/schemagroups/default", 405),
        ("GET", f"{SCHEMAS}?inline=versions", 400), ("PUT", f"{SCHEMAS}/{name}", 400),
        ("GET", f"{SCHEMAS}/%20", 400), ("OPTIONS", "/", 405),
    ]:
        answer = ask(method, path)
        assert answer.status_code == status, (method, path, answer.text)
        assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
        problem = answer.json()
        assert problem["type"].startswith("https://github.com/xregistry/spec/") and problem["title"]


def test_capabilities_say_what_there_is(ask):
    capabilities = ask("GET", "/capabilities").json()
    assert capabilities["available"]["entities"]["mutable"] is True
    assert "XSD/1.0" in capabilities["formats"] and not any("Avro" in one for one in capabilities["formats"])
    model = ask("GET", "/model").json()
    assert model["groups"]["schemagroups"]["resources"]["schemas"]["validateformat"] is True
    root = ask("GET", "").json()
    assert ask("GET", "/").json() == root and root["xid"] == "/"
