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

        /// Holds commits and marks events; what is planned has to be finished.
        func plan(_ events: [ReceivedEvent]) async throws(BusError) -> TransactionPlan {
            while true {
                let rings = bell.rings
                let (isHeld, ended) = state.withLock { ($0.pacer.hold(), $0.ended) }
                if isHeld { break }
                if let ended { throw ended }
                if Task.isCancelled { throw .unavailable("the task was cancelled") }
                await bell.wait(beyond: rings, until: .now + .seconds(1))
            }
            let result = state.withLock { state -> Result<TransactionPlan, BusError> in
                do throws(BusError) { return .success(try plan(events, &state)) } catch {
                    state.pacer.release()
                    return .failure(error)
                }
            }
            return try result.get()
        }

        private func plan(_ events: [ReceivedEvent], _ state: inout State) throws(BusError) -> TransactionPlan
        {
            var plan = TransactionPlan()
            var numbers: [UInt64: Set<UInt64>] = [:]
            for event in events {
                guard case .number(let number, let session) = event.token,
                    let assignment = state.assignments[session], let held = assignment.ledger[number],
                    held.isOut, !held.isSettling
                else {
                    throw .unavailable(
                        "event '\(event.event.id)' is not held any more: it is handed out again")
                }
                numbers[session, default: []].insert(number)
                plan.settled.append(Reference(assignment: assignment, number: number))
            }
            for (session, mine) in numbers {
                guard let assignment = state.assignments[session], let last = mine.max() else { continue }
                var isBlocked = false
                var all = mine
                assignment.ledger.forEachOpen { number, held in
                    guard number < last, !mine.contains(number) else { return }
                    guard assignment.source.isRetry, !held.isOut, !held.isSettling else {
                        isBlocked = true
                        return
                    }
                    all.insert(number)
                    plan.moved.append((Reference(assignment: assignment, number: number), held.record))
                }
                guard !isBlocked, let end = assignment.ledger.commit(settling: all), end.coversAll else {
                    throw .unavailable("events ahead of these in their partition are not settled yet")
                }
                plan.offsets.append((name(of: assignment.source), assignment.source.partition, end.offset))
            }
            for reference in plan.settled + plan.moved.map(\.reference) {
                reference.assignment.ledger[reference.number]?.isSettling = true
            }
            return plan
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
