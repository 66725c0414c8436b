"""Where packages go in this example: each rule, with the same condition once more in Python, so that what
Apus did can be counted without it."""

import json

from receiver import Busy, Flaky, Hanging, Redirecting, Refusing, Signed, Slow, Target

TOPIC = "packages"
PARTITIONS = 4
DEAD_LETTERS = f"{TOPIC}.dead-letter"
MEDIA = ["games", "sound", "video", "graphics", "x11"]


def data(pattern):
    return {"data": pattern}


def relations(event, field):
    """The plain relations of a field; alternatives are objects of their own."""
    return [relation for relation in event["data"].get(field, []) if "any_of" not in relation]


def alternatives(event, field):
    """The relations within alternatives."""
    return [
        relation for relations in event["data"].get(field, []) if "any_of" in relations
        for relation in relations["any_of"]]


def in_sections(*sections):
    """A pattern for sections, and its condition."""
    return data({"section": list(sections)}), lambda event: event["data"]["section"] in sections


class Station:
    """A rule or subscription: what it takes, and where that goes."""

    def __init__(
            self, name, pattern, matches, target=None, transformation=None, push=None, settings=None):
        self.name = name
        self.pattern = pattern
        self.matches = matches
        # A target of a receiver; without one the events go to a topic of the station's name.
        self.target = target
        self.transformation = transformation
        # What is said about the webhook, and about the subscription, beside the address.
        self.push = push or {}
        self.settings = settings or {}

    def rule(self, receiver_url=None):
        """The station as a rule."""
        if self.target:
            target = {"webhook": {"url": receiver_url + self.target.path, **self.push}}
        else:
            target = {"topic": self.name}
        if self.transformation:
            target["transformation"] = self.transformation
        return {"topic": TOPIC, "pattern": self.pattern, "targets": [target]}

    def subscription(self, receiver_url):
        """The station as a push subscription."""
        return {
            "topic": TOPIC, "pattern": self.pattern, "retry": {"initial": "200ms", "max": "1s"},
            **self.settings, "push": {"url": receiver_url + self.target.path, **self.push}}


TOPICS = [
    Station(
        "everything", {"type": [{"prefix": "org.debian.package."}]},
        lambda event: event["type"].startswith("org.debian.package.")),
    Station("games", *in_sections("games")),
    Station(
        "libraries", data({"section": [{"prefix": "lib"}]}),
        lambda event: event["data"]["section"].startswith("lib")),
    Station("essential", data({"essential": [{"exists": True}]}), lambda event: "essential" in event["data"]),
    Station("homeless", data({"homepage": [{"exists": False}]}), lambda event: "homepage" not in event["data"]),
    Station(
        "base-system", {"type": ["org.debian.package.available.v1"],
                        **data({"priority": ["required", "important", "standard"], "architecture": ["amd64"]})},
        lambda event: event["data"]["priority"] in ("required", "important", "standard")
        and event["data"]["architecture"] == "amd64"),
    # From here on conditions on nested data: objects in arrays, and arrays in those.
    Station(
        "needs-libc-2.36", data({"depends": {"name": ["libc6"], "op": [">="], "version": [{"prefix": "2.36"}]}}),
        lambda event: any(
            relation["name"] == "libc6" and relation.get("op") == ">="
            and relation["version"].startswith("2.36") for relation in relations(event, "depends"))),
    Station(
        "exact-python", data({"depends": {"name": [{"prefix": "python3-"}], "op": [{"exists": False}]},
                              "architecture": ["amd64"]}),
        lambda event: event["data"]["architecture"] == "amd64" and any(
            relation["name"].startswith("python3-") and "op" not in relation
            for relation in relations(event, "depends"))),
    Station(
        "choices", data({"depends": {"any_of": {"name": ["default-mta", "mail-transport-agent"]}}}),
        lambda event: any(
            relation["name"] in ("default-mta", "mail-transport-agent")
            for relation in alternatives(event, "depends"))),
    Station(
        "large", data({"size_bytes": [{"numeric": [">", 10_000_000]}]}),
        lambda event: event["data"]["size_bytes"] > 10_000_000),
    Station(
        "middling", data({"installed_size_kib": [{"numeric": [">=", 1024, "<", 1536]}]}),
        lambda event: 1024 <= event["data"].get("installed_size_kib", -1) < 1536),
    Station("epochs", data({"version": [{"wildcard": "*:*"}]}), lambda event: ":" in event["data"]["version"]),
    Station(
        "rebuilt", data({"version": [{"wildcard": "*+b*"}]}), lambda event: "+b" in event["data"]["version"]),
    Station(
        "epoch-breaks", data({"breaks": {"op": ["<<"], "version": [{"wildcard": "*:*"}]}}),
        lambda event: any(
            relation.get("op") == "<<" and ":" in relation["version"]
            for relation in relations(event, "breaks"))),
    Station(
        "teams", data({"maintainer": {"email": [{"suffix": {"equals-ignore-case": "@LISTS.debian.org"}}]}}),
        lambda event: event["data"]["maintainer"].get("email", "").lower().endswith("@lists.debian.org")),
    Station(
        "uncommon", data({"priority": [{"anything-but": ["optional"]}],
                          "section": [{"anything-but": {"prefix": ["lib", "ad"]}}]}),
        lambda event: event["data"]["priority"] != "optional"
        and not event["data"]["section"].startswith(("lib", "ad"))),
    Station(
        "notable", {"subject": [{"anything-but": {"suffix": "-dbg"}}],
                    **data({"$or": [
                        {"essential": ["yes"]}, {"tags": ["works-with::archive"]},
                        {"size_bytes": [{"numeric": [">=", 50_000_000]}], "architecture": ["all"]}]})},
        lambda event: not event["subject"].endswith("-dbg") and (
            event["data"].get("essential") == "yes"
            or "works-with::archive" in event["data"].get("tags", [])
            or event["data"]["size_bytes"] >= 50_000_000 and event["data"]["architecture"] == "all")),
]

