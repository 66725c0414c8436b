# SPDX-License-Identifier: Apache-2.0
"""Members of consumer groups as processes (member.py), and what one can say of all of them together."""

import collections
import json
import pathlib
import subprocess
import sys
import threading

from clients import PATIENCE, until

PROGRAM = pathlib.Path(__file__).with_name("member.py")


class Member:
    """One member, started; what it says is read as it comes."""

    def __init__(self, client, address, topic, group, instance=None):
        command = [sys.executable, "-W", "ignore", str(PROGRAM), client, address, topic, group]
        self.client = client
        self.process = subprocess.Popen(
            command + ([instance] if instance else []), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
        self.assigned = set()
        self.assignments = 0
        # What it read, and how much of that it has committed.
        self.read = []
        self.committed = 0
        self.failed = []
        self.errors = []
        self.threads = [threading.Thread(target=self.listen, daemon=True), threading.Thread(target=self.hear, daemon=True)]
        for thread in self.threads:
            thread.start()

    def listen(self):
        for line in self.process.stdout:
            said = json.loads(line)
            if "assigned" in said:
                added = set(said["assigned"])
                self.assigned = self.assigned | added if said.get("incremental") else added
                self.assignments += 1
            if "revoked" in said:
                self.assigned = self.assigned - set(said["revoked"])
            self.read += [tuple(one) for one in said.get("read", ())]
            if "committed" in said:
                self.committed = len(self.read)
            if "failed" in said:
                self.failed.append(said["failed"])

    def hear(self):
        for line in self.process.stderr:
            self.errors.append(line)
            del self.errors[:-100]

    @property
    def is_running(self):
        return self.process.poll() is None

    def leave(self):
        """Lets it say goodbye to its group."""
        self.process.stdin.close()
        self.end()

    def kill(self):
        """Ends it without a goodbye."""
        self.process.kill()
        self.end()

    def end(self):
        try:
            self.process.wait(PATIENCE)
        finally:
            self.process.kill()
        for thread in self.threads:
            thread.join(PATIENCE)
        self.assigned = set()


class Members:
    """All members of a group that a test started; they are gone when it ends."""

    def __init__(self, server, topic, group):
        self.server = server
        self.topic = topic
        self.group = group
        self.all = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for member in self.all:
            if member.is_running:
                member.kill()

    def start(self, client, instance=None):
        self.all.append(Member(client, self.server.kafka, self.topic, self.group, instance))
        return self.all[-1]

    @property
    def alive(self):
        return [member for member in self.all if member.is_running]

    def are_settled(self, count):
        """Whether the partitions are shared out among the members, each to one."""
        owned = collections.Counter(number for member in self.alive for number in member.assigned)
        return len(owned) == count and all(times == 1 for times in owned.values()) and all(
            member.assigned for member in self.alive[:count])

    def settle(self, count, seconds=PATIENCE):
        """Waits until every partition has one owner and every member has a partition."""
        until(lambda: self.are_settled(count), lambda: self.story(), seconds)

    def story(self):
        return "; ".join(
            f"{member.client} {'has' if member.is_running else 'had'} {sorted(member.assigned)}, read {len(member.read)}"
            f" {member.failed} {''.join(member.errors[-3:])}" for member in self.all)

    def values(self):
        """How many times each value was read, by whom ever."""
        return collections.Counter(value for member in self.all for _, _, value in member.read)

    def committed_values(self):
        return collections.Counter(value for member in self.all for _, _, value in member.read[: member.committed])
