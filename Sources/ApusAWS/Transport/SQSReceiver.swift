// SPDX-License-Identifier: Apache-2.0

// One subscription: messages of a queue handed out as events, verdicts taken back.

internal import ApusBus
internal import CloudEvents
internal import Synchronization

/// The queues of one subscription, by URL.
struct SubscriptionQueue: Sendable {
    var url: String
    var deadLetters: String

    /// Whole seconds, rounded up, as far as SQS keeps a message from others.
    static func seconds(_ duration: Duration) -> Int {
        let (seconds, rest) = duration.components
        return Int(min(max(seconds + (rest > 0 ? 1 : 0), 0), Int64(SQSService.visibilityMax)))
    }
}

/// One open subscription.
final class SQSReceiver: Receiver {
    struct HandedOut {
        /// What has to be known if it is given up.
        var message: SQSService.Message
        /// When its lease ends, as far as SQS has confirmed: it takes a verdict on a message that has been handed to somebody else meanwhile.
        var deadline: ContinuousClock.Instant
    }

    struct State {
        /// What is handed out, or waits for another one of its group.
        var outstanding: [DeliveryToken: HandedOut] = [:]
        /// Order within groups (FIFO).
        var lanes = GroupLanes<ReceivedEvent>()
        /// What waited for another one of its group and may now go out: of its group it is the one that is out.
        var ready: [ReceivedEvent] = []
        /// How many messages are being asked for.
        var asked = 0
        var isClosed = false
    }

    let subscription: Subscription
    let queue: SubscriptionQueue
    let transport: AWSTransport
    /// What time it is for leases.
    let now: @Sendable () -> ContinuousClock.Instant
    let state = Mutex(State())
    /// Rings when there is room again, when what waited in a group may go out, or at the end.
    let bell = Bell()
    /// The longest that a call waits for that: leases end without anybody saying so.
    private static let bellMax = Duration.seconds(1)

    var sqs: SQSService { transport.sqs }

    init(
        subscription: Subscription, queue: SubscriptionQueue, transport: AWSTransport,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        self.subscription = subscription
        self.queue = queue
        self.transport = transport
        self.now = now
    }

    // MARK: Receive

    func receive(limit: Int, wait: Duration) async throws(BusError) -> [ReceivedEvent] {
        let end = ContinuousClock.now + wait
        while true {
            if transport.isClosed { throw .closed }
            let rings = bell.rings
            let waited = try await takeReady(limit)
            guard waited.isEmpty else { return waited }
            let room = try reserve(limit)
            let left = max(Duration.zero, ContinuousClock.now.duration(to: end))
            guard room > 0 else {
                // All that may be handed out is: only verdicts make room.
                guard left > .zero, !Task.isCancelled else { return [] }
                await bell.wait(since: rings, atMost: min(left, Self.bellMax))
                continue
            }
            let messages: [SQSService.Message]
            do throws(AWSError) {
                messages = try await sqs.receive(
                    queue.url, limit: room, wait: SubscriptionQueue.seconds(left),
                    visibility: SubscriptionQueue.seconds(subscription.lease))
            } catch {
                state.withLock { $0.asked -= room }
                bell.ring()
                if isClosed || transport.isClosed { throw .closed }
                throw error.busError("queue of subscription '\(subscription.name)'")
            }
            let events = try await handOut(messages, room)
            if !events.isEmpty || Task.isCancelled || ContinuousClock.now >= end { return events }
        }
    }

    private var isClosed: Bool { state.withLock(\.isClosed) }

    private func reserve(_ limit: Int) throws(BusError) -> Int {
        let room: Int? = state.withLock { state in
            guard !state.isClosed else { return nil }
            let free = subscription.prefetch - state.outstanding.count - state.asked
            let room = max(0, min(limit, free, SQSService.batchMax))
            state.asked += room
            return room
        }
        guard let room else { throw .closed }
        return room
    }

