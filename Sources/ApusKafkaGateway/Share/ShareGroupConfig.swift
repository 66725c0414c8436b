// SPDX-License-Identifier: Apache-2.0

// Kafka's configs of groups in terms of what Apus decides about subscriptions. One table, read for DescribeConfigs and written for
// IncrementalAlterConfigs. What cannot be otherwise here has a fixed value: asking for another is refused, never ignored.

internal import ApusEngine
internal import ApusGroups
internal import ApusModel

/// One config of groups.
struct ShareGroupConfig: Sendable {
    var name: String
    var kind: TopicConfig.Kind
    var documentation: String
    /// The value of a group that nobody configured.
    var standard: String
    /// Refuses what is no value; nil for a config with a fixed value.
    var check: (@Sendable (String) throws(TopicConfig.Refusal) -> Void)?

    /// Refuses a value that the config cannot have.
    func validate(_ value: String) throws(TopicConfig.Refusal) {
        guard let check else {
            guard value == standard else {
                throw TopicConfig.Refusal(reason: "\(name) is always \(standard) here: \(documentation)")
            }
            return
        }
        try check(value)
    }

    static func named(_ name: String) -> ShareGroupConfig? { all.first { $0.name == name } }
}

/// What a group's configs mean for its subscriptions.
struct ShareGroupSettings: Sendable, Hashable {
    /// Where it begins in a topic that it has not read yet.
    enum Start: Sendable, Hashable {
        case earliest, latest
        case ago(Duration)
    }

    var start = Start.latest
    var lease = Defaults.shareRecordLock
    var attemptsMax = Defaults.shareDeliveriesMax
    /// Per partition.
    var locksMax = Defaults.sharePartitionLocksMax

    /// The settings that `configs` make, with defaults for what they do not say.
    init(_ configs: [String: String]) {
        if let text = configs[ShareGroupConfig.reset], let start = ShareGroupConfig.start(text) {
            self.start = start
        }
        if let text = configs[ShareGroupConfig.lock], let milliseconds = Int64(text) {
            lease = .milliseconds(milliseconds)
        }
        if let text = configs[ShareGroupConfig.deliveries], let count = Int(text) { attemptsMax = count }
        if let text = configs[ShareGroupConfig.locks], let count = Int(text) { locksMax = count }
    }

    /// A subscription of the group to a topic, made at `now`.
    func subscription(to topic: TopicSummary, now: Timestamp) -> SubscriptionSettings {
        let position: StartPosition =
            switch start {
            case .earliest: .earliest
            case .latest: .latest
            case .ago(let duration): .time(now.advanced(by: .zero - duration))
            }
        return SubscriptionSettings(
            topic: topic.name, kind: .shared, start: position, lease: lease,
            inFlightMax: inFlightMax(partitions: topic.partitions), attemptsMax: attemptsMax)
    }

    /// The changes that make an existing subscription one of the group.
    func changes(partitions: Int) -> SubscriptionChanges {
        var changes = SubscriptionChanges()
        changes.lease = lease
        changes.attemptsMax = attemptsMax
        changes.inFlightMax = inFlightMax(partitions: partitions)
        return changes
    }

    private func inFlightMax(partitions: Int) -> Int { min(max(locksMax * partitions, 1), 100_000) }
}

// MARK: The table

extension ShareGroupConfig {
    static let reset = "share.auto.offset.reset"
    static let lock = "share.record.lock.duration.ms"
    static let deliveries = "share.delivery.count.limit"
    static let locks = "share.partition.max.record.locks"

    private static let limits = GroupLimits()

    static let all: [ShareGroupConfig] = [
        ShareGroupConfig(
            name: reset, kind: .text,
            documentation:
                "Where the group begins in a topic that it has not read yet: earliest, latest, or by_duration:PnDTnHnMn.nS.",
            standard: "latest",
            check: { text throws(TopicConfig.Refusal) in
                guard start(text) != nil else {
                    throw TopicConfig.Refusal(
                        reason:
                            "\(reset) is earliest, latest or by_duration:PnDTnHnMn.nS, not '\(text.prefix(80))'"
                    )
                }
            }),
        number(
            lock, .int32, "How long a member has for a record before others get it.",
            Defaults.shareRecordLock.milliseconds, in: 1_000...3_600_000),
        number(
            deliveries, .int32,
            "How often a record is handed out before it goes to the dead-letter topic.",
            Int64(Defaults.shareDeliveriesMax), in: 2...1_000),
        number(
            locks, .int32,
            "How many records are out at a time, for each partition of a topic.",
            Int64(Defaults.sharePartitionLocksMax), in: 100...10_000),
        fixed(
            "share.isolation.level", .text, "read_committed",
            "records of open and aborted transactions are handed out to nobody"),
        fixed(
            "share.session.timeout.ms", .int32, "\(limits.shareSessionTimeout.milliseconds)",
            "one for all groups"),
        fixed(
            "share.heartbeat.interval.ms", .int32, "\(limits.shareHeartbeatInterval.milliseconds)",
            "one for all groups"),
        fixed(
            "consumer.session.timeout.ms", .int32, "\(limits.consumerSessionTimeout.milliseconds)",
            "one for all groups"),
        fixed(
            "consumer.heartbeat.interval.ms", .int32, "\(limits.consumerHeartbeatInterval.milliseconds)",
            "one for all groups"),
    ].sorted { $0.name < $1.name }

