// SPDX-License-Identifier: Apache-2.0

// The events and errors of these tests, and a consumer that runs while a test looks.

import Logging
import Synchronization
import Testing

@testable import Apus

struct OrderPlaced: Event, Equatable {
    static let type = "com.shop.order.placed", topic = "orders"
    static let version = 2
    var orderID: String
    var total: Double
    var region = "eu"
    var key: String { orderID }
}

/// As it was before totals became amounts of euros.
struct OrderPlacedV1: Event {
    static let type = "com.shop.order.placed", topic = "orders"
    var id: String
    var cents: Int
}

struct OrderCancelled: Event, Equatable {
    static let type = "com.shop.order.cancelled", topic = "orders"
    var orderID: String
}

struct PaymentTaken: Event, Equatable {
    static let type = "com.shop.payment.taken", topic = "payments", source = "/shop/payments"
    var orderID: String
    var subject: String { "order/" + orderID }
}

struct CardDeclined: Error {}
struct GatewayDown: Error {}

/// A list that handlers write to and tests read.
final class Notes<Value: Sendable>: Sendable {
    private let values = Mutex<[Value]>([])
    private let waiting = Mutex<[(count: Int, signal: Signal)]>([])

    func add(_ value: Value) {
        let count = values.withLock { values in
            values.append(value)
            return values.count
        }
        let met = waiting.withLock { waiting in
            defer { waiting.removeAll { $0.count <= count } }
            return waiting.filter { $0.count <= count }
        }
        for watcher in met { watcher.signal.fire() }
    }

    var all: [Value] { values.withLock(\.self) }

    /// Waits until there are so many.
    func wait(_ count: Int) async -> [Value] {
        let signal = Signal()
        waiting.withLock { $0.append((count, signal)) }
        if all.count >= count { signal.fire() }
        await signal.wait()
        return all
    }
}

/// A bus over a scripted transport.
struct Bench {
    let clock: TestClock
    let transport: ScriptedTransport
    let bus: Bus

    init(without missing: Set<Feature> = []) {
        clock = TestClock()
        transport = ScriptedTransport(clock: clock, without: missing)
        let silent = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }
        bus = Bus(transport: transport, options: BusOptions(logger: silent, clock: clock))
    }

    /// Runs a consumer while `body` goes on, and stops it then.
    @discardableResult
    func running<Result: Sendable>(
        _ consumer: Consumer, _ body: @Sendable () async throws -> Result
    ) async throws -> Result {
        try await consumer.subscribe()
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await consumer.run() }
            let result = try await body()
            consumer.stop()
            try await tasks.waitForAll()
            return result
        }
    }

    var settled: [Settlement.Verdict] { transport.change(\.settled) }

    func dead(_ name: String) -> [DeadLetter] { transport.change { $0.groups[name]?.dead ?? [] } }
}
