// SPDX-License-Identifier: Apache-2.0

// Handing events out: first those that came back, then what the topic has new. The attempt is counted in the log before anybody sees
// the event, so a crash can never hide an attempt.

import ApusModel
import ApusStorage
import CloudEvents
import DequeModule
import Logging
import Synchronization

extension SharedSubscription {
    /// One event to be handed out.
    struct Handout: Sendable {
        var token: LeaseToken
        var attempt: Int
        var deadline: Duration
        var box: StoredEventBox
        /// Whether it was never handed out before, as far as the subscription knows.
        var isFirst: Bool

        var stored: StoredEvent { box.value }
    }

    /// The most data handed out at once, unless a single event is larger: an answer of many large events has to be held in memory whole,
    /// as many times as there are consumers who ask, and a consumer may never read its answer.
    private static let handOutBytesMax = 4 << 20

    /// Leases up to `limit` events, fewer if they are large. `completion` comes when their attempts are durable, on the store's thread, or at once when there are none.
    ///
    /// - Parameters:
    ///   - holder: who gets them, if it has no lease for each.
    ///   - partitions: only events of these; nil for all.
    /// - Returns: how many are being handed out, and the version to wait from when there are none.
    @discardableResult
    func handOut(
        limit: Int, lease: Duration?, to holder: LeaseHolder? = nil, from partitions: Set<Int>? = nil,
        byteLimit: Int = .max, completion: @escaping @Sendable (Result<[Handout], BrokerError>) -> Void
    ) -> (count: Int, version: UInt64) {
        var letters: [DeadLetterDraft] = []
        let (handouts, version) = state.withLock { state -> ([Handout], UInt64) in
            let now = context.clock.now
            state.delivery.times.ask(at: now)
            guard !state.isClosed, !state.definition.settings.isPaused else { return ([], state.version) }
            noteUse(&state)
            state.wanted = partitions
            let (handouts, mayBeMore) = choose(
                limit: limit, until: now + (lease ?? state.definition.settings.lease), to: holder,
                byteLimit: min(byteLimit, Self.handOutBytesMax),
                &state, &letters)
            state.wanted = nil
            noteExpired(&state)
            if !handouts.isEmpty {
                metrics.handedOut.increment(by: Int64(handouts.count))
                traceLeases(handouts, &state)
                count(handouts, &state, completion)
            } else if !state.replayProgress.isEmpty {
                // A note that gets lost costs a repetition.
                state.log.append(takeReplayProgress(&state)) { _ in }
            }
            if mayBeMore, !state.waiters.isEmpty { context.followers.enqueue(self) }
            rearm(&state)
            return (handouts, state.version)
        }
        bury(letters)
        if handouts.isEmpty { completion(.success([])) }
        return (handouts.count, version)
    }

    private func choose(
        limit: Int, until deadline: Duration, to holder: LeaseHolder?, byteLimit: Int, _ state: inout State,
        _ letters: inout [DeadLetterDraft]
    ) -> (handouts: [Handout], mayBeMore: Bool) {
        var handouts: [Handout] = []
        handouts.reserveCapacity(min(limit, 512))
        let round = HandOutRound(partitions: topic.partitions, timeToLive: topic.timeToLive)
        // Numbers and not the settings, of which a copy would be made for each event.
        let inFlightMax = state.definition.settings.inFlightMax
        // One for all: with its place it tells each lease from earlier ones of the same event.
        let nonce = holder?.nonce ?? context.entropy.next()
        var byteCount = 0
        if state.delivery.arrangement != nil { lookOn(&state) }
        while handouts.count < limit, byteCount < byteLimit,
            state.delivery.leased < inFlightMax
        {
            guard let next = nextEvent(round, &state, &letters) else { break }
            let position = next.position
            let isFirst = state.delivery.isUntouched(position)
            let attempt = state.delivery.lease(position, nonce: nonce, deadline: deadline)
            handouts.append(
                Handout(
                    token: LeaseToken(position: position, nonce: nonce), attempt: attempt, deadline: deadline,
                    box: next.box, isFirst: isFirst))
            byteCount += next.box.dataCount
        }
        state.delivery.list(state.unwanted)
        state.unwanted = []
        return (handouts, handouts.count == limit || byteCount >= byteLimit)
    }

