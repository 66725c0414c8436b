// SPDX-License-Identifier: Apache-2.0

// De-duplication: which events a topic has got within its window, by what tells events apart, and where they are. One index for all
// partitions. It is made anew from the log at start, and holds hashes only: of events 40 bytes each, whatever their size.
//
// The window is divided into generations that are forgotten as a whole, so that nothing has to be kept in order of time.

import ApusModel
import ApusStorage
import CloudEvents
import Logging
import Synchronization

/// The index of one topic.
final class Deduplicator: Sendable {
    /// How many parts the window is forgotten in.
    private static let generations: Int64 = 8

    /// Where an event is.
    struct Place: Sendable, Hashable {
        var partition: Int32
        var offset: Int64
        /// When it arrived, in milliseconds since 1970.
        var time: Int64
    }

    /// What is known of an event that is about to be published.
    enum Standing: Sendable {
        /// It is new, and the caller publishes it.
        case new
        /// It is there.
        case known(Place)
        /// It is being published; the waiter was kept, and is told how that ends.
        case underWay
    }

    typealias Waiter = @Sendable (Place?) -> Void

    private struct Generation {
        var number: Int64
        var places: [Digest128: Place] = [:]
    }

    private struct State {
        /// Oldest first.
        var generations: [Generation] = []
        var count = 0
        var underWay: [Digest128: [Waiter]] = [:]
        var hasWarned = false
    }

    let settings: DeduplicationSettings
    private let window: Int64
    private let entriesMax: Int
    private let hash: SipHash128
    private let state = Mutex(State())
    private let logger: Logger
    private let topic: ResourceName
    let duplicates: Count

    init(_ settings: DeduplicationSettings, topic: ResourceName, context: EngineContext) {
        self.settings = settings
        self.topic = topic
        window = settings.window.milliseconds
        entriesMax = context.options.deduplicationEntriesMax
        logger = context.logger
        // The index lives no longer than the process, and so does its key.
        hash = SipHash128(key: (context.entropy.next(), context.entropy.next()))
        duplicates = Count("apus_duplicate_events_total", [("topic", topic.description)])
    }

    /// What tells the event apart from others; nil when it has nothing of the kind, and then it is never a duplicate.
    func digest(of event: CloudEvent) -> Digest128? {
        var text: String
        switch settings.key {
        case .identity: text = "\(event.source.utf8.count):\(event.source)\(event.id)"
        case .attribute(let name):
            guard let value = event.extensions[name] else { return nil }
            text = value.text
        }
        return text.withUTF8 { hash.digest(UnsafeRawBufferPointer($0)) }
    }

    // MARK: Publishing

    /// Looks an event up; a new one counts as under way from now on. `waiter` is kept when it is under way already.
    func begin(_ digest: Digest128, now: Timestamp, waiter: @autoclosure () -> Waiter) -> Standing {
        state.withLock { state in
            if state.underWay[digest] != nil {
                state.underWay[digest]?.append(waiter())
                return .underWay
            }
            if let place = find(digest, now.rawValue, state) { return .known(place) }
            state.underWay[digest] = []
            return .new
        }
    }

    /// A new event is durable at `place`, or nil: it is not there, and those who wait for it try by themselves.
    func end(_ digest: Digest128, at place: Place?) {
        let waiters = state.withLock { state in
            if let place { insert(digest, place, &state) }
            return state.underWay.removeValue(forKey: digest) ?? []
        }
        for waiter in waiters { waiter(place) }
    }

    private func find(_ digest: Digest128, _ now: Int64, _ state: State) -> Place? {
        for generation in state.generations.reversed() {
            guard let place = generation.places[digest] else { continue }
            return now - place.time < window ? place : nil
        }
        return nil
    }

    private func insert(_ digest: Digest128, _ place: Place, _ state: inout State) {
        let number = place.time / max(1, window / Deduplicator.generations)
        if let last = state.generations.last, last.number >= number {
            // Also what a clock that was set back says is of now.
        } else {
            state.generations.append(Generation(number: number))
            let oldest = number - Deduplicator.generations - 1
            while let first = state.generations.first, first.number < oldest { forgetFirst(&state) }
        }
        let last = state.generations.count - 1
        if state.generations[last].places.updateValue(place, forKey: digest) == nil { state.count += 1 }
        while state.count > entriesMax, state.generations.count > 1 {
            if !state.hasWarned {
                state.hasWarned = true
                logger.warning(
                    "a topic gets more events than its index of duplicates may hold: the oldest are forgotten before their window ends",
                    metadata: ["topic": "\(topic)", "entries": "\(entriesMax)"])
            }
            forgetFirst(&state)
        }
        if state.count > entriesMax { split(&state) }
    }

    private func forgetFirst(_ state: inout State) {
        state.count -= state.generations.removeFirst().places.count
    }

    /// One generation alone is too large: half of it, the older one, goes.
    private func split(_ state: inout State) {
        guard let only = state.generations.last else { return }
        let times = only.places.values.map(\.time).sorted()
        let middle = times[times.count / 2]
        var kept = only.places.filter { $0.value.time > middle }
        if kept.isEmpty {
            kept = Dictionary(uniqueKeysWithValues: only.places.prefix(times.count / 2).map { $0 })
        }
        state.generations = [Generation(number: only.number, places: kept)]
        state.count = kept.count
    }

    // MARK: Start

    /// Takes in what the topic got within the window.
    func load(_ topic: Topic, context: EngineContext) throws(LogError) {
        let from = context.clock.wall.advanced(by: .zero - settings.window)
        for partition in topic.partitions {
            let end = partition.written.end
            var offset = try context.store.offset(partition.log, at: from)
            while offset < end {
                let batches: [RecordBatch]
                do { batches = try context.store.read(partition.log, from: offset, byteLimit: 1 << 20) } catch
                {
                    guard let next = LookAhead.wayAround(error) else { throw error }
                    offset = max(next, offset.advanced(by: 1))
                    continue
                }
                guard let last = batches.last else { break }
                // Whole batches of producers that number them are not looked up when they come.
                for batch in batches where !batch.hasProducer { take(batch, of: topic, partition.number) }
                offset = last.nextOffset
            }
        }
    }

    private func take(_ batch: RecordBatch, of topic: Topic, _ partition: Int) {
        _ = try? batch.forEachRecord { record in
            // Copies and what comes at its time were not published here.
            guard !record.hasLineage else { return true }
            let event = CloudEvent(record: record, topic: topic.name, partition: partition)
            guard let digest = digest(of: event) else { return true }
            let place = Place(
                partition: Int32(partition), offset: record.offset.rawValue, time: record.timestamp.rawValue)
            state.withLock { insert(digest, place, &$0) }
            return true
        }
    }
}

extension RecordView {
    /// Whether Apus wrote anything of its own beside the event.
    fileprivate var hasLineage: Bool {
        var found = false
        forEachHeader { name, _ in
            found = name.starts(with: LineageHeader.prefix)
            return !found
        }
        return found
    }
}
