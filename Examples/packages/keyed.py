"""Workers that share an ordered subscription, fail at random, and write down what they were handed and when they
were done with it: the order of every key is checked afterwards."""

import collections
import random
import threading

FAILING = 0.04
# A worker that forgets what it was handed, as one does that dies; the event comes back when its lease ends.
FORGETTING = 0.004
LEASE_SECONDS = 3


class Workers:
    """Threads that receive until they are stopped."""

    def __init__(self, server, subscription, count):
        self.server = server
        self.path = f"/v1/subscriptions/{subscription}"
        self.lock = threading.Lock()
        # What happened, in order: ("handed" | "done", key, partition, offset).
        self.history = []
        # Place -> id, of those that are done; place -> the attempt whose acknowledgement was answered.
        self.done = {}
        self.acknowledged = {}
        self.tries = collections.Counter()
        self.faults = []
        self.stopped = threading.Event()
        self.threads = [
            threading.Thread(target=self.work, args=[random.Random(number)], daemon=True)
            for number in range(count)]

    def start(self):
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def work(self, chance):
        try:
            while not self.stopped.is_set():
                self.turn(chance)
        except Exception as error:  # whatever it is: the count must say that a worker fell over
            self.faults.append(f"a worker ended: {error}")

    def turn(self, chance):
        """One hand-out: some are done, some are given back, some are forgotten."""
        answer = self.server.ask(
            "POST", f"{self.path}/receive", {"max": 50, "wait": "1s", "lease": f"{LEASE_SECONDS}s"})
        done, failed = [], []
        for delivery in answer["deliveries"]:
            place = delivery["partition"], delivery["offset"]
            with self.lock:
                self.history.append(("handed", delivery["key"], *place))
                self.tries[place] += 1
                # An answer that was long under way may tell of an earlier attempt.
                if delivery["attempt"] > self.acknowledged.get(place, delivery["attempt"]):
                    self.faults.append(f"{place} came again after its acknowledgement")
            fate = chance.random()
            if fate < FAILING:
                failed.append(delivery["lease"])
            elif fate >= FAILING + FORGETTING:
                with self.lock:
                    self.done[place] = delivery["event"]["id"]
                    self.history.append(("done", delivery["key"], *place))
                done.append((place, delivery["attempt"], delivery["lease"]))
        if failed:
            self.server.ask("POST", f"{self.path}/release", {"leases": failed, "delay": "100ms"})
        if done:
            answer = self.server.ask("POST", f"{self.path}/ack", {"leases": [lease for *_, lease in done]})
            with self.lock:
                for (place, attempt, _), result in zip(done, answer["results"]):
                    if result["status"] == "ok":
                        self.acknowledged[place] = attempt

    def out_of_order(self, places):
        """The hand-outs that came before all of their key ahead of them was done. `places` has, for each key, where
        its events are, in the topic's order."""
        ahead = {
            place: (key, number) for key, ordered in places.items() for number, place in enumerate(ordered)}
        done, early = set(), []
        for what, key, *place in self.history:
            place = tuple(place)
            if what == "done":
                done.add(place)
            elif place not in ahead or ahead[place][0] != key:
                early.append((key, place, "not of this subscription"))
            elif any(earlier not in done for earlier in places[key][:ahead[place][1]]):
                early.append((key, place))
        return early
