// SPDX-License-Identifier: Apache-2.0

// Prometheus' text format 0.0.4 written out: metrics in the order given, series sorted by their labels,
// so that the same state gives the same text.

/// Builds the text of an exposition, one metric after the other.
struct PrometheusExposition {
    private(set) var text = ""

    /// Appends help, type and all series of a metric; nothing for a metric without series.
    mutating func append(_ family: MetricFamily, named name: String) {
        guard !family.series.isEmpty else { return }
        text += "# HELP \(name) \(PrometheusName.escapedHelp(family.help))\n"
        text += "# TYPE \(name) \(family.kind.word)\n"
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

    private mutating func append(
        _ histogram: PrometheusHistogram, named name: String, labels: PrometheusLabels
    ) {
        let (counts, sum) = histogram.snapshot()
        let bounds = histogram.buckets.upperBounds.map(String.init(describing:)) + ["+Inf"]
        let rendered = labels.rendered
        // `le` comes last, after the series' own labels.
        let opening = rendered.isEmpty ? "{" : rendered.dropLast() + ","
        for (bound, count) in zip(bounds, counts) {
            appendLine("\(name)_bucket", "\(opening)le=\"\(bound)\"}", String(count))
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

    /// A value as the format spells it; whole numbers without a fraction.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        // Below 2^53 every whole number is exact as a Double.
        if value.magnitude < 9_007_199_254_740_992, let whole = Int64(exactly: value) { return String(whole) }
        return value.description
    }
}
