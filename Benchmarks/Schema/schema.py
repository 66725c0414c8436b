"""Validations per second of ours, from bytes, beside those of PyPI's jsonschema-rs, which gets objects that are already parsed,
and beside JSON scanning alone: schema.py BINARY. Runs take turns, so that a busy machine is busy for all.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent


def event(lines):
    """An order with so many lines."""
    return {
        "specversion": "1.0", "id": "6f1c7a52-0a3b-4a4e-9d56-0c5b1f0e7c11", "source": "/shop/web",
        "type": "order.placed.v1", "time": "2026-11-26T06:12:00Z", "datacontenttype": "application/json",
        "tenant": "blue", "data": {
            "orderId": "AB-00012345",
            "customer": {
                "id": 4711, "email": "jane.doe@mail.example", "name": "Jane Doe",
                "address": {"street": "12 Long Street", "city": "Bern", "zip": "3011", "country": "CH"},
                "tags": ["new", "newsletter"]},
            "currency": "CHF", "total": 1290.5,
            "lines": [
                {"sku": f"A-{1000 + n}", "name": f"Item number {n}", "quantity": n % 7 + 1, "price": 12.5 + n, "gift": n % 5 == 0}
                for n in range(lines)],
            "payment": {"invoice": "30 days"}, "note": None}}


def rate(call):
    """Calls per second: the best of seven tries."""
    count = 64
    while True:
        start = time.perf_counter()
        for _ in range(count):
            call()
        if time.perf_counter() - start > 0.02:
            break
        count *= 2
    best = 0.0
    for _ in range(7):
        start = time.perf_counter()
        for _ in range(count):
            call()
        best = max(best, count / (time.perf_counter() - start))
    return best


def main():
    import jsonschema_rs  # The events alone are wanted without it.

    schema = json.loads((HERE / "order.schema.json").read_text())
    other = jsonschema_rs.validator_for(schema)
    with tempfile.TemporaryDirectory() as folder:
        for lines in (5, 110):
            one = event(lines)
            path = pathlib.Path(folder) / "event.json"
            path.write_text(json.dumps(one, separators=(",", ":")))
            assert other.is_valid(one)
            best = {}
            for _ in range(5):
                figures = json.loads(subprocess.run(
                    [sys.argv[1], str(HERE / "order.schema.json"), str(path)],
                    check=True, capture_output=True, text=True).stdout)
                figures["jsonschema_rs_per_s"] = int(rate(lambda: other.is_valid(one)))
                best = {name: max(value, best.get(name, 0)) for name, value in figures.items()}
            best["ratio_to_jsonschema_rs"] = round(best["validations_per_s"] / best["jsonschema_rs_per_s"], 2)
            best["ratio_to_scanning"] = round(best["validations_per_s"] / best["scans_per_s"], 2)
            print(json.dumps(best))


if __name__ == "__main__":
    main()
