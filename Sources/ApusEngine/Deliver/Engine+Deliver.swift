// SPDX-License-Identifier: Apache-2.0

// Receiving and settling, as the broker offers it: names to running subscriptions, completions to async calls.

public import ApusModel
import ApusStorage
import Synchronization

extension Engine {
    public func receive(
        _ name: ResourceName, limit: Int, wait: Duration, lease: Duration?
    ) async throws(BrokerError) -> [LeasedEvent] {
        let subscription = try requireShared(name)
        if subscription.definition.settings.push != nil {
            throw .conflict("subscription '\(name)' pushes to its target: nobody receives from it")
        }
        let deadline = context.clock.now + wait
        while true {
            let (result, version) = await handOut(from: subscription, limit: limit, lease: lease)
            let handouts = try result.get()
            guard handouts.isEmpty else { return handouts.map { describe($0, of: subscription) } }
            guard context.clock.now < deadline, !isStopped,
                await subscription.waitForWork(since: version, until: deadline)
            else { return [] }
        }
    }

    private func handOut(
        from subscription: SharedSubscription, limit: Int, lease: Duration?
    ) async -> (Result<[SharedSubscription.Handout], BrokerError>, version: UInt64) {
        // Read before looking: whatever comes after this makes the version another one.
        let version = subscription.version
        let result = await withUnsafeContinuation { continuation in
            _ = subscription.handOut(limit: limit, lease: lease) { continuation.resume(returning: $0) }
        }
        return (result, version)
    }

    private func describe(
        _ handout: SharedSubscription.Handout, of subscription: SharedSubscription
    ) -> LeasedEvent {
        LeasedEvent(
            lease: handout.token.text, attempt: handout.attempt,
            attemptsMax: subscription.definition.settings.attemptsMax,
            deadline: context.clock.wall.advanced(by: handout.deadline - context.clock.now),
            stored: handout.stored)
    }

