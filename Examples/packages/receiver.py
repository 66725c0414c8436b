"""A webhook that fails as real ones do: every seventh request is answered with 500, and some paths are
refused for good. It records the id of every event it was sent, with its answer."""

import collections
import http.server
import json
import sys
import threading
import time

FAILING_REQUEST = 7
# How long a request takes, so that deliveries go on for a while.
WORK_SECONDS = 0.02


class QuietServer(http.server.ThreadingHTTPServer):
    """A server whose connections may end at any time: it is what happens when a sender is killed."""

    daemon_threads = True

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Receiver:
    """Listens on a free port of the loopback interface until closed."""

    def __init__(self):
        self.lock = threading.Lock()
        self.requests = 0
        # Path -> id of event -> how often it was answered with that status.
        self.accepted = collections.defaultdict(collections.Counter)
        self.failed = collections.defaultdict(collections.Counter)
        self.refused = collections.defaultdict(collections.Counter)
        self.server = QuietServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def accepted_ids(self, path):
        """A copy of the accepted ids of a path, with how often each came."""
        with self.lock:
            return collections.Counter(self.accepted[path])

    def refused_ids(self, path):
        with self.lock:
            return collections.Counter(self.refused[path])

    def failures(self):
        """How many requests were answered with 500."""
        with self.lock:
            return sum(sum(ids.values()) for ids in self.failed.values())

    def answer(self, path, identity):
        """Records a request and decides its status."""
        with self.lock:
            self.requests += 1
            if path.startswith("/refuse"):
                self.refused[path][identity] += 1
                return 400
            if self.requests % FAILING_REQUEST == 0:
                self.failed[path][identity] += 1
                return 500
            self.accepted[path][identity] += 1
            return 200

    def _handler(receiver):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                # Binary mode has the attributes in headers, structured mode the whole event in the body.
                identity = self.headers.get("ce-id") or json.loads(body)["id"]
                time.sleep(WORK_SECONDS)
                self.reply(receiver.answer(self.path, identity))

            def do_OPTIONS(self):
                """Consents to deliveries (CloudEvents HTTP Webhook, section 4)."""
                self.reply(200, {
                    "WebHook-Allowed-Origin": self.headers.get("WebHook-Request-Origin", "*"),
                    "WebHook-Allowed-Rate": "*", "Allow": "POST"})

            def reply(self, status, headers=None):
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        return Handler
