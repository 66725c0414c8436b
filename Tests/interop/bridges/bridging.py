"""A server with bridges, as tests speak to it."""

import subprocess

import broker


def fields(message):
    """The fields of a request, or of an answer, in the journey of an event."""
    return {field["name"]: field["value"] for field in message["headers"]}


class Bridged:
    """A server, and the requests that bridges are made with."""

    def __init__(self, server):
        self.server = server

    def connect(self, name, url):
        return self.server.succeed("PUT", f"/v1/connections/{name}", json={"url": url}).json()

    def feed(self, name, **settings):
        return self.server.succeed("PUT", f"/v1/feeds/{name}", json=settings).json()

    def state(self, name):
        return self.server.succeed("GET", f"/v1/feeds/{name}").json()

    def until_running(self, name):
        broker.wait_for(
            lambda: self.state(name)["state"] == "running", f"feed '{name}' ({self.state(name)})")

    def rule(self, name, topic, connection, outside, **settings):
        target = {"bus": {"connection": connection, "topic": outside, **settings}}
        return self.server.create_rule(name, topic, {}, [target])

    def trace(self, *arguments):
        """What `apus trace` prints."""
        done = subprocess.run(
            [self.server.binary, "trace", *arguments, "--url", self.server.url], capture_output=True, text=True,
            timeout=60)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    def attempts(self, topic, count, offset=0, seconds=30):
        """The attempts on an event, by its journey, once there are so many."""
        found = []

        def there():
            journey = self.server.succeed(
                "GET", f"/v1/topics/{topic}/journey", params={"partition": 0, "offset": offset}).json()
            found[:] = [step for step in journey["steps"] if step["kind"] == "attempt"]
            return len(found) >= count

        broker.wait_for(there, f"{count} attempts on {topic}/0/{offset}", seconds)
        return found

    def events(self, topic, count, seconds=60):
        """The events of a topic, once there are so many."""
        found = []

        def there():
            found[:] = self.server.read_all(topic)
            return len(found) >= count

        broker.wait_for(there, f"{count} events in topic '{topic}'", seconds)
        return found
