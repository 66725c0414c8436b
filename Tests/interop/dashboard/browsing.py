# SPDX-License-Identifier: Apache-2.0
"""What tests of the dashboard share."""

import os
import shutil
import subprocess
import time

WIDE = {"width": 1280, "height": 860}
NARROW = {"width": 390, "height": 844}


def until(page, expression):
    """Waits until an expression holds in a page. Playwright's own way has the page evaluate text, which its policy forbids."""
    end = time.monotonic() + 15
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"never true: {expression}"
        page.wait_for_timeout(50)


def wait_for(holds, what, seconds=15):
    """Waits until something holds, and returns what it then is."""
    end = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < end, f"never seen: {what}"
        time.sleep(0.02)
    return found


def run(line, server, folder=None, status=(0,)):
    """Runs a command as a page has shown it, which says itself at which server, and returns what it printed."""
    assert line.endswith(f" --url {server.url}")
    command = 'apus() { "$APUS" "$@"; }; ' + line + " --json"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL, cwd=folder,
        env={**os.environ, "APUS": shutil.which(server.binary) or server.binary, "APUS_URL": "http://127.0.0.1:1"})
    assert done.returncode in status, (line, done.stderr)
    return done.stdout


def line_in(place):
    """The command that a dialog, or another part of a page, shows."""
    return place.locator("[data-cli]").get_attribute("data-cli")


def confirm(page, word):
    """Types what an open dialog wants to have typed, and sends it off; it cannot be sent before."""
    destroy = page.locator("dialog button[type=submit]")
    for typed in ("", word[:-1], word + "x"):
        page.fill("dialog input.code", typed)
        assert destroy.is_disabled(), typed
    page.fill("dialog input.code", word)
    destroy.click()
    page.wait_for_selector("dialog", state="detached")
