// SPDX-License-Identifier: Apache-2.0

// The export to a collector: what is asked for, what is written, what is sent again, and what is dropped.

import CoreMetrics
import JSONText
import Logging
import Synchronization
import Testing
import Tracing

@testable import ApusTelemetry

@Suite struct ExportSettingsTests {
    private func settings(_ variables: [String: String], endpoint: String? = nil) throws -> ExportSettings {
        try ExportSettings(environment: variables, endpoint: endpoint)
    }

    @Test func `nothing is exported unless an endpoint is named`() throws {
        #expect(try !settings([:]).isOn)
        #expect(try !settings(["OTEL_SERVICE_NAME": "x", "OTEL_EXPORTER_OTLP_ENDPOINT": ""]).isOn)
        #expect(try !settings(["OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"]).isOn)
    }

    @Test func `the common endpoint gets a path for each signal, and one of a signal is used as it is`()
        throws
    {
        let found = try settings([
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318/", "OTEL_METRICS_EXPORTER": "none",
            "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://l/in?x=1",
        ])
        #expect(found.endpoints == [.traces: "http://c:4318/v1/traces", .logs: "http://l/in?x=1"])
        let named = try settings(["OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"], endpoint: "http://d/base")
        #expect(named.endpoints[.metrics] == "http://d/base/v1/metrics")
    }

    @Test func `headers, resource and times are read as OpenTelemetry writes them`() throws {
        let found = try settings([
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_SERVICE_NAME": "bus",
            "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Basic%20YTpi==,x-scope = a",
            "OTEL_RESOURCE_ATTRIBUTES": "service.name=other,deployment.environment.name=prod%2C1",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "2500", "OTEL_METRIC_EXPORT_INTERVAL": "1000",
            "OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.25",
        ])
        #expect(
            found.headers == [
                ExportHeader(name: "authorization", value: "Basic YTpi=="),
                ExportHeader(name: "x-scope", value: "a"),
            ])
        #expect(
            Set(found.resource) == [
                ResourceAttribute("service.name", "bus"),
                ResourceAttribute("deployment.environment.name", "prod,1"),
            ])
        #expect(found.timeout == .milliseconds(2500) && found.metricInterval == .seconds(1))
        #expect(found.sampling == .ratio(0.25))
    }

    @Test(arguments: [
        ["OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"], ["OTEL_EXPORTER_OTLP_HEADERS": "no-value"],
        ["OTEL_TRACES_SAMPLER": "jaeger_remote"], ["OTEL_METRIC_EXPORT_INTERVAL": "1s"],
        ["OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "2"],
        ["OTEL_RESOURCE_ATTRIBUTES": "a=%ZZ"],
    ])
    func `what cannot be followed is refused`(variables: [String: String]) {
        let endpoint = ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"]
        #expect(throws: ExportSettings.Objection.self) {
            try settings(variables.merging(endpoint) { $1 })
        }
        #expect(throws: Never.self) { try settings(variables) }
    }

    @Test func `the value of a header is not shown`() {
        let header = ExportHeader(name: "authorization", value: "s3cret-token")
        var dumped = ""
        dump(header, to: &dumped)
        for text in ["\(header)", String(reflecting: header), dumped, "\([header])"] {
            #expect(!text.contains("s3cret"))
        }
    }
}

@Suite struct RetryPolicyTests {
    private let policy = RetryPolicy()

    @Test(arguments: [429, 502, 503, 504])
    func `what may work later is sent again, when the collector says`(status: Int) {
        let asked = ExportAnswer.answered(status: status, retryAfter: .seconds(7), body: [])
        #expect(policy.verdict(asked, attempt: 1, jitter: 0) == .again(after: .seconds(7)))
        let tooLong = ExportAnswer.answered(status: status, retryAfter: .seconds(3600), body: [])
        #expect(policy.verdict(tooLong, attempt: 1, jitter: 0) == .again(after: policy.longest))
    }

    @Test(arguments: [301, 400, 401, 404, 413, 500, 501])
    func `what will not work is not`(status: Int) {
        let answer = ExportAnswer.answered(status: status, retryAfter: .seconds(1), body: [])
        guard case .givenUp = policy.verdict(answer, attempt: 1, jitter: 0) else {
            Issue.record("\(status) is sent again")
            return
        }
    }

    @Test func `waits double up to a bound, and end`() {
        let answer = ExportAnswer.failed(reason: "no connection")
        let waits = (1..<policy.attemptsMax).map { policy.verdict(answer, attempt: $0, jitter: 0) }
        #expect(waits == [1, 2, 4, 8, 16].map { .again(after: .seconds($0)) })
        guard case .again(let wait) = policy.verdict(answer, attempt: 2, jitter: 1) else {
            Issue.record("it is not sent again")
            return
        }
        // A fifth of two seconds less, as near as fractions are.
        #expect(wait > .milliseconds(1599) && wait < .milliseconds(1601))
        guard case .givenUp = policy.verdict(answer, attempt: policy.attemptsMax, jitter: 0) else {
            Issue.record("it goes on for ever")
            return
        }
    }
}

