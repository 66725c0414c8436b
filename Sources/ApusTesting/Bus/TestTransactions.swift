// SPDX-License-Identifier: Apache-2.0

// Transactions of a TestBus: in one process, where nothing can come in between, publishing and acknowledging are one step by being done one after the other.

public import ApusBus
import Synchronization

extension TestBus {
    /// As ``BusTransport/transactions(id:)``. Publishes that fail on request (``failPublishes(_:with:)``) make whole transactions fail.
    public func transactions(id: String) async throws(BusError) -> any BusTransactions {
        let life = state.state.withLock { state in
            state.transactionLives[id, default: 0] += 1
            return state.transactionLives[id] ?? 0
        }
        return TestTransactions(self, id, life)
    }
}

/// Transactions under one id, until somebody else comes with it.
final class TestTransactions: BusTransactions {
    private let bus: TestBus
    private let id: String
    private let life: Int
    private let isClosed = Atomic(false)

    init(_ bus: TestBus, _ id: String, _ life: Int) { (self.bus, self.id, self.life) = (bus, id, life) }

    func commit(_ handled: [HandledEvent], of receiver: any Receiver) async throws(BusError) -> [CommitResult]
    {
        guard let receiver = receiver as? TestReceiver else {
            throw .invalid("a transaction acknowledges events of a receiver of the same bus")
        }
        guard !isClosed.load(ordering: .acquiring) else { throw .closed }
        guard bus.state.state.withLock({ $0.transactionLives[id] }) == life else {
            throw .refused("somebody else makes transactions as '\(id)'")
        }
        guard !handled.isEmpty else { return [] }
        try bus.takeFault()
        var results: [CommitResult] = []
        for one in handled {
            guard receiver.holds(one.event.token) else {
                _ = try await receiver.settle([Settlement(one.event.token, .acknowledge)])
                results.append(.expired)
                continue
            }
            for (event, topic) in one.publishing { _ = try await bus.publishUnfailing([event], to: topic) }
            _ = try await receiver.settle([Settlement(one.event.token, .acknowledge)])
            results.append(.committed)
        }
        return results
    }

    func close() async { isClosed.store(true, ordering: .releasing) }
}
