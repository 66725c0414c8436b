// SPDX-License-Identifier: Apache-2.0

// How far consumer groups have come. A commit is one small write to the log of all groups; those that come while another is being flushed go
// together. What is read is what is durable: a position that was refused is never seen, not even for a moment.

import ApusModel
import ApusStorage
import Logging
import Synchronization

/// The committed positions of all groups, at work.
final class GroupOffsets: Sendable {
    static let log = LogID(high: 0x6170_7573, low: 3 << 24)
    /// How often groups are looked through for those whose time is over.
    private static let sweepInterval = Duration.seconds(600)

    private let log: StateLog<OffsetTable>
    private let context: EngineContext
    private let sweptAt = Mutex<Duration?>(nil)

    init(context: EngineContext) throws(LogError) {
        self.context = context
        log = try StateLog(GroupOffsets.log, isChained: false, context: context)
    }

    // MARK: Commits

    /// Writes down positions of a group; those of a transaction count when it commits.
    func commit(
        group: String, _ positions: [OffsetPlace: CommittedOffset], transactionOf producerID: Int64?,
        completion: @escaping @Sendable (CoordinatorError?) -> Void
    ) {
        if let refusal = refusal(group, positions) { return completion(refusal) }
        let change: OffsetChange =
            if let producerID {
                .pending(group: group, producerID: producerID, positions)
            } else {
                .committed(group: group, positions)
            }
        log.write([change]) { completion($0.map { .broker(BrokerError($0)) }) }
    }

    private func refusal(
        _ group: String, _ positions: [OffsetPlace: CommittedOffset]
    ) -> CoordinatorError? {
        let options = context.options
        let waiting = log.waitingBytes
        return log.read { table in
            let known = table.groups[group]
            if known == nil, table.groups.count >= options.groupsMax {
                return .limitReached("no more than \(options.groupsMax) groups can have positions")
            }
            guard table.bytes + waiting > options.offsetsBytesMax / 2 else { return nil }
            // Where it is getting narrow, what replaces as much is still taken.
            let growth = positions.reduce(known == nil ? OffsetTable.bytes(group) : 0) { sum, entry in
                let old = known?.positions[entry.key].map { OffsetTable.bytes($0) } ?? 0
                return sum + OffsetTable.bytes(entry.value) - old
            }
            guard growth > 0, table.bytes + waiting + growth > options.offsetsBytesMax else { return nil }
            return .limitReached("the positions of all groups take \(options.offsetsBytesMax) bytes")
        }
    }

    /// Puts what the transaction of a producer wanted to commit in force, or drops it.
    func endTransaction(
        of producerID: Int64, isCommit: Bool, completion: @escaping @Sendable (LogError?) -> Void
    ) {
        log.write([.ended(producerID: producerID, isCommit: isCommit)], completion: completion)
    }

    // MARK: Reading

    /// The positions of a group in some places, or everywhere.
    func positions(
        of group: String, in places: [OffsetPlace]?
    ) -> [(place: OffsetPlace, position: CommittedOffset?, isPending: Bool)] {
        log.read { table in
            guard let found = table.groups[group] else { return [] }
            let all = places ?? Set(found.positions.keys).union(found.pending.values.flatMap(\.keys)).sorted()
            return all.compactMap { place in
                let (position, isPending) = (found.positions[place], found.isPending(place))
                return position == nil && !isPending ? nil : (place, position, isPending)
            }
        }
    }

    /// Whether a group has positions.
    func isKnown(_ group: String) -> Bool { log.read { $0.groups[group] != nil } }

    /// The groups that have positions, in order.
    var groups: [String] { log.read { Array($0.groups.keys) }.sorted() }

    // MARK: Forgetting

    func delete(
        group: String, _ places: [OffsetPlace], completion: @escaping @Sendable (LogError?) -> Void
    ) {
        log.write([.deleted(group: group, places)], completion: completion)
    }

    func delete(group: String, completion: @escaping @Sendable (CoordinatorError?) -> Void) {
        guard isKnown(group) else { return completion(.unknownGroup) }
        log.write([.groupDeleted(group: group)]) { completion($0.map { .broker(BrokerError($0)) }) }
    }

    /// Notes that groups have members, unless that was noted a short while ago.
    func touch(_ groups: [String]) {
        let wall = context.clock.wall
        let due = wall.advanced(by: .zero - Defaults.groupTouchInterval)
        let changes = log.read { table in
            groups.compactMap { group -> OffsetChange? in
                guard let found = table.groups[group], found.active <= due else { return nil }
                return .touched(group: group, wall)
            }
        }
        guard !changes.isEmpty else { return }
        // Should it fail, the next one comes soon enough.
        log.write(changes) { _ in }
    }

    /// Forgets what belongs to topics that are gone, and now and then groups that nobody has heard of for long.
    ///
    /// - Parameters:
    ///   - wall: the time to judge ages by; nil while it is not to be trusted.
    ///   - isThere: whether there is a topic. Asked after it is known which are needed: one that is not there then was deleted.
    func sweep(wall: Timestamp?, isThere: (LogID) -> Bool) {
        let used = log.read { Array($0.topics.keys) }
        let gone = used.filter { !isThere($0) }.sorted()
        if !gone.isEmpty { log.write(gone.map { .topicDeleted($0) }) { _ in } }
        guard let wall else { return }
        let now = context.clock.now
        let isDue = sweptAt.withLock { last in
            if let last, now - last < GroupOffsets.sweepInterval { return false }
            last = now
            return true
        }
        guard isDue else { return }
        let limit = wall.advanced(by: .zero - context.options.offsetsRetention)
        let old = log.read { table in
            table.groups.filter { $0.value.active < limit && $0.value.pending.isEmpty }.map(\.key)
        }
        guard !old.isEmpty else { return }
        context.logger.info(
            "positions of \(old.count) groups that nobody has heard of for long are forgotten")
        log.write(old.sorted().map { .expired(group: $0, before: limit) }) { _ in }
    }
}
