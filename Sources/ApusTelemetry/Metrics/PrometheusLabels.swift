// SPDX-License-Identifier: Apache-2.0

// Names and labels of metrics: what is allowed, how foreign names are made to fit, how values are
// escaped. The rules are those of Prometheus' data model and text format 0.0.4.

/// The labels of one series, kept sorted by name so that equal sets are equal values.
public struct PrometheusLabels: Hashable, Sendable, ExpressibleByDictionaryLiteral {
    /// Name and value of each label, sorted by name.
    let pairs: [Pair]

    struct Pair: Hashable, Sendable {
        let name: String
        let value: String
    }

    /// No labels.
    public static let none = PrometheusLabels([])

    /// What stands in for every series refused because its metric has too many.
    static let overflow: PrometheusLabels = ["overflow": "true"]

    /// Labels from names and values; values may be any text.
    ///
    /// - Precondition: names are different, match `[a-zA-Z_][a-zA-Z0-9_]*`, do not begin with `__`, and
    ///   none is `le`, which histograms use themselves.
    public init(_ labels: [(name: String, value: String)]) {
        let names = labels.map(\.name)
        precondition(Set(names).count == names.count, "a label is named twice: \(names)")
        precondition(names.allSatisfy(PrometheusName.isLabel), "not a label name, among \(names)")
        pairs = labels.map { Pair(name: $0.name, value: $0.value) }.sorted { $0.name < $1.name }
    }

    /// Labels as a literal: `["topic": topic, "outcome": "delivered"]`.
    public init(dictionaryLiteral elements: (String, String)...) {
        self.init(elements.map { (name: $0.0, value: $0.1) })
    }

    /// Whether every label of `other` is here with the same value.
    func contains(_ other: PrometheusLabels) -> Bool {
        other.pairs.allSatisfy(pairs.contains)
    }

    /// The labels between braces as the exposition spells them, or nothing where there are none.
    var rendered: String {
        guard !pairs.isEmpty else { return "" }
        let body = pairs.map { "\($0.name)=\"\(PrometheusName.escapedLabelValue($0.value))\"" }
        return "{\(body.joined(separator: ","))}"
    }
}

/// The rules for names in the exposition.
enum PrometheusName {
    /// Whether `name` matches `[a-zA-Z_:][a-zA-Z0-9_:]*`.
    static func isMetric(_ name: String) -> Bool {
        !name.isEmpty && sanitised(name, colons: true) == name
    }

    /// Whether `name` may name a label: `[a-zA-Z_][a-zA-Z0-9_]*`, not reserved.
    static func isLabel(_ name: String) -> Bool {
        !name.isEmpty && !isReservedLabel(name) && sanitised(name, colons: false) == name
    }

    /// A metric name made of any text: what is not allowed becomes `_`.
    static func metric(from text: String) -> String {
        sanitised(text, colons: true)
    }

    /// A label name made of any text; reserved names get a prefix.
    static func label(from text: String) -> String {
        let name = sanitised(text, colons: false)
        return isReservedLabel(name) ? "label_" + name : name
    }

    /// `\`, `"` and line ends escaped.
    static func escapedLabelValue(_ value: String) -> String {
        escaped(value, quotes: true)
    }

    /// `\` and line ends escaped: quotes stand as they are in help text, but for that of OpenMetrics.
    static func escapedHelp(_ text: String, quotes: Bool) -> String {
        escaped(text, quotes: quotes)
    }

    private static func isReservedLabel(_ name: String) -> Bool {
        name.hasPrefix("__") || name == "le"
    }

    private static func sanitised(_ text: String, colons: Bool) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "a"..."z", "A"..."Z", "_": result.unicodeScalars.append(scalar)
            case ":" where colons: result.unicodeScalars.append(scalar)
            case "0"..."9":
                if result.isEmpty { result.append("_") }
                result.unicodeScalars.append(scalar)
            default: result.append("_")
            }
        }
        return result.isEmpty ? "_" : result
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where quotes: result += "\\\""
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