# Webhooks of rules: the first accepts everything after some failures, the second refuses all for good (400), so
# that its events become dead letters at their first attempt.
MEDIA_HOOK = Station("media", *in_sections(*MEDIA), target=Flaky("/media"))
REFUSED = Station("refused", *in_sections("tex"), target=Refusing("/refused"))
# When it is repaired, so much is sent there again.
REDRIVEN = Station(
    "redriven", data({"section": ["tex"], "size_bytes": [{"numeric": [">=", 100_000]}]}),
    lambda event: REFUSED.matches(event) and event["data"]["size_bytes"] >= 100_000)

# A webhook that gets something else than the event, signed.
LABELS = Station(
    "labels", *in_sections("science"), target=Signed("/labels", keeps_bodies=True),
    transformation={
        "input_paths": {
            "name": "$.data.package", "version": "$.data.version", "text": "$.data.description",
            "by": "$.data.maintainer.name", "bytes": "$.data.size_bytes", "needs": "$.data.depends[*].name",
            "source": "$.data.source", "home": "$.data.homepage"},
        "input_template": '{"label": "<name> <version>: <text>", "by": <by>, "bytes": <bytes>, "needs": <needs>, '
                          '"source": <source>, "home": <home>, "rule": "<apus.rule>"}',
        "attributes": {"set": {"type": "org.debian.label", "subject": "labels/<name>"}}})
LABELS.push = {"secrets": [LABELS.target.secret]}
RULE_HOOKS = [MEDIA_HOOK, REFUSED, LABELS]


def label(event):
    """What the webhook of the labels must be sent, byte for byte."""
    package = event["data"]
    return json.dumps({
        "label": f"{package['package']} {package['version']}: {package['description']}",
        "by": package["maintainer"]["name"], "bytes": package["size_bytes"],
        "needs": [relation["name"] for relation in relations(event, "depends")],
        "source": package["source"], "home": package.get("homepage"), "rule": LABELS.name,
    }, ensure_ascii=False, separators=(",", ":")).encode()


# Webhooks of subscriptions: one that takes many events in a request; each of the others has a trouble of its own.
BATCHED = Station("batched", *in_sections("perl"), target=Target("/batched"), push={"mode": "batch"})
SLOW = Station("slow", *in_sections("shells"), target=Slow("/slow"), push={"timeout": "1s"})
HANGING = Station("hanging", *in_sections("gnustep"), target=Hanging("/hanging"), push={"timeout": "1s"})
BUSY = Station("busy", *in_sections("kernel"), target=Busy("/busy"))
REDIRECTED = Station("redirected", *in_sections("vcs"), target=Redirecting("/redirected"))
# Where the redirected are sent again in the end.
MOVED = Target("/moved")
# Behind a port where nobody listens at first.
AWAY = Station(
    "away", *in_sections("database"), target=Target("/away"),
    settings={"max_attempts": 100, "retry": {"initial": "200ms", "max": "3s"}})
SUBSCRIPTIONS = [BATCHED, SLOW, HANGING, BUSY, REDIRECTED, AWAY]

# Consumed by several workers in the order of source packages.
BUILDS = Station("builds", *in_sections("java", "ruby", "tasks"))
