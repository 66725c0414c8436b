// SPDX-License-Identifier: Apache-2.0

// A receiver's part of a transaction: which offsets it commits, and that nobody else commits meanwhile.

#if Kafka
    internal import ApusBus
    internal import CRDKafka
    internal import CloudEvents
    internal import Synchronization

    extension KafkaReceiver {
        /// What a transaction is to settle.
        struct TransactionPlan: Sendable {
            var settled: [Reference] = []
            /// Retries that wait ahead of those, which go to the end of their topic by the same transaction.
            var moved: [(reference: Reference, record: KafkaRecord)] = []
            var offsets: [(topic: String, partition: Int32, offset: Int64)] = []
        }

        /// Holds commits and marks those of `events` that can be settled now, with what is to be answered for each if the transaction happens; what is planned has
        /// to be finished.
        func plan(
            _ events: [ReceivedEvent]
        ) async throws(BusError) -> (plan: TransactionPlan, results: [CommitResult]) {
            while true {
                let rings = bell.rings
                let (isHeld, ended) = state.withLock { ($0.pacer.hold(), $0.ended) }
                if isHeld { break }
                if let ended { throw ended }
                if Task.isCancelled { throw .unavailable("the task was cancelled") }
                await bell.wait(beyond: rings, until: .now + .seconds(1))
            }
            return state.withLock { plan(events, &$0) }
        }

        private func plan(
            _ events: [ReceivedEvent], _ state: inout State
        ) -> (plan: TransactionPlan, results: [CommitResult]) {
            var plan = TransactionPlan()
            var results = [CommitResult](repeating: .expired, count: events.count)
            // Their places in `events`, by partition.
            var mine: [UInt64: [UInt64: Int]] = [:]
            for (index, event) in events.enumerated() {
                guard case .number(let number, let session) = event.token,
                    let held = state.assignments[session]?.ledger[number], held.isOut, !held.isSettling
                else { continue }
                mine[session, default: [:]][number] = index
                results[index] = .waiting
            }
            for (session, places) in mine {
                guard let assignment = state.assignments[session], let last = places.keys.max() else {
                    continue
                }
                // From the first open event on, as long as they are of these; a retry that waits for its time goes to the end of its topic with them.
                var run: Set<UInt64> = []
                var moved: [(reference: Reference, record: KafkaRecord)] = []
                var (isBlocked, movedCount) = (false, 0)
                assignment.ledger.forEachOpen { number, held in
                    guard !isBlocked, number <= last else { return }
                    if let index = places[number] {
                        run.insert(number)
                        results[index] = .committed
                        plan.settled.append(Reference(assignment: assignment, number: number))
                        // Those behind the last of these stay where they are.
                        movedCount = moved.count
                    } else if assignment.source.isRetry, !held.isOut, !held.isSettling {
                        moved.append((Reference(assignment: assignment, number: number), held.record))
                    } else {
                        isBlocked = true
                    }
                }
                guard !run.isEmpty else { continue }
                for (reference, _) in moved.prefix(movedCount) { run.insert(reference.number) }
                guard let end = assignment.ledger.commit(settling: run) else { continue }
                plan.moved += moved.prefix(movedCount)
                plan.offsets.append((name(of: assignment.source), assignment.source.partition, end.offset))
            }
            for reference in plan.settled + plan.moved.map(\.reference) {
                reference.assignment.ledger[reference.number]?.isSettling = true
            }
            return (plan, results)
        }

        /// The transaction has happened, or not.
        func finish(_ plan: TransactionPlan, hasHappened: Bool) {
            state.withLock { state in
                for reference in plan.settled + plan.moved.map(\.reference) {
                    let assignment = reference.assignment
                    guard let held = assignment.ledger[reference.number] else { continue }
                    if hasHappened {
                        if !held.isOut { noLongerWaits(held, assignment.source, &state) }
                        done(reference, &state)
                    } else {
                        assignment.ledger[reference.number]?.isSettling = false
                    }
                }
                state.pacer.release()
            }
            wakeThread()
            drained.give()
            bell.ring()
        }
    }
#endif
