-- What wrk sends to measure publishing to topics whose events are judged: one event in binary mode, over and over. Its data is the file that
-- APUS_BENCH_DATA names.

local file = assert(io.open(os.getenv("APUS_BENCH_DATA"), "rb"))

wrk.method = "POST"
wrk.body = file:read("*a")
wrk.headers["content-type"] = "application/json"
wrk.headers["ce-specversion"] = "1.0"
wrk.headers["ce-id"] = "A234-1234-1234"
wrk.headers["ce-source"] = "/benchmarks/enforcement"
wrk.headers["ce-type"] = "order.placed.v1"
