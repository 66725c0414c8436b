# SPDX-License-Identifier: Apache-2.0
"""A collector for tests: takes OTLP over HTTP as JSON, and objects to whatever the protocol's JSON encoding does not allow. Written from the
specification (OTLP 1.x: ids in hexadecimal, enums as numbers, integers of 64 bits as text, names in lower camel case) and its messages."""

import gzip
import http.server
import json
import re
import threading
import time

HEX = re.compile(r"[0-9a-f]+\Z")


def fail(place, what):
    raise AssertionError(f"{place}: {what}")


def text(value, place):
    isinstance(value, str) or fail(place, f"{value!r} is no text")


def wide(value, place, signed=False):
    text(value, place)
    re.fullmatch(r"-?[0-9]+" if signed else r"[0-9]+", value) or fail(place, f"{value!r} is no integer of 64 bits")
    int(value) < 2**(63 if signed else 64) or fail(place, f"{value} is too large")


def time_of(value, place):
    wide(value, place)
    abs(int(value) / 1e9 - time.time()) < 3600 or fail(place, f"{value} is no time of today in nanoseconds")


def number(value, place):
    (isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**32) or fail(place, f"{value!r}")


def double(value, place):
    ok = isinstance(value, (int, float)) and not isinstance(value, bool) or value in ("NaN", "Infinity", "-Infinity")
    ok or fail(place, f"{value!r} is no double")


def boolean(value, place):
    isinstance(value, bool) or fail(place, f"{value!r} is no boolean")


def identity(digits):
    def check(value, place):
        text(value, place)
        (len(value) == digits and HEX.match(value) and set(value) != {"0"}) or fail(place, f"{value!r} is no id")
    return check


def one_of(*values):
    def check(value, place):
        value in values and not isinstance(value, (str, bool)) or fail(place, f"{value!r} is none of {values}")
    return check


def each(check):
    def check_all(value, place):
        isinstance(value, list) or fail(place, "is no list")
        for index, element in enumerate(value):
            check(element, f"{place}[{index}]")
    return check_all


def message(required="", **fields):
    """A message with these members and no others; those in `required` must be there."""
    def check(value, place):
        isinstance(value, dict) or fail(place, "is no message")
        for name in required.split():
            name in value or fail(place, f"{name} is missing")
        for name, member in value.items():
            name in fields or fail(place, f"has a member {name!r} that there is not")
            fields[name](member, f"{place}.{name}")
    return check


def any_value(value, place):
    check = {
        "stringValue": text, "boolValue": boolean, "doubleValue": double, "arrayValue": message(values=each(any_value)),
        "intValue": lambda value, place: wide(value, place, signed=True), "kvlistValue": message(values=attributes)}
    (isinstance(value, dict) and len(value) == 1) or fail(place, f"{value!r} has not one value")
    message(**check)(value, place)


def attributes(value, place):
    each(message("key value", key=text, value=any_value))(value, place)
    keys = [element["key"] for element in value]
    len(keys) == len(set(keys)) or fail(place, f"a key is there twice: {keys}")


resource = message("attributes", attributes=attributes, droppedAttributesCount=number)
scope = message("name", name=text, version=text, attributes=attributes)
link = message(
    "traceId spanId", traceId=identity(32), spanId=identity(16), traceState=text, flags=number, attributes=attributes)
span = message(
    "traceId spanId name kind startTimeUnixNano endTimeUnixNano", traceId=identity(32), spanId=identity(16),
    parentSpanId=identity(16), traceState=text, flags=number, name=text, kind=one_of(1, 2, 3, 4, 5),
    startTimeUnixNano=time_of, endTimeUnixNano=time_of, attributes=attributes, droppedAttributesCount=number,
    links=each(link), status=message(code=one_of(0, 1, 2), message=text),
    events=each(message("timeUnixNano name", timeUnixNano=time_of, name=text, attributes=attributes)))
exemplar = message("timeUnixNano", timeUnixNano=time_of, asDouble=double, traceId=identity(32), spanId=identity(16))
point = message(
    "timeUnixNano", attributes=attributes, startTimeUnixNano=time_of, timeUnixNano=time_of, asDouble=double,
    asInt=lambda value, place: wide(value, place, signed=True), exemplars=each(exemplar))
histogram_point = message(
    "timeUnixNano count bucketCounts explicitBounds", attributes=attributes, startTimeUnixNano=time_of,
    timeUnixNano=time_of, count=wide, sum=double, bucketCounts=each(wide), explicitBounds=each(double),
    exemplars=each(exemplar))