    private func handOut(
        _ messages: [SQSService.Message], _ room: Int
    ) async throws(BusError) -> [ReceivedEvent] {
        let now = now()
        let deadline = now + .seconds(SubscriptionQueue.seconds(subscription.lease))
        var events: [ReceivedEvent] = []
        var unwanted: [String] = []
        for message in messages {
            let (event, problem) = AWSMessage.event(message, queue: queue.url)
            guard let event, subscription.types?.contains(event.type) ?? true || problem != nil else {
                unwanted.append(message.receipt)
                continue
            }
            events.append(
                ReceivedEvent(
                    event: event, problem: problem, topic: subscription.topic,
                    publishedAt: message.sentAt.map { CloudEventTimestamp(millisecondsSinceEpoch: $0) },
                    attempt: message.receiveCount, token: .text(message.receipt)))
        }
        let isClosed = state.withLock { state in
            state.asked -= room
            guard !state.isClosed else { return true }
            for message in messages where !unwanted.contains(message.receipt) {
                state.outstanding[.text(message.receipt)] = HandedOut(message: message, deadline: deadline)
            }
            events = events.filter { event in
                guard transport.isFIFO, let group = state.outstanding[event.token]?.message.group else {
                    return true
                }
                // What was out and is over comes again, and what waited for it as well.
                if let out = state.lanes.out(of: group),
                    state.outstanding[out].map({ $0.deadline <= now }) ?? true
                {
                    for waiting in state.lanes.abandon(group) { state.outstanding[waiting.token] = nil }
                    state.outstanding[out] = nil
                }
                return state.lanes.admit(event, event.token, of: group)
            }
            return false
        }
        bell.ring()
        if isClosed {
            // Handed out to nobody: given back, or it comes again when its lease ends.
            for batch in Self.slices(messages) {
                _ = try? await sqs.changeVisibility(queue.url, batch.map { ($0.receipt, 0) })
            }
            throw .closed
        }
        // What the subscription does not want is done with, as it would be had the broker filtered it.
        if !unwanted.isEmpty {
            do { _ = try await sqs.delete(queue.url, receipts: unwanted) } catch {
                // They come again, and are skipped again.
            }
        }
        return events
    }

    /// What waited for another one of its group, under a lease that begins anew.
    private func takeReady(_ limit: Int) async throws(BusError) -> [ReceivedEvent] {
        let ready = state.withLock { state in
            let ready = Array(state.ready.prefix(limit))
            state.ready.removeFirst(ready.count)
            return ready
        }
        guard !ready.isEmpty else { return [] }
        var kept = Set<DeliveryToken>()
        defer {
            // Those that are held still, and could not be extended, are nobody's. The next call tries again, as long as their leases hold.
            let others = ready.filter { !kept.contains($0.token) }
            state.withLock { state in
                state.ready.insert(
                    contentsOf: others.filter { state.outstanding[$0.token] != nil }, at: 0)
            }
        }
        kept = try await renew(ready.map(\.token), by: subscription.lease)
        return ready.filter { kept.contains($0.token) }
    }

    /// Lets go of messages that are done with; what waited for them in their groups moves up.
    private func advance(_ receipts: [String]) {
        state.withLock { state in
            for receipt in receipts {
                guard let message = state.outstanding.removeValue(forKey: .text(receipt))?.message,
                    transport.isFIFO, let group = message.group
                else { continue }
                if let next = state.lanes.advance(group, token: \.token) { state.ready.append(next) }
            }
        }
        bell.ring()
    }

    // MARK: Settle

    func settle(_ settlements: [Settlement]) async throws(BusError) -> [SettleResult] {
        var results = [SettleResult](repeating: .settled, count: settlements.count)
        var done: [(index: Int, receipt: String)] = []
        var later: [(index: Int, receipt: String, seconds: Int)] = []
        for (index, settlement) in settlements.enumerated() {
            guard case .text(let receipt) = settlement.token,
                let message = take(settlement.token)
            else {
                results[index] = .expired
                continue
            }
            switch settlement.verdict {
            case .acknowledge: done.append((index, receipt))
            case .retry(_, let reason) where message.receiveCount >= subscription.attemptsMax:
                // The redrive policy would do this at the next hand-out, and not know why.
                try await bury(message, reason)
                done.append((index, receipt))
            case .retry(let after, _): later.append((index, receipt, SubscriptionQueue.seconds(after)))
            case .release: later.append((index, receipt, 0))
            case .deadLetter(let reason):
                // Copied first and then deleted: what happens in between makes a second copy and loses nothing.
                try await bury(message, reason)
                done.append((index, receipt))
            }
        }
        for batch in Self.slices(done) {
            let failures = try await call { () async throws(AWSError) in
                try await sqs.delete(queue.url, receipts: batch.map(\.receipt))
            }
            let expired = try expired(failures, of: batch.map(\.index))
            for index in expired { results[index] = .expired }
            advance(batch.filter { !expired.contains($0.index) }.map(\.receipt))
            // Not deleted, it comes again.
            await drop(batch.filter { expired.contains($0.index) }.map { .text($0.receipt) })
        }
        for batch in Self.slices(later) {
            let failures = try await call { () async throws(AWSError) in
                try await sqs.changeVisibility(queue.url, batch.map { ($0.receipt, $0.seconds) })
            }
            for index in try expired(failures, of: batch.map(\.index)) { results[index] = .expired }
            await drop(batch.map { .text($0.receipt) })
        }
        return results
    }

