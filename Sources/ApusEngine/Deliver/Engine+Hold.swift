// SPDX-License-Identifier: Apache-2.0

// Holding, as the broker offers it: names to running subscriptions.

public import ApusModel
import ApusStorage
import Synchronization

extension Engine {
    public func subscriptionSummary(_ name: ResourceName) -> SubscriptionSummary? {
        catalog.withLock { catalog in
            // What is defined and not at work yet is nothing that could be received from.
            let isAtWork = catalog.shared[name] != nil || catalog.cursors[name] != nil
            return isAtWork ? catalog.definitions.subscriptions[name] : nil
        }.map { SubscriptionSummary($0) }
    }

    public func subscriptionSummaries() -> [SubscriptionSummary] {
        definitions.subscriptions.values.map { SubscriptionSummary($0) }.sorted { $0.name < $1.name }
    }

    public func acquire(
        _ name: ResourceName, _ request: AcquireRequest, completion: @escaping AcquireCompletion
    ) -> AcquireOutlook {
        let subscription: SharedSubscription
        do throws(BrokerError) {
            subscription = try requireHoldable(name)
            try subscription.checkOrder(allows: request.partitions)
        } catch {
            completion(.failure(error))
            return AcquireOutlook(count: 0, version: 0)
        }
        let (count, version) = subscription.handOut(
            limit: request.limit, lease: nil, to: request.holder, from: request.partitions,
            byteLimit: request.byteLimit
        ) { result in
            completion(
                result.map { handouts in
                    handouts.map {
                        AcquiredEvent(
                            partition: $0.token.position.partition, offset: $0.token.position.offset,
                            attempt: $0.attempt)
                    }
                })
        }
        return AcquireOutlook(count: count, version: version)
    }

    public func whenAcquirable(
        _ name: ResourceName, since version: UInt64, _ body: @escaping @Sendable () -> Void
    ) -> BatchWait? {
        guard !isStopped, let subscription = try? requireHoldable(name) else {
            body()
            return nil
        }
        return subscription.watch(since: version, body)
    }

    public func settle(
        _ name: ResourceName, by holder: LeaseHolder, partition: Int, _ verdicts: [OffsetVerdict],
        completion: @escaping HoldCompletion
    ) {
        do throws(BrokerError) {
            try requireHoldable(name).settle(
                by: holder, partition: partition, verdicts, completion: completion)
        } catch {
            completion(.failure(error))
        }
    }

    public func release(
        _ name: ResourceName, by holder: LeaseHolder, counted: Bool, completion: @escaping HoldCompletion
    ) {
        do throws(BrokerError) {
            try requireHoldable(name).release(by: holder, counted: counted, completion: completion)
        } catch {
            completion(.failure(error))
        }
    }

    public func reposition(_ name: ResourceName, to offsets: [Int: Offset]) async throws(BrokerError) {
        let subscription = try requireHoldable(name)
        for (number, offset) in offsets {
            let (_, partition) = try requirePartition(subscription.topic.name, number)
            guard offset >= .zero, offset <= partition.written.end else {
                throw .beyondEnd(end: partition.written.end)
            }
        }
        let result = await withUnsafeContinuation { continuation in
            subscription.reposition(to: offsets) { continuation.resume(returning: $0) }
        }
        try result.get()
    }

    private func requireHoldable(_ name: ResourceName) throws(BrokerError) -> SharedSubscription {
        let subscription = try requireShared(name)
        if subscription.definition.settings.push != nil {
            throw .conflict("subscription '\(name)' pushes to its target: nobody receives from it")
        }
        return subscription
    }

    // MARK: Configs of groups

    public func groupConfigs(_ group: ResourceName) -> [String: String] {
        definitions.groups[group]?.configs ?? [:]
    }

    public func configureGroup(
        _ group: ResourceName, _ configs: [String: String]
    ) async throws(BrokerError) {
        try await change { [self] () throws(BrokerError) -> Decision<Void> in
            let existing = definitions.groups[group]
            if configs.isEmpty {
                guard existing != nil else { return .nothing(()) }
                return Decision(changes: [.groupDeleted(group)]) { () throws(BrokerError) in }
            }
            guard existing != nil || definitions.groups.count < context.options.subscriptionsMax else {
                throw .invalid("\(definitions.groups.count) groups are configured, which is the limit")
            }
            return Decision(changes: [.group(GroupDefinition(name: group, configs: configs))]) {
                () throws(BrokerError) in
            }
        }
    }
}

extension SharedSubscription {
    /// Refuses to hand out of some partitions only where who goes first is decided over all of them.
    fileprivate func checkOrder(allows partitions: Set<Int>) throws(BrokerError) {
        guard state.withLock({ $0.delivery.arrangement != nil }),
            topic.partitions.contains(where: { !partitions.contains($0.number) })
        else { return }
        throw .conflict(
            "subscription '\(name)' decides who goes first, over all partitions: nobody can receive from some of them only"
        )
    }
}

extension SubscriptionSummary {
    fileprivate init(_ definition: SubscriptionDefinition) {
        self.init(name: definition.name, settings: definition.settings, topicID: definition.topicID)
    }
}
