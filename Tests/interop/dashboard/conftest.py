# SPDX-License-Identifier: Apache-2.0
"""A browser for the dashboard's tests: Debian's Chromium, driven by Playwright. Whatever a page says on its console as an error, every breach of
its content security policy and every exception fails the test that met it."""

import os
import pathlib
import shutil
import tempfile
import uuid

import pytest
from confluent_kafka import Consumer, TopicPartition

from apus_server import ApusServer
from browsing import WIDE
from scene import Receiver, Shop

# Runs in every page before its own scripts: keeps what the browser refused.
WATCH = """
window.refused = [];
addEventListener('securitypolicyviolation', (event) => window.refused.push(event.violatedDirective + ' ' + event.blockedURI));
"""
# What a browser says by itself about answers that the test provokes.
EXPECTED = ("Failed to load resource: the server responded with a status of",)


@pytest.fixture(scope="module")
def browser():
    """Chromium, closed with each file: its driver keeps an event loop running, which others that make loops of their own cannot have beside them. The tests are skipped where it or Playwright is missing."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (Tests/interop/requirements.txt)")
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        # Its sandbox wants rights that a test's container may not have; the pages are our own.
        # A name for this machine that browsers do not know as its own: what pages that come from another machine may not do, they may not do there either.
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP apus.test 127.0.0.1"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def scene(tmp_path_factory):
    """A server with a shop on it that all tests share; those that change things use names of their own."""
    server = ApusServer(tmp_path_factory.mktemp("dashboard"), ["--auto-create-topics", "--allow-private-webhooks"]).start()
    shop = Shop(server)
    shop.place(60)
    shop.wait_for_dead_letters(3)
    yield shop
    shop.close()
    server.kill()


@pytest.fixture(scope="module")
def quick_server(tmp_path_factory):
    """Makes servers with their data in memory, where the system has a file system for that: each thing that is made is flushed, and ten thousand
    of them are a minute or two on a disk. For tests that are about the pages."""
    memory = pathlib.Path("/dev/shm")
    made = []

    def make(*arguments):
        base = memory if os.access(memory, os.W_OK) else tmp_path_factory.getbasetemp()
        made.append(ApusServer(tempfile.mkdtemp(prefix="apus-", dir=base), arguments))
        return made[-1]

    yield make
    for server in made:
        server.kill()
        shutil.rmtree(server.folder)


@pytest.fixture(scope="module")
def group(scene):
    """A consumer group of Kafka's clients: one that has committed, and is away."""
    name = f"group-{uuid.uuid4().hex[:8]}"
    consumer = Consumer({"bootstrap.servers": scene.server.kafka, "group.id": name})
    consumer.commit(offsets=[TopicPartition("orders", 0, 1)], asynchronous=False)
    consumer.close()
    return name


@pytest.fixture
def receiver():
    """A webhook's receiver that answers as the test says."""
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def open_page(browser):
    """Opens a page: open_page(url, size=WIDE, theme="light", expected=()). Fails the test for whatever went wrong in it, but for what begins as is
    expected."""
    contexts, complaints = [], []

    def complain(text, expected):
        if not text.startswith(EXPECTED + expected):
            complaints.append(text)

    def make(url, size=WIDE, theme="light", expected=(), **options):
        context = browser.new_context(viewport=size, color_scheme=theme, **options)
        contexts.append(context)
        context.add_init_script(WATCH)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda message: message.type == "error" and complain(message.text, expected))
        page.on("pageerror", lambda error: complaints.append(f"exception: {error}"))
        page.goto(url)
        page.wait_for_selector("h1, dialog")
        return page

    yield make
    for context in contexts:
        for page in context.pages:
            complaints += page.evaluate("window.refused ?? []")
        context.close()
    assert complaints == []


@pytest.fixture(scope="session")
def pictures():
    """Where screenshots go: APUS_PICTURES, or nowhere."""
    folder = os.environ.get("APUS_PICTURES")
    if folder:
        pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    return pathlib.Path(folder) if folder else None
