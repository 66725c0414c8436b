// SPDX-License-Identifier: Apache-2.0

// All metrics of a process by name and labels, and their exposition.
//
// Invariants: a name has one kind for ever; a name has at most `seriesMax` series, not counting its
// overflow series; asking again for the same name and labels gives the same handle. A refused request
// still gets a working handle, so that measuring can never break what is measured, and the refusal is
// counted in `apus_metrics_refused_total`.

import Synchronization

/// The metrics of one process: hands out handles, forgets series, writes the text that Prometheus reads.
public final class PrometheusRegistry: Sendable {
    private let seriesMax: Int
    private let namesMax: Int
    private let families = Mutex<[String: MetricFamily]>([:])
    private let refusedSeries = PrometheusCounter()
    private let refusedNames = PrometheusCounter()
    private let refusedConflicts = PrometheusCounter()

    /// A registry with no metrics but its own.
    ///
    /// - Parameters:
    ///   - seriesMax: how many series one metric may have; further ones are collected in the series
    ///     `{overflow="true"}` (callback gauges are dropped instead, since they cannot be collected).
    ///   - namesMax: how many metrics there may be; further ones are not exposed.
    public init(seriesMax: Int = 10_000, namesMax: Int = 10_000) {
        self.seriesMax = seriesMax
        self.namesMax = namesMax
        exposeRefusals()
    }

    /// The counter of this name and these labels, made if there is none yet.
    ///
    /// - Precondition: `name` matches `[a-zA-Z_:][a-zA-Z0-9_:]*`; by convention it ends in `_total`.
    public func counter(_ name: String, help: String, labels: PrometheusLabels = .none) -> PrometheusCounter {
        let found = instrument(name, help: help, kind: .counter, labels: labels) { _ in
            .counter(PrometheusCounter())
        }
        guard case .counter(let counter) = found else { return PrometheusCounter() }
        return counter
    }

    /// A counter whose value is asked for at each scrape: something that others count already. It replaces an earlier one with the
    /// same labels.
    ///
    /// - Parameter read: the value, which never falls, or nil to leave the series out of this scrape. Called as that of a gauge is.
    /// - Precondition: `name` matches `[a-zA-Z_:][a-zA-Z0-9_:]*`; by convention it ends in `_total`.
    public func counter(
        _ name: String, help: String, labels: PrometheusLabels = .none,
        reading read: @escaping @Sendable () -> Double?
    ) {
        _ = withFamily(name, help: help, kind: .counter) { family in
            family.setCallback(labels: labels, seriesMax: seriesMax, refused: refusedSeries, read: read)
        }
    }

    /// The gauge of this name and these labels, made if there is none yet.
    ///
    /// - Precondition: `name` matches `[a-zA-Z_:][a-zA-Z0-9_:]*`.
    public func gauge(_ name: String, help: String, labels: PrometheusLabels = .none) -> PrometheusGauge {
        let found = instrument(name, help: help, kind: .gauge, labels: labels) { _ in
            .gauge(PrometheusGauge())
        }
        guard case .gauge(let gauge) = found else { return PrometheusGauge() }
        return gauge
    }

    /// A gauge whose value is asked for at each scrape; it replaces an earlier one with the same labels.
    ///
    /// - Parameter read: the present value, or nil to leave the series out of this scrape. Called on the
    ///   scraping thread without the registry's lock; it should not block.
    /// - Precondition: `name` matches `[a-zA-Z_:][a-zA-Z0-9_:]*`.
    public func gauge(
        _ name: String, help: String, labels: PrometheusLabels = .none,
        reading read: @escaping @Sendable () -> Double?
    ) {
        _ = withFamily(name, help: help, kind: .gauge) { family in
            family.setCallback(labels: labels, seriesMax: seriesMax, refused: refusedSeries, read: read)
        }
    }

    /// The histogram of this name and these labels, made if there is none yet.
    ///
    /// All series of one name share the buckets of the first.
    /// - Precondition: `name` matches `[a-zA-Z_:][a-zA-Z0-9_:]*`; durations are in seconds, and their
    ///   names end in `_seconds`.
    public func histogram(
        _ name: String, help: String, buckets: PrometheusBuckets = .latency,
        labels: PrometheusLabels = .none
    ) -> PrometheusHistogram {
        let found = instrument(name, help: help, kind: .histogram(buckets), labels: labels) { kind in
            guard case .histogram(let shared) = kind else { return .histogram(.init(buckets: buckets)) }
            return .histogram(PrometheusHistogram(buckets: shared))
        }
        guard case .histogram(let histogram) = found else { return PrometheusHistogram(buckets: buckets) }
        return histogram
    }

    /// Forgets one series. Handles that are still held go on working and are no longer exposed.
    public func removeSeries(_ name: String, labels: PrometheusLabels) {
        families.withLock { _ = $0[name]?.series.removeValue(forKey: labels) }
    }

    /// Forgets the series of every metric that carry all of `labels`: a subscription's, when it is deleted.
    ///
    /// With no labels given nothing is forgotten.
    public func removeSeries(carrying labels: PrometheusLabels) {
        guard labels != .none else { return }
        families.withLock { families in
            for (name, family) in families {
                families[name]?.series = family.series.filter { !$0.key.contains(labels) }
            }
        }
    }

    /// Every metric in a format, sorted by name and then by labels.
    public func text(_ format: PrometheusFormat = .text) -> String {
        var exposition = PrometheusExposition(format)
        for (name, family) in sorted() { exposition.append(family, named: name) }
        exposition.finish()
        return exposition.text
    }

    /// Every metric, sorted by name. A copy, so that callbacks run without the lock and may use the registry themselves.
    func sorted() -> [(key: String, value: MetricFamily)] {
        families.withLock { $0 }.sorted { $0.key < $1.key }
    }
}

// MARK: - Lookup

extension PrometheusRegistry {
    /// The instrument of this name and these labels, made by `make` where there is none; nil where the
    /// name cannot be used for this kind.
    func instrument(
        _ name: String, help: String, kind: MetricFamily.Kind, labels: PrometheusLabels,
        make: (MetricFamily.Kind) -> MetricInstrument
    ) -> MetricInstrument? {
        withFamily(name, help: help, kind: kind) { family in
            family.instrument(labels: labels, seriesMax: seriesMax, refused: refusedSeries, make: make)
        }
    }

    /// Runs `body` on the family of this name, made if there is none; nil where it is of another kind or
    /// there are too many.
    private func withFamily<Result: Sendable>(
        _ name: String, help: String, kind: MetricFamily.Kind, body: (inout MetricFamily) -> Result
    ) -> Result? {
        precondition(PrometheusName.isMetric(name), "not a metric name: \(name)")
        return families.withLock { families in
            if let family = families[name], !family.accepts(kind) {
                refusedConflicts.increment()
                return nil
            }
            if families[name] == nil, families.count >= namesMax {
                refusedNames.increment()
                return nil
            }
            return body(&families[name, default: MetricFamily(kind: kind, help: help)])
        }
    }

    /// The registry's own metric: how often it could not do what it was asked.
    private func exposeRefusals() {
        var family = MetricFamily(
            kind: .counter, help: "Series or metrics not exposed as asked, by reason.")
        family.series = [
            ["reason": "too_many_series"]: .counter(refusedSeries),
            ["reason": "too_many_names"]: .counter(refusedNames),
            ["reason": "kind_conflict"]: .counter(refusedConflicts),
        ]
        families.withLock { $0["apus_metrics_refused_total"] = family }
    }
}
