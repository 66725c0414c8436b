// SPDX-License-Identifier: Apache-2.0

// Prometheus' text format 0.0.4 and OpenMetrics 1.0 written out: metrics in the order given, series sorted by their labels,
// so that the same state gives the same text.

/// How an exposition is written.
public enum PrometheusFormat: Sendable, Hashable, CaseIterable {
    /// Prometheus' text format 0.0.4.
    case text
    /// OpenMetrics 1.0, which has exemplars.
    case openMetrics

    /// The `Content-Type` of such an exposition.
    public var contentType: StaticString {
        switch self {
        case .text: "text/plain; version=0.0.4; charset=utf-8"
        case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
        }
    }
}

/// Builds the text of an exposition, one metric after the other.
struct PrometheusExposition {
    let format: PrometheusFormat
    private(set) var text = ""

    init(_ format: PrometheusFormat) { self.format = format }

    /// Appends help, type and all series of a metric; nothing for a metric without series.
    mutating func append(_ family: MetricFamily, named name: String) {
        guard !family.series.isEmpty else { return }
        let (head, type) = header(of: family, named: name)
        text += "# HELP \(head) \(PrometheusName.escapedHelp(family.help, quotes: format == .openMetrics))\n"
        text += "# TYPE \(head) \(type)\n"
        let sorted = family.series.map { (labels: $0.key, rendered: $0.key.rendered, instrument: $0.value) }
            .sorted { $0.rendered < $1.rendered }
        for series in sorted {
            switch series.instrument {
            case .counter(let counter): appendLine(name, series.rendered, String(counter.value))
            case .fractionCounter(let counter): appendLine(name, series.rendered, Self.number(counter.value))
            case .gauge(let gauge): appendLine(name, series.rendered, Self.number(gauge.value))
            case .callback(let read):
                if let value = read() { appendLine(name, series.rendered, Self.number(value)) }
            case .histogram(let histogram): append(histogram, named: name, labels: series.labels)
            }
        }
    }

    /// What a metric is called where it is described: OpenMetrics has a counter's name without the suffix of its samples, and no counter
    /// without it.
    private func header(of family: MetricFamily, named name: String) -> (name: String, type: String) {
        guard format == .openMetrics, case .counter = family.kind else { return (name, family.kind.word) }
        return name.hasSuffix("_total") ? (String(name.dropLast(6)), "counter") : (name, "unknown")
    }

    /// Ends the text.
    mutating func finish() {
        if format == .openMetrics { text += "# EOF\n" }
    }

    private mutating func append(
        _ histogram: PrometheusHistogram, named name: String, labels: PrometheusLabels
    ) {
        let (counts, sum) = histogram.snapshot()
        let bounds = histogram.buckets.upperBounds.map(String.init(describing:)) + ["+Inf"]
        let rendered = labels.rendered
        // `le` comes last, after the series' own labels.
        let opening = rendered.isEmpty ? "{" : rendered.dropLast() + ","
        let exemplars = format == .openMetrics ? histogram.exemplars : []
        for (index, (bound, count)) in zip(bounds, counts).enumerated() {
            let exemplar = exemplars.indices.contains(index) ? exemplars[index] : nil
            appendLine(
                "\(name)_bucket", "\(opening)le=\"\(bound)\"}", String(count) + Self.suffix(exemplar))
        }
        appendLine("\(name)_sum", rendered, Self.number(sum))
        appendLine("\(name)_count", rendered, String(counts.last ?? 0))
    }

    private mutating func appendLine(_ name: String, _ labels: String, _ value: String) {
        text += name
        text += labels
        text += " "
        text += value
        text += "\n"
    }

    /// What stands behind the count of a bucket: the trace of one observation, its value and when it was made, in seconds.
    private static func suffix(_ exemplar: Exemplar?) -> String {
        guard let exemplar else { return "" }
        let milliseconds = exemplar.time.nanosecondsSinceEpoch / 1_000_000
        let fraction = String(milliseconds % 1000 + 1000).dropFirst()
        return " # {trace_id=\"\(exemplar.traceID)\",span_id=\"\(exemplar.spanID)\"} \(exemplar.value)"
            + " \(milliseconds / 1000).\(fraction)"
    }

    /// A value as the format spells it; whole numbers without a fraction.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        // Below 2^53 every whole number is exact as a Double.
        if value.magnitude < 9_007_199_254_740_992, let whole = Int64(exactly: value) { return String(whole) }
        return value.description
    }
}