    private static func fixed(
        _ name: String, _ kind: TopicConfig.Kind, _ value: String, _ why: String
    ) -> ShareGroupConfig {
        ShareGroupConfig(name: name, kind: kind, documentation: why, standard: value, check: nil)
    }

    private static func number(
        _ name: String, _ kind: TopicConfig.Kind, _ documentation: String, _ standard: Int64,
        in range: ClosedRange<Int64>
    ) -> ShareGroupConfig {
        ShareGroupConfig(
            name: name, kind: kind, documentation: documentation, standard: "\(standard)",
            check: { text throws(TopicConfig.Refusal) in
                _ = try TopicConfig.integer(text, name, in: range)
            })
    }

    /// Where a group begins that says `text`; nil when that means nothing.
    static func start(_ text: String) -> ShareGroupSettings.Start? {
        switch text {
        case "earliest": .earliest
        case "latest": .latest
        default: duration(text).map { .ago($0) }
        }
    }

    private static func duration(_ text: String) -> Duration? {
        let mark = "by_duration:"
        guard text.hasPrefix(mark) else { return nil }
        return ISO8601Duration.parse(text.dropFirst(mark.count))
    }
}

/// Durations as ISO 8601 writes them, as far as their length does not depend on a calendar: `PnDTnHnMn.nS`.
enum ISO8601Duration {
    /// The duration; nil when the text is none, or longer than a century.
    static func parse(_ text: some StringProtocol) -> Duration? {
        var rest = Array(text.utf8)[...]
        guard take(&rest, "P") else { return nil }
        var milliseconds: Int64 = 0
        var count = 0
        var isTime = false
        // The units that may still come, largest first.
        var units: [(letter: Character, milliseconds: Int64, isTime: Bool)] = [
            ("D", 86_400_000, false), ("H", 3_600_000, true), ("M", 60_000, true), ("S", 1_000, true),
        ]
        while !rest.isEmpty {
            if !isTime, take(&rest, "T") {
                isTime = true
                guard !rest.isEmpty else { return nil }
            }
            guard let (whole, thousandths) = number(&rest), let letter = rest.popFirst() else { return nil }
            let unit = Character(Unicode.Scalar(letter))
            guard let place = units.firstIndex(where: { $0.letter == unit && $0.isTime == isTime }) else {
                return nil
            }
            let (letterFound, length, _) = units[place]
            guard thousandths == nil || letterFound == "S" else { return nil }
            units.removeFirst(place + 1)
            milliseconds += whole * length + (thousandths ?? 0)
            guard milliseconds <= 36_525 * 86_400_000 else { return nil }
            count += 1
        }
        return count > 0 ? .milliseconds(milliseconds) : nil
    }

    private static func take(_ rest: inout ArraySlice<UInt8>, _ letter: Character) -> Bool {
        guard rest.first == letter.asciiValue else { return false }
        rest.removeFirst()
        return true
    }

    /// Up to nine digits, and what follows a dot, in thousandths.
    private static func number(_ rest: inout ArraySlice<UInt8>) -> (whole: Int64, thousandths: Int64?)? {
        func digits() -> ArraySlice<UInt8> {
            rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        }
        let whole = digits()
        guard (1...9).contains(whole.count), let value = Int64(String(decoding: whole, as: UTF8.self)) else {
            return nil
        }
        rest = rest.dropFirst(whole.count)
        guard take(&rest, ".") else { return (value, nil) }
        let fraction = digits()
        guard (1...9).contains(fraction.count) else { return nil }
        rest = rest.dropFirst(fraction.count)
        let text = String(decoding: fraction, as: UTF8.self) + "00"
        return Int64(text.prefix(3)).map { (value, $0) }
    }
}
