// SPDX-License-Identifier: Apache-2.0

// swift-metrics on top of the registry, so that what any library measures appears in the same
// exposition. Names and labels come from others here: they are made to fit instead of refused.

public import CoreMetrics
import Tracing

/// A swift-metrics backend that keeps its metrics in a `PrometheusRegistry`.
///
/// Counters get the suffix `_total` and timers `_seconds`, where they lack it. Aggregating recorders
/// become histograms by powers of ten, others gauges. Destroying a metric removes its series.
public struct PrometheusMetricsFactory: MetricsFactory {
    /// Where the metrics are kept.
    public let registry: PrometheusRegistry
    private let helpTexts: [String: String]

    /// A factory on `registry`; hand it to `MetricsSystem.bootstrap`.
    ///
    /// - Parameter help: what metrics mean, by the names under which they are exposed: swift-metrics has no place for it. Others are
    ///   told to be of swift-metrics.
    public init(registry: PrometheusRegistry, help: [String: String] = [:]) {
        self.registry = registry
        helpTexts = help
    }

    private func help(_ series: Series) -> String {
        helpTexts[series.name] ?? "The metric \(series.label) of swift-metrics."
    }

    /// A counter of whole numbers.
    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        let series = Series(label, dimensions, suffix: "_total")
        return CounterAdapter(
            series: series,
            counter: registry.counter(series.name, help: help(series), labels: series.labels))
    }

    /// A counter of fractions.
    public func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        let series = Series(label, dimensions, suffix: "_total")
        let found = registry.instrument(
            series.name, help: help(series), kind: .counter, labels: series.labels
        ) { _ in .fractionCounter(FractionCounter()) }
        guard case .fractionCounter(let counter) = found else {
            return FractionCounterAdapter(series: series, counter: FractionCounter())
        }
        return FractionCounterAdapter(series: series, counter: counter)
    }

    /// A gauge.
    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        gauge(label, dimensions)
    }

    /// A histogram by powers of ten, or a gauge if it does not aggregate.
    public func makeRecorder(
        label: String, dimensions: [(String, String)], aggregate: Bool
    ) -> any RecorderHandler {
        guard aggregate else { return gauge(label, dimensions) }
        return histogram(Series(label, dimensions, suffix: ""), buckets: .magnitude)
    }

    /// A histogram in seconds.
    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        histogram(Series(label, dimensions, suffix: "_seconds"), buckets: .latency)
    }

    /// Removes the counter's series.
    public func destroyCounter(_ handler: any CounterHandler) { remove(handler) }

    /// Removes the counter's series.
    public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { remove(handler) }

    /// Removes the meter's series.
    public func destroyMeter(_ handler: any MeterHandler) { remove(handler) }

    /// Removes the recorder's series.
    public func destroyRecorder(_ handler: any RecorderHandler) { remove(handler) }

    /// Removes the timer's series.
    public func destroyTimer(_ handler: any TimerHandler) { remove(handler) }

    private func gauge(_ label: String, _ dimensions: [(String, String)]) -> GaugeAdapter {
        let series = Series(label, dimensions, suffix: "")
        return GaugeAdapter(
            series: series, gauge: registry.gauge(series.name, help: help(series), labels: series.labels))
    }

    private func histogram(_ series: Series, buckets: PrometheusBuckets) -> HistogramAdapter {
        HistogramAdapter(
            series: series,
            histogram: registry.histogram(
                series.name, help: help(series), buckets: buckets, labels: series.labels))
    }

    private func remove(_ handler: Any) {
        guard let series = (handler as? any SeriesAdapter)?.series else { return }
        registry.removeSeries(series.name, labels: series.labels)
    }
}

// MARK: - Handlers

/// Name and labels of a foreign metric, made to fit.
private struct Series: Sendable {
    /// As swift-metrics knows it.
    let label: String
    /// As it is exposed.
    let name: String
    let labels: PrometheusLabels

    init(_ label: String, _ dimensions: [(String, String)], suffix: String) {
        let name = PrometheusName.metric(from: label)
        self.name = name.hasSuffix(suffix) ? name : name + suffix
        self.label = label
        // Two names may become the same; the later one wins, as in a dictionary.
        let fitting = Dictionary(
            dimensions.map { (PrometheusName.label(from: $0.0), $0.1) }, uniquingKeysWith: { $1 })
        labels = PrometheusLabels(fitting.map { (name: $0.key, value: $0.value) })
    }
}

private protocol SeriesAdapter {
    var series: Series { get }
}

private final class CounterAdapter: CounterHandler, SeriesAdapter {
    let series: Series
    private let counter: PrometheusCounter

    init(series: Series, counter: PrometheusCounter) {
        self.series = series
        self.counter = counter
    }

    func increment(by amount: Int64) {
        guard amount > 0 else { return }
        counter.increment(by: UInt64(amount))
    }

    func reset() { counter.reset() }
}

private final class FractionCounterAdapter: FloatingPointCounterHandler, SeriesAdapter {
    let series: Series
    private let counter: FractionCounter

    init(series: Series, counter: FractionCounter) {
        self.series = series
        self.counter = counter
    }

    func increment(by amount: Double) { counter.increment(by: amount) }
    func reset() { counter.reset() }
}

private final class GaugeAdapter: MeterHandler, RecorderHandler, SeriesAdapter {
    let series: Series
    private let gauge: PrometheusGauge

    init(series: Series, gauge: PrometheusGauge) {
        self.series = series
        self.gauge = gauge
    }

    func set(_ value: Int64) { gauge.set(Double(value)) }
    func set(_ value: Double) { gauge.set(value) }
    func increment(by amount: Double) { gauge.add(amount) }
    func decrement(by amount: Double) { gauge.add(-amount) }
    func record(_ value: Int64) { gauge.set(Double(value)) }
    func record(_ value: Double) { gauge.set(value) }
}

private final class HistogramAdapter: RecorderHandler, TimerHandler, SeriesAdapter {
    let series: Series
    private let histogram: PrometheusHistogram

    init(series: Series, histogram: PrometheusHistogram) {
        self.series = series
        self.histogram = histogram
    }

    func record(_ value: Int64) { record(Double(value)) }
    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }

    /// swift-metrics has no place for a trace, so the task's context says which one this belongs to.
    func record(_ value: Double) { histogram.observe(value, in: ServiceContext.current?.traceContext) }
}
