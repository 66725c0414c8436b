// SPDX-License-Identifier: Apache-2.0

// swift-metrics' own front types on the Prometheus backend.

import ApusTelemetry
import CoreMetrics
import Testing

@Suite struct PrometheusMetricsFactoryTests {
    let registry = PrometheusRegistry()
    var factory: PrometheusMetricsFactory { PrometheusMetricsFactory(registry: registry) }

    @Test func `counters of both kinds get the suffix total`() {
        Counter(label: "http.requests", factory: factory).increment(by: 2)
        FloatingPointCounter(label: "cost_total", factory: factory).increment(by: 0.25)
        #expect(
            exposition(of: registry) == """
                # HELP cost_total The metric cost_total of swift-metrics.
                # TYPE cost_total counter
                cost_total 0.25
                # HELP http_requests_total The metric http.requests of swift-metrics.
                # TYPE http_requests_total counter
                http_requests_total 2

                """)
    }

    @Test func `what a metric means is told by the name under which it is exposed`() {
        let factory = PrometheusMetricsFactory(registry: registry, help: ["http_requests_total": "Requests."])
        Counter(label: "http.requests", factory: factory).increment()
        Timer(label: "query", factory: factory).recordMilliseconds(3)
        let text = exposition(of: registry)
        #expect(text.contains("# HELP http_requests_total Requests.\n"))
        #expect(text.contains("# HELP query_seconds The metric query of swift-metrics.\n"))
    }

    @Test func `foreign label names are made to fit`() {
        let dimensions = [("status-code", "200"), ("le", "x"), ("1st", "y"), ("", "z")]
        Counter(label: "9 lives", dimensions: dimensions, factory: factory).increment()
        #expect(
            exposition(of: registry).contains(
                "_9_lives_total{_=\"z\",_1st=\"y\",label_le=\"x\",status_code=\"200\"} 1\n"))
    }

    @Test func `meters and plain recorders are gauges`() {
        let meter = Meter(label: "load", factory: factory)
        meter.set(2)
        meter.increment(by: 1.5)
        meter.decrement(by: 1)
        Gauge(label: "temperature", factory: factory).record(-3)
        let text = exposition(of: registry)
        #expect(text.contains("# TYPE load gauge\nload 2.5\n"))
        #expect(text.contains("# TYPE temperature gauge\ntemperature -3\n"))
    }

    @Test func `timers are histograms in seconds`() {
        Timer(label: "query", factory: factory).recordMilliseconds(3)
        let text = exposition(of: registry)
        #expect(text.contains("# TYPE query_seconds histogram\n"))
        #expect(text.contains("query_seconds_bucket{le=\"0.0025\"} 0\n"))
        #expect(text.contains("query_seconds_bucket{le=\"0.005\"} 1\n"))
        #expect(text.contains("query_seconds_sum 0.003\nquery_seconds_count 1\n"))
    }

    @Test func `aggregating recorders are histograms by magnitude`() {
        Recorder(label: "size", factory: factory).record(50)
        let text = exposition(of: registry)
        #expect(text.contains("size_bucket{le=\"10.0\"} 0\nsize_bucket{le=\"100.0\"} 1\n"))
    }

    @Test func `destroying a metric removes its series, resetting a counter starts it again`() {
        let kept = Counter(label: "kept", factory: factory)
        kept.increment()
        kept.reset()
        let gone = Counter(label: "gone", factory: factory)
        gone.increment()
        gone.destroy()
        let text = exposition(of: registry)
        #expect(text.contains("kept_total 0\n"))
        #expect(!text.contains("gone"))
    }
}
