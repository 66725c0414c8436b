# SPDX-License-Identifier: Apache-2.0
"""Holds the running server against its own OpenAPI document.

The document must be valid, and a property-based tester that knows nothing but the document must not find an answer that it does
not promise: no 5xx (but 503, which means "not now"), no undocumented status, no body that breaks its schema.

This file is also the tester's hook module: what would take long rather than find anything is taken out of the requests there.
"""

import os
import pathlib
import re
import subprocess
import sys

import requests

# Not among them: acceptance of whatever fits the schemas, as there are rules that schemas cannot express (422).
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
]
# How wrong data may be refused; beside the tester's own list, by limits on the request line and header.
REFUSALS = [400, 401, 403, 404, 405, 406, 409, 413, 414, 415, 422, 431, 503]
# Two never end, the other reads the whole store each time.
EXCLUDED = ["tail", "activity", "verify"]


def test_document_is_valid(apus_server):
    from openapi_spec_validator import validate

    document = requests.get(apus_server.url + "/openapi.json", timeout=10).json()
    validate(document)
    assert document["openapi"].startswith("3.1")


def test_server_keeps_to_its_document(new_server, tmp_path):
    # One of its own: it leaves settings behind that hold for everybody.
    apus_server = new_server().start()
    (tmp_path / "schemathesis.toml").write_text(
        f"[checks.negative_data_rejection]\nexpected-statuses = {REFUSALS}\n"
    )
    command = [
        pathlib.Path(sys.executable).with_name("schemathesis"),
        "run",
        apus_server.url + "/openapi.json",
        "--checks=" + ",".join(CHECKS),
        "--phases=examples,coverage,fuzzing",
        "--max-examples=10",
        "--max-time=30",
        "--request-timeout=10",
        "--seed=1",
        "--continue-on-failure",
        "--suppress-health-check=all",
        "--warnings=off",
        "--no-shrink",
        "--no-color",
    ]
    command += [f"--exclude-operation-id={operation}" for operation in EXCLUDED]
    environment = dict(os.environ, SCHEMATHESIS_HOOKS=__file__)
    result = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=150
    )
    assert result.returncode == 0, result.stdout[-20000:] + result.stderr[-4000:]


def _install_hooks():
    import schemathesis

    def hurry(values):
        # Only what is valid is changed: values that must be refused have to stay what they are.
        wait = values.get("wait")
        if isinstance(wait, str) and re.fullmatch(r"[0-9]+(ms|s|m|h|d)", wait, re.ASCII):
            values["wait"] = "0s"
        partitions = values.get("partitions")
        if type(partitions) is int and 4 < partitions <= 10_000:
            values["partitions"] = 4

    @schemathesis.hook
    def before_call(context, case, kwargs):
        """Waiting, and making thousands of partitions, takes long and finds nothing here."""
        for values in (case.query, case.body):
            if isinstance(values, dict):
                hurry(values)


if "SCHEMATHESIS_HOOKS" in os.environ:
    _install_hooks()
