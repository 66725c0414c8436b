// SPDX-License-Identifier: Apache-2.0

// One share fetch from acquiring to its answer: acquire records, read the batches that they are in, and when there are none, wait for any of the
// subscriptions to have some. A waiting fetch is an entry in a list of each subscription and a timer. What may have to wait for the disk runs beside
// the event loops.

internal import ApusEngine
internal import ApusGroups
internal import ApusKafkaCodec
internal import ApusModel
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// One share fetch under way.
final class ShareFetchOperation: Sendable {
    /// The partitions of one topic to acquire from.
    struct Source: Sendable {
        var topic: TopicSummary
        var subscription: SubscriptionSummary
        var partitions: Set<Int>
    }

    private struct State {
        var isAnswered = false
        /// Whether a turn is scheduled or running; news during it ask for another.
        var isTurning = false
        var hasNews = false
        var waits: [BatchWait] = []
        var timer: Scheduled<Void>?
    }

    private let call: KafkaCall
    private let key: ShareMemberKey
    private let opening: ShareSessions.Opening
    private let acknowledged: ShareOutcome
    private let recordsMax: Int
    private let bytesMax: Int
    private let batchSize: Int
    private let deadline: NIODeadline
    private let state = Mutex(State(isTurning: true))

    /// - Parameter acknowledged: what became of the acknowledgements that came with the fetch.
    init(
        _ call: KafkaCall, _ request: ShareFetchRequest, _ key: ShareMemberKey,
        _ opening: ShareSessions.Opening, acknowledged: ShareOutcome
    ) {
        self.call = call
        self.key = key
        self.opening = opening
        self.acknowledged = acknowledged
        let configuration = call.context.configuration
        // Who renews wants nothing else.
        recordsMax = request.isRenewAck ? 0 : min(max(Int(request.maxRecords), 0), Self.recordsMax)
        bytesMax = min(max(Int(request.maxBytes), 0), configuration.fetchBytesMax)
        batchSize = max(Int(request.batchSize), 0)
        let wait = min(max(Int64(request.maxWaitMs), 0), configuration.fetchWaitMax.milliseconds)
        deadline = .now() + .milliseconds(wait)
    }

    /// The most records that are handed out at once.
    private static let recordsMax = 10_000

    /// Begins, on any thread.
    func start() {
        guard recordsMax > 0, !opening.isFinal else { return answer([:], [:]) }
        let missing = Set(opening.partitions.map(\.topicID)).compactMap { id in
            call.context.topic(id).flatMap { topic in
                call.context.shares.subscription(key.group, topic) == nil && isAssigned(id) ? topic : nil
            }
        }
        guard !missing.isEmpty else { return run { $0.turn() } }
        // Somebody deleted it, or it could not be made when the member joined.
        Task {
            await call.context.shares.subscribe(key.group, toAll: missing)
            run { $0.turn() }
        }
    }

    /// Whether the member is to read the topic: only for those who are in the group subscriptions are made.
    private func isAssigned(_ topic: KafkaUUID) -> Bool {
        let assigned = call.context.groups.look {
            $0.sharedPartitions(group: key.group, memberID: key.member)
        }
        return assigned?.contains { $0.topic == TopicID(topic) } ?? false
    }

    /// Runs what may block.
    private func run(_ body: @escaping @Sendable (ShareFetchOperation) -> Void) {
        call.context.readers.submit { [self] state in
            if case .active = state { body(self) } else { call.responder.send(.close) }
        }
    }

    // MARK: Acquiring

    private func turn() {
        guard !state.withLock(\.isAnswered) else { return }
        let (sources, errors) = sources()
        guard call.context.shares.isHolding(key, opening.holder) else { return answer([:], errors) }
        let bytes = max(call.context.fetches.allowance(of: bytesMax), 1)
        let gathering = ShareGathering(sources) { [self] results, outlooks in
            run { $0.acquired(results, outlooks, errors) }
        }
        var left = recordsMax
        for (index, source) in sources.enumerated() {
            let request = AcquireRequest(
                holder: opening.holder, partitions: source.partitions, limit: left, byteLimit: bytes)
            // Asked for nothing it says from when on there may be something.
            let outlook = call.context.broker.acquire(source.subscription.name, request) {
                gathering.came(index, $0)
            }
            left -= outlook.count
            gathering.expect(index, outlook)
        }
        gathering.begin()
    }