    func close() async {
        let receipts = state.withLock { state in
            state.isClosed = true
            defer { state.outstanding = [:] }
            return state.outstanding.values.map(\.message.receipt)
        }
        bell.ring()
        for batch in Self.slices(receipts) {
            // What cannot be given back comes again when its lease ends.
            _ = try? await sqs.changeVisibility(queue.url, batch.map { ($0, 0) })
        }
        if subscription.isTemporary { try? await transport.unsubscribe(subscription) }
    }

    // MARK: Parts

    /// The message of a token whose lease holds.
    private func take(_ token: DeliveryToken) -> SQSService.Message? {
        state.withLock { state in
            guard let handedOut = state.outstanding[token] else { return nil }
            if handedOut.deadline > now() { return handedOut.message }
            state.outstanding[token] = nil
            if let group = handedOut.message.group {
                // It comes again, and they come again after it.
                for event in state.lanes.abandon(group) { state.outstanding[event.token] = nil }
            }
            return nil
        }
    }

    private func bury(_ message: SQSService.Message, _ reason: String) async throws(BusError) {
        let attributes = [
            DeadLetterReader.reasonName: String(reason.prefix(1_000)),
            DeadLetterReader.attemptsName: "\(message.receiveCount)",
        ]
        _ = try await call { () async throws(AWSError) in
            try await sqs.send(
                queue.deadLetters, body: message.body, attributes: attributes,
                group: transport.isFIFO ? message.id : nil,
                deduplicationID: transport.isFIFO ? message.id : nil)
        }
    }

    func call<Answer: Sendable>(
        _ body: () async throws(AWSError) -> Answer
    ) async throws(BusError) -> Answer {
        do { return try await body() } catch {
            throw error.busError("queue of subscription '\(subscription.name)'")
        }
    }

    /// The settlements whose lease had ended, among entries that failed.
    private func expired(_ failures: [SQSService.EntryFailure], of indices: [Int]) throws(BusError) -> [Int] {
        var expired: [Int] = []
        for failure in failures where indices.indices.contains(failure.index) {
            guard failure.isSendersFault else {
                throw .unavailable("\(failure.code): \(failure.message)")
            }
            expired.append(indices[failure.index])
        }
        return expired
    }

    static func slices<Element>(_ elements: [Element]) -> [ArraySlice<Element>] {
        stride(from: 0, to: elements.count, by: SQSService.batchMax).map {
            elements[$0..<min($0 + SQSService.batchMax, elements.count)]
        }
    }
}

/// Looks at a dead-letter queue and leaves it as it was.
struct DeadLetterReader: Sendable {
    /// The message attribute with the reason.
    static let reasonName = "apus-reason"
    /// The message attribute with the number of attempts.
    static let attemptsName = "apus-attempts"
    /// For how long messages are kept from others while they are looked at, in seconds.
    private static let visibility = 30

    var sqs: SQSService
    var queue: String

    func read(limit: Int) async throws(AWSError) -> [DeadLetter] {
        var seen: [SQSService.Message] = []
        while seen.count < limit {
            let messages = try await sqs.receive(
                queue, limit: limit - seen.count, wait: 0, visibility: Self.visibility)
            guard !messages.isEmpty else { break }
            seen += messages
        }
        for start in stride(from: 0, to: seen.count, by: SQSService.batchMax) {
            let batch = seen[start..<min(start + SQSService.batchMax, seen.count)]
            _ = try await sqs.changeVisibility(queue, batch.map { ($0.receipt, 0) })
        }
        return seen.sorted { ($0.sentAt ?? 0) < ($1.sentAt ?? 0) }.compactMap { message in
            AWSMessage.event(message, queue: queue).event.map { event in
                DeadLetter(
                    event: event,
                    reason: message.attributes[Self.reasonName]
                        ?? "handed out as often as the queue's redrive policy allows",
                    attempts: message.attributes[Self.attemptsName].flatMap { Int($0) })
            }
        }
    }
}
