// SPDX-License-Identifier: Apache-2.0

// One fetch from arrival to answer: read, and when there is too little, wait for any of its partitions to grow. A waiting fetch is an entry in a
// list of each partition and a timer; no task and no thread.

internal import ApusEngine
internal import ApusKafkaCodec
internal import ApusModel
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// One fetch under way.
final class FetchOperation: Sendable {
    /// A partition to read.
    struct Target: Sendable {
        var key: FetchKey
        var wish: FetchWish
        /// Nil with an error.
        var topic: ResourceName?
        var error = KafkaErrorCode.noError
    }

    /// What a partition gave.
    struct Reading: Sendable {
        var records: [RecordBatch] = []
        var bounds = PartitionBounds(start: .zero, stableEnd: .zero, end: .zero)
        var aborted: [AbortedTransaction] = []
        var error = KafkaErrorCode.noError
    }

    /// How a fetch stands.
    private struct State {
        var isAnswered = false
        /// Whether a turn is scheduled or running; growth during it asks for another.
        var isTurning = false
        var hasGrown = false
        var waits: [BatchWait] = []
        var timer: Scheduled<Void>?
    }

    private let call: KafkaCall
    private let opening: FetchSessions.Opening
    private let targets: [Target]
    private let isolation: Isolation
    private let bytesMin: Int
    private let bytesMax: Int
    private let deadline: NIODeadline
    private let state = Mutex(State())

    /// Events further than this behind the end of a partition are likely to be on the disk only.
    private static let hotEvents: Int64 = 100_000

    init(
        _ call: KafkaCall, _ request: FetchRequest, _ opening: FetchSessions.Opening, targets: [Target]
    ) {
        self.call = call
        self.opening = opening
        self.targets = targets
        isolation = request.isolationLevel == 1 ? .committed : .uncommitted
        let configuration = call.context.configuration
        bytesMax = min(max(Int(request.maxBytes), 0), configuration.fetchBytesMax)
        bytesMin = min(max(Int(request.minBytes), 0), bytesMax)
        let wait = min(max(Int64(request.maxWaitMs), 0), configuration.fetchWaitMax.milliseconds)
        deadline = .now() + .milliseconds(wait)
    }

    /// Begins, on the connection's loop.
    func start() {
        let isCold = targets.contains { target in
            guard let topic = target.topic,
                let bounds = try? call.context.broker.bounds(topic, partition: Int(target.key.partition))
            else { return false }
            return bounds.end.rawValue - target.wish.offset > Self.hotEvents
        }
        state.withLock { $0.isTurning = true }
        if isCold {
            call.context.readers.submit { [self] state in
                if case .active = state { turn() } else { call.responder.send(.close) }
            }
        } else {
            turn()
        }
    }

    /// Reads, and answers or waits.
    private func turn() {
        let readings = read()
        let bytes = readings.reduce(0) { $0 + $1.records.bytes }
        let hasFailed = readings.contains { $0.error != .noError }
        if bytes >= bytesMin || hasFailed || NIODeadline.now() >= deadline || targets.isEmpty && bytesMin == 0
        {
            return answer(readings, bytes)
        }
        wait(readings)
    }

    private func read() -> [Reading] {
        var left = call.context.fetches.allowance(of: bytesMax)
        var isEmpty = true
        return targets.map { target in
            guard let topic = target.topic else { return Reading(error: target.error) }
            let number = Int(target.key.partition)
            let limit = min(Int(max(target.wish.bytesMax, 0)), left)
            do throws(BrokerError) {
                // The first batch of the answer goes out however large it is; without it a client could be stuck.
                guard limit > 0 || isEmpty else {
                    return Reading(bounds: try call.context.broker.bounds(topic, partition: number))
                }
                let read = try call.context.broker.readBatches(
                    topic, partition: number, from: Offset(target.wish.offset), byteLimit: limit,
                    isolation: isolation)
                // Only the first batch of the answer may be larger than what is left.
                let records = isEmpty ? read.batches : read.batches.first(within: limit)
                if !records.isEmpty { isEmpty = false }
                left -= records.bytes
                return Reading(records: records, bounds: read.bounds, aborted: read.aborted)
            } catch {
                var reading = Reading(error: KafkaErrorCode(error))
                if let bounds = try? call.context.broker.bounds(topic, partition: number) {
                    reading.bounds = bounds
                }
                return reading
            }
        }
    }