metric = message(
    "name", name=text, description=text, unit=text, gauge=message("dataPoints", dataPoints=each(point)),
    sum=message("dataPoints", dataPoints=each(point), aggregationTemporality=one_of(1, 2), isMonotonic=boolean),
    histogram=message("dataPoints", dataPoints=each(histogram_point), aggregationTemporality=one_of(1, 2)))
record = message(
    "timeUnixNano severityNumber body", timeUnixNano=time_of, observedTimeUnixNano=time_of,
    severityNumber=one_of(*range(1, 25)), severityText=text, body=any_value, attributes=attributes,
    traceId=identity(32), spanId=identity(16), flags=number)

REQUESTS = {
    "/v1/traces": ("resourceSpans", "scopeSpans", "spans", span),
    "/v1/metrics": ("resourceMetrics", "scopeMetrics", "metrics", metric),
    "/v1/logs": ("resourceLogs", "scopeLogs", "logRecords", record),
}


def plain(value):
    """An `AnyValue` as what it is."""
    (kind, inner), = value.items()
    if kind == "intValue":
        return int(inner)
    if kind == "arrayValue":
        return [plain(element) for element in inner["values"]]
    return named(inner["values"]) if kind == "kvlistValue" else inner


def named(elements):
    return {element["key"]: plain(element["value"]) for element in elements or []}


class Receiver:
    """Listens; keeps what came as it came, and everything that was wrong with it in `objections`. `answers` is what the next requests get in place
    of 200, as (status, headers)."""

    def __init__(self):
        self.spans, self.metrics, self.records, self.headers = [], {}, [], []
        self.objections, self.answers, self.resources = [], [], []
        self.requests = 0
        self.lock = threading.Lock()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                with receiver.lock:
                    status, headers = receiver.take(self.path, self.headers, body)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                answer = b"{}" if status == 200 else b"no"
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.listener.daemon_threads = True
        threading.Thread(target=self.listener.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.listener.server_port}"

    def close(self):
        self.listener.shutdown()
        self.listener.server_close()

    def take(self, path, headers, body):
        self.requests += 1
        self.headers.append({name.lower(): value for name, value in headers.items()})
        if self.answers:
            return self.answers.pop(0)
        try:
            headers["content-type"].split(";")[0] == "application/json" or fail(path, headers["content-type"])
            if headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            outer, middle, inner, check = REQUESTS[path]
            document = json.loads(body, parse_constant=lambda name: fail(path, f"{name} is no JSON"))
            scoped = message(f"scope {inner}", **{"scope": scope, inner: each(check), "schemaUrl": text})
            of_resource = message(
                f"resource {middle}", **{"resource": resource, middle: each(scoped), "schemaUrl": text})
            message(outer, **{outer: each(of_resource)})(document, path)
            for found in document[outer]:
                self.resources.append(named(found["resource"]["attributes"]))
                for part in found[middle]:
                    for element in part[inner]:
                        self.keep(path, element)
        except Exception as error:  # Whatever is wrong is told by the test, and not to the server.
            self.objections.append(repr(error))
            return 400, {}
        return 200, {}

    def keep(self, path, element):
        if path == "/v1/traces":
            int(element["endTimeUnixNano"]) >= int(element["startTimeUnixNano"]) or fail(path, "it ends before it begins")
            self.spans.append(element | {"attributes": named(element.get("attributes"))})
        elif path == "/v1/logs":
            self.records.append(element | {"attributes": named(element.get("attributes"))})
        else:
            self.check_points(element)
            for kind in ("sum", "gauge", "histogram"):
                for found in element.get(kind, {}).get("dataPoints", []):
                    labels = tuple(sorted(named(found.get("attributes")).items()))
                    self.metrics[element["name"], labels] = found

    @staticmethod
    def check_points(element):
        for found in element.get("histogram", {}).get("dataPoints", []):
            counts, bounds = [int(count) for count in found["bucketCounts"]], found["explicitBounds"]
            len(counts) == len(bounds) + 1 or fail(element["name"], "the buckets are not one more than the bounds")
            sum(counts) == int(found["count"]) or fail(element["name"], "the buckets do not add up")
            bounds == sorted(set(bounds)) or fail(element["name"], "the bounds do not ascend")
        for found in element.get("sum", {}).get("dataPoints", []):
            "startTimeUnixNano" in found or fail(element["name"], "a sum says not since when")
