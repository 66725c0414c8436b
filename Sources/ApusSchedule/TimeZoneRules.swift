// SPDX-License-Identifier: Apache-2.0

// How far a zone's clocks are from UTC, and when that changes: the transitions that a compiled zone file (TZif, RFC 8536) lists, and for
// the time after the last of them the rule at its end. Bytes in, answers out; where the files are is somebody else's business.

/// A time zone.
public struct TimeZoneRules: Sendable, Hashable {
    /// Its name in the time zone database, such as `Europe/Berlin`.
    public let name: String
    /// Moments at which the offset changes, ascending, in seconds since 1970 UTC.
    private var transitions: [Int64]
    /// The offset from each transition on, in seconds east of UTC.
    private var offsets: [Int]
    /// The offset before the first transition.
    private var initial: Int
    private var rule: PosixZoneRule?

    /// UTC, which needs no file.
    public static let utc = TimeZoneRules(name: "UTC", transitions: [], offsets: [], initial: 0, rule: nil)

    private init(name: String, transitions: [Int64], offsets: [Int], initial: Int, rule: PosixZoneRule?) {
        self.name = name
        self.transitions = transitions
        self.offsets = offsets
        self.initial = initial
        self.rule = rule
    }

    /// A zone from the bytes of its compiled file.
    ///
    /// - Throws: ``TimeZoneFileError`` when they are not such a file.
    public init(name: String, file: [UInt8]) throws(TimeZoneFileError) {
        var reader = ZoneFileReader(file)
        let contents = try reader.contents()
        self.init(
            name: name, transitions: contents.transitions, offsets: contents.offsets,
            initial: contents.initial,
            rule: contents.rule)
    }

    /// Seconds to add to UTC at a moment in seconds since 1970.
    public func offset(at instant: Int64) -> Int {
        guard let last = transitions.last else { return rule?.offset(at: instant) ?? initial }
        if instant >= last { return rule?.offset(at: instant) ?? offsets[offsets.count - 1] }
        let index = firstTransition(after: instant)
        return index == 0 ? initial : offsets[index - 1]
    }

    /// The next moment after `instant` at which the offset changes; nil when there will be none.
    public func nextTransition(after instant: Int64) -> Int64? {
        var index = firstTransition(after: instant)
        while index < transitions.count {
            let before = index == 0 ? initial : offsets[index - 1]
            if offsets[index] != before { return transitions[index] }
            index += 1
        }
        return rule?.nextTransition(after: max(instant, transitions.last ?? instant))
    }

    /// What the zone's clocks show at a moment.
    public func civilTime(at instant: Int64) -> CivilTime {
        CivilTime(seconds: instant + Int64(offset(at: instant)))
    }

    /// The moment at which the zone's clocks show `local`: the first of two, and the moment of the shift for a time that is left out.
    public func instant(of local: CivilTime) -> Int64 {
        let seconds = local.seconds
        let (before, after) = (offset(at: seconds - 86_400), offset(at: seconds + 86_400))
        // In an hour that comes twice both are right, and the offset from before the change gives the first.
        for offset in [before, after] where self.offset(at: seconds - Int64(offset)) == offset {
            return seconds - Int64(offset)
        }
        return nextTransition(after: seconds - Int64(max(before, after)) - 1) ?? seconds - Int64(before)
    }

    private func firstTransition(after instant: Int64) -> Int {
        var (low, high) = (0, transitions.count)
        while low < high {
            let middle = (low + high) / 2
            if transitions[middle] > instant { high = middle } else { low = middle + 1 }
        }
        return low
    }
}

/// Why bytes are no compiled time zone.
public struct TimeZoneFileError: Error, Hashable, Sendable, CustomStringConvertible {
    /// For a person.
    public let reason: String
    public var description: String { reason }
}

/// Reads the blocks of a zone file. Every count is held against the bytes that are there.
private struct ZoneFileReader {
    struct Contents {
        var transitions: [Int64] = []
        var offsets: [Int] = []
        var initial = 0
        var rule: PosixZoneRule?
    }

    private struct Header {
        var version: UInt8
        var utcIndicators: Int
        var standardIndicators: Int
        var leaps: Int
        var times: Int
        var types: Int
        var characters: Int

