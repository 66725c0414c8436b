"""Starts the double of an Azure Event Grid namespace and speaks to its test-only side."""

import base64
import datetime
import hashlib
import hmac
import json
import pathlib
import subprocess
import sys
import urllib.parse
import urllib.request

KEY = base64.b64encode(b"a key of the namespace, which nobody else has").decode()
HOST = "ns"
DOUBLE = pathlib.Path(__file__).parent / "interop" / "eventgrid" / "double.py"


class EventGrid:
    """A namespace of the test's own. With `make`, topics and event subscriptions come into being when they are named, which Azure's do not."""

    def __init__(self, *arguments, make=True):
        self.process = subprocess.Popen(
            [sys.executable, DOUBLE, "--key", KEY, "--host", HOST, *(["--make"] if make else []), *arguments],
            stdout=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().split()[-1]

    def url(self, key=KEY):
        who = "" if key is None else f":{urllib.parse.quote(key, safe='')}@"
        return f"eventgrid://{who}{HOST}?endpoint={self.address}"

    def test(self, path, value=None):
        """The test-only side: what would be the control plane's, faults, and what was seen."""
        data = None if value is None else json.dumps(value).encode()
        with urllib.request.urlopen(f"{self.address}/test/{path}", data, timeout=10) as answer:
            return json.load(answer)

    @staticmethod
    def signature(resource, lifetime=600):
        """A shared access signature, made as the reference has it."""
        end = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) + datetime.timedelta(seconds=lifetime)
        unsigned = f"r={urllib.parse.quote_plus(resource)}&e={urllib.parse.quote_plus(end.isoformat())}"
        digest = hmac.new(base64.b64decode(KEY), unsigned.encode(), hashlib.sha256).digest()
        return f"{unsigned}&s={urllib.parse.quote_plus(base64.b64encode(digest).decode())}"

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
