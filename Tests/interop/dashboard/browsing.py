# SPDX-License-Identifier: Apache-2.0
"""What tests of the dashboard share."""

import time

WIDE = {"width": 1280, "height": 860}
NARROW = {"width": 390, "height": 844}


def until(page, expression):
    """Waits until an expression holds in a page. Playwright's own way has the page evaluate text, which its policy forbids."""
    end = time.monotonic() + 15
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"never true: {expression}"
        page.wait_for_timeout(50)
