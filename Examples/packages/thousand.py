"""A thousand rules, made from what the index holds. All copy to a few topics, and each writes its name onto its
copies, so that a topic holds one copy for each rule that an event matches: who took what can be counted.

Each family has one kind of condition; its Python side finds the rules of an event without looking at the patterns."""

import bisect
import collections

import stations

COUNT = 1000
TOPICS = [f"thousand-{number}" for number in range(4)]


def ranked(values, first, count):
    """So many different values from a place on in the order of their frequency; made-up ones if there are too
    few."""
    counted = collections.Counter(values).items()
    common = [value for value, _ in sorted(counted, key=lambda item: (-item[1], item[0]))]
    chosen = common[first:first + count] if len(common) >= first + count else common[:count]
    return chosen + [f"nothing-has-this-{number}" for number in range(count - len(chosen))]


class Family:
    """Rules of one kind: `patterns` has one for each operand, `taken` gives the operands that an event satisfies."""

    def __init__(self, name, operands, pattern, taken):
        self.rules = {operand: f"{name}-{number}" for number, operand in enumerate(operands)}
        self.patterns = {self.rules[operand]: pattern(operand) for operand in operands}
        self.taken = taken

    def matches(self, event):
        """The names of the rules that an event matches."""
        return {self.rules[operand] for operand in self.taken(event) if operand in self.rules}


class Thousand:
    """The rules, with what each must take."""

    def __init__(self, events):
        packages = [event["data"] for event in events]
        data = stations.data
        people = ranked((email for event in events for email in self.emails(event)), 100, 450)
        prefixes = ranked((package["source"]["name"][:6] for package in packages), 100, 150)
        exact = ranked(
            (name for event in events for name in self.depended(event, "=")), 100, 150)
        bounds = [10_000 + 400 * number for number in range(100)]
        sections = ranked((package["section"] for package in packages), 0, 50)
        sources = ranked((package["source"]["name"] for package in packages), 50, 50)
        earlier = ranked((name for event in events for name in self.depended(event, "<<")), 10, 50)
        either = dict(zip(sources, earlier))
        tags = ranked((tag for package in packages for tag in package.get("tags", [])), 250, 50)

        def slices(event):
            """The operand of the slice of 100 bytes that a size lies in, if any does."""
            size = event["data"]["size_bytes"]
            place = bisect.bisect_right(bounds, size) - 1
            return {bounds[place]} if place >= 0 and size < bounds[place] + 100 else set()

        def either_of(event):
            package, depended = event["data"]["source"]["name"], self.depended(event, "<<")
            return {source for source, name in either.items() if package == source or name in depended}

        self.families = [
            Family(
                "maintainer", people, lambda email: data({"maintainer": {"email": [email]}}),
                self.emails),
            Family(
                "source", prefixes, lambda prefix: data({"source": {"name": [{"prefix": prefix}]}}),
                lambda event: {
                    prefix for prefix in prefixes if event["data"]["source"]["name"].startswith(prefix)}),
            Family(
                "exact", exact, lambda name: data({"depends": {"name": [name], "op": ["="]}}),
                lambda event: self.depended(event, "=")),
            Family(
                "slice", bounds,
                lambda bound: data({"size_bytes": [{"numeric": [">=", bound, "<", bound + 100]}]}), slices),
            Family(
                "unusual", sections,
                lambda section: data({"section": [section], "priority": [{"anything-but": "optional"}]}),
                lambda event: {
                    event["data"]["section"]} if event["data"]["priority"] != "optional" else set()),
            Family(
                "either", sources,
                lambda source: data({"$or": [
                    {"source": {"name": [source]}}, {"depends": {"name": [either[source]], "op": ["<<"]}}]}),
                either_of),
            Family(
                "tag", tags,
                lambda tag: data({"tags": [tag], "homepage": [{"wildcard": "https://*.org/*"}]}),
                lambda event: set(event["data"].get("tags", [])) if self.is_at_org(event) else set()),
        ]
        self.patterns = {
            name: pattern for family in self.families for name, pattern in family.patterns.items()}
        assert len(self.patterns) == COUNT

    @staticmethod
    def emails(event):
        """A maintainer's address, where the index gives one that can be told from the name."""
        return {address for name, address in event["data"]["maintainer"].items() if name == "email"}

    @staticmethod
    def depended(event, operator):
        """The names of what an event's package depends on with an operator."""
        return {
            relation["name"] for relation in stations.relations(event, "depends")
            if relation.get("op") == operator}

    @staticmethod
    def is_at_org(event):
        """The wildcard of the last family, without wildcards."""
        scheme, _, rest = event["data"].get("homepage", "").partition("https://")
        return not scheme and ".org/" in rest

    def rules(self):
        """Each rule's name and body."""
        for number, (name, pattern) in enumerate(self.patterns.items()):
            target = {
                "topic": TOPICS[number % len(TOPICS)],
                "transformation": {"attributes": {"set": {"rule": "<apus.rule>"}}}}
            yield name, {"topic": stations.TOPIC, "pattern": pattern, "targets": [target]}

    def expected(self, stored, by_id):
        """(id, rule) -> how many copies there must be, of events that the topic holds so often."""
        return collections.Counter({
            (identity, rule): count for identity, count in stored.items()
            for family in self.families for rule in family.matches(by_id[identity])})
