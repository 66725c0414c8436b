# shellcheck shell=bash
# What all scripts share: where the repository is, how they speak, how they ask for what is missing.
# Sourced, never run.

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

say() {
    printf '==> %s\n' "$*" >&2
}

fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

need_swift() {
    command -v swift > /dev/null 2>&1 \
        || fail "swift is not installed; Apus needs Swift 6.3 or later: https://www.swift.org/install"
}

# install_packages PACKAGE...: Debian packages, by root only; anybody else is told what to run.
install_packages() {
    command -v apt-get > /dev/null 2>&1 || fail "please install: $*"
    [ "$(id -u)" -eq 0 ] || fail "please run: sudo apt-get install $*"
    say "installing $*"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" > /dev/null
}

# need COMMAND PACKAGE: the command, installed from its Debian package if it is missing.
need() {
    command -v "$1" > /dev/null 2>&1 || install_packages "$2"
}

# What release builds of an executable are made with: the Swift runtime inside the file, and no checks at run time for overlapping
# accesses, which cost 3 % of a publish; debug builds, which the tests run, have them.
release_options=(-c release --static-swift-stdlib -Xswiftc -enforce-exclusivity=unchecked)

# What all builds are made with: the package traits whose C libraries are there, which are the outbox in SQLite and the transport for Kafka. All scripts
# use the same, because another set of traits has every module of the package compiled anew.
find_traits() {
    trait_options=()
    [ ! -e /usr/include/librdkafka/rdkafka.h ] || trait_options+=(Kafka)
    [ ! -e /usr/include/sqlite3.h ] || trait_options+=(SQLite)
    [ "${#trait_options[@]}" -eq 0 ] || trait_options=(--traits "$(IFS=,; printf '%s' "${trait_options[*]}")")
}
find_traits

# build_package OPTION...: `swift build` with the flags of traits in the same order each time. The package manager takes them from a set, and
# another order is another command to it, for which all of the package is compiled anew.
build_package() {
    SWIFT_DETERMINISTIC_HASHING=1 swift build "$@"
}

# need_headers: what the C parts of the dependencies include and Swift does not bring (swift-nio-extras: zlib).
need_headers() {
    [ -e /usr/include/zlib.h ] || install_packages zlib1g-dev
}

# need_codecs: the libraries that open the record batches of Kafka clients. zlib is everywhere; a server without one of the others
# runs, and says so when a batch needs it, so somebody who may not install packages is only told.
need_codecs() {
    local library missing=()
    for library in libsnappy.so.1:libsnappy1v5 liblz4.so.1:liblz4-1 libzstd.so.1:libzstd1; do
        # All of the list is read: a reader that stops early would make the pipe fail.
        /sbin/ldconfig -p | grep -F "${library%:*}" > /dev/null || missing+=("${library#*:}")
    done
    [ "${#missing[@]}" -gt 0 ] || return 0
    if [ "$(id -u)" -eq 0 ] && command -v apt-get > /dev/null 2>&1; then
        install_packages "${missing[@]}"
    else
        say "some compressed batches of Kafka clients cannot be opened until this is installed: ${missing[*]}"
    fi
}

# release_binary PRODUCT: builds an executable for release and prints its path.
release_binary() {
    need_swift
    need_headers
    say "building $1 for release (the first build takes some minutes)"
    (cd "$root" && build_package "${release_options[@]}" "${trait_options[@]}" --product "$1" >&2) || fail "$1 does not build"
    printf '%s/%s\n' "$(cd "$root" && swift build -c release --show-bin-path)" "$1"
}

# python_environment: a virtual environment with the pinned packages of the interoperability tests, made
# anew only when the list of packages has changed. Prints the path of its python.
python_environment() {
    local list="$root/Tests/interop/requirements.txt" venv="$root/.venv"
    need python3 python3
    python3 -c 'import venv, ensurepip' 2> /dev/null || install_packages python3-venv
    if ! cmp -s "$list" "$venv/requirements.txt"; then
        say "installing Python packages into .venv"
        python3 -m venv --clear "$venv"
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$list" >&2 \
            || fail "the packages of Tests/interop/requirements.txt cannot be installed"
        cp "$list" "$venv/requirements.txt"
    fi
    printf '%s/bin/python\n' "$venv"
}
