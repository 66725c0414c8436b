// SPDX-License-Identifier: Apache-2.0

// What can be decided about an embedded bus, in code or in its URL: topics that it makes, and how much it may hold.

import ApusBus
public import ApusEngine
import ApusModel
import ApusStorage

/// What can be decided about an embedded bus.
public struct EmbeddedOptions: Sendable {
    /// When a publish is answered, on files.
    public enum Flush: Sendable, Hashable {
        /// When it is on disk.
        case always
        /// When the system has it; it is on disk after this time.
        case every(Duration)
        /// When the system has it, which writes it to disk at a time of its own.
        case never
    }

    /// Partitions of topics that are made; 1 to 10,000.
    public var partitions = Defaults.partitions
    /// When a publish is answered, on files.
    public var flush = Flush.always
    /// For how long events are kept once they are consumed; nil for ever.
    public var retentionAge: Duration? = Defaults.retentionAge
    /// How many bytes of events are kept per partition once they are consumed; nil for no limit, except in memory: there it is
    /// 64 MiB.
    public var retentionBytes: Int64?
    /// For how long a repeated publish of the same event (`source` and `id`) is recognised; nil for not at all.
    public var deduplication: Duration?
    /// How many bytes a bus in memory may hold; beyond that publishing is unavailable until some are consumed.
    public var memoryBytesMax = Defaults.embeddedMemoryBytes
    /// How much of the disk the journal takes, in bytes.
    public var journalBytes = Defaults.journalBytes
    /// The time that it lives by.
    public var clock: any EngineClock = SystemClock()
    /// How often it looks for what it can forget; nil for as often as is usual.
    package var retentionInterval: Duration?
    /// As ``EngineOptions/onRest``.
    package var onRest: (@Sendable () -> Void)?

    /// The defaults.
    public init() {}
}

extension EmbeddedOptions {
    /// Takes the settings of a URL: `partitions`, `durability` (`flush`, `none`, or a time), `retention` (a time or `forever`), `retention_bytes`, `deduplicate` (a time), `memory` and
    /// `journal` (bytes). Times are written as `10m` or `1h30m`, bytes with `k`, `m` or `g` for powers of 1024.
    ///
    /// - Throws: ``BusError/invalid(_:)`` for one that there is not, or a value that it cannot have.
    mutating func take(_ url: BusURL, among allowed: Set<String>) throws(BusError) {
        for (name, value) in url.query.sorted(by: { $0.key < $1.key }) {
            guard allowed.contains(name) else {
                throw .invalid(
                    "\(url.scheme): has no setting '\(name.prefix(40))'; there are \(allowed.sorted().joined(separator: ", "))"
                )
            }
            switch name {
            case "partitions":
                guard let count = Int(value), (1...10_000).contains(count) else {
                    throw .invalid("partitions is 1 to 10,000, not '\(value.prefix(40))'")
                }
                partitions = count
            case "durability":
                switch value {
                case "flush": flush = .always
                case "none": flush = .never
                default:
                    let interval = try EmbeddedOptions.duration(value, name)
                    guard (.milliseconds(1) ... .seconds(60)).contains(interval) else {
                        throw .invalid("durability is flush, none, or a time of 1ms to 60s")
                    }
                    flush = .every(interval)
                }
            case "retention":
                retentionAge = value == "forever" ? nil : try EmbeddedOptions.duration(value, name)
            case "retention_bytes": retentionBytes = Int64(try EmbeddedOptions.bytes(value, name))
            case "deduplicate":
                let window = try EmbeddedOptions.duration(value, name)
                guard (.seconds(1)...Defaults.deduplicationWindowMax).contains(window) else {
                    throw .invalid("duplicates are told for one second to seven days")
                }
                deduplication = window
            case "memory": memoryBytesMax = Int64(try EmbeddedOptions.bytes(value, name))
            default: journalBytes = try EmbeddedOptions.bytes(value, name)
            }
        }
    }

    /// A time such as `1h30m`.
    static func duration(_ text: String, _ name: String) throws(BusError) -> Duration {
        let units: [(String, Int64)] = [
            ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
        ]
        var rest = text[...]
        var milliseconds: Int64 = 0
        repeat {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            rest = rest.dropFirst(digits.count)
            let unit = rest.prefix { $0.isASCII && $0.isLetter }
            rest = rest.dropFirst(unit.count)
            guard let number = Int64(digits), let factor = units.first(where: { $0.0 == unit })?.1 else {
                throw .invalid(
                    "\(name): '\(text.prefix(40))' is no time; write it as 500ms, 30s, 10m, 12h or 7d")
            }
            let (product, isTooMuch) = number.multipliedReportingOverflow(by: factor)
            let (sum, isMore) = milliseconds.addingReportingOverflow(product)
            guard !isTooMuch, !isMore, sum <= 100 * 365 * 86_400_000 else {
                throw .invalid("\(name): '\(text.prefix(40))' is longer than a hundred years")
            }
            milliseconds = sum
        } while !rest.isEmpty
        return .milliseconds(milliseconds)
    }

    /// A number of bytes such as `64m`.
    static func bytes(_ text: String, _ name: String) throws(BusError) -> Int {
        let units: [Character: Int] = ["k": 1 << 10, "m": 1 << 20, "g": 1 << 30]
        let factor = text.last.flatMap { units[$0] }
        guard let number = Int(factor == nil ? text[...] : text.dropLast()), number > 0,
            case let (bytes, isTooMuch) = number.multipliedReportingOverflow(by: factor ?? 1), !isTooMuch
        else {
            throw .invalid(
                "\(name): '\(text.prefix(40))' is no number of bytes; write it as 1000000, 64m or 1g")
        }
        return bytes
    }
}

extension EmbeddedOptions {
    /// How topics are that are made by themselves.
    func topicSettings(inMemory: Bool) -> TopicSettings {
        var settings = TopicSettings(partitions: partitions)
        settings.retentionAge = retentionAge
        settings.retentionBytes = retentionBytes
        if inMemory { settings.retentionBytes = retentionBytes ?? Defaults.embeddedRetentionBytes }
        settings.deduplication = deduplication.map { DeduplicationSettings(window: $0) }
        settings.durability =
            switch flush {
            case _ where inMemory: .none
            case .always: .flush
            case .every(let interval): .interval(interval)
            case .never: .none
            }
        return settings
    }

    /// What a receipt on files stands for.
    var durability: ApusBus.Durability { flush == .always ? .flushed : .written }
}
