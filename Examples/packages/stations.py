"""Where packages go in this example: each rule, with the same condition once more in Python, so that what
Apus did can be counted without it."""

TOPIC = "packages"
PARTITIONS = 4
DEAD_LETTERS = f"{TOPIC}.dead-letter"
MEDIA = ["games", "sound", "video", "graphics", "x11"]


class Station:
    """A rule and its target: a topic of its own, or a path of the receiver."""

    def __init__(self, name, pattern, matches, path=None):
        self.name = name
        self.pattern = pattern
        self.matches = matches
        self.path = path

    def rule(self, receiver_url):
        if self.path:
            target = {"webhook": {"url": receiver_url + self.path}}
        else:
            target = {"topic": self.name}
        return {"topic": TOPIC, "pattern": self.pattern, "targets": [target]}


TOPICS = [
    Station(
        "everything", {"type": [{"prefix": "org.debian.package."}]},
        lambda event: event["type"].startswith("org.debian.package.")),
    Station("games", {"data": {"section": ["games"]}}, lambda event: event["data"]["section"] == "games"),
    Station(
        "libraries", {"data": {"section": [{"prefix": "lib"}]}},
        lambda event: event["data"]["section"].startswith("lib")),
    Station(
        "essential", {"data": {"essential": [{"exists": True}]}}, lambda event: "essential" in event["data"]),
    Station(
        "homeless", {"data": {"homepage": [{"exists": False}]}}, lambda event: "homepage" not in event["data"]),
    Station(
        "base-system", {"type": ["org.debian.package.available.v1"],
                        "data": {"priority": ["required", "important", "standard"],
                                 "architecture": ["amd64"]}},
        lambda event: event["data"]["priority"] in ("required", "important", "standard")
        and event["data"]["architecture"] == "amd64"),
]

# The receiver accepts these, after some failures.
WEBHOOK = Station(
    "media", {"data": {"section": MEDIA}}, lambda event: event["data"]["section"] in MEDIA, path="/media")

# The receiver refuses these for good (400), so they become dead letters at their first attempt.
REFUSED = Station(
    "refused", {"data": {"section": ["tex"]}}, lambda event: event["data"]["section"] == "tex", path="/refuse")

ALL = [*TOPICS, WEBHOOK, REFUSED]
