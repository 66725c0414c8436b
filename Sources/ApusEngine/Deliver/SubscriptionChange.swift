// SPDX-License-Identifier: Apache-2.0

// What a subscription's log says. Each record holds changes; the state at start is their fold. Binary, because one is written for
// every lease and every settlement: an operation byte and zig-zag varints.
//
// From time to time the whole state is written as one batch that begins with `reset`, and what came before it is trimmed. One batch,
// because half a snapshot would forget events.

package import ApusModel
package import NIOCore

/// One thing that happened to a subscription and must outlive the process.
package enum SubscriptionChange: Hashable, Sendable {
    /// Forget everything: a snapshot follows in the same batch.
    case reset
    /// Everything of the partition before `next` has been looked at.
    case advanced(partition: Int, next: Offset)
    /// The event was handed out, for the nth time.
    case attempted(Position, attempts: Int)
    /// The event is done.
    case settled(Position)
    /// The event waits for its next attempt.
    case waiting(Position, attempts: Int, due: Timestamp)
    /// The event is to be handed out at once, with `attempts` behind it.
    case ready(Position, attempts: Int)
    /// Dead letters of this subscription are before this offset of that partition of the dead-letter topic, or in events that are
    /// settled here.
    case deadLetterMark(partition: Int, end: Offset)
    /// Which append of this log the record is. A number left out is one that failed.
    case sequence(Int64)
    /// Events of the partition were there, up to this offset.
    case seen(partition: Int, end: Offset)
    /// What is left of a bounded replay of the partition; nothing when it ends where it begins.
    case replaying(partition: Int, next: Offset, end: Offset)
    /// Events were looked at and not handed out: the one at the position, and of the 64 offsets behind it those whose bit is set.
    case parked(Position, following: UInt64)
    /// The event was dead-lettered after `attempts`, and its key waits for somebody to deal with that.
    case blocked(Position, attempts: Int)
    /// The circuit to the target is open, or (nil) closed again.
    case circuit(CircuitBreaker.Pause?)

    private enum Operation: UInt8 {
        case reset = 0, advanced, attempted, settled, waiting, ready, deadLetterMark, sequence, seen,
            parked, blocked
        case circuit = 32
        case replaying
    }

    /// Appends the change to `buffer`.
    package func encode(into buffer: inout ByteBuffer) {
        switch self {
        case .reset: buffer.write(Operation.reset.rawValue)
        case .advanced(let partition, let next):
            buffer.write(Operation.advanced.rawValue, Int64(partition), next.rawValue)
        case .attempted(let position, let attempts):
            buffer.write(
                Operation.attempted.rawValue, Int64(position.partition), position.offset.rawValue,
                Int64(attempts))
        case .settled(let position):
            buffer.write(Operation.settled.rawValue, Int64(position.partition), position.offset.rawValue)
        case .waiting(let position, let attempts, let due):
            buffer.write(
                Operation.waiting.rawValue, Int64(position.partition), position.offset.rawValue,
                Int64(attempts),
                due.rawValue)
        case .ready(let position, let attempts):
            buffer.write(
                Operation.ready.rawValue, Int64(position.partition), position.offset.rawValue, Int64(attempts)
            )
        case .deadLetterMark(let partition, let end):
            buffer.write(Operation.deadLetterMark.rawValue, Int64(partition), end.rawValue)
        case .sequence(let number): buffer.write(Operation.sequence.rawValue, 0, number)
        case .seen(let partition, let end):
            buffer.write(Operation.seen.rawValue, Int64(partition), end.rawValue)
        case .replaying(let partition, let next, let end):
            buffer.write(Operation.replaying.rawValue, Int64(partition), next.rawValue, end.rawValue)
        case .parked(let position, let following):
            buffer.write(
                Operation.parked.rawValue, Int64(position.partition), position.offset.rawValue,
                Int64(bitPattern: following))
        case .blocked(let position, let attempts):
            buffer.write(
                Operation.blocked.rawValue, Int64(position.partition), position.offset.rawValue,
                Int64(attempts))
        case .circuit(let pause):
            // A closed circuit is one without rounds.
            buffer.write(
                Operation.circuit.rawValue, 0, pause?.since.rawValue ?? 0, Int64(pause?.rounds ?? 0),
                pause?.probe.rawValue ?? 0)
        }
    }

    /// All changes of one record's value; nil when it is not well-formed.
    package static func decode(_ bytes: UnsafeRawBufferPointer) -> [SubscriptionChange]? {
        var reader = ByteReader(bytes)
        var changes: [SubscriptionChange] = []
        while reader.remaining > 0 {
            guard let change = decodeOne(&reader) else { return nil }
            changes.append(change)
        }
        return changes
    }

    private static func decodeOne(_ reader: inout ByteReader) -> SubscriptionChange? {
        guard let byte: UInt8 = reader.integer(), let operation = Operation(rawValue: byte) else {
            return nil
        }
        if operation == .reset { return .reset }
        guard let partition = reader.varint(), partition >= 0, partition < 1 << 24,
            let offset = reader.varint()
        else { return nil }
        let position = Position(partition: Int(partition), offset: Offset(offset))
        switch operation {
        case .reset: return .reset
        case .advanced: return .advanced(partition: position.partition, next: position.offset)
        case .settled: return .settled(position)
        case .deadLetterMark: return .deadLetterMark(partition: position.partition, end: position.offset)
        case .sequence: return .sequence(position.offset.rawValue)
        case .seen: return .seen(partition: position.partition, end: position.offset)
        case .replaying:
            guard let end = reader.varint() else { return nil }
            return .replaying(partition: position.partition, next: position.offset, end: Offset(end))
        case .parked:
            guard let following = reader.varint() else { return nil }
            return .parked(position, following: UInt64(bitPattern: following))
        case .attempted, .waiting, .ready, .blocked, .circuit: break
        }
        guard let attempts = reader.varint(), attempts >= 0, attempts <= Int64(Int32.max) else { return nil }
        switch operation {
        case .attempted: return .attempted(position, attempts: Int(attempts))
        case .ready: return .ready(position, attempts: Int(attempts))
        case .blocked: return .blocked(position, attempts: Int(attempts))
        default:
            guard let due = reader.varint() else { return nil }
            guard operation == .waiting else {
                let pause = CircuitBreaker.Pause(
                    since: Timestamp(milliseconds: position.offset.rawValue),
                    probe: Timestamp(milliseconds: due), rounds: Int(attempts))
                return .circuit(pause.rounds > 0 ? pause : nil)
            }
            return .waiting(position, attempts: Int(attempts), due: Timestamp(milliseconds: due))
        }
    }
}

