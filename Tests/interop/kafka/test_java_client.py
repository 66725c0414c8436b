# SPDX-License-Identifier: Apache-2.0
"""Apache Kafka's own Java client, where somebody has it: it is no package of Debian's or PyPI's, so its classes are named by
KAFKA_CLIENTS_CLASSPATH (kafka-clients and what it needs: slf4j-api, lz4-java, snappy-java, zstd-jni). JavaClientCheck.java has the promises."""

import os
import pathlib
import shutil
import subprocess

import pytest
from apus_server import ApusServer

CLASSES = os.environ.get("KAFKA_CLIENTS_CLASSPATH")
SOURCE = pathlib.Path(__file__).parent / "java" / "JavaClientCheck.java"


@pytest.mark.skipif(not CLASSES, reason="KAFKA_CLIENTS_CLASSPATH names no Java client")
def test_the_java_client_keeps_its_promises(tmp_path):
    assert shutil.which("javac"), "a Java development kit is needed: openjdk-17-jdk-headless"
    subprocess.run(["javac", "-nowarn", "-d", str(tmp_path / "classes"), "-cp", CLASSES, str(SOURCE)], check=True)
    server = ApusServer(tmp_path)
    server.start()
    try:
        done = subprocess.run(
            ["java", "-cp", f"{tmp_path / 'classes'}:{CLASSES}", "JavaClientCheck", server.kafka],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
        assert done.returncode == 0, done.stdout
        assert done.stdout.rstrip().endswith("all kept")
    finally:
        server.kill()
