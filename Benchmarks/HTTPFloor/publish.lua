-- What wrk sends to measure publishing: one CloudEvent in binary mode with 1 KiB of JSON data, and the attributes that real
-- publishers send.

local pad = string.rep("x", 1024 - 10)

wrk.method = "POST"
wrk.body = '{"pad":"' .. pad .. '"}'
wrk.headers["content-type"] = "application/json"
wrk.headers["ce-specversion"] = "1.0"
wrk.headers["ce-id"] = "A234-1234-1234"
wrk.headers["ce-source"] = "/benchmarks/http"
wrk.headers["ce-type"] = "apus.benchmark.v1"
