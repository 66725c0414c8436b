# SPDX-License-Identifier: Apache-2.0
"""A webhook for tests: keeps the headers of what it gets, and answers as it is told."""

import http.server
import threading
import time


class Hook:
    """Listens at `url`. `seen` has the headers of each request, names in lower case; `seconds` is how long an answer takes, and `status` what it is: a
    number, or what a function says of how many requests there were, this one included."""

    def __init__(self):
        self.seen = []
        self.seconds, self.status = 0, 204
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                self.rfile.read(int(self.headers.get("content-length", 0)))
                hook.seen.append({name.lower(): value for name, value in self.headers.items()})
                status = hook.status(len(hook.seen)) if callable(hook.status) else hook.status
                time.sleep(hook.seconds)
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.listener.daemon_threads = True
        threading.Thread(target=self.listener.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.listener.server_port}/hook"

    def close(self):
        self.listener.shutdown()
        self.listener.server_close()