        func length(timeBytes: Int) -> Int {
            times * (timeBytes + 1) + types * 6 + characters + leaps * (timeBytes + 4) + standardIndicators
                + utcIndicators
        }
    }

    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func contents() throws(TimeZoneFileError) -> Contents {
        let first = try header()
        guard first.version >= 0x32 else { return try block(first, timeBytes: 4) }
        // Files of version 2 and later say everything again with times of 64 bits.
        try skip(first.length(timeBytes: 4))
        var contents = try block(try header(), timeBytes: 8)
        contents.rule = try footer()
        return contents
    }

    private mutating func header() throws(TimeZoneFileError) -> Header {
        guard try take(4) == Array("TZif".utf8)[...] else {
            throw TimeZoneFileError(reason: "not a TZif file")
        }
        let version = try take(1).first ?? 0
        try skip(15)
        let counts = [try count(), try count(), try count(), try count(), try count(), try count()]
        let header = Header(
            version: version, utcIndicators: counts[0], standardIndicators: counts[1], leaps: counts[2],
            times: counts[3], types: counts[4], characters: counts[5])
        guard header.types > 0 else { throw TimeZoneFileError(reason: "a TZif file without any local time") }
        return header
    }

    private mutating func block(_ header: Header, timeBytes: Int) throws(TimeZoneFileError) -> Contents {
        guard header.length(timeBytes: timeBytes) <= bytes.count - position else {
            throw ZoneFileReader.short
        }
        var contents = Contents()
        for _ in 0..<header.times { contents.transitions.append(try integer(timeBytes)) }
        let indices = try take(header.times)
        var offsets: [Int] = []
        for _ in 0..<header.types {
            offsets.append(Int(try integer(4)))
            try skip(2)
        }
        try skip(
            header.characters + header.leaps * (timeBytes + 4) + header.standardIndicators
                + header.utcIndicators)
        guard offsets.allSatisfy({ abs($0) < 26 * 3600 }) else {
            throw TimeZoneFileError(reason: "a TZif file with an offset of more than a day")
        }
        contents.initial = offsets[0]
        for index in indices {
            guard Int(index) < offsets.count else {
                throw TimeZoneFileError(reason: "a TZif file with a local time that it does not describe")
            }
            contents.offsets.append(offsets[Int(index)])
        }
        guard zip(contents.transitions, contents.transitions.dropFirst()).allSatisfy({ $0 < $1 }) else {
            throw TimeZoneFileError(reason: "a TZif file with transitions out of order")
        }
        // What calendars are asked about must be something that they can count.
        guard contents.transitions.last ?? 0 < 1 << 40 else {
            throw TimeZoneFileError(reason: "a TZif file with a transition that no calendar reaches")
        }
        return contents
    }

    private mutating func footer() throws(TimeZoneFileError) -> PosixZoneRule? {
        guard position < bytes.count, bytes[position] == 0x0A,
            let end = bytes[(position + 1)...].firstIndex(of: 0x0A)
        else { throw ZoneFileReader.short }
        let text = Array(bytes[(position + 1)..<end])
        guard !text.isEmpty else { return nil }
        guard let rule = PosixZoneRule(text) else {
            throw TimeZoneFileError(reason: "a TZif file with a rule that cannot be read")
        }
        return rule
    }

    private static let short = TimeZoneFileError(reason: "a TZif file that is cut off")

    private mutating func count() throws(TimeZoneFileError) -> Int {
        let number = try integer(4)
        guard number >= 0, number <= 1 << 20 else {
            throw TimeZoneFileError(reason: "a TZif file with a count out of range")
        }
        return Int(number)
    }

    private mutating func integer(_ width: Int) throws(TimeZoneFileError) -> Int64 {
        let raw = try take(width).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return width == 4 ? Int64(Int32(truncatingIfNeeded: raw)) : Int64(bitPattern: raw)
    }

    private mutating func take(_ count: Int) throws(TimeZoneFileError) -> ArraySlice<UInt8> {
        guard count <= bytes.count - position else { throw ZoneFileReader.short }
        defer { position += count }
        return bytes[position..<position + count]
    }

    private mutating func skip(_ count: Int) throws(TimeZoneFileError) { _ = try take(count) }
}