extension ByteBuffer {
    // The two that are written for every event that is handed out and settled need no array.
    fileprivate mutating func write(_ operation: UInt8, _ first: Int64, _ second: Int64) {
        writeInteger(operation)
        writeVarint(first)
        writeVarint(second)
    }

    fileprivate mutating func write(_ operation: UInt8, _ first: Int64, _ second: Int64, _ third: Int64) {
        write(operation, first, second)
        writeVarint(third)
    }

    fileprivate mutating func write(_ operation: UInt8, _ numbers: Int64...) {
        writeInteger(operation)
        for number in numbers { writeVarint(number) }
    }
}

extension CircuitBreaker.Pause {
    /// What holds after `change`.
    static func last(_ pause: CircuitBreaker.Pause?, _ change: SubscriptionChange) -> CircuitBreaker.Pause? {
        switch change {
        case .reset: nil
        case .circuit(let next): next
        default: pause
        }
    }
}

extension DeliveryState {
    /// Applies what the log says. Leases are not restored: after a restart their events are ready again, the attempt counted.
    ///
    /// - Parameter anchor: turns a due time on the wall into one on the monotonic clock.
    package mutating func apply(_ change: SubscriptionChange, anchor: (Timestamp) -> Duration) {
        switch change {
        case .reset: self = DeliveryState(next: [])
        case .advanced(let partition, let next): advance(partition: partition, to: next)
        case .attempted(let position, let attempts), .ready(let position, let attempts):
            pass(position)
            putBack(position, attempts: attempts)
        case .settled(let position):
            pass(position)
            settle(position)
        case .seen(let partition, let end): see(partition: partition, before: end)
        case .waiting(let position, let attempts, let due):
            pass(position)
            postpone(position, attempts: attempts, due: anchor(due), wall: due)
        case .replaying(let partition, let next, let end):
            // What had been looked at when the replay began, and could not be written down, comes by itself: were it handed out as
            // part of the past, looking ahead would go on behind it, and whatever lies before it would be missed.
            let looked = partition < self.next.count ? self.next[partition] : .zero
            replayed(partition: partition, to: ReplayWindow(next: next, end: min(end, looked)))
        case .parked: change.forEachParked { park($0) }
        case .blocked(let position, let attempts):
            pass(position)
            block(position, attempts: attempts)
        case .deadLetterMark, .sequence, .circuit: break
        }
    }

