// SPDX-License-Identifier: Apache-2.0

// How each order ended, for the check at the end: exactly one way.

import Synchronization

/// How an order can end.
enum Ending: String, CaseIterable, Sendable {
    /// Paid and on its way; the customer was told.
    case shipped
    /// Not paid; the customer was told.
    case refused
    /// Given up; a person has to look.
    case deadLettered = "dead-lettered"
}

final class Ledger: Sendable {
    private let endings = Mutex<[String: [Ending]]>([:])

    func note(_ orderID: String, _ ending: Ending) {
        endings.withLock { $0[orderID, default: []].append(ending) }
    }

    /// What is known of these orders.
    func endings(of orders: [String]) -> [String: [Ending]] {
        endings.withLock { endings in
            Dictionary(uniqueKeysWithValues: orders.map { ($0, endings[$0] ?? []) })
        }
    }
}
