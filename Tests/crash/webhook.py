"""A webhook in the test's own process that fails now and then, and remembers what it was sent."""

import collections
import http.server
import sys
import threading

FAILING_REQUEST = 7


class QuietServer(http.server.ThreadingHTTPServer):
    """A server whose connections may end at any time: it is what happens when a sender is killed."""

    daemon_threads = True

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Webhook:
    """Listens on a free port until closed; every seventh request is answered with 500."""

    def __init__(self):
        self.lock = threading.Lock()
        self.requests = 0
        self.failed = 0
        # Id -> how often it was accepted.
        self.accepted = collections.Counter()
        self.server = QuietServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, identity):
        with self.lock:
            self.requests += 1
            if self.requests % FAILING_REQUEST == 0:
                self.failed += 1
                return 500
            self.accepted[identity] += 1
            return 204

    def _handler(webhook):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_response(webhook.answer(self.headers["ce-id"]))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        return Handler
