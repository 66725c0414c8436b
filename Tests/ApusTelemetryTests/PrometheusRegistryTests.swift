// SPDX-License-Identifier: Apache-2.0

// The registry through its exposition, held against exact text.

import ApusTelemetry
import Testing

/// The exposition without the registry's own metric, which every registry has.
func exposition(of registry: PrometheusRegistry) -> String {
    registry.text().split(separator: "\n").filter { !$0.contains("apus_metrics_refused_total") }
        .map { $0 + "\n" }.joined()
}

@Suite struct PrometheusRegistryTests {
    @Test func `an empty registry exposes its own refusals`() {
        #expect(
            PrometheusRegistry().text() == """
                # HELP apus_metrics_refused_total Series or metrics not exposed as asked, by reason.
                # TYPE apus_metrics_refused_total counter
                apus_metrics_refused_total{reason="kind_conflict"} 0
                apus_metrics_refused_total{reason="too_many_names"} 0
                apus_metrics_refused_total{reason="too_many_series"} 0

                """)
    }

    @Test func `what others count is asked for at each scrape`() {
        let registry = PrometheusRegistry()
        registry.counter("sent_bytes_total", help: "Sent.") { 12 }
        registry.counter("gone_total", help: "Gone.") { nil }
        #expect(
            exposition(of: registry) == """
                # HELP gone_total Gone.
                # TYPE gone_total counter
                # HELP sent_bytes_total Sent.
                # TYPE sent_bytes_total counter
                sent_bytes_total 12

                """)
    }

    @Test func `metrics are sorted by name and series by labels`() {
        let registry = PrometheusRegistry()
        registry.gauge("b", help: "Second.").set(1.5)
        registry.counter("a_total", help: "First.", labels: ["topic": "z"]).increment()
        registry.counter("a_total", help: "First.", labels: ["topic": "a", "code": "1"]).increment(by: 41)
        #expect(
            exposition(of: registry) == """
                # HELP a_total First.
                # TYPE a_total counter
                a_total{code="1",topic="a"} 41
                a_total{topic="z"} 1
                # HELP b Second.
                # TYPE b gauge
                b 1.5

                """)
    }

    @Test func `a histogram exposes cumulative buckets, sum and count`() {
        let registry = PrometheusRegistry()
        let buckets = PrometheusBuckets(upperBounds: [0.01, 1, 10])
        let histogram = registry.histogram("wait_seconds", help: "Waited.", buckets: buckets)
        histogram.observe(.milliseconds(10))
        histogram.observe(0.5)
        histogram.observe(.seconds(11))
        histogram.observe(.nan)
        #expect(
            exposition(of: registry) == """
                # HELP wait_seconds Waited.
                # TYPE wait_seconds histogram
                wait_seconds_bucket{le="0.01"} 1
                wait_seconds_bucket{le="1.0"} 2
                wait_seconds_bucket{le="10.0"} 2
                wait_seconds_bucket{le="+Inf"} 3
                wait_seconds_sum 11.51
                wait_seconds_count 3

                """)
    }

    @Test func `a labelled histogram puts le last`() {
        let registry = PrometheusRegistry()
        let buckets = PrometheusBuckets(upperBounds: [1])
        registry.histogram("h", help: "", buckets: buckets, labels: ["zone": "eu"]).observe(2)
        #expect(
            exposition(of: registry) == """
                # HELP h 
                # TYPE h histogram
                h_bucket{zone="eu",le="1.0"} 0
                h_bucket{zone="eu",le="+Inf"} 1
                h_sum{zone="eu"} 2
                h_count{zone="eu"} 1

                """)
    }

    @Test func `help and label values are escaped`() {
        let registry = PrometheusRegistry()
        registry.gauge("g", help: "a \\ \"b\"\nc", labels: ["path": "x\\y\"z\n"]).set(-.infinity)
        #expect(
            exposition(of: registry) == #"""
                # HELP g a \\ "b"\nc
                # TYPE g gauge
                g{path="x\\y\"z\n"} -Inf

                """#)
    }

    @Test func `the same name and labels give the same handle, whatever their order`() {
        let registry = PrometheusRegistry()
        let first = registry.counter("c", help: "", labels: ["a": "1", "b": "2"])
        let second = registry.counter("c", help: "", labels: ["b": "2", "a": "1"])
        #expect(first === second)
    }

    @Test func `series beyond the limit are collected under overflow`() {
        let registry = PrometheusRegistry(seriesMax: 2)
        for id in 1...5 {
            registry.counter("c_total", help: "C.", labels: ["id": String(id)]).increment(by: UInt64(id))
        }
        #expect(
            exposition(of: registry) == """
                # HELP c_total C.
                # TYPE c_total counter
                c_total{id="1"} 1
                c_total{id="2"} 2
                c_total{overflow="true"} 12

                """)
        #expect(registry.text().contains("apus_metrics_refused_total{reason=\"too_many_series\"} 3\n"))
    }

    @Test func `removing a series makes room for another`() {
        let registry = PrometheusRegistry(seriesMax: 1)
        let held = registry.gauge("g", help: "G.", labels: ["id": "1"])
        registry.removeSeries("g", labels: ["id": "1"])
        held.set(5)
        registry.gauge("g", help: "G.", labels: ["id": "2"]).increment()
        #expect(exposition(of: registry) == "# HELP g G.\n# TYPE g gauge\ng{id=\"2\"} 1\n")
    }

    @Test func `a deleted subscription takes its series of all metrics with it`() {
        let registry = PrometheusRegistry()
        for name in ["x", "y"] {
            registry.gauge(name, help: "", labels: ["subscription": "s", "topic": "t"]).set(1)
        }
        registry.gauge("y", help: "", labels: ["subscription": "other", "topic": "t"]).set(2)
        registry.removeSeries(carrying: ["subscription": "s"])
        #expect(
            exposition(of: registry)
                == "# HELP y \n# TYPE y gauge\ny{subscription=\"other\",topic=\"t\"} 2\n")
        registry.removeSeries(carrying: .none)
        #expect(exposition(of: registry).contains("other"))
    }

    @Test func `callback gauges are asked at each scrape and may be silent`() {
        let registry = PrometheusRegistry()
        let depth = registry.counter("depth_total", help: "")
        registry.gauge("depth", help: "Depth.") { Double(depth.value) }
        registry.gauge("silent", help: "Silent.") { nil }
        depth.increment(by: 3)
        #expect(registry.text().contains("\ndepth 3\n"))
        depth.increment()
        #expect(registry.text().contains("\ndepth 4\n"))
        #expect(registry.text().contains("# TYPE silent gauge\n"))
        #expect(!registry.text().contains("\nsilent "))
    }

    @Test func `a later callback replaces an earlier one`() {
        let registry = PrometheusRegistry(seriesMax: 1)
        registry.gauge("g", help: "") { 1 }
        registry.gauge("g", help: "") { 2 }
        registry.gauge("g", help: "", labels: ["too": "many"]) { 3 }
        #expect(exposition(of: registry) == "# HELP g \n# TYPE g gauge\ng 2\n")
    }

    @Test func `a name cannot change its kind, and the handle works all the same`() {
        let registry = PrometheusRegistry()
        registry.counter("c", help: "C.").increment()
        let stray = registry.gauge("c", help: "C.")
        stray.set(7)
        #expect(stray.value == 7)
        #expect(exposition(of: registry) == "# HELP c C.\n# TYPE c counter\nc 1\n")
        #expect(registry.text().contains("{reason=\"kind_conflict\"} 1\n"))
    }

    @Test func `too many names are refused and counted`() {
        let registry = PrometheusRegistry(namesMax: 2)
        registry.counter("one", help: "").increment()
        registry.counter("two", help: "").increment()
        #expect(exposition(of: registry) == "# HELP one \n# TYPE one counter\none 1\n")
        #expect(registry.text().contains("{reason=\"too_many_names\"} 1\n"))
    }

    @Test func `handles count exactly under contention`() async {
        let registry = PrometheusRegistry()
        let counter = registry.counter("c", help: "")
        let gauge = registry.gauge("g", help: "")
        let histogram = registry.histogram("h", help: "", buckets: .latency)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    for round in 0..<10_000 {
                        counter.increment()
                        gauge.increment()
                        histogram.observe(Double(round % 2))
                    }
                }
            }
        }
        #expect(counter.value == 40_000)
        #expect(gauge.value == 40_000)
        let text = registry.text()
        #expect(text.contains("h_bucket{le=\"0.0001\"} 20000\n"))
        #expect(text.contains("h_sum 20000\nh_count 40000\n"))
    }
}
