// SPDX-License-Identifier: Apache-2.0

// What a subscription's settings make of one record: the key it is ordered by, whose share it takes from, its priority. Keys are told apart by 64 bits of a
// keyed hash, new in every process: two keys that fall together are kept in one order, which nobody can bring about on purpose.

import ApusModel

extension EventKey {
    /// As settings and the registry spell it: `key`, or `attribute:` and a name.
    public var text: String {
        switch self {
        case .key: "key"
        case .attribute(let name): "attribute:\(name)"
        }
    }

    /// A key from its text; nil when it is neither `key` nor `attribute:` and the name of an attribute (1 to 64 of a-z and 0-9).
    public init?(_ text: String) {
        let prefix = "attribute:"
        if text == "key" {
            self = .key
        } else if text.hasPrefix(prefix), EventKey.isAttributeName(text.dropFirst(prefix.count)) {
            self = .attribute(String(text.dropFirst(prefix.count)))
        } else {
            return nil
        }
    }

    /// Whether `text` can be the name of an attribute.
    public static func isAttributeName(_ text: some StringProtocol) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
            }
    }
}

/// Finds the tags of records.
struct EventTagger: Sendable {
    /// Where a value is found in a record.
    private enum Place: Hashable {
        case key
        case header([UInt8])

        init(_ key: EventKey) {
            switch key {
            case .key: self = .key
            case .attribute("datacontenttype"): self = .header(Array("content-type".utf8))
            case .attribute(let name): self = .header(Array("ce_\(name)".utf8))
            }
        }
    }

    private let order: Place?
    private let flow: Place?
    private let priority: Place?
    private let needsHeaders: Bool
    private var weights: [Int: Int] = [:]
    /// How a subscription with these settings chooses; nil when simply in the order of the log.
    let shape: HandOutOrder.Shape?

    init(_ settings: SubscriptionSettings) {
        order = settings.ordering.map { Place($0.by) }
        flow = settings.fairness.map { Place($0.by) }
        priority = settings.priority.map { Place(.attribute($0)) }
        needsHeaders = [order, flow, priority].contains { $0 != nil && $0 != .key }
        for (key, weight) in settings.fairness?.weights ?? [:] {
            var key = key
            weights[key.withUTF8 { EventTagger.hash(UnsafeRawBufferPointer($0)) }] = weight
        }
        if order == nil, flow == nil, priority == nil {
            shape = nil
        } else if flow == nil, priority == nil {
            // The first event that can be handed out is as good as any other.
            shape = EventTagger.plainShape
        } else {
            shape = HandOutOrder.Shape(
                hasPriorities: priority != nil, window: Defaults.lookAheadEvents,
                flowWindow: flow == nil ? Defaults.lookAheadEvents : Defaults.lookAheadEventsPerKey)
        }
    }

    /// How to choose where nothing is asked for, while events are left from when something was.
    static let plainShape = HandOutOrder.Shape(hasPriorities: false, window: 0, flowWindow: 0)

    /// What decides about the record's turn.
    func tags(of record: RecordView) -> EventTags {
        var tags = EventTags()
        if priority != nil { tags.priority = UInt8(Defaults.priority) }
        if let key = record.key {
            if order == .key { tags.orderKey = EventTagger.hash(key) }
            if flow == .key { tags.flow = EventTagger.hash(key) }
        }
        if needsHeaders {
            record.forEachHeader { name, value in
                guard let value else { return true }
                if isMeant(order, by: name) { tags.orderKey = EventTagger.hash(value) }
                if isMeant(flow, by: name) { tags.flow = EventTagger.hash(value) }
                if isMeant(priority, by: name) { tags.priority = EventTagger.priority(value) }
                return true
            }
        }
        if !weights.isEmpty, let weight = weights[tags.flow] { tags.weight = weight }
        return tags
    }

    private func isMeant(_ place: Place?, by name: UnsafeRawBufferPointer) -> Bool {
        guard case .header(let wanted) = place else { return false }
        return name.elementsEqual(wanted)
    }

    private static func hash(_ bytes: UnsafeRawBufferPointer) -> Int {
        var hasher = Hasher()
        hasher.combine(bytes: bytes)
        return hasher.finalize()
    }

    /// A whole number from 0 to 9; what is greater counts as 9, and what is none as no priority.
    private static func priority(_ value: UnsafeRawBufferPointer) -> UInt8 {
        guard (1...10).contains(value.count),
            value.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return UInt8(Defaults.priority) }
        return UInt8(min(9, value.reduce(0) { 10 * $0 + Int($1 - UInt8(ascii: "0")) }))
    }
}
