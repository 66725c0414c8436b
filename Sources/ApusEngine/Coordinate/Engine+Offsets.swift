// SPDX-License-Identifier: Apache-2.0

// The positions of groups, by the names of topics: checked here, kept by identity.

import ApusModel
import ApusStorage
import Synchronization

/// The coordinators that are open.
struct Coordinators {
    var offsets: GroupOffsets?
    var transactions: Transactions?
}

extension Engine {
    /// Opens what groups have committed, unless it is open.
    func openOffsets() throws(LogError) {
        guard coordinators.withLock({ $0.offsets == nil }) else { return }
        let offsets = try GroupOffsets(context: context)
        coordinators.withLock { $0.offsets = offsets }
    }

    func requireOffsets() throws(CoordinatorError) -> GroupOffsets {
        guard !isStopped else { throw .broker(.unavailable(.stopping)) }
        guard let offsets = coordinators.withLock({ $0.offsets }) else {
            throw .broker(
                .unavailable(.notOpen("positions of groups could not be opened; that is tried again")))
        }
        return offsets
    }

    /// Lets coordinators forget what nobody needs any more.
    func sweepCoordinators(wall: Timestamp?) {
        let offsets = coordinators.withLock { $0.offsets }
        if let wall { coordinators.withLock { $0.transactions }?.sweep(wall: wall) }
        offsets?.sweep(wall: wall) { [self] in topicName($0) != nil }
    }

    // MARK: Commits

    public func commitOffsets(
        group: String, _ commits: [OffsetCommit], completion: @escaping CoordinatorCompletion
    ) {
        do throws(CoordinatorError) {
            let offsets = try requireOffsets()
            let (positions, errors) = try resolve(group, commits)
            guard !positions.isEmpty else { return completion(errors) }
            offsets.commit(group: group, positions, transactionOf: nil) { failure in
                completion(errors.map { $0 ?? failure })
            }
        } catch {
            completion(commits.map { _ in error })
        }
    }

    /// Positions by identity, and what is wrong with each that cannot be committed.
    func resolve(
        _ group: String, _ commits: [OffsetCommit]
    ) throws(CoordinatorError) -> ([OffsetPlace: CommittedOffset], [CoordinatorError?]) {
        try check(group: group)
        let wall = context.clock.wall
        var positions: [OffsetPlace: CommittedOffset] = [:]
        var errors: [CoordinatorError?] = []
        for (commit, place) in zip(commits, places(commits.map(\.place))) {
            var position = commit.position
            if position.metadata.utf8.count > Defaults.offsetMetadataBytesMax {
                errors.append(.metadataTooLarge)
            } else if position.offset < .zero {
                errors.append(.invalidRequest("\(position.offset) is no offset"))
            } else if let place {
                position.time = wall
                positions[place] = position
                errors.append(nil)
            } else {
                errors.append(.unknownPartition)
            }
        }
        return (positions, errors)
    }

    func check(group: String) throws(CoordinatorError) {
        guard !group.isEmpty, group.utf8.count <= Defaults.groupNameBytesMax else { throw .invalidGroup }
    }

    /// Partitions by identity; nil for those that do not exist.
    func places(_ partitions: [TopicPartition]) -> [OffsetPlace?] {
        catalog.withLock { catalog in
            partitions.map { wanted in
                guard let topic = catalog.definitions.topics[wanted.topic], wanted.partition >= 0,
                    wanted.partition < topic.settings.partitions
                else { return nil }
                return OffsetPlace(topic: topic.id, partition: Int32(wanted.partition))
            }
        }
    }

    // MARK: Reading

    public func committedOffsets(group: String) throws(CoordinatorError) -> [GroupOffset] {
        let found = try requireOffsets().positions(of: group, in: nil)
        let definitions = definitions
        return found.compactMap { place, position, isPending in
            guard let topic = definitions.topicName(place.topic) else { return nil }
            return GroupOffset(
                TopicPartition(topic, Int(place.partition)), position, isPending: isPending)
        }.sorted { ($0.place.topic, $0.place.partition) < ($1.place.topic, $1.place.partition) }
    }

    public func committedOffsets(
        group: String, in partitions: [TopicPartition]
    ) throws(CoordinatorError) -> [GroupOffset] {
        let offsets = try requireOffsets()
        var names: [OffsetPlace: TopicPartition] = [:]
        for (name, place) in zip(partitions, places(partitions)) {
            if let place { names[place] = name }
        }
        let known = names
        return offsets.positions(of: group, in: names.keys.sorted()).compactMap {
            place, position, isPending in
            known[place].map { GroupOffset($0, position, isPending: isPending) }
        }
    }

    public func hasOffsets(group: String) throws(CoordinatorError) -> Bool {
        try requireOffsets().isKnown(group)
    }

    public func groupsWithOffsets() throws(CoordinatorError) -> [String] { try requireOffsets().groups }

    // MARK: Forgetting

    public func deleteOffsets(
        group: String, in partitions: [TopicPartition], completion: @escaping CoordinatorCompletion
    ) {
        do throws(CoordinatorError) {
            let offsets = try requireOffsets()
            guard offsets.isKnown(group) else { throw .unknownGroup }
            let places = places(partitions)
            let errors = places.map { $0 == nil ? CoordinatorError.unknownPartition : nil }
            let known = places.compactMap(\.self)
            guard !known.isEmpty else { return completion(errors) }
            offsets.delete(group: group, known) { failure in
                completion(errors.map { $0 ?? failure.map { .broker(BrokerError($0)) } })
            }
        } catch {
            completion(partitions.map { _ in error })
        }
    }

    public func deleteGroups(_ groups: [String], completion: @escaping CoordinatorCompletion) {
        do throws(CoordinatorError) {
            let offsets = try requireOffsets()
            let outcomes = Outcomes(count: groups.count, completion: completion)
            for (index, group) in groups.enumerated() {
                offsets.delete(group: group) { outcomes.set($0, at: index) }
            }
        } catch {
            completion(groups.map { _ in error })
        }
    }

    public func touchGroups(_ groups: [String]) {
        guard let offsets = try? requireOffsets() else { return }
        offsets.touch(groups)
    }
}

/// Gathers what became of the elements of a request.
private final class Outcomes: Sendable {
    private let state: Mutex<(left: Int, outcomes: [CoordinatorError?])>
    private let completion: CoordinatorCompletion

    init(count: Int, completion: @escaping CoordinatorCompletion) {
        state = Mutex((count, Array(repeating: nil, count: count)))
        self.completion = completion
        if count == 0 { completion([]) }
    }

    func set(_ outcome: CoordinatorError?, at index: Int) {
        let all: [CoordinatorError?]? = state.withLock { state in
            state.outcomes[index] = outcome
            state.left -= 1
            return state.left == 0 ? state.outcomes : nil
        }
        if let all { completion(all) }
    }
}