    /// Tells how long events waited that are handed out now.
    private static func tellOfDelays(_ handouts: [Handout], _ context: EngineContext) {
        guard let tell = context.options.onFirstDelivery else { return }
        let now = context.clock.wall
        // Clocks that producers or somebody else have set are no reason to tell of a time before.
        for handout in handouts where handout.isFirst {
            tell(max(.zero, handout.box.value.timestamp.duration(to: now)))
        }
    }

    /// What is the same for all events that are handed out together, looked up once.
    private struct HandOutRound {
        var partitions: [Partition]
        var timeToLive: Duration?
    }

    private func nextEvent(
        _ round: HandOutRound, _ state: inout State, _ letters: inout [DeadLetterDraft]
    ) -> EventInTurn? {
        if state.delivery.arrangement != nil { return nextInOrder(&state, &letters) }
        while let position = state.delivery.takeReady() {
            guard state.wanted?.contains(position.partition) ?? true else {
                state.unwanted.append(position)
                continue
            }
            let attempts = state.delivery.items[position]?.attempts ?? 0
            if attempts >= state.definition.settings.attemptsMax || state.failures[position]?.isFinal == true
            {
                letters.append(draft(position, attempts, &state))
            } else if let stored = reread(position, &state) {
                guard isExpired(stored) else { return EventInTurn(position, stored) }
                letters.append(expireAgain(position, attempts: attempts, &state))
            }
        }
        guard readsOn(state) else { return nil }
        while let next = nextNewOrReplayedEvent(round, &state) {
            guard isExpired(next.box, timeToLive: round.timeToLive) else { return next }
            expire(next.position, &state)
            if state.expiring.count >= SharedSubscription.expiringMax { return nil }
        }
        return nil
    }

    private func nextNewOrReplayedEvent(_ round: HandOutRound, _ state: inout State) -> EventInTurn? {
        guard !state.delivery.replays.isEmpty else { return nextFreshEvent(round, &state) }
        // What is replayed and what is new take turns.
        state.takesReplayed.toggle()
        return state.takesReplayed
            ? nextReplayedEvent(&state) ?? nextFreshEvent(round, &state)
            : nextFreshEvent(round, &state) ?? nextReplayedEvent(&state)
    }

    /// Many events that wait for a retry, or keys that wait for a dead letter, are a reason not to read on: memory is bounded, and the target
    /// is likely down.
    func readsOn(_ state: State) -> Bool {
        state.delivery.waiting + state.delivery.blocked < 10 * max(state.definition.settings.inFlightMax, 100)
    }

    private func nextFreshEvent(_ round: HandOutRound, _ state: inout State) -> EventInTurn? {
        let count = round.partitions.count
        for turn in 0..<count {
            let number = (state.firstPartition + turn) % count
            guard state.wanted?.contains(number) ?? true else { continue }
            state.delivery.grow(to: number)
            while state.ahead.count <= number { state.ahead.append(nil) }
            if let box = state.ahead[number]?.events.popFirst() ?? lookAhead(number, round, &state) {
                state.firstPartition = (number + 1) % count
                return EventInTurn(Position(partition: number, offset: box.value.offset), box)
            }
        }
        return nil
    }

    /// The next event of a partition of which nothing is left that was read before.
    private func lookAhead(
        _ number: Int, _ round: HandOutRound, _ state: inout State
    ) -> StoredEventBox? {
        var ahead =
            state.ahead[number].take()
            ?? LookAhead(
                scanned: state.delivery.next[number], limit: state.definition.end(ofPartition: number))
        let looked = ahead.scanned
        let progress = ahead.fill(
            from: round.partitions[number], topic: topic.name, recipient: name, filter: &state.filter,
            context: context
        ) { error in report(error, partition: number) }
        if ahead.scanned > looked { state.delivery.see(partition: number, before: ahead.scanned) }
        if let box = ahead.events.popFirst() {
            state.ahead[number] = ahead
            return box
        }
        state.delivery.advance(partition: number, to: ahead.scanned)
        switch progress {
        case .done: break
        case .hasMore: context.followers.enqueue(self)
        case .failed(let error): tryAgain(error, partition: number)
        }
        return nil
    }

