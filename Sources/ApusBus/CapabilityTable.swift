// SPDX-License-Identifier: Apache-2.0

// What brokers can do, side by side, as a table for people. It is printed from the values that programs are checked against when they are assembled, so that
// what the documentation says and what happens are the same.

extension [TransportScheme] {
    /// A table in Markdown: a row for each feature and each limit, a column for each transport.
    ///
    /// What needs a setting in the URL says which.
    public var capabilityTable: String {
        let titles = map { "`\($0.capabilities.transport)`" }
        var rows = [["can it do"] + titles, ["---"] + map { _ in "---" }]
        for feature in Feature.allCases {
            rows.append([feature.title] + map { $0.answer(to: feature) })
        }
        rows.append(["largest event"] + map { $0.capabilities.eventBytesMax.map(Self.size) ?? "memory" })
        rows.append(["delays reach"] + map(Self.reach))
        rows.append(["a receipt means"] + map { $0.capabilities.durability.title })
        return rows.map { "| " + $0.joined(separator: " | ") + " |" }.joined(separator: "\n")
    }

    private static func size(_ bytes: Int) -> String {
        for (unit, name) in [(1 << 20, "MiB"), (1 << 10, "KiB")] where bytes % unit == 0 {
            return "\(bytes / unit) \(name)"
        }
        return "\(bytes) bytes"
    }

    private static func reach(_ scheme: TransportScheme) -> String {
        guard scheme.capabilities.features.contains(.delay) else { return "–" }
        guard let seconds = scheme.capabilities.delayMax?.components.seconds else { return "any time" }
        return seconds % 86_400 == 0 ? "\(seconds / 86_400) days" : "\(seconds) s"
    }
}

extension TransportScheme {
    fileprivate func answer(to feature: Feature) -> String {
        if capabilities.features.contains(feature) { return "yes" }
        let ways = variants.filter { $0.capabilities.features.contains(feature) }.map { "`\($0.setting)`" }
        return ways.isEmpty ? "–" : ways.joined(separator: ", ")
    }

    /// How a program is told of this transport when it needs `features`: its name, with the setting that it takes; nil when it has not all of them.
    public func name(having features: some Sequence<Feature>) -> String? {
        guard let name = names.first else { return nil }
        let features = Set(features)
        if features.isSubset(of: capabilities.features) { return name }
        return variants.first { features.isSubset(of: $0.capabilities.features) }.map {
            "\(name) (with \($0.setting))"
        }
    }
}

extension Durability {
    /// A few words for a person.
    public var title: String {
        switch self {
        case .memory: "in this process"
        case .written: "in the broker"
        case .flushed: "on disk"
        case .replicated: "on several machines"
        }
    }
}
