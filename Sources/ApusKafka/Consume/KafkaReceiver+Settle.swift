// SPDX-License-Identifier: Apache-2.0

// Verdicts. Kafka knows only how far a partition is done. So a retry is a copy in a topic of retries, which says when it is due and how often it was tried, and
// a dead letter is a copy in a topic of dead letters; once the copy is confirmed, the event itself is done. Where the order of keys is kept a retry waits in the receiver
// instead, ahead of its key: in another topic it would be overtaken.

#if Kafka
    internal import ApusBus
    internal import CRDKafka
    internal import Logging
    internal import Synchronization

    extension KafkaReceiver {
        /// A copy that is to be made before an event is done.
        private struct Copy {
            enum Purpose {
                case retry(after: Duration)
                case deadLetter(reason: String)
            }

            var index: Int
            var reference: Reference
            var record: KafkaRecord
            var attempts: Int
            var purpose: Purpose
        }

        func settle(_ settlements: [Settlement]) async throws(BusError) -> [SettleResult] {
            var results = [SettleResult](repeating: .expired, count: settlements.count)
            let now = ContinuousClock.now
            // They are given back to librdkafka when nobody has to wait for it.
            var settled: [KafkaRecord] = []
            settled.reserveCapacity(settlements.count)
            let (copies, isDirty) = state.withLock { state in
                var copies: [Copy] = []
                var isDirty = false
                // Events that are settled together are mostly of one partition.
                var last: Assignment?
                for index in settlements.indices {
                    guard case .number(let number, let session) = settlements[index].token else { continue }
                    if last?.session != session { last = state.assignments[session] }
                    guard let assignment = last else { continue }
                    if case .acknowledge = settlements[index].verdict {
                        let held = assignment.ledger.settle(number) { $0.isOut && !$0.isSettling }
                        guard let held else { continue }
                        settled.append(held.record)
                        isDone(held, assignment, &state)
                        (results[index], isDirty) = (.settled, true)
                        continue
                    }
                    guard let held = assignment.ledger[number], held.isOut, !held.isSettling else { continue }
                    let reference = Reference(assignment: assignment, number: number)
                    results[index] = .settled
                    let copy = decide(settlements[index].verdict, reference, held, index, now, &state)
                    if let copy { copies.append(copy) } else { isDirty = true }
                }
                return (copies, isDirty && state.pacer.settled())
            }
            settled = []
            if isDirty { wakeThread() }
            bell.ring()
            drained.give()
            if !copies.isEmpty { await make(copies, &results) }
            return results
        }

        /// Carries out a verdict, unless it takes a copy.
        private func decide(
            _ verdict: Settlement.Verdict, _ reference: Reference, _ held: Held, _ index: Int,
            _ now: ContinuousClock.Instant, _ state: inout State
        ) -> Copy? {
            func copy(_ purpose: Copy.Purpose) -> Copy {
                reference.assignment.ledger[reference.number]?.isSettling = true
                return Copy(
                    index: index, reference: reference, record: held.record, attempts: held.attempt,
                    purpose: purpose)
            }
            switch verdict {
            case .acknowledge: done(reference, &state)
            case .release: again(reference, held, attempt: held.attempt, after: .zero, now, &state)
            case .retry(let delay, let reason):
                if held.attempt >= subscription.attemptsMax { return copy(.deadLetter(reason: reason)) }
                guard subscription.parksRetries else { return copy(.retry(after: delay)) }
                again(reference, held, attempt: held.attempt + 1, after: delay, now, &state)
            case .deadLetter(let reason): return copy(.deadLetter(reason: reason))
            }
            return nil
        }

        /// An event is done.
        func done(_ reference: Reference, _ state: inout State) {
            guard let held = reference.assignment.ledger.settle(reference.number) else { return }
            isDone(held, reference.assignment, &state)
        }

        /// An event was taken out of its ledger.
        private func isDone(_ held: Held, _ assignment: Assignment, _ state: inout State) {
            if held.isOut {
                state.out -= 1
                assignment.out -= 1
            }
            if !state.full.isEmpty, assignment.ledger.span < KafkaLimits.spanMax {
                state.full.remove(assignment.session)
            }
            guard subscription.ordering == .byKey, !assignment.source.isRetry, let key = held.record.key,
                let next = assignment.lanes.advance(key)
            else { return }
            state.ready.append(Reference(assignment: assignment, number: next))
        }

        /// An event waits, to be handed out once more.
        private func again(
            _ reference: Reference, _ held: Held, attempt: Int, after delay: Duration,
            _ now: ContinuousClock.Instant, _ state: inout State
        ) {
            var held = held
            (held.isOut, held.isSettling, held.attempt) = (false, false, attempt)
            reference.assignment.ledger[reference.number] = held
            reference.assignment.out -= 1
            state.out -= 1
            state.waiting += 1
            state.waitingBytes += held.record.byteCount
            if reference.assignment.source.isRetry { state.retriesAhead += 1 }
            if delay > .zero {
                state.due.insert(reference, due: now + delay)
            } else {
                state.ready.append(reference)
            }
        }

        // MARK: Copies

        /// Makes copies; what was copied is done, what was not is handed out again.
        private func make(_ copies: [Copy], _ results: inout [SettleResult]) async {
            var errors = [BusError?](repeating: nil, count: copies.count)
            do throws(BusError) {
                let isDead = copies.contains { if case .deadLetter = $0.purpose { true } else { false } }
                if isDead { try await transport.prepare(subscription.deadLetterTopic, partitions: 1) }
                let producer = try transport.copier()
                let reports = try await producer.produce(copies.count) {
                    index, client, opaque throws(BusError) in
                    try self.produce(copies[index], producer, client, opaque)
                }
                for (index, report) in reports.enumerated() where report.error.isError {
                    errors[index] = report.error.busError("a copy of an event")
                }
            } catch {
                errors = [BusError?](repeating: error, count: copies.count)
            }
            let now = ContinuousClock.now
            let isDirty = state.withLock { state in
                for (copy, error) in zip(copies, errors) {
                    guard let held = copy.reference.assignment.ledger[copy.reference.number] else {
                        // The partition is somebody else's by now, who gets the event too: at least once.
                        results[copy.index] = .expired
                        continue
                    }
                    if error == nil {
                        done(copy.reference, &state)
                    } else {
                        results[copy.index] = .expired
                        again(copy.reference, held, attempt: held.attempt, after: .zero, now, &state)
                    }
                }
                return state.pacer.settled()
            }
            if let error = errors.compactMap({ $0 }).first {
                transport.configuration.logger.warning(
                    "events are handed out again: they could not be copied",
                    metadata: ["reason": "\(error)", "group": "\(groupID)"])
            }
            if isDirty { wakeThread() }
            drained.give()
            bell.ring()
        }

        private func produce(
            _ copy: Copy, _ producer: KafkaProducer, _ client: OpaquePointer,
            _ opaque: UnsafeMutableRawPointer
        ) throws(BusError) -> rd_kafka_resp_err_t {
            var headers = KafkaHeaders(copying: copy.record)
            let notes = copy.reference.assignment.source.isRetry ? CopyNotes(copy.record) : nil
            headers.append(KafkaHeader.attempts, "\(copy.attempts)")
            headers.append(KafkaHeader.topic, subscription.topic)
            headers.append(KafkaHeader.partition, "\(notes?.partition ?? Int(copy.record.partition))")
            headers.append(KafkaHeader.offset, "\(notes?.offset ?? copy.record.offset)")
            let topic: String
            switch copy.purpose {
            case .retry(let delay):
                topic = subscription.retryTopic
                let milliseconds = Int64(min(delay, .seconds(1 << 30)) / .milliseconds(1))
                headers.append(KafkaHeader.due, "\(WallClock.milliseconds + milliseconds)")
            case .deadLetter(let reason):
                topic = subscription.deadLetterTopic
                headers.append(KafkaHeader.reason, String(reason.prefix(KafkaLimits.reasonMax)))
                headers.append(KafkaHeader.subscription, subscription.name)
            }
            return headers.produce(again: copy.record, try producer.topic(topic), client, opaque)
        }

        /// Retries that wait and are ahead of some that are done go to the end of their topic, as they are: otherwise whoever has the partition next would get those
        /// that are done again. On the receiver's thread, which may wait.
        func moveOn(_ sources: Set<Source>) {
            let waiting = state.withLock { state in
                state.sources.filter { $0.key.isRetry && sources.contains($0.key) }.values.flatMap {
                    assignment in
                    assignment.ledger.stranded.compactMap { number -> (Reference, KafkaRecord)? in
                        guard let held = assignment.ledger[number], !held.isSettling else { return nil }
                        return (Reference(assignment: assignment, number: number), held.record)
                    }
                }
            }
            guard !waiting.isEmpty, let producer = try? transport.copier(),
                let topic = try? producer.topic(subscription.retryTopic)
            else { return }
            let finished = Signal()
            Task {
                let reports = try? await producer.produce(waiting.count) { index, client, opaque in
                    var headers = KafkaHeaders(copyingAll: waiting[index].1)
                    return headers.produce(again: waiting[index].1, topic, client, opaque)
                }
                state.withLock { state in
                    for (report, (reference, _)) in zip(reports ?? [], waiting) where !report.error.isError {
                        guard let held = reference.assignment.ledger[reference.number] else { continue }
                        if !held.isOut { noLongerWaits(held, reference.assignment.source, &state) }
                        done(reference, &state)
                    }
                }
                finished.give()
            }
            finished.wait(beyond: 0, for: KafkaLimits.answerTimeout)
        }
    }
#endif