    func tryAgain(_ error: LogError, partition: Int) {
        context.logger.warning(
            "events could not be read for a subscription; that is tried again: \(BrokerError(error))",
            metadata: ["subscription": "\(name)", "topic": "\(topic.name)", "partition": "\(partition)"])
        context.enqueue(self, after: context.options.storeRetryInterval)
    }

    /// The event of an item that came back; nil when it can no longer be read, and then it is settled: loudly.
    func reread(_ position: Position, _ state: inout State) -> StoredEvent? {
        let partitions = topic.partitions
        guard position.partition < partitions.count else { return nil }
        do {
            let stored = try context.withRecord(partitions[position.partition].log, at: position.offset) {
                StoredEvent(record: $0, topic: topic.name, partition: position.partition)
            }
            if let stored { return stored }
        } catch {
            guard LookAhead.wayAround(error) != nil else {
                state.delivery.postpone(
                    position, attempts: state.delivery.items[position]?.attempts ?? 0,
                    due: context.clock.now + context.options.storeRetryInterval, wall: context.clock.wall)
                return nil
            }
            report(BrokerError(error), partition: position.partition)
        }
        state.delivery.settle(position)
        state.log.append([.settled(position)]) { _ in }
        return nil
    }

    func report(_ error: BrokerError, partition: Int) {
        metrics.unreadable.increment()
        context.logger.error(
            "an event could not be read for a subscription, which goes on behind it: \(error)",
            metadata: ["subscription": "\(name)", "topic": "\(topic.name)", "partition": "\(partition)"])
    }

    /// Writes the attempts down; hands out when that is durable.
    private func count(
        _ handouts: [Handout], _ state: inout State,
        _ completion: @escaping @Sendable (Result<[Handout], BrokerError>) -> Void
    ) {
        guard context.options.writesSubscriptions else {
            _ = (state.delivery.takeUnwritten(), takeReplayProgress(&state))
            Self.tellOfDelays(handouts, context)
            return completion(.success(handouts))
        }
        var changes = handouts.map { SubscriptionChange.attempted($0.token.position, attempts: $0.attempt) }
        if state.delivery.arrangement != nil {
            // First, because what follows moves the log past them.
            changes = SubscriptionChange.parked(state.delivery.takeUnwritten()) + changes
        }
        changes += takeReplayProgress(&state)
        state.log.append(changes) { [weak self, context] result in
            switch result {
            case .success:
                Self.tellOfDelays(handouts, context)
                completion(.success(handouts))
            case .failure(let error):
                completion(.failure(BrokerError(error)))
                guard let self else { return }
                self.context.inbox.post { self.takeBack(handouts) }
            }
        }
    }

    /// The attempts could not be counted, so they were not made.
    private func takeBack(_ handouts: [Handout]) {
        state.withLock { state in
            let due = context.clock.now + context.options.storeRetryInterval
            // What the log lacks now is not to be searched for at every start.
            state.wantsSnapshot = true
            if state.definition.settings.push != nil {
                state.pushing = max(0, state.pushing - handouts.count)
            }
            for handout in handouts {
                let position = handout.token.position
                guard state.delivery.leasedItem(position, nonce: handout.token.nonce) != nil else { continue }
                state.leaseTraces.drop(position)
                state.delivery.postpone(
                    position, attempts: handout.attempt - 1, due: due, wall: context.clock.wall)
            }
            rearm(&state)
        }
        // Those whose lease had run out meanwhile are ready already, and there is room again to push them.
        context.followers.enqueue(self)
    }
}