@Suite struct TelemetryExporterTests {
    /// A collector that answers as it is told, and keeps what it got.
    private final class Collector: Sendable {
        private let state: Mutex<(answers: [ExportAnswer], requests: [ExportRequest])>

        init(_ answers: [ExportAnswer] = []) { state = Mutex((answers, [])) }

        func take(_ request: ExportRequest) -> ExportAnswer {
            state.withLock { state in
                state.requests.append(request)
                guard !state.answers.isEmpty else { return .answered(status: 200, retryAfter: nil, body: []) }
                return state.answers.removeFirst()
            }
        }

        var requests: [ExportRequest] { state.withLock(\.requests) }

        func documents(_ signal: TelemetrySignal) throws -> [JSONValue] {
            try requests.filter { $0.url.hasSuffix(signal.rawValue) }.map { try JSONValue(parsing: $0.body) }
        }
    }

    private let registry = PrometheusRegistry()

    private func exporter(
        _ signals: [TelemetrySignal] = TelemetrySignal.allCases, policy: RetryPolicy = RetryPolicy(),
        change: (inout ExportSettings) -> Void = { _ in }
    ) -> TelemetryExporter {
        var settings = ExportSettings(
            endpoints: Dictionary(uniqueKeysWithValues: signals.map { ($0, "http://c/v1/\($0)") }))
        settings.headers = [ExportHeader(name: "x-key", value: "k")]
        settings.resource = [ResourceAttribute("service.name", "bus")]
        change(&settings)
        return TelemetryExporter(
            settings, registry: registry, version: "1.2.3", instance: "i", host: "h", policy: policy)
    }

    /// Sends what waits, and ends.
    private func flush(_ exporter: TelemetryExporter, to collector: Collector) async {
        exporter.finish()
        await exporter.run(refresh: {}) { collector.take($0) }
    }

    private func count(_ name: String, _ labels: PrometheusLabels) -> UInt64 {
        registry.counter(name, help: "", labels: labels).value
    }

