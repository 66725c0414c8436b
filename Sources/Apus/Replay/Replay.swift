// SPDX-License-Identifier: Apache-2.0

// Stored events, read again as a sequence: nothing is settled, no group is involved.

public import ApusBus
import CloudEvents

extension Bus {
    /// Reads stored events of a kind again, in order within each partition; needs ``Feature/replay``.
    ///
    /// ```swift
    /// for try await past in bus.replay(OrderPlaced.self, from: .earliest) {
    ///     print(past.event.orderID, past.context.offset ?? -1)
    /// }
    /// ```
    ///
    /// - Parameters:
    ///   - type: the kind of event; others on the topic are passed over.
    ///   - start: where to begin.
    ///   - topic: the topic; nil for that of the kind.
    ///   - pattern: only events that match this event pattern (JSON text), which the broker evaluates if it can, and this program otherwise.
    ///   - follows: whether to wait for more when all that is stored was read, instead of ending.
    public func replay<E: Event>(
        _ type: E.Type, from start: ReplayStart, topic: String? = nil, matching pattern: String? = nil,
        follows: Bool = false
    ) -> Replay<E> {
        Replay(bus: self, topic: topic ?? E.topic, start: start, pattern: pattern, follows: follows)
    }

    /// Reads stored events again as a typed condition chooses them.
    public func replay<E: Event>(
        _ type: E.Type, from start: ReplayStart, topic: String? = nil, where predicate: EventPredicate<E>,
        follows: Bool = false
    ) throws(BusError) -> Replay<E> {
        replay(
            type, from: start, topic: topic, matching: try predicate.pattern(), follows: follows)
    }
}

/// Stored events of a kind, read again. Each iteration begins anew.
///
/// An event whose data cannot be read ends the iteration with an ``UnreadableReplay``, which says where to go on.
public struct Replay<E: Event>: AsyncSequence, Sendable {
    /// An event, and its circumstances: topic, partition, offset.
    public typealias Element = (event: E, context: EventContext)

    let bus: Bus
    let topic: String
    let start: ReplayStart
    let pattern: String?
    let follows: Bool

    public func makeAsyncIterator() -> Iterator { Iterator(replay: self) }

    /// Reads in pieces, as they are asked for.
    public struct Iterator: AsyncIteratorProtocol {
        private let replay: Replay
        private var reader: OpenReplay?
        private var check: PatternCheck?
        private var events: ArraySlice<ReceivedEvent> = []
        private var isOver = false

        fileprivate init(replay: Replay) { self.replay = replay }

        public mutating func next() async throws -> Element? {
            while !isOver {
                while let received = events.popFirst() {
                    if let element = try element(received) { return element }
                }
                try Task.checkCancellation()
                let reader = try await opened()
                events = try await reader.next(limit: 256, wait: replay.follows ? .seconds(20) : .zero)[...]
                if events.isEmpty, !replay.follows {
                    isOver = true
                    self.reader = nil
                }
            }
            return nil
        }

        private mutating func opened() async throws(BusError) -> any ReplayReader {
            if let reader { return reader.reader }
            let bus = replay.bus
            try bus.require(.replay)
            var pattern: String?
            if let text = replay.pattern {
                let parsed = try PatternCheck.parse(text)
                if bus.capabilities.features.contains(.filterByContent) {
                    pattern = text
                } else {
                    check = PatternCheck(parsed)
                }
            }
            let made = try await bus.transport.replay(replay.topic, from: replay.start, pattern: pattern)
            reader = OpenReplay(made)
            return made
        }

        private func element(_ received: ReceivedEvent) throws(UnreadableReplay) -> Element? {
            guard received.problem == nil, received.event.type == E.type,
                received.event.dataVersion == E.version, check?.matches(received.event) ?? true
            else { return nil }
            let context = EventContext(received, group: "", bus: replay.bus)
            do throws(UnreadableEvent) {
                return (try received.event.decoded(), context)
            } catch {
                throw UnreadableReplay(
                    topic: received.topic, partition: received.partition, offset: received.offset,
                    reason: error)
            }
        }
    }
}

/// A reader that is closed when nobody has it any more: who leaves a loop early says so to nobody.
private final class OpenReplay: Sendable {
    let reader: any ReplayReader

    init(_ reader: any ReplayReader) { self.reader = reader }

    deinit {
        let reader = reader
        Task { await reader.close() }
    }
}

/// A stored event of the kind that was asked for has data that cannot be read.
public struct UnreadableReplay: Error, Sendable, CustomStringConvertible {
    /// The topic.
    public var topic: String
    /// The partition, where the broker has any.
    public var partition: Int?
    /// The event's place; a replay from the next one passes it over.
    public var offset: Int64?
    /// What is wrong with it.
    public var reason: UnreadableEvent

    public var description: String {
        "\(topic)/\(partition.map(String.init) ?? "?")/\(offset.map(String.init) ?? "?"): \(reason)"
    }
}
