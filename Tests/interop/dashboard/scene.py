# SPDX-License-Identifier: Apache-2.0
"""A small shop on a server: topics, rules, consumers that work and one that fails, so that every page has something to show."""

import http.server
import threading
import time

from apus_server import event

CITIES = ["Berlin", "Lisbon", "Oslo", "Kyoto", "Quito"]


class Receiver:
    """A webhook's receiver that answers everything with one status."""

    def __init__(self, status=204):
        outer = self
        self.status = status
        self.count = 0

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.count += 1
                self.send_response(outer.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def order(number, **attributes):
    """An order as an event."""
    total = (number * 137) % 2400
    return event(
        f"order-{number}", type="order.placed" if number % 4 else "order.cancelled", source="/shop/web",
        subject=f"orders/{number}", partitionkey=f"customer-{number % 17}",
        data={"order": number, "customer": f"customer-{number % 17}", "total": total,
              "city": CITIES[number % len(CITIES)], "items": [{"sku": f"A-{number % 9}", "count": 1 + number % 3}]},
        **attributes)


class Shop:
    """The shop; `work(seconds)` has customers order for a while."""

    def __init__(self, server):
        self.server = server
        self.number = 0
        self.works = Receiver(204)
        self.fails = Receiver(503)
        server.create_topic("orders", partitions=3)
        server.create_topic("vip")
        server.create_topic("audit", durability="100ms", retention={"age": "30d"})
        server.create_topic("payments", partitions=2, deduplication={"window": "5m"})
        server.create_rule("vip", "orders", {"data": {"total": [{"numeric": [">", 1000]}]}}, [{"topic": "vip"}])
        server.create_rule("audit-all", "orders", {"type": [{"prefix": "order."}]}, [{"topic": "audit"}])
        schema = {"type": "object", "properties": {"order": {"type": "integer"}, "customer": {"type": "string"}}, "required": ["order"]}
        self.register("orders-value", schema)
        schema["properties"]["order"] = {"type": "number"}
        self.register("orders-value", schema)
        # No event is of it, and none needs to be.
        self.register("address", {"type": "object", "properties": {"street": {"type": "string"}}})
        self.subscribe("billing", topic="orders", start="earliest")
        self.subscribe("replica", topic="orders", kind="cursor", start="earliest")
        self.subscribe("crm", topic="vip", push={"url": self.works.url}, start="earliest")
        self.subscribe(
            "warehouse", topic="vip", start="earliest", max_attempts=2, retry={"initial": "10ms", "max": "10ms"},
            push={"url": self.fails.url, "breaker": {"failures": 0}})
        server.succeed("PUT", "/v1/schedules/report", json={
            "topic": "audit", "schedule": "0 9 * * mon-fri", "time_zone": "Europe/Berlin",
            "event": {"specversion": "1.0", "type": "report.due"}})

    def subscribe(self, name, **settings):
        self.server.succeed("PUT", f"/v1/subscriptions/{name}", json=settings)

    def register(self, subject, schema):
        self.server.succeed("POST", f"/v1/schemas/{subject}/versions", json={"schema": schema})

    def place(self, count):
        """Some orders, published one by one."""
        for _ in range(count):
            self.number += 1
            self.server.publish("orders", order(self.number))

    def consume(self, count=20):
        """A consumer that acknowledges."""
        deliveries = self.server.succeed(
            "POST", "/v1/subscriptions/billing/receive", json={"max": count}).json()["deliveries"]
        leases = [delivery["lease"] for delivery in deliveries]
        if leases:
            self.server.succeed("POST", "/v1/subscriptions/billing/ack", json={"leases": leases})
        return len(leases)

    def work(self, seconds):
        """Customers order, and a consumer works, for a while."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.place(8 + self.number % 7)
            self.consume()
            time.sleep(0.1)

    def wait_for_event_type(self, type):
        """Types are discovered about a second after they were published; pages show what is known when they are opened."""
        deadline = time.monotonic() + 30
        while self.server.request("GET", f"/v1/event-types/{type}").status_code != 200:
            assert time.monotonic() < deadline, f"{type} was not discovered"
            time.sleep(0.05)

    def wait_for_dead_letters(self, count=1):
        """Until so many events were given up."""
        end = time.monotonic() + 20
        while time.monotonic() < end:
            if self.server.succeed("GET", "/v1/status").json()["dead_letters"] >= count:
                return
            time.sleep(0.05)
        raise AssertionError("nothing was given up")

    def close(self):
        self.works.close()
        self.fails.close()
