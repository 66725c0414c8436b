"""The contract of the library's transports, held against the embedded engine and against a server by the same program that holds it against AWS and others."""

import subprocess

import pytest


def check(bus_check, url, *arguments):
    result = subprocess.run(
        [bus_check, url, "--patience", "120", *arguments], capture_output=True, text=True, timeout=900)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_the_engine_in_memory_keeps_it(bus_check):
    assert " 0 broken" in check(bus_check, "memory:")


def test_the_engine_on_files_keeps_it(bus_check, tmp_path):
    # One at a time: a folder has one owner.
    assert " 0 broken" in check(bus_check, f"file://{tmp_path}/events", "--jobs", "1")


def test_a_server_keeps_it(bus_check, apus_server):
    assert " 0 broken" in check(bus_check, apus_server.url.replace("http://", "apus://"))


@pytest.mark.parametrize("settings", ["", "&auth=sas&deadLetters=topic"], ids=["key", "signatures and dead letters"])
def test_event_grid_keeps_it(bus_check, event_grid, settings):
    assert " 0 broken" in check(bus_check, event_grid().url() + settings)


def test_a_server_that_is_not_there_is_said_to_be_unavailable(bus_check):
    result = subprocess.run(
        [bus_check, "apus://127.0.0.1:1", "--only", "one receipt for each event"], capture_output=True, text=True,
        timeout=120)
    assert result.returncode == 1
    assert "127.0.0.1:1" in result.stdout


def test_a_scheme_that_nobody_knows_is_refused_with_those_that_there_are(bus_check):
    result = subprocess.run(
        [bus_check, "carrier-pigeon://loft", "--only", "one receipt for each event"], capture_output=True, text=True,
        timeout=120)
    assert result.returncode == 1
    assert "no transport for 'carrier-pigeon:'" in result.stdout and "apus" in result.stdout
