#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks, in seconds, that what the debug build does not build still compiles, against the modules of that build and with its own compilers' arguments:

- `traits`: what is compiled differently without package traits, as most programs have it that depend on Apus. A second build with other traits would compile all of the package and its tests anew, a
  quarter of an hour on two cores; but only few modules ask for a trait. So these, and those that import them, are checked once more without the traits and the C libraries behind them. Which traits
  and modules these are is read from the manifest, the sources and the build, so that none is forgotten.
- `packages`: the packages beside this one that build on it (benchmarks, fuzzers, the smallest example), each of which would have all of the package compiled anew for itself. Targets that use plugins are left out: what
  they import is not in this build. Those in Examples/ that stand on other people's libraries are in this build, as targets of this package (Package.swift says why); of these the manifests are compared.

Usage: typecheck.py FOLDER traits|packages, after `swift build --build-tests`."""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

# Arguments that say what is to be written and where, with the number of words behind them.
WRITING = {
    "-emit-dependencies": 0, "-emit-module": 0, "-emit-module-path": 1, "-output-file-map": 1, "-incremental": 0, "-c": 0,
    "-enable-batch-mode": 0, "-serialize-diagnostics": 0, "-index-store-path": 1, "-parseable-output": 0,
    "-emit-objc-header": 0, "-emit-objc-header-path": 1,
}


def commands(root):
    """Of each module of the last debug build: its inputs and the arguments of its compiler."""
    found = {}
    text = (root / ".build/debug.yaml").read_text()
    for inputs, name, arguments in re.findall(
            r'inputs: (\[.*\])\n    outputs: .*\n    description: "Compiling Swift Module \'(\w+)\'.*"\n    args: (\[.*\])', text):
        found[name] = (json.loads(inputs), json.loads(arguments))
    return found


def without(arguments, traits, root):
    """The arguments less what writes, the traits, and the system's C libraries, which are there for the sake of traits only."""
    kept, index = [], 0
    while index < len(arguments):
        word = arguments[index]
        behind = arguments[index + 1] if index + 1 < len(arguments) else ""
        if word in WRITING:
            index += WRITING[word]
        elif word == "-Xcc" and re.fullmatch(rf"-fmodule-map-file={re.escape(str(root))}/Sources/\w+/module\.modulemap", behind):
            index += 1
        elif word not in {f"-D{trait}" for trait in traits}:
            kept.append(word)
        index += 1
    return kept


def check(root, arguments, what, *steps):
    """Compiles for the errors."""
    for step in [["-typecheck"], *steps]:
        command = [arguments[0], *step, *arguments[1:]]
        result = subprocess.run(command, cwd=root, capture_output=True, text=True)
        if result.returncode != 0:
            sys.exit(f"{what} does not compile:\n{result.stdout}{result.stderr}")


def check_traits(root, modules):
    manifest = (root / "Package.swift").read_text()
    traits = re.findall(r'\.trait\(\s*name: "(\w+)"', manifest)
    asks = re.compile(rf"^\s*#(?:if|elseif)\b.*\b(?:{'|'.join(traits)})\b", re.MULTILINE)
    sources = {
        name: [pathlib.Path(file) for file in inputs if file.endswith(".swift") and file.startswith(str(root) + "/")
               and "/.build/" not in file]
        for name, (inputs, _) in modules.items()}
    own = [name for name, files in sources.items() if any(asks.search(file.read_text()) for file in files)]
    if not traits or not own:
        sys.exit("no module asks for a trait")
    names = re.compile(rf"^\s*(?:@\w+ |\w+ )*import ({'|'.join(own)})$", re.MULTILINE)
    importers = [
        name for name, files in sources.items()
        if name not in own and any(names.search(file.read_text()) for file in files)]
    with tempfile.TemporaryDirectory() as folder:
        for name in sorted(own) + sorted(importers):
            arguments = without(modules[name][1], traits, root)
            arguments[1:1] = ["-I", folder, "-warnings-as-errors"]
            # Those that import it are to see it as it is without traits.
            module = ["-emit-module", "-emit-module-path", f"{folder}/{name}.swiftmodule"]
            check(root, arguments, f"without traits {name}", *([module] if name in own else []))
    print(f"without {', '.join(traits)}: {', '.join(sorted(own) + sorted(importers))}")