    public func settle(
        _ name: ResourceName, leases: [String], verdict: Verdict
    ) async throws(BrokerError) -> [SettleResult] {
        let subscription = try requireShared(name)
        if case .extend(let duration) = verdict, !(.zero ... .seconds(12 * 3600)).contains(duration) {
            throw .invalid("a lease lasts 0 s to 12 h")
        }
        if case .release(let delay, _) = verdict, !(.zero ... .seconds(12 * 3600)).contains(delay) {
            throw .invalid("a release is delayed by 0 s to 12 h")
        }
        let result = await withUnsafeContinuation { continuation in
            subscription.settle(leases, verdict) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    public func commit(
        _ name: ResourceName, partition number: Int, offset: Offset
    ) async throws(BrokerError) {
        let cursor = try requireCursor(name)
        let (_, partition) = try requirePartition(cursor.topic.name, number)
        guard offset >= .zero, offset <= partition.written.end else {
            throw .beyondEnd(end: partition.written.end)
        }
        try await commit([(number, offset)], of: cursor)
    }

    private func commit(
        _ positions: [(partition: Int, offset: Offset)], of cursor: CursorSubscription
    ) async throws(BrokerError) {
        let result = await withUnsafeContinuation { continuation in
            cursor.commit(positions) { continuation.resume(returning: $0) }
        }
        try result.get()
    }

    public func replay(_ name: ResourceName, from position: StartPosition) async throws(BrokerError) {
        let (shared, cursor) = catalog.withLock { ($0.shared[name], $0.cursors[name]) }
        guard let topic = shared?.topic ?? cursor?.topic else { throw missing(name) }
        let offsets = try topic.partitions.map { partition throws(BrokerError) in
            let offset = try resolve(position, in: partition)
            guard offset <= partition.written.end else { throw .beyondEnd(end: partition.written.end) }
            return offset
        }
        if let shared {
            let result = await withUnsafeContinuation { continuation in
                shared.replay(from: offsets, givingUpAll: position == .latest) {
                    continuation.resume(returning: $0)
                }
            }
            try result.get()
        } else if let cursor {
            try await commit(offsets.enumerated().map { ($0.offset, $0.element) }, of: cursor)
        }
    }

    public func replay(
        _ name: ResourceName, from start: StartPosition, to end: StartPosition
    ) async throws(BrokerError) {
        let shared = try requireShared(name)
        let ranges = try shared.topic.partitions.map { partition throws(BrokerError) in
            let bounds = try storing { () throws(LogError) in try context.store.bounds(partition.log) }
            let from = max(try resolve(start, in: partition), bounds.start)
            let to = min(try resolve(end, in: partition), partition.signal.end)
            return from..<max(from, to)
        }
        let result = await withUnsafeContinuation { continuation in
            shared.replay(ranges) { continuation.resume(returning: $0) }
        }
        try result.get()
    }

    public func retryNow(
        _ name: ResourceName, _ chosen: RetryChoice
    ) async throws(BrokerError) -> RetriedNow {
        let shared = try requireShared(name)
        let wanted = try wanted(chosen, of: shared)
        let result = await withUnsafeContinuation { continuation in
            shared.retryNow(wanted) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    private func wanted(
        _ chosen: RetryChoice, of shared: SharedSubscription
    ) throws(BrokerError) -> DeliveryState.Wanted {
        switch chosen {
        case .all: return .all
        case .since(let time):
            return .from(
                try shared.topic.partitions.map { partition throws(BrokerError) in
                    try resolve(.time(time), in: partition)
                })
        case .events(let places):
            if let other = places.first(where: { $0.topic != shared.topic.name }) {
                throw .invalid(
                    "subscription '\(shared.name)' reads topic '\(shared.topic.name)', and \(other) is not in it"
                )
            }
            return .some(Set(places.map { Position(partition: $0.partition, offset: $0.offset) }))
        }
    }

    func requireShared(_ name: ResourceName) throws(BrokerError) -> SharedSubscription {
        let (shared, cursor) = catalog.withLock { ($0.shared[name], $0.cursors[name]) }
        if let shared { return shared }
        throw cursor == nil
            ? missing(name)
            : .conflict(
                "subscription '\(name)' is of kind cursor: read its events and commit, there are no leases")
    }

    func requireCursor(_ name: ResourceName) throws(BrokerError) -> CursorSubscription {
        let (shared, cursor) = catalog.withLock { ($0.shared[name], $0.cursors[name]) }
        if let cursor { return cursor }
        throw shared == nil
            ? missing(name)
            : .conflict(
                "subscription '\(name)' is of kind shared: receive and acknowledge, there is no position")
    }
}

extension SharedSubscription {
    /// Counts reasons to look again.
    var version: UInt64 { state.withLock(\.version) }

    /// Looks at every partition again from the given offsets on.
    func replay(
        from offsets: [Offset], givingUpAll: Bool = false,
        completion: @escaping @Sendable (Result<Void, BrokerError>) -> Void
    ) {
        state.withLock { state in
            state.delivery.rewind(to: offsets, givingUpAll: givingUpAll)
            endWithdrawn(&state)
            (state.ahead, state.replayAhead, state.replayProgress) = ([], [:], [:])
            (state.replayEra, state.isReplayBeingWritten) = (state.replayEra + 1, false)
            state.ordered = OrderedReads()
            _ = state.delivery.takeUnwritten()
            state.failures = state.failures.filter { state.delivery.items[$0.key] != nil }
            let mark = state.deadLetterMark.map {
                SubscriptionChange.deadLetterMark(partition: $0.partition, end: $0.end)
            }
            state.log.append(state.delivery.snapshot() + [mark].compactMap { $0 }) { [weak self] result in
                completion(result.map { _ in () }.mapError { BrokerError($0) })
                guard let self, case .failure = result else { return }
                // The events are on their way already, so the log has to follow, whatever the caller was told.
                self.context.inbox.post {
                    self.state.withLock { $0.wantsSnapshot = true }
                    self.context.enqueue(self, after: self.context.options.storeRetryInterval)
                }
            }
        }
        context.followers.enqueue(self)
    }
}