    // MARK: Waiting

    private func wait(_ readings: [Reading]) {
        let isFirst = state.withLock { state in
            defer { state.hasGrown = false }
            return state.timer == nil
        }
        if isFirst {
            let timer = call.responder.eventLoop.scheduleTask(deadline: deadline) { [self] in wake() }
            state.withLock { $0.timer = timer }
            call.session.whenClosed { [self] in _ = end() }
        }
        var waits: [BatchWait] = []
        for (target, reading) in zip(targets, readings) {
            guard let topic = target.topic else { continue }
            let end = isolation == .committed ? reading.bounds.stableEnd : reading.bounds.end
            let wait = call.context.broker.whenBeyond(
                end, of: topic, partition: Int(target.key.partition), isolation: isolation
            ) { [weak self] in self?.wake() }
            if let wait { waits.append(wait) }
        }
        let (stale, again) = state.withLock { state in
            let stale = state.isAnswered ? waits : state.waits
            if !state.isAnswered { state.waits = waits }
            let again = state.hasGrown && !state.isAnswered
            if !again { state.isTurning = false }
            state.hasGrown = false
            return (stale, again)
        }
        for wait in stale { wait.cancel() }
        if again { call.responder.eventLoop.execute { [self] in turn() } }
    }

    /// A partition has grown, or the time is up.
    private func wake() {
        let begins = state.withLock { state in
            guard !state.isAnswered else { return false }
            state.hasGrown = true
            guard !state.isTurning else { return false }
            state.isTurning = true
            return true
        }
        guard begins else { return }
        call.responder.eventLoop.execute { [self] in turn() }
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

    private func answer(_ readings: [Reading], _ bytes: Int) {
        guard end() else { return }
        let entries = zip(targets, readings).map { target, reading in
            (
                key: target.key,
                news: FetchNews(
                    highWatermark: reading.bounds.end.rawValue,
                    stableOffset: reading.bounds.stableEnd.rawValue, logStart: reading.bounds.start.rawValue,
                    error: reading.error), hasRecords: !reading.records.isEmpty
            )
        }
        let isNews = call.context.sessions.news(of: opening.session, entries, all: !opening.isIncremental)
        var response = FetchResponse()
        response.sessionID = opening.session
        for index in targets.indices where isNews[index] {
            let key = targets[index].key
            let partition = partition(key.partition, readings[index], entries[index].news)
            if let last = response.responses.indices.last, response.responses[last].topic == key.topic,
                response.responses[last].topicID == key.topicID
            {
                response.responses[last].partitions.append(partition)
            } else {
                response.responses.append(
                    FetchResponse.Topic {
                        $0.topic = key.topic
                        $0.topicID = key.topicID
                        $0.partitions = [partition]
                    })
            }
        }
        call.answer(.fetch(response), holding: bytes > 0 ? call.context.fetches.hold(bytes) : nil)
    }

    private func partition(
        _ number: Int32, _ reading: Reading, _ news: FetchNews
    ) -> FetchResponse.Topic.Partition {
        FetchResponse.Topic.Partition { partition in
            partition.partitionIndex = number
            partition.errorCode = reading.error
            guard reading.error == .noError || reading.error == .offsetOutOfRange else {
                partition.highWatermark = -1
                partition.records = .bytes(ByteBuffer())
                return
            }
            partition.highWatermark = news.highWatermark
            partition.lastStableOffset = news.stableOffset
            partition.logStartOffset = news.logStart
            if isolation == .committed {
                partition.abortedTransactions = reading.aborted.map { aborted in
                    FetchResponse.Topic.Partition.AbortedTransaction {
                        $0.producerID = aborted.producerID
                        $0.firstOffset = aborted.firstOffset.rawValue
                    }
                }
            }
            partition.records = .pieces(reading.records.map(\.bytes))
        }
    }
}

extension [RecordBatch] {
    fileprivate var bytes: Int { reduce(0) { $0 + $1.length } }

    /// Those from the front that are not longer than `limit` together.
    fileprivate func first(within limit: Int) -> [RecordBatch] {
        var left = limit
        return Array(
            prefix { batch in
                left -= batch.length
                return left >= 0
            })
    }
}