def check_packages(root, modules):
    checked = []
    for manifest in sorted(root.glob("*/Package.swift")) + sorted(root.glob("Examples/*/Package.swift")):
        targets = re.findall(r'\.executableTarget\(\s*name: "([\w-]+)",(.*?)(?=\.executableTarget|\Z)', manifest.read_text(), re.DOTALL)
        for name, rest in targets:
            # Imports of packages that are not of this build, and code that plugins make.
            imports = re.findall(r'\.package\(url: "[^"]*/([\w.-]+)"', manifest.read_text())
            if "plugins:" in rest or not set(imports) <= {"swift-log", "benchmark"}:
                continue
            path = re.search(r'path: "([^"]+)"', rest)
            folder = manifest.parent / (path[1] if path else f"Sources/{name}")
            files = sorted(str(file) for file in folder.rglob("*.swift"))
            if not files:
                sys.exit(f"{manifest}: target '{name}' has no sources")
            # With the module maps of a program that everything is linked into, from outside of the package.
            arguments = without(modules["ApusServer"][1], [], root)
            arguments = [word for word in arguments if not word.startswith("@") and word != "-parse-as-library"]
            for option in ("-package-name", "-module-name"):
                at = arguments.index(option)
                del arguments[at:at + 2]
            while "-enable-upcoming-feature" in arguments:
                at = arguments.index("-enable-upcoming-feature")
                del arguments[at:at + 2]
            # One file without top-level code is a program by its `@main`.
            text = "".join(pathlib.Path(file).read_text() for file in files)
            options = ["-parse-as-library"] if re.search(r"^@main$", text, re.MULTILINE) else []
            check(root, [arguments[0], *options, "-module-name", name.replace("-", "_"), *arguments[1:], *files], f"{folder}")
            checked.append(str(folder.relative_to(root)))
    print(f"packages beside this one: {', '.join(checked)}")


def manifest_of(folder):
    """A manifest as SwiftPM reads it, with what `make test` adds."""
    return json.loads(subprocess.run(
        ["swift", "package", "--package-path", str(folder), "dump-package"], check=True, capture_output=True, text=True,
        env={**os.environ, "APUS_EXAMPLES": "1"}).stdout)


def targets_of(manifest):
    """Of each target: its kind, and the names of what it depends on, wherever that is."""
    return {
        target["name"]: (target["type"], sorted(next(iter(one.values()))[0] for one in target["dependencies"]))
        for target in manifest["targets"]}


def versions_of(manifest):
    """Of each package from elsewhere: the versions that are accepted, and its traits."""
    return {
        one["identity"]: (one["requirement"], one.get("traits"))
        for entry in manifest["dependencies"] for one in entry.get("sourceControl", [])}


def check_manifests(root):
    """The packages whose targets are built with this one have manifests of their own, which say the same."""
    whole = manifest_of(root)
    targets, versions, checked = targets_of(whole), versions_of(whole), []
    for path in sorted(root.glob("Examples/*/Package.swift")):
        own = manifest_of(path.parent)
        if not versions_of(own):
            continue
        for name, target in targets_of(own).items():
            if target != targets.get(name):
                sys.exit(f"{path}: target '{name}' is {target}, and {targets.get(name)} in Package.swift")
        for name, version in versions_of(own).items():
            if version != versions.get(name):
                sys.exit(f"{path}: package '{name}' is {version}, and {versions.get(name)} in Package.swift")
        checked.append(path.parent.name)
    if not checked:
        sys.exit("no package in Examples/ stands on other people's libraries: this check has nothing to do")
    print(f"manifests that agree: {', '.join(checked)}")


# What an application is linked with that imports `Apus` and nothing else: no client of HTTP, Kafka or AWS, and a clean build in minutes.
LIBRARY_PRODUCTS = {
    "CoreMetrics", "DequeModule", "HashTreeCollections", "HeapModule", "Logging", "NIOCore", "ServiceLifecycle", "Tracing",
}


def check_weight(root):
    """Other people's libraries that `Apus` stands on, through whatever lies between, are those that it is said to stand on."""
    targets = targets_of(manifest_of(root))
    seen, products, waiting = set(), set(), ["Apus"]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        for one in targets[name][1]:
            if one in targets:
                waiting.append(one)
            else:
                products.add(one)
    if products != LIBRARY_PRODUCTS:
        sys.exit(f"'Apus' stands on {sorted(products)}, and not on {sorted(LIBRARY_PRODUCTS)}: whoever imports only it builds all of that")
    print(f"'Apus' stands on {len(products)} products of other packages")


def main():
    root, what = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2]
    modules = commands(root)
    if "ApusServer" not in modules:
        sys.exit("the debug build is missing: swift build --build-tests")
    {"traits": check_traits, "packages": check_packages}[what](root, modules)
    if what == "packages":
        check_manifests(root)
        check_weight(root)


main()
