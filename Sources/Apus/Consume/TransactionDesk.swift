// SPDX-License-Identifier: Apache-2.0

// Between handlers and transactions: what came of each event, until its verdict is told.

import ApusBus
import CloudEvents
import Synchronization

/// Makes the transactions of one topic that is consumed.
final class TransactionDesk: Sendable {
    let transactions: any BusTransactions
    private let handled = Mutex<[Int: HandledEvent]>([:])
    /// Why there are no more transactions.
    private let ended = Mutex<BusError?>(nil)

    init(_ transactions: any BusTransactions) { self.transactions = transactions }

    /// Notes what came of an event that is acknowledged.
    func note(_ queued: QueuedEvent, publishing: [(event: CloudEvent, topic: String)]) {
        handled.withLock {
            $0[queued.slot] = HandledEvent(queued.context.storage.received, publishing: publishing)
        }
    }

    /// What was noted for an event's place, once.
    func take(_ slot: Int) -> HandledEvent? { handled.withLock { $0.removeValue(forKey: slot) } }

    /// There can be no more of them.
    func end(_ error: BusError) { ended.withLock { if $0 == nil { $0 = error } } }

    /// Why there can be no more of them.
    var failure: BusError? { ended.withLock { $0 } }
}
