"""The rules for this repository's files that no formatter knows, each with the reason it was made for.

Prints every breach as path:line: rule and exits with 1 if there is any. An exception is a line in
scripts/style-allow.txt: path, rule and reason, separated by " | "; one that is no longer needed is itself a
breach.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
ALLOW_LIST = "scripts/style-allow.txt"
LINES_MAX = 500
HEADER = "// SPDX-License-Identifier: Apache-2.0\n"

# Rule, pattern, what to do instead. Looked for in code, not in comments or text.
BANNED_IN_CODE = [
    ("force-try", re.compile(r"\btry!"), "handle the error"),
    ("fatal-error", re.compile(r"\bfatalError\("), "throw, or precondition for a mistake of our own"),
    ("unchecked-sendable", re.compile(r"@unchecked\s+Sendable"), "use a value, a Mutex or an actor"),
]

# A plan belongs where plans are kept, not in the code that lacks it.
PLAN = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")

# Sockets stay at the edges: everything else takes and returns bytes and can be tested without them.
SOCKET_IMPORT = re.compile(r"^\s*(?:@\w+\s+)?(?:\w+\s+)?import\s+(?:\w+\s+)?NIOPosix\b", re.MULTILINE)
SOCKET_MODULES = {"ApusHTTPServer", "ApusHTTPGateway", "ApusWebhookTransport", "ApusAWS", "ApusEventGrid", "ApusClient", "ApusServer", "ApusNetwork",
    "ApusKafkaGateway", "ApusAMQP"}

COMMENT_OR_TEXT = re.compile(r'//[^\n]*|"""[\s\S]*?"""|"(?:\\.|[^"\\\n])*"')
# The dashboard's files: text becomes text, never markup and never code. Comments are looked at too, so they say it in other words.
BANNED_IN_PAGES = [
    ("markup", re.compile(r"\b(innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|setHTMLUnsafe)\b"),
        "make elements with lib/dom.js"),
    ("code-from-text", re.compile(r"\beval\(|\bnew Function\(|\bsetTimeout\([\"'`]"), "text is never run"),
    ("inline", re.compile(r"<script(?![^>]*\bsrc=)|<style\b|\bstyle=\"|\bon[a-z]+=\"", re.IGNORECASE), "the pages' policy allows nothing inline"),
    ("foreign", re.compile(r"(?:from|import\(?|src=|href=|url\()\s*[\"']?(?:https?:)?//", re.IGNORECASE), "everything comes from this server"),
    ("loose", re.compile(r"^\s*var |[^=!]==[^=]|!=[^=]", re.MULTILINE), "const or let, and ==="),
]
PAGES_LINE_LENGTH = 150

LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)\)|!\[[^\]\n]*\]\(([^)\s]+)\)")


def tracked_files():
    """All files that are or would be committed, as paths from the root."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return sorted(name for name in listed.split("\0") if name and (ROOT / name).is_file())


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def check_swift(name, text):
    if pathlib.PurePath(name).name != "Package.swift":
        if not text.startswith(HEADER + "\n"):
            yield 1, "header", f"begins with {HEADER.strip()!r} and an empty line"
    lines = text.count("\n")
    if name.startswith("Sources/") and lines > LINES_MAX:
        yield lines, "length", f"{lines} lines; at most {LINES_MAX}, a file of one idea"
    # Blanked and not removed, so that positions stay.
    code = COMMENT_OR_TEXT.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), text)
    for rule, pattern, advice in BANNED_IN_CODE:
        for found in pattern.finditer(code):
            yield line_of(text, found.start()), rule, advice
    module = pathlib.PurePath(name).parts[1] if name.startswith("Sources/") else None
    if module and module not in SOCKET_MODULES:
        for found in SOCKET_IMPORT.finditer(code):
            yield line_of(text, found.end()), "socket", f"NIOPosix is for {', '.join(sorted(SOCKET_MODULES))}"


def check_pages(name, text):
    """The dashboard's JavaScript, styles and document."""
    opening = {"js": "// SPDX", "css": "/* SPDX"}.get(name.rsplit(".", 1)[-1])
    if opening and not text.startswith(opening):
        yield 1, "header", "begins with the licence line"
    lines = text.splitlines()
    if len(lines) > LINES_MAX:
        yield len(lines), "length", f"{len(lines)} lines; at most {LINES_MAX}, a file of one idea"
    for number, line in enumerate(lines, start=1):
        # The bird's outline is one word.
        if len(line) > PAGES_LINE_LENGTH and "<path" not in line and "svg(\"path\"" not in line:
            yield number, "width", f"{len(line)} columns; at most {PAGES_LINE_LENGTH}"
    for rule, pattern, advice in BANNED_IN_PAGES:
        for found in pattern.finditer(text):
            yield line_of(text, found.start()), rule, advice


def check_markdown(name, text):
    for found in LINK.finditer(text):
        target = (found.group(1) or found.group(2)).split("#")[0]
        if not target or re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        base = ROOT if target.startswith("/") else (ROOT / name).parent
        if not (base / target.lstrip("/")).exists():
            yield line_of(text, found.start()), "link", f"{target} does not exist"


def check(name, text):
    if name.endswith((".swift", ".c", ".h", ".py", ".sh", ".md")) or name.startswith(("scripts/", ".ci/")):
        for found in PLAN.finditer(text):
            yield line_of(text, found.start()), "plan", f"{found.group()}: do it, or write an issue"
    if name.endswith(".swift"):
        yield from check_swift(name, text)
    if name.startswith("Sources/CApusDashboard/Assets/") and name.endswith((".js", ".css", ".html")):
        yield from check_pages(name, text)
    if name.endswith(".md"):
        yield from check_markdown(name, text)


def read_allow_list():
    """The exceptions as (path, rule), and breaches of the list's own form."""
    allowed, breaches = set(), []
    path = ROOT / ALLOW_LIST
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = [field.strip() for field in line.split("|", 2)]
        if len(fields) == 3 and all(fields):
            allowed.add((fields[0], fields[1]))
        else:
            breaches.append(f"{ALLOW_LIST}:{number}: allow-list: path | rule | reason")
    return allowed, breaches


def main():
    allowed, breaches = read_allow_list()
    used = set()
    files = tracked_files()
    for name in files:
        try:
            text = (ROOT / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for line, rule, advice in check(name, text):
            if (name, rule) in allowed:
                used.add((name, rule))
            else:
                breaches.append(f"{name}:{line}: {rule}: {advice}")
    for name, rule in sorted(allowed - used):
        breaches.append(f"{ALLOW_LIST}: allow-list: {name} needs no exception from {rule}")
    print("\n".join(breaches) if breaches else f"style: {len(files)} files, no breach")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
