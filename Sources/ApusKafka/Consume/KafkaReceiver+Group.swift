// SPDX-License-Identifier: Apache-2.0

// A member's thread: it polls, which keeps the member alive and has rebalances told; it commits; and it leaves.
//
// Rebalances are eager: when members come or go, all give back what they have, and it is assigned anew (by range, so that a partition's retries are with the same
// member). Nothing more of it is handed out; what is out is waited for, for a while, so that an event is not with two members at once because a third one came; then it is
// committed and let go. What is settled later has expired. Cooperative rebalances, which take only what moves, would be kinder, but the librdkafka of Debian 12 (2.0.2)
// aborts the process when a member leaves while it joins with that assignor, and members of one group have to agree.

#if Kafka
    internal import ApusBus
    internal import CRDKafka
    internal import DequeModule
    internal import Logging
    internal import Synchronization

    extension KafkaReceiver {
        /// The life of the thread.
        func run() {
            while state.withLock({ $0.ended == nil }) {
                let now = ContinuousClock.now
                let due = state.withLock { $0.pacer.due(now) }
                let wait = due.map { now.duration(to: $0) } ?? .seconds(1)
                if wait > .zero,
                    let message = rd_kafka_consumer_poll(
                        handle.pointer, max(1, min(wait, .seconds(1)).milliseconds))
                {
                    // Records come by the partitions' queues; what comes here is an error.
                    let record = KafkaRecord(message, handle)
                    if record.error.isError { state.withLock { note(record, &$0) } }
                }
                commitWhatIsDue()
                readOn()
            }
            leave()
            closed.give()
        }

        // MARK: Read ahead

        /// Sees to it that librdkafka asks for what there is room for.
        private func readOn() {
            let (order, sources) = state.withLock { state in
                defer { state.order = nil }
                guard let order = state.order else { return (ReadAhead.Order?.none, [Source]()) }
                let sources = Array(state.sources.keys)
                let retries = KafkaPartitions()
                for source in sources where source.isRetry {
                    retries.append(name(of: source), source.partition)
                }
                // Under the lock, so that nobody takes records meanwhile: librdkafka takes back those that were being taken when it pauses, and does not ask for them again.
                switch order {
                case _ where retries.count == 0: break
                case .pauseRetries: rd_kafka_pause_partitions(handle.pointer, retries.pointer)
                case .resumeRetries, .goOn: rd_kafka_resume_partitions(handle.pointer, retries.pointer)
                }
                return (order, sources)
            }
            let partitions = sources.filter { !$0.isRetry }.map(\.partition)
            guard order == .goOn, !partitions.isEmpty else { return }
            // A question to each leader has the threads that fetch look at their queues again; the answer, which is waited for elsewhere, does not matter.
            KafkaThread.start { [handle, topic = subscription.topic] in
                let list = KafkaPartitions(capacity: partitions.count)
                // What comes after the end of time is found without looking for it.
                for partition in partitions { list.append(topic, partition, .max) }
                rd_kafka_offsets_for_times(handle.pointer, list.pointer, 1000)
            }
        }

        // MARK: Commit

        private func commitWhatIsDue() {
            let now = ContinuousClock.now
            let list = state.withLock { state -> KafkaPartitions? in
                guard let due = state.pacer.due(now), due <= now else { return nil }
                state.pacer.begin(now)
                return committable(&state)
            }
            guard let list else { return }
            guard list.count > 0, let queue = control.withLock({ $0 }) else {
                return state.withLock { $0.pacer.ended(failed: false) }
            }
            let error = rd_kafka_commit_queue(
                handle.pointer, list.pointer, queue.pointer,
                { _, error, list, opaque in
                    guard let opaque else { return }
                    Unmanaged<KafkaReceiver>.fromOpaque(opaque).takeUnretainedValue().committed(error, list)
                }, Unmanaged.passUnretained(self).toOpaque())
            if error.isError { committed(error, list.pointer) }
        }

        /// What can be committed, taken; of partitions that pass `isMeant`.
        func committable(
            _ state: inout State, where isMeant: (UInt64) -> Bool = { _ in true }
        ) -> KafkaPartitions {
            let list = KafkaPartitions(capacity: state.assignments.count)
            for (session, assignment) in state.assignments where isMeant(session) {
                guard let offset = assignment.ledger.takeCommit() else { continue }
                list.append(name(of: assignment.source), assignment.source.partition, offset)
            }
            return list
        }

        private func committed(
            _ error: rd_kafka_resp_err_t, _ list: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?
        ) {
            let failed = error.isError && error != RD_KAFKA_RESP_ERR__NO_OFFSET
            state.withLock { state in
                state.pacer.ended(failed: failed)
                guard failed, let list else { return }
                for index in 0..<Int(list.pointee.cnt) {
                    let element = list.pointee.elems[index]
                    state.sources[source(element)]?.ledger.giveBackCommit(element.offset)
                }
            }
            if failed {
                transport.configuration.logger.debug(
                    "a commit failed and is repeated",
                    metadata: ["reason": "\(error.text)", "group": "\(groupID)"])
            }
            drained.give()
            bell.ring()
        }

        func name(of source: Source) -> String {
            source.isRetry ? subscription.retryTopic : subscription.topic
        }

        private func source(_ element: rd_kafka_topic_partition_t) -> Source {
            Source(isRetry: element.name != subscription.topic, partition: element.partition)
        }

        // MARK: Rebalance

        /// Told by librdkafka while the thread polls.
        func rebalance(
            _ client: OpaquePointer, _ code: rd_kafka_resp_err_t,
            _ partitions: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>
        ) {
            let moved = (0..<Int(partitions.pointee.cnt)).map { partitions.pointee.elems[$0] }
            switch code {
            case RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS:
                for element in moved {
                    forward(client, element.name, element.partition, isRetry: source(element).isRetry)
                }
                state.withLock { state in
                    state.hasJoined = true
                    (state.readAhead, state.order) = (transport.configuration.readAhead, nil)
                    for element in moved {
                        state.nextSession += 1
                        let assignment = Assignment(source(element), session: state.nextSession)
                        state.sources[assignment.source] = assignment
                        state.assignments[assignment.session] = assignment
                    }
                }
                log(rd_kafka_assign(client, partitions))
                bell.ring()
            case RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS:
                let sources = Set(moved.map(source))
                if rd_kafka_assignment_lost(client) == 0 { giveUp(sources) }
                forget(sources)
                resumeRetries(sources)
                log(rd_kafka_assign(client, nil))
            default:
                transport.configuration.logger.warning(
                    "a group cannot be rebalanced",
                    metadata: ["reason": "\(code.text)", "group": "\(groupID)"])
                forget(Set(moved.map(source)))
                _ = rd_kafka_assign(client, nil)
            }
        }

        /// Retries that are not asked for at the moment would not be asked for when this member gets their partitions again.
        private func resumeRetries(_ sources: Set<Source>) {
            let retries = KafkaPartitions()
            for source in sources where source.isRetry { retries.append(name(of: source), source.partition) }
            if retries.count > 0 { rd_kafka_resume_partitions(handle.pointer, retries.pointer) }
        }

        private func log(_ error: rd_kafka_resp_err_t) {
            guard error.isError else { return }
            transport.configuration.logger.warning(
                "partitions were not assigned", metadata: ["reason": "\(error.text)", "group": "\(groupID)"])
        }

        /// Waits for the handlers of partitions that go to somebody else, and commits what they have done.
        private func giveUp(_ sources: Set<Source>) {
            let deadline = ContinuousClock.now + transport.configuration.drainTimeout
            state.withLock { state in
                for source in sources { state.sources[source]?.isLeaving = true }
            }
            while true {
                let given = drained.given
                let isOut = state.withLock { state in
                    state.ended == nil && sources.contains { state.sources[$0]?.out ?? 0 > 0 }
                }
                let left = ContinuousClock.now.duration(to: deadline)
                guard isOut, left > .zero else { break }
                drained.wait(beyond: given, for: left)
            }
            moveOn(sources)
            commitNow(sources)
        }

        /// Commits at once, and waits for it.
        private func commitNow(_ sources: Set<Source>) {
            let list = state.withLock { state in
                // A transaction may have committed more than is known yet, which an older offset would undo.
                guard !state.pacer.isHeld else { return KafkaPartitions() }
                let sessions = Set(sources.compactMap { state.sources[$0]?.session })
                return committable(&state) { sessions.contains($0) }
            }
            guard list.count > 0 else { return }
            let error = rd_kafka_commit(handle.pointer, list.pointer, 0)
            guard error.isError, error != RD_KAFKA_RESP_ERR__NO_OFFSET else { return }
            transport.configuration.logger.info(
                "events that were settled may come again: the last commit failed",
                metadata: ["reason": "\(error.text)", "group": "\(groupID)"])
        }

        /// Partitions are somebody else's from now on.
        private func forget(_ sources: Set<Source>) {
            state.withLock { state in
                for source in sources {
                    guard let assignment = state.sources.removeValue(forKey: source) else { continue }
                    state.assignments[assignment.session] = nil
                    state.full.remove(assignment.session)
                    state.out -= assignment.out
                    assignment.ledger.forEachOpen { _, held in
                        if !held.isOut { noLongerWaits(held, source, &state) }
                    }
                    // Whatever still refers to it finds nothing.
                    (assignment.ledger, assignment.lanes) = (OffsetLedger(), KeyLanes())
                }
                if state.assignments.isEmpty { (state.due, state.ready) = (DueQueue(), []) }
            }
            bell.ring()
        }

        // MARK: Leave

        /// Gives back what is unsettled, commits what is settled, and leaves the group.
        private func leave() {
            // Verdicts that are being carried out are waited for: the copies of their events are on their way.
            let deadline = ContinuousClock.now + transport.configuration.publishTimeout + .seconds(10)
            while true {
                let given = drained.given
                let isSettling = state.withLock { state in
                    state.assignments.values.contains { assignment in
                        guard assignment.out > 0 else { return false }
                        var found = false
                        assignment.ledger.forEachOpen { _, held in found = found || held.isSettling }
                        return found
                    }
                }
                let left = ContinuousClock.now.duration(to: deadline)
                guard isSettling, left > .zero else { break }
                drained.wait(beyond: given, for: left)
            }
            let sources = state.withLock { Set($0.sources.keys) }
            moveOn(sources)
            commitNow(sources)
            forget(sources)
            // The queue that the thread polls has to be gone before.
            control.withLock { $0 = nil }
            let error = rd_kafka_consumer_close(handle.pointer)
            if error.isError {
                transport.configuration.logger.debug(
                    "a group was not left in order",
                    metadata: ["reason": "\(error.text)", "group": "\(groupID)"])
            }
            releaseQueues()
            handle.hooks.rebalance = nil
        }
    }
#endif