    @Test func `spans are written as OTLP's JSON wants them`() async throws {
        let exporter = exporter([.traces])
        let tracer = ApusTracer(sink: try #require(exporter.spanSink))
        let parent = try #require(
            TraceContext(
                traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", tracestate: "a=1"))
        var context = ServiceContext.topLevel
        context.traceContext = parent
        let span = tracer.startSpan("publish orders", context: context, ofKind: .server)
        span.attributes["count"] = Int64.max
        span.attributes["ok"] = true
        span.addLink(SpanLink(context: context, attributes: [:]))
        span.setStatus(SpanStatus(code: .error, message: "no"))
        span.end()
        let collector = Collector()
        await flush(exporter, to: collector)
        let document = try #require(try collector.documents(.traces).first)
        let resource = try #require(document["resourceSpans"]?.array?.first)
        let attributes = try #require(resource["resource"]?["attributes"]?.array)
        #expect(
            attributes.contains {
                $0["key"]?.string == "service.name" && $0["value"]?["stringValue"]?.string == "bus"
            })
        let scope = try #require(resource["scopeSpans"]?.array?.first)
        #expect(scope["scope"]?["version"]?.string == "1.2.3")
        let found = try #require(scope["spans"]?.array?.first)
        #expect(found["traceId"]?.string == "0af7651916cd43dd8448eb211c80319c")
        #expect(found["parentSpanId"]?.string == "b7ad6b7169203331")
        #expect(found["spanId"]?.string == span.traceContext.spanID.description)
        #expect(found["traceState"]?.string == "a=1")
        #expect(found["kind"]?.int64 == 2)
        #expect(found["status"]?["code"]?.int64 == 2)
        #expect(found["startTimeUnixNano"]?.string.flatMap { UInt64($0) } != nil)
        #expect(found["links"]?.array?.first?["spanId"]?.string == "b7ad6b7169203331")
        let values = try #require(found["attributes"]?.array)
        #expect(values.first?["value"]?["intValue"]?.string == "9223372036854775807")
        #expect(values.last?["value"]?["boolValue"] == .bool(true))
        #expect(collector.requests.first?.headers.first?.value == "k")
        #expect(count("apus_telemetry_exported_total", ["signal": "traces"]) == 1)
    }

    @Test func `spans of traces that are not recorded are not exported`() async throws {
        let exporter = exporter([.traces])
        let tracer = ApusTracer(sink: try #require(exporter.spanSink), sampling: .never)
        tracer.startSpan("a", context: .topLevel, ofKind: .server).end()
        let collector = Collector()
        await flush(exporter, to: collector)
        #expect(collector.requests.isEmpty)
    }

    @Test func `lines have severity, attributes and the trace that they were written in`() async throws {
        let exporter = exporter([.logs])
        #expect(exporter.logHandler(label: "apus.telemetry", level: .trace) == nil)
        let handler = try #require(exporter.logHandler(label: "apus", level: .info))
        let logger = Logger(label: "apus") { _ in handler }
        var context = ServiceContext.topLevel
        context.traceContext = TraceContext(
            traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        ServiceContext.$current.withValue(context) {
            logger.warning("dead-lettered", metadata: ["event": "e", "all": ["a", "b"], "more": ["x": "y"]])
        }
        logger.debug("not exported")
        let collector = Collector()
        await flush(exporter, to: collector)
        let scope = try #require(
            try collector.documents(.logs).first?["resourceLogs"]?.array?.first?["scopeLogs"]?.array?.first)
        #expect(scope["scope"]?["name"]?.string == "apus")
        let records = try #require(scope["logRecords"]?.array)
        #expect(records.count == 1)
        #expect(records[0]["severityNumber"]?.int64 == 13)
        #expect(records[0]["body"]?["stringValue"]?.string == "dead-lettered")
        #expect(records[0]["traceId"]?.string == "0af7651916cd43dd8448eb211c80319c")
        #expect(records[0]["attributes"]?.array?.map { $0["key"]?.string } == ["all", "event", "more"])
        let list = records[0]["attributes"]?.array?[0]["value"]?["arrayValue"]?["values"]?.array
        #expect(list?.map { $0["stringValue"]?.string } == ["a", "b"])
    }

    @Test func `metrics are those of the registry, with exemplars`() async throws {
        registry.counter("apus_x_total", help: "X.", labels: ["topic": "t"]).increment(by: 3)
        registry.gauge("apus_g_bytes", help: "G.").set(1.5)
        let histogram = registry.histogram(
            "apus_h_seconds", help: "H.", buckets: PrometheusBuckets(upperBounds: [1, 2]))
        let trace = TraceContext(traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        histogram.observe(0.5)
        histogram.observe(1.5, in: trace)
        histogram.observe(9)
        let collector = Collector()
        await flush(exporter([.metrics]), to: collector)
        let document = try #require(try collector.documents(.metrics).first)
        let metrics = try #require(
            document["resourceMetrics"]?.array?.first?["scopeMetrics"]?.array?.first?["metrics"]?.array)
        func metric(_ name: String) throws -> JSONValue {
            try #require(metrics.first { $0["name"]?.string == name })
        }
        let sum = try #require(try metric("apus_x_total")["sum"])
        #expect(sum["isMonotonic"] == .bool(true) && sum["aggregationTemporality"]?.int64 == 2)
        #expect(sum["dataPoints"]?.array?.first?["asInt"]?.string == "3")
        let gauge = try metric("apus_g_bytes")
        #expect(gauge["unit"]?.string == "By")
        #expect(gauge["gauge"]?["dataPoints"]?.array?.first?["asDouble"]?.number?.double == 1.5)
        let point = try #require(try metric("apus_h_seconds")["histogram"]?["dataPoints"]?.array?.first)
        #expect(point["count"]?.string == "3")
        #expect(point["bucketCounts"]?.array?.map(\.string) == ["1", "1", "1"])
        #expect(point["explicitBounds"]?.array?.map { $0.number?.double } == [1, 2])
        #expect(point["exemplars"]?.array?.first?["traceId"]?.string == "0af7651916cd43dd8448eb211c80319c")
    }

    @Test func `many series go in several requests, none twice and none left out`() async throws {
        for number in 0..<OTLPMetrics.seriesMax + 10 {
            registry.counter("apus_x_total", help: "X.", labels: ["n": "\(number)"]).increment()
        }
        let collector = Collector()
        await flush(exporter([.metrics]), to: collector)
        var seen: [String] = []
        for document in try collector.documents(.metrics) {
            let scopes = document["resourceMetrics"]?.array?.first?["scopeMetrics"]?.array
            for metric in scopes?.first?["metrics"]?.array ?? []
            where metric["name"]?.string == "apus_x_total" {
                for point in metric["sum"]?["dataPoints"]?.array ?? [] {
                    seen.append(point["attributes"]?.array?.first?["value"]?["stringValue"]?.string ?? "")
                }
            }
        }
        #expect(collector.requests.count == 2)
        #expect(seen.count == OTLPMetrics.seriesMax + 10 && Set(seen).count == seen.count)
    }

    @Test func `what does not fit is dropped and counted`() async throws {
        let exporter = exporter([.traces]) { ($0.queueMax, $0.batchMax) = (10, 4) }
        let tracer = ApusTracer(sink: try #require(exporter.spanSink))
        for _ in 0..<25 { tracer.startSpan("a", context: .topLevel, ofKind: .internal).end() }
        let collector = Collector()
        await flush(exporter, to: collector)
        #expect(collector.requests.count == 3)
        #expect(count("apus_telemetry_dropped_total", ["signal": "traces", "reason": "queue_full"]) == 15)
        #expect(count("apus_telemetry_exported_total", ["signal": "traces"]) == 10)
    }

    @Test func `a busy collector is asked again, and gets the same once`() async throws {
        let policy = RetryPolicy(initial: .zero, longest: .zero, attemptsMax: 4)
        let exporter = exporter([.traces], policy: policy) { $0.batchMax = 1 }
        let tracer = ApusTracer(sink: try #require(exporter.spanSink))
        let collector = Collector([
            .answered(status: 503, retryAfter: .seconds(9), body: []), .failed(reason: "no connection"),
        ])
        tracer.startSpan("a", context: .topLevel, ofKind: .internal).end()
        await exporter.run(refresh: {}) { request in
            let answer = collector.take(request)
            if collector.requests.count == 3 { exporter.finish() }
            return answer
        }
        #expect(collector.requests.count == 3)
        #expect(Set(collector.requests.map(\.body)).count == 1)
        #expect(count("apus_telemetry_exported_total", ["signal": "traces"]) == 1)
    }

    @Test func `what the collector refuses or takes in part is counted`() async throws {
        let exporter = exporter([.traces]) { $0.batchMax = 3 }
        let tracer = ApusTracer(sink: try #require(exporter.spanSink))
        for _ in 0..<6 { tracer.startSpan("a", context: .topLevel, ofKind: .internal).end() }
        let partial = #"{"partialSuccess":{"rejectedSpans":"2","errorMessage":"too old"}}"#
        let collector = Collector([
            .answered(status: 400, retryAfter: nil, body: []),
            .answered(status: 200, retryAfter: nil, body: Array(partial.utf8)),
        ])
        await flush(exporter, to: collector)
        #expect(collector.requests.count == 2)
        #expect(count("apus_telemetry_dropped_total", ["signal": "traces", "reason": "gave_up"]) == 3)
        #expect(count("apus_telemetry_dropped_total", ["signal": "traces", "reason": "refused"]) == 2)
        #expect(count("apus_telemetry_exported_total", ["signal": "traces"]) == 1)
    }
}

@Suite struct ExemplarTests {
    private let trace = TraceContext(traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")

    @Test func `a bucket has the last observation of a recorded trace as its exemplar, in OpenMetrics alone`()
    {
        let registry = PrometheusRegistry()
        let histogram = registry.histogram(
            "h_seconds", help: "a \"quoted\" word", buckets: PrometheusBuckets(upperBounds: [1]))
        histogram.observe(0.25, in: trace)
        histogram.observe(0.5, in: trace)
        histogram.observe(
            3, in: TraceContext(traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"))
        histogram.observe(4)
        registry.counter("c_total", help: "C.").increment()
        let lines = registry.text(.openMetrics).split(separator: "\n")
        let exemplars = lines.filter { $0.contains(" # {") }
        #expect(exemplars.count == 1)
        #expect(
            exemplars.first?.hasPrefix(
                #"h_seconds_bucket{le="1.0"} 2 # {trace_id="0af7651916cd43dd8448eb211c80319c",span_id="b7ad6b7169203331"} 0.5 "#
            )
                == true)
        #expect(lines.contains(#"# HELP h_seconds a \"quoted\" word"#))
        #expect(lines.contains("# TYPE c counter") && lines.contains("c_total 1"))
        #expect(lines.last == "# EOF")
        #expect(!registry.text().contains(" # {") && registry.text().contains("# TYPE c_total counter"))
    }

    @Test func `what swift-metrics records within a trace has it as its exemplar`() {
        let registry = PrometheusRegistry()
        let timer = PrometheusMetricsFactory(registry: registry).makeTimer(label: "t_seconds", dimensions: [])
        var context = ServiceContext.topLevel
        context.traceContext = trace
        timer.recordNanoseconds(1_000_000)
        ServiceContext.$current.withValue(context) { timer.recordNanoseconds(20_000_000) }
        let exemplars = registry.text(.openMetrics).split(separator: "\n").filter { $0.contains("trace_id") }
        #expect(exemplars.map { $0.hasPrefix(#"t_seconds_bucket{le="0.025"} 2 # {"#) } == [true])
    }
}
