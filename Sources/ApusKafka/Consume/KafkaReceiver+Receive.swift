// SPDX-License-Identifier: Apache-2.0

// From librdkafka's queues to events. Many at a time: those that need not wait for anything go the short way, from the queue into their partition's ledger and out at once.

#if Kafka
    internal import ApusBus
    internal import CRDKafka
    internal import CloudEvents
    internal import DequeModule
    internal import Logging
    internal import Synchronization

    extension KafkaReceiver {
        /// An event that is being handed out.
        private struct Handed {
            let record: KafkaRecord
            let attempt: Int
            let number: UInt64
            let session: UInt64
            let isRetry: Bool
        }

        func receive(limit: Int, wait: Duration) async throws(BusError) -> [ReceivedEvent] {
            guard limit > 0 else { return [] }
            let deadline = ContinuousClock.now + min(wait, .seconds(1 << 30))
            while true {
                let rings = bell.rings
                let (handed, next, ended, hasOrder) = state.withLock { state in
                    (take(limit, &state), state.due.next, state.ended, state.order != nil)
                }
                if hasOrder { wakeThread() }
                if let ended { throw ended }
                let events = try await decode(handed)
                if !events.isEmpty { return events }
                guard handed.isEmpty else { continue }
                guard wait > .zero, .now < deadline, !Task.isCancelled else { return [] }
                await bell.wait(beyond: rings, until: min(deadline, next ?? deadline))
            }
        }

        private func take(_ limit: Int, _ state: inout State) -> [Handed] {
            var handed: [Handed] = []
            guard state.ended == nil, let queues = state.queues else { return handed }
            let now = ContinuousClock.now
            let room = min(limit, subscription.prefetch - state.out)
            while state.retriesAhead < KafkaLimits.retriesAheadMax {
                let count = queues.retry.take(KafkaLimits.retriesAheadMax - state.retriesAhead) {
                    admit($0, isRetry: true, now, &state)
                }
                guard count > 0 else { break }
            }
            while let reference = state.due.pop(at: now) { state.ready.append(reference) }
            guard room > 0 else { return handed }
            handed.reserveCapacity(min(room, KafkaLimits.sliceRecords))
            let isPlain = subscription.ordering == .none
            var (taken, bytes) = (0, 0)
            while true {
                while handed.count < room, let reference = state.ready.popFirst() {
                    if let one = handOut(reference, &state) { handed.append(one) }
                }
                guard handed.count < room, state.waiting - state.retriesAhead < KafkaLimits.waitingMax,
                    state.waitingBytes < KafkaLimits.waitingBytesMax, state.full.isEmpty
                else { break }
                // Records that come together are mostly of one partition.
                var last: Assignment?
                let count = queues.main.take(room - handed.count) { record in
                    bytes += record.valueCount
                    guard isPlain, !record.error.isError else {
                        return admit(record, isRetry: false, now, &state)
                    }
                    if last?.source.partition != record.partition {
                        last = state.sources[Source(isRetry: false, partition: record.partition)]
                    }
                    guard let assignment = last, !assignment.isLeaving else {
                        return admit(record, isRetry: false, now, &state)
                    }
                    guard assignment.isNew(record) else { return }
                    let number = assignment.ledger.append(
                        Held(record: record, attempt: 1, isOut: true), at: record.offset)
                    if assignment.ledger.span >= KafkaLimits.spanMax { state.full.insert(assignment.session) }
                    assignment.out += 1
                    state.out += 1
                    handed.append(
                        Handed(
                            record: record, attempt: 1, number: number, session: assignment.session,
                            isRetry: false))
                }
                taken += count
                guard count > 0 else { break }
            }
            state.order =
                state.readAhead.taken(records: taken, bytes: bytes, left: queues.main.count, at: now)
                ?? state.order
            return handed
        }

        /// A record that was consumed: into its partition's ledger, and to be handed out unless it has to wait.
        private func admit(
            _ record: KafkaRecord, isRetry: Bool, _ now: ContinuousClock.Instant, _ state: inout State
        ) {
            guard !record.error.isError else { return note(record, &state) }
            let source = Source(isRetry: isRetry, partition: record.partition)
            // Records of partitions that were revoked may still be on their way.
            guard let assignment = state.sources[source], assignment.isNew(record) else { return }
            var (attempt, wait) = (1, Duration.zero)
            if isRetry {
                let notes = CopyNotes(record)
                attempt = notes.attempts + 1
                if let due = notes.due {
                    wait = .milliseconds(max(0, min(due - WallClock.milliseconds, 1 << 40)))
                }
                state.retriesAhead += 1
            }
            state.waiting += 1
            state.waitingBytes += record.byteCount
            let number = assignment.ledger.append(Held(record: record, attempt: attempt), at: record.offset)
            if assignment.ledger.span >= KafkaLimits.spanMax { state.full.insert(assignment.session) }
            let reference = Reference(assignment: assignment, number: number)
            if wait > .zero { return state.due.insert(reference, due: now + wait) }
            if subscription.ordering == .byKey, !isRetry, let key = record.key,
                !assignment.lanes.admit(number, of: key)
            {
                return
            }
            state.ready.append(reference)
        }

        private func handOut(_ reference: Reference, _ state: inout State) -> Handed? {
            let assignment = reference.assignment
            // What is not assigned any more has an empty ledger.
            guard !assignment.isLeaving, var held = assignment.ledger[reference.number], !held.isOut else {
                return nil
            }
            held.isOut = true
            assignment.ledger[reference.number] = held
            assignment.out += 1
            state.out += 1
            noLongerWaits(held, assignment.source, &state)
            return Handed(
                record: held.record, attempt: held.attempt, number: reference.number,
                session: assignment.session, isRetry: assignment.source.isRetry)
        }

        func noLongerWaits(_ held: Held, _ source: Source, _ state: inout State) {
            state.waiting -= 1
            state.waitingBytes -= held.record.byteCount
            if source.isRetry { state.retriesAhead -= 1 }
        }

        /// An error that came in the place of a record.
        func note(_ record: KafkaRecord, _ state: inout State) {
            switch record.error {
            case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
                if state.ended == nil {
                    state.ended = record.error.busError("subscription '\(subscription.name)'")
                }
            case let error:
                transport.configuration.logger.warning(
                    "a subscription cannot read for now",
                    metadata: ["reason": "\(error.text)", "group": "\(groupID)"])
            }
        }

        /// Records as events; those that nobody is to get are settled instead.
        private func decode(_ handed: [Handed]) async throws(BusError) -> [ReceivedEvent] {
            guard !handed.isEmpty else { return [] }
            var others: [Settlement] = []
            let events = decode(handed, &others)
            if !others.isEmpty { _ = try await settle(others) }
            return events
        }

        private func decode(_ handed: [Handed], _ others: inout [Settlement]) -> [ReceivedEvent] {
            var events: [ReceivedEvent] = []
            events.reserveCapacity(handed.count)
            // Filled in anew for each, so that what they have in common stays where it is.
            var reader = KafkaEventReader(topic: subscription.topic)
            var received = ReceivedEvent(
                event: KafkaEventReader.beginning, topic: subscription.topic, token: .number(0, session: 0))
            for (index, one) in handed.enumerated() {
                // librdkafka's thread, on another processor, was the last to touch it.
                if index + 3 < handed.count { handed[index + 3].record.prefetch() }
                var (partition, offset) = (Int(one.record.partition), one.record.offset)
                if one.isRetry {
                    let notes = CopyNotes(one.record)
                    (partition, offset) = (notes.partition ?? partition, notes.offset ?? offset)
                }
                received.problem = reader.read(
                    one.record, partition: partition, offset: offset, into: &received.event)
                received.token = .number(one.number, session: one.session)
                if one.attempt > subscription.attemptsMax {
                    let reason = "all \(subscription.attemptsMax) attempts are used up"
                    others.append(Settlement(received.token, .deadLetter(reason: reason)))
                } else if let types = subscription.types, received.problem == nil,
                    !types.contains(received.event.type)
                {
                    others.append(Settlement(received.token, .acknowledge))
                } else {
                    (received.partition, received.offset, received.attempt) = (partition, offset, one.attempt)
                    received.publishedAt = one.record.time
                    events.append(received)
                }
            }
            return events
        }
    }

    extension KafkaReceiver.Assignment {
        /// Whether a record is behind all that came before; it is the last one then.
        func isNew(_ record: KafkaRecord) -> Bool {
            guard record.offset > lastOffset else { return false }
            lastOffset = record.offset
            return true
        }
    }
#endif
