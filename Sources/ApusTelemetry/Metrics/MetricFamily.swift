// SPDX-License-Identifier: Apache-2.0

// One metric name with all its series: what the registry keeps per name.

/// What stands behind one series.
enum MetricInstrument: Sendable {
    case counter(PrometheusCounter)
    case fractionCounter(FractionCounter)
    case gauge(PrometheusGauge)
    case callback(@Sendable () -> Double?)
    case histogram(PrometheusHistogram)

    var isCallback: Bool {
        if case .callback = self { true } else { false }
    }
}

/// All series of one metric name.
struct MetricFamily: Sendable {
    enum Kind: Sendable {
        case counter
        case gauge
        case histogram(PrometheusBuckets)

        /// The word after `# TYPE`.
        var word: String {
            switch self {
            case .counter: "counter"
            case .gauge: "gauge"
            case .histogram: "histogram"
            }
        }
    }

    let kind: Kind
    let help: String
    var series: [PrometheusLabels: MetricInstrument] = [:]

    init(kind: Kind, help: String) {
        self.kind = kind
        self.help = help
    }

    /// Whether an instrument of `other` kind can be a series of this family.
    func accepts(_ other: Kind) -> Bool {
        kind.word == other.word
    }

    /// The series of these labels, made if there is room, or else the overflow series.
    mutating func instrument(
        labels: PrometheusLabels, seriesMax: Int, refused: PrometheusCounter,
        make: (Kind) -> MetricInstrument
    ) -> MetricInstrument {
        if let existing = series[labels], !existing.isCallback { return existing }
        var labels = labels
        if !hasRoom(for: labels, seriesMax: seriesMax) {
            refused.increment()
            labels = .overflow
            if let collecting = series[labels] { return collecting }
        }
        let made = make(kind)
        series[labels] = made
        return made
    }

    /// Sets what is asked for the series of these labels, if there is room: several callbacks cannot be
    /// added up, so there is no overflow for them.
    mutating func setCallback(
        labels: PrometheusLabels, seriesMax: Int, refused: PrometheusCounter,
        read: @escaping @Sendable () -> Double?
    ) {
        guard hasRoom(for: labels, seriesMax: seriesMax) else {
            refused.increment()
            return
        }
        series[labels] = .callback(read)
    }

    private func hasRoom(for labels: PrometheusLabels, seriesMax: Int) -> Bool {
        guard labels != .overflow, series[labels] == nil else { return true }
        return series.count - (series[.overflow] == nil ? 0 : 1) < seriesMax
    }
}
