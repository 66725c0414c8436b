// SPDX-License-Identifier: Apache-2.0

// Telling the broker what became of events where that and what came of them is one step. Acknowledgements that gather while one transaction is made go into the next
// one together, so that a fast consumer makes few. One that has to wait for events ahead of it in its partition is tried again with each verdict that follows.

import ApusBus
import CoreMetrics
import Logging

extension TopicRun {
    /// An event that was handled and is not committed.
    private struct Pending {
        var slot: Int
        var handled: HandledEvent
    }

    /// Tells verdicts until there are no more.
    func settle(with desk: TransactionDesk) async {
        var pending: [Pending] = []
        while let verdicts = await queue.verdicts() {
            var others = QueuedVerdicts()
            for (slot, settlement) in zip(verdicts.slots, verdicts.settlements) {
                if let handled = desk.take(slot) {
                    pending.append(Pending(slot: slot, handled: handled))
                } else {
                    others.append(slot, settlement)
                }
            }
            if !others.isEmpty {
                await tell(others.settlements)
                queue.forget(others.slots)
            }
            if !pending.isEmpty { pending = await commit(pending, with: desk) }
            metrics.inFlight.record(queue.unsettled)
        }
        // What is ahead of these was not handled: they are handled again, after it.
        await giveBack(pending)
    }

    /// Commits what can be, and returns what has to wait.
    private func commit(_ pending: [Pending], with desk: TransactionDesk) async -> [Pending] {
        var failures = 0
        while desk.failure == nil {
            do throws(BusError) {
                let results = try await desk.transactions.commit(pending.map(\.handled), of: receiver)
                var waiting: [Pending] = []
                for (one, result) in zip(pending, results) {
                    switch result {
                    case .committed: counted(one.handled)
                    case .expired: metrics.count(.expired)
                    case .waiting: waiting.append(one)
                    }
                }
                queue.forget(zip(pending, results).filter { $0.1 != .waiting }.map(\.0.slot))
                return waiting
            } catch {
                failures += 1
                logger.warning(
                    "a transaction was not made", metadata: ["error": "\(error)", "failures": "\(failures)"])
                if !error.isRetryable, await canGoOn(desk) {
                    return await commitEach(pending, because: error, with: desk)
                }
                var isUnknown = false
                if case .undecided = error { isUnknown = true }
                guard error.isRetryable, !isUnknown, failures < Self.settleAttemptsMax else {
                    // What is not known is found out by beginning anew, and what cannot be is the end.
                    desk.end(error)
                    stopping.fire()
                    break
                }
                try? await clock.sleep(for: .milliseconds(50) * (1 << failures))
            }
        }
        await giveBack(pending)
        return []
    }

    /// Whether there can be more transactions after one that was refused: nothing is asked of an empty one but that.
    private func canGoOn(_ desk: TransactionDesk) async -> Bool {
        do throws(BusError) {
            _ = try await desk.transactions.commit([], of: receiver)
            return true
        } catch { return false }
    }

    /// What came of one of several cannot be published, because it is too large or its topic is not to be had: the others must not suffer.
    private func commitEach(
        _ pending: [Pending], because error: BusError, with desk: TransactionDesk
    ) async -> [Pending] {
        guard pending.count == 1 else {
            var waiting: [Pending] = []
            for one in pending { waiting += await commit([one], with: desk) }
            return waiting
        }
        metrics.count(.deadLettered)
        logger.error(
            "what came of an event cannot be published; the event is given up",
            metadata: ["error": "\(error)"])
        await tell(
            pending.map { Settlement($0.handled.event.token, .deadLetter(reason: error.description)) })
        queue.forget(pending.lazy.map(\.slot))
        return []
    }

    private func giveBack(_ pending: [Pending]) async {
        guard !pending.isEmpty else { return }
        await tell(pending.map { Settlement($0.handled.event.token, .release) })
        queue.forget(pending.lazy.map(\.slot))
    }

    private func counted(_ handled: HandledEvent) {
        for (_, topic) in handled.publishing { bus.publishing.handles(for: topic).published.increment() }
    }
}