    /// What there is to acquire from, in the order of the session, and what is wrong with the rest.
    private func sources() -> ([Source], [SharePartition: KafkaErrorCode]) {
        var sources: [Source] = []
        var places: [KafkaUUID: Result<Int, KafkaErrorCode>] = [:]
        var errors: [SharePartition: KafkaErrorCode] = [:]
        for partition in opening.partitions {
            let place =
                places[partition.topicID]
                ?? source(partition.topicID).map { source in
                    sources.append(source)
                    return sources.count - 1
                }
            places[partition.topicID] = place
            switch place {
            case .failure(let error): errors[partition] = error
            case .success(let index):
                if (0..<sources[index].topic.partitions).contains(Int(partition.partition)) {
                    sources[index].partitions.insert(Int(partition.partition))
                } else {
                    errors[partition] = .unknownTopicOrPartition
                }
            }
        }
        return (sources.filter { !$0.partitions.isEmpty }, errors)
    }

    private func source(_ id: KafkaUUID) -> Result<Source, KafkaErrorCode> {
        guard let topic = call.context.topic(id) else { return .failure(.unknownTopicID) }
        guard let subscription = call.context.shares.subscription(key.group, topic) else {
            return .failure(.unknownTopicOrPartition)
        }
        return .success(Source(topic: topic, subscription: subscription, partitions: []))
    }

    private func acquired(
        _ results: [(Source, Result<[AcquiredEvent], BrokerError>)], _ outlooks: [AcquireOutlook],
        _ errors: [SharePartition: KafkaErrorCode]
    ) {
        // Whoever has gone meanwhile has put back what it had then, and not this.
        let leases = results.map(\.0.subscription.settings.lease)
        guard call.context.shares.isHolding(key, opening.holder), !state.withLock(\.isAnswered) else {
            for (source, result) in results { putBack((try? result.get()) ?? [], source) }
            return answer([:], errors)
        }
        var errors = errors
        var readings: [SharePartition: ShareReading] = [:]
        var left = call.context.fetches.allowance(of: bytesMax)
        for (source, result) in results {
            switch result {
            case .failure(let error):
                for partition in source.partitions {
                    let place = SharePartition(topicID: source.topic.uuid, partition: Int32(partition))
                    errors[place] = Self.code(error)
                }
            case .success(let events):
                for (partition, events) in Dictionary(grouping: events, by: \.partition) {
                    let place = SharePartition(topicID: source.topic.uuid, partition: Int32(partition))
                    let reading = read(
                        events.sorted { $0.offset < $1.offset }, of: source, isFirst: readings.isEmpty, &left)
                    if !reading.events.isEmpty { readings[place] = reading }
                }
            }
        }
        guard readings.isEmpty, errors.isEmpty, NIODeadline.now() < deadline else {
            return answer(readings, errors, lock: leases.min())
        }
        wait(zip(results.map(\.0.subscription.name), outlooks.map(\.version)).map { ($0, $1) })
    }

    /// The code that says to a share consumer what is wrong: of what passes by itself it is not to tell its application.
    private static func code(_ error: BrokerError) -> KafkaErrorCode {
        switch error {
        case .unavailable: .kafkaStorageError
        case .unknownSubscription: .unknownTopicOrPartition
        default: KafkaErrorCode(error)
        }
    }

    /// Reads the batches that acquired events of a partition are in, as far as the answer has room; the other events are put back.
    private func read(
        _ events: [AcquiredEvent], of source: Source, isFirst: Bool, _ left: inout Int
    ) -> ShareReading {
        var reading = ShareReading(events: events)
        guard let partition = events.first?.partition else { return reading }
        do throws(BrokerError) {
            try reading.read(isFirst: isFirst, room: &left) { offset, limit throws(BrokerError) in
                try call.context.broker.readBatches(
                    source.topic.name, partition: partition, from: offset, byteLimit: limit,
                    isolation: .uncommitted
                ).batches
            }
        } catch {
            // They are looked at by themselves when they are handed out again, and what cannot be read is then reported and passed over.
            call.context.logger.warning(
                "acquired records could not be read: \(error)",
                metadata: ["subscription": "\(source.subscription.name)", "partition": "\(partition)"])
        }
        putBack(reading.takeBack(), source)
        return reading
    }

