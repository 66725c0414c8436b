#!/usr/bin/env python3
"""Turns a Debian package index into CloudEvents: one event for each package, one JSON object a line.

    packages.py [INDEX] > events.ndjson

INDEX is a Packages file, compressed or not; without it the largest that apt has downloaded is taken.
"""

import glob
import json
import os
import re
import subprocess
import sys

TYPE = "org.debian.package.available.v1"
LISTS = "/var/lib/apt/lists/*_Packages*"

# Fields that list relations to other packages, as in Debian Policy, chapter 7.
RELATIONS = {
    "Depends", "Pre-Depends", "Recommends", "Suggests", "Enhances", "Breaks", "Conflicts", "Replaces", "Provides"}
# Fields that are numbers, with the unit put into the name.
NUMBERS = {"Size": "size_bytes", "Installed-Size": "installed_size_kib"}

RELATION = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9+.-]*)(?::(?P<architecture>[a-z0-9-]+))?"
    r"(?:\s*\(\s*(?P<op><<|<=|=|>=|>>)\s*(?P<version>[^)\s]+)\s*\))?")


def find_index():
    """The largest index that apt has downloaded, or None."""
    return max(glob.glob(LISTS), key=os.path.getsize, default=None)


def read_index(path):
    """The index as text. apt's own helper reads whatever compression apt uses."""
    if path.endswith("_Packages"):
        with open(path, encoding="utf-8") as file:
            return file.read()
    output = subprocess.run(
        ["/usr/lib/apt/apt-helper", "cat-file", path], check=True, capture_output=True).stdout
    return output.decode("utf-8")


def stanzas(text):
    """Each paragraph of the index as a dictionary of its fields; continued lines joined by a line feed."""
    for paragraph in re.split(r"\n(?:[ \t]*\n)+", text):
        fields, name = {}, None
        for line in paragraph.splitlines():
            if line[:1] in (" ", "\t") and name:
                fields[name] += "\n" + line.strip()
            elif ":" in line:
                name, value = line.split(":", 1)
                fields[name] = value.strip()
        if "Package" in fields:
            yield fields


def relation(text):
    """`libc6 (>= 2.36)` as {"name", "op", "version"}, with what is there."""
    found = RELATION.fullmatch(text.strip())
    if not found:
        raise ValueError(f"not a relation: {text!r}")
    return {key: value for key, value in found.groupdict().items() if value}


def relations(text):
    """A list of relations; alternatives stand under "any_of"."""
    made = []
    for item in text.replace("\n", " ").split(","):
        alternatives = [relation(alternative) for alternative in item.split("|") if alternative.strip()]
        if len(alternatives) == 1:
            made.append(alternatives[0])
        elif alternatives:
            made.append({"any_of": alternatives})
    return made


def person(text):
    """`Name <address>` as {"name", "email"}."""
    found = re.fullmatch(r"(.*?)\s*<([^>]*)>", text)
    return {"name": found[1], "email": found[2]} if found else {"name": text}


def source(fields):
    """The source package that this one is built from."""
    name, _, version = fields.get("Source", fields["Package"]).partition(" ")
    return {"name": name, "version": version.strip("()") or fields["Version"]}


def member_name(field):
    return field.lower().replace("-", "_")


def package(fields):
    """The data of a package's event."""
    data = {}
    for field, value in fields.items():
        if field in RELATIONS:
            data[member_name(field)] = relations(value)
        elif field in NUMBERS:
            data[NUMBERS[field]] = int(value)
        elif field == "Maintainer":
            data["maintainer"] = person(value)
        elif field == "Tag":
            data["tags"] = [tag.strip() for tag in value.replace("\n", " ").split(",")]
        elif field != "Source":
            data[member_name(field)] = value
    data["source"] = source(fields)
    return data


def event(fields):
    """A package's CloudEvent. Packages built from one source share a partition, and so keep their order."""
    data = package(fields)
    return {
        "specversion": "1.0",
        "id": f"{fields['Package']}_{fields['Version']}_{fields['Architecture']}",
        "source": "/debian",
        "type": TYPE,
        "subject": fields["Package"],
        "datacontenttype": "application/json",
        "partitionkey": data["source"]["name"],
        "data": data,
    }


def events(path):
    """The events of an index, in its order."""
    return [event(fields) for fields in stanzas(read_index(path))]


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else find_index()
    if not path:
        sys.exit("apt has no index here; run: sudo apt-get update")
    for made in events(path):
        print(json.dumps(made, ensure_ascii=False, separators=(",", ":")))


if __name__ == "__main__":
    main()
