// SPDX-License-Identifier: Apache-2.0

// Somebody else's service, as such services are: mostly there, sometimes down for a moment, sometimes with an answer that nobody expected.

import Synchronization

/// The provider could not be asked; it may answer later.
struct ProviderIsDown: Error {}

/// The provider was asked and says no: a result, and no failure.
struct CardDeclined: Error {
    var reason: String
}

/// The provider's answer makes no sense, however often it is asked.
struct ProviderIsBroken: Error {}

final class PaymentProvider: Sendable {
    private let calls = Mutex<[String: Int]>([:])

    /// Takes the money.
    func charge(_ order: OrderPlaced) throws {
        let call = calls.withLock { calls in
            calls[order.orderID, default: 0] += 1
            return calls[order.orderID, default: 0]
        }
        if Self.isBroken(order.number) { throw ProviderIsBroken() }
        if order.number % 10 == 3, call <= 2 { throw ProviderIsDown() }
        if order.number % 10 == 7 { throw CardDeclined(reason: "limit exceeded") }
    }

    /// Which orders nobody can ever be charged for.
    static func isBroken(_ number: Int) -> Bool { number % 25 == 11 }
}