    /// Puts events back that the member does not hear of.
    private func putBack(_ events: [AcquiredEvent], _ source: Source) {
        for (partition, events) in Dictionary(grouping: events, by: \.partition) {
            call.context.broker.settle(
                source.subscription.name, by: opening.holder, partition: partition,
                events.map { OffsetVerdict($0.offset, .release(delay: .zero, counted: false)) }
            ) { _ in }
        }
    }

    // MARK: Waiting

    private func wait(_ subscriptions: [(name: ResourceName, version: UInt64)]) {
        let isFirst = state.withLock { state in
            state.hasNews = false
            return state.timer == nil
        }
        if isFirst {
            let timer = call.responder.eventLoop.scheduleTask(deadline: deadline) { [self] in wake() }
            state.withLock { $0.timer = timer }
            call.session.whenClosed { [self] in _ = end() }
        }
        let waits = subscriptions.compactMap { name, version in
            call.context.broker.whenAcquirable(name, since: version) { [weak self] in self?.wake() }
        }
        let (stale, again) = state.withLock { state in
            let stale = state.isAnswered ? waits : state.waits
            if !state.isAnswered { state.waits = waits }
            let again = state.hasNews && !state.isAnswered
            if !again { state.isTurning = false }
            state.hasNews = false
            return (stale, again)
        }
        for wait in stale { wait.cancel() }
        if again { run { $0.turn() } }
    }

    /// There may be something, or the time is up.
    private func wake() {
        let begins = state.withLock { state in
            guard !state.isAnswered else { return false }
            state.hasNews = true
            guard !state.isTurning else { return false }
            state.isTurning = true
            return true
        }
        if begins { run { $0.turn() } }
    }

    /// Ends all waits; true the first time.
    private func end() -> Bool {
        let (isFirst, waits, timer) = state.withLock { state in
            defer {
                state.isAnswered = true
                state.waits = []
                state.timer = nil
            }
            return (!state.isAnswered, state.waits, state.timer)
        }
        for wait in waits { wait.cancel() }
        timer?.cancel()
        return isFirst
    }

    // MARK: The answer

    private func answer(
        _ readings: [SharePartition: ShareReading], _ errors: [SharePartition: KafkaErrorCode],
        lock: Duration? = nil
    ) {
        guard end() else { return }
        var response = ShareFetchResponse()
        response.acquisitionLockTimeoutMs =
            lock.map { Int32(clamping: $0.milliseconds) } ?? call.lockTimeout(of: key.group)
        // Every partition of a session that begins; later only those with news.
        var places = opening.partitions.filter {
            opening.isFull || readings[$0] != nil || errors[$0] != nil || acknowledged.codes[$0] != nil
        }
        let listed = Set(places)
        places += acknowledged.places.filter { !listed.contains($0) }
        var indices: [KafkaUUID: Int] = [:]
        var bytes = 0
        for place in places {
            let index = indices[place.topicID] ?? response.responses.count
            if index == response.responses.count {
                indices[place.topicID] = index
                response.responses.append(ShareFetchResponse.Topic { $0.topicID = place.topicID })
            }
            bytes += readings[place]?.bytes ?? 0
            response.responses[index].partitions.append(partition(place, readings[place], errors[place]))
        }
        call.answer(.shareFetch(response), holding: bytes > 0 ? call.context.fetches.hold(bytes) : nil)
    }

    private func partition(
        _ place: SharePartition, _ reading: ShareReading?, _ error: KafkaErrorCode?
    ) -> ShareFetchResponse.Topic.Partition {
        ShareFetchResponse.Topic.Partition { partition in
            partition.partitionIndex = place.partition
            partition.errorCode = error ?? .noError
            partition.acknowledgeErrorCode = acknowledged.codes[place] ?? .noError
            // None is not the same as no data, and clients expect the former.
            partition.records = .pieces(reading?.batches.map(\.bytes) ?? [])
            partition.acquiredRecords = AcquiredRanges.of(reading?.events ?? [], lengthMax: batchSize)
        }
    }
}
