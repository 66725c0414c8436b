// SPDX-License-Identifier: Apache-2.0

// Share groups at work: the sessions under a lock, the subscriptions behind the groups, and what becomes of records whose member is gone. It keeps
// nothing durable: subscriptions and configs are the broker's, and leases are too.

internal import ApusEngine
internal import ApusKafkaCodec
internal import ApusModel
internal import ApusStorage
internal import Glibc
internal import Logging
internal import Synchronization

/// The share groups of a server.
final class ShareService: Sendable {
    let broker: any Broker
    private let logger: Logger
    private let sessions = Mutex(ShareSessions())

    init(broker: any Broker, logger: Logger) {
        self.broker = broker
        self.logger = logger
    }

    // MARK: Sessions

    /// Finds, makes or ends the session of a fetch.
    func openForFetch(
        _ request: ShareSessions.Request, by session: KafkaSession
    ) throws(KafkaErrorCode) -> ShareSessions.Opening {
        let nonce = UInt64.random(in: .min ... .max)
        let result = sessions.withLock { sessions in
            Result { () throws(KafkaErrorCode) in try sessions.openForFetch(request, nonce: nonce) }
        }
        let opening = try result.get()
        // What the member has is for others once nobody can say any more what became of it.
        if opening.isFull {
            session.whenEnded(request.key) { [weak self] in
                self?.end(request.key, connection: request.connection, counted: true)
            }
        }
        return opening
    }

    /// Finds the session of an acknowledgement.
    func openForAcknowledgement(
        _ request: ShareSessions.Request
    ) throws(KafkaErrorCode) -> ShareSessions.Opening {
        let result = sessions.withLock { sessions in
            Result { () throws(KafkaErrorCode) in try sessions.openForAcknowledgement(request) }
        }
        return try result.get()
    }

    /// Whether a member's records are out in this name still.
    func isHolding(_ key: ShareMemberKey, _ holder: LeaseHolder) -> Bool {
        sessions.withLock { $0.sessions[key]?.holder == holder }
    }

    /// Ends a member's session and puts back what it has; with `connection` only if it came by that one.
    ///
    /// - Parameter counted: whether the attempts count: not where the member says by itself that it is done.
    func end(
        _ key: ShareMemberKey, connection: ObjectIdentifier? = nil, counted: Bool,
        then completion: (@Sendable () -> Void)? = nil
    ) {
        guard let ended = sessions.withLock({ $0.end(key, connection: connection) }) else {
            completion?()
            return
        }
        let names = ended.topics.compactMap { topic in
            broker.topicSummary(LogID(high: topic.high, low: topic.low)).flatMap {
                ShareGroupName(group: key.group, topic: $0.name).subscription
            }
        }
        guard !names.isEmpty else {
            completion?()
            return
        }
        let countdown = Countdown(names.count) { completion?() }
        for name in names {
            broker.release(name, by: ended.holder, counted: counted) { [logger] result in
                if case .failure(let error) = result {
                    logger.info(
                        "what a member of a share group had comes again when its locks end: \(error)",
                        metadata: ["group": "\(key.group.prefix(80))", "subscription": "\(name)"])
                }
                countdown.came()
            }
        }
    }

    // MARK: Subscriptions

    /// The subscription of a group to a topic; nil when there is none that is for it.
    func subscription(_ group: String, _ topic: TopicSummary) -> SubscriptionSummary? {
        ShareGroupName(group: group, topic: topic.name).subscription
            .flatMap { broker.subscriptionSummary($0) }
            .flatMap { $0.topicID == topic.id && $0.settings.kind == .shared ? $0 : nil }
    }

    /// What a group is configured with.
    func settings(_ group: String) -> ShareGroupSettings { ShareGroupSettings(configs(group)) }

    /// The configs that somebody gave a group.
    func configs(_ group: String) -> [String: String] {
        (try? ResourceName(ShareGroupName.escaped(group))).map { broker.groupConfigs($0) } ?? [:]
    }

    /// Makes the subscription of a group to a topic, unless it is there.
    func subscribe(_ group: String, to topic: TopicSummary) async throws(BrokerError) {
        guard subscription(group, topic) == nil else { return }
        guard let name = ShareGroupName(group: group, topic: topic.name).subscription else {
            throw .invalid("the names of the group and the topic are too long to name a subscription by")
        }
        do throws(BrokerError) {
            _ = try await broker.createSubscription(
                name, settings(group).subscription(to: topic, now: .now))
        } catch {
            // Another member may have been faster.
            guard subscription(group, topic) == nil else { return }
            throw error
        }
        logger.info(
            "a share group has a subscription",
            metadata: ["group": "\(group.prefix(80))", "subscription": "\(name)"])
    }

    /// Makes the subscriptions of a group to these topics, as far as possible; what is not is told to those who fetch.
    func subscribe(_ group: String, toAll topics: [TopicSummary]) async {
        for topic in topics {
            do throws(BrokerError) { try await subscribe(group, to: topic) } catch {
                logger.warning(
                    "a share group cannot read a topic: \(error)",
                    metadata: ["group": "\(group.prefix(80))", "topic": "\(topic.name)"])
            }
        }
    }

    /// The subscriptions of a group.
    func subscriptions(of group: String) -> [SubscriptionSummary] {
        broker.subscriptionSummaries().filter { ShareGroupName(subscription: $0.name)?.group == group }
    }

    /// Every group that has a subscription, by name.
    var groupsWithSubscriptions: [String] {
        Set(broker.subscriptionSummaries().compactMap { ShareGroupName(subscription: $0.name)?.group })
            .sorted()
    }

    /// Deletes everything that a group has read.
    func deleteSubscriptions(of group: String) async throws(BrokerError) {
        for subscription in subscriptions(of: group) {
            try await broker.deleteSubscription(subscription.name)
        }
    }
}

extension Timestamp {
    /// The time on the wall.
    static var now: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }
}

/// Calls back when a number of things have come.
final class Countdown: Sendable {
    private let left: Mutex<Int>
    private let completion: @Sendable () -> Void

    init(_ count: Int, _ completion: @escaping @Sendable () -> Void) {
        left = Mutex(count)
        self.completion = completion
    }

    func came() {
        let isLast = left.withLock { left in
            left -= 1
            return left == 0
        }
        if isLast { completion() }
    }
}