    /// The changes that make this state out of nothing.
    package func snapshot() -> [SubscriptionChange] {
        var changes: [SubscriptionChange] = [.reset]
        for (partition, offset) in next.enumerated() {
            changes.append(.advanced(partition: partition, next: offset))
        }
        for (partition, end) in seen.enumerated() where end > .zero {
            changes.append(.seen(partition: partition, end: end))
        }
        changes += SubscriptionChange.replaying(replays)
        for partition in parked.indices {
            var run = ParkedRun(partition: partition)
            parked[partition].forEach { offset in
                if let change = run.add(offset) { changes.append(change) }
            }
            if let change = run.end() { changes.append(change) }
        }
        for (position, item) in items.sorted(by: { $0.key < $1.key }) {
            switch item.phase {
            case .waiting(_, let wall): changes.append(.waiting(position, attempts: item.attempts, due: wall))
            case .blocked: changes.append(.blocked(position, attempts: item.attempts))
            case .ready, .leased, .closing: changes.append(.ready(position, attempts: item.attempts))
            }
        }
        return changes
    }
}

extension SubscriptionChange {
    /// What is left of bounded replays, in the order of their partitions.
    static func replaying(_ windows: [Int: ReplayWindow]) -> [SubscriptionChange] {
        windows.sorted { $0.key < $1.key }.map {
            .replaying(partition: $0.key, next: $0.value.next, end: $0.value.end)
        }
    }

    /// Calls `body` with each event that a `parked` names.
    func forEachParked(_ body: (Position) -> Void) {
        guard case .parked(let position, var following) = self else { return }
        body(position)
        while following != 0 {
            let distance = Int64(following.trailingZeroBitCount) + 1
            body(Position(partition: position.partition, offset: position.offset.advanced(by: distance)))
            following &= following - 1
        }
    }

    /// The changes that say which events were parked, in few bytes where they lie close together.
    package static func parked(_ positions: [Position]) -> [SubscriptionChange] {
        var changes: [SubscriptionChange] = []
        var runs: [Int: ParkedRun] = [:]
        for position in positions.sorted(by: { $0.offset < $1.offset }) {
            if let change = runs[position.partition, default: ParkedRun(partition: position.partition)].add(
                position.offset)
            {
                changes.append(change)
            }
        }
        for (_, run) in runs.sorted(by: { $0.key < $1.key }) {
            var run = run
            if let change = run.end() { changes.append(change) }
        }
        return changes
    }
}

/// Gathers ascending offsets of a partition into `parked` changes.
private struct ParkedRun {
    var partition: Int
    private var first: Offset?
    private var following: UInt64 = 0

    init(partition: Int) { self.partition = partition }

    /// Adds an offset; the change that it did not fit into any more, if there is one.
    mutating func add(_ offset: Offset) -> SubscriptionChange? {
        if let first {
            let distance = offset.rawValue - first.rawValue
            if (1...64).contains(distance) {
                following |= 1 << UInt64(distance - 1)
                return nil
            }
        }
        defer { first = offset }
        return end()
    }

    mutating func end() -> SubscriptionChange? {
        guard let first else { return nil }
        defer { (self.first, following) = (nil, 0) }
        return .parked(Position(partition: partition, offset: first), following: following)
    }
}
