# SPDX-License-Identifier: Apache-2.0
"""A proxy between a Kafka client and the server that cuts connections in the middle of what they carry: of a request that the server then
has not got whole, or of an answer that the client then does not get. The server is started with --kafka-advertise, so that clients come
through here always."""

import random
import selectors
import socket
import threading


class CuttingProxy:
    """Every connection is cut after some bytes of requests or of answers, until `cuts_max` have been."""

    def __init__(self, port, seed, cuts_max, bytes_between=60_000):
        self.random = random.Random(seed)
        self.cuts_left = cuts_max
        self.cuts = 0
        self.bytes_between = bytes_between
        self.target = None
        self.listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.carry, args=(client,), daemon=True).start()

    def carry(self, client):
        try:
            server = socket.create_connection(("127.0.0.1", self.target), timeout=5)
        except OSError:
            client.close()
            return
        server.settimeout(None)
        # How many bytes still pass in each direction; a cut after the first bytes of an answer means that the request has been served.
        left = {client: self.random.randrange(self.bytes_between), server: self.random.randrange(self.bytes_between // 50)}
        # A client learns what there is before it is cut off, or it would never get to producing.
        left = {one: count + 3000 for one, count in left.items()}
        peer = {client: server, server: client}
        with selectors.DefaultSelector() as selector:
            for one in peer:
                selector.register(one, selectors.EVENT_READ)
            try:
                while True:
                    for key, _ in selector.select():
                        data = key.fileobj.recv(65536)
                        if not data:
                            return
                        if self.cuts_left > 0 and len(data) > left[key.fileobj]:
                            self.cuts_left -= 1
                            self.cuts += 1
                            peer[key.fileobj].sendall(data[: left[key.fileobj]])
                            return
                        left[key.fileobj] -= len(data)
                        peer[key.fileobj].sendall(data)
            except OSError:
                return
            finally:
                client.close()
                server.close()

    def close(self):
        self.listener.close()
