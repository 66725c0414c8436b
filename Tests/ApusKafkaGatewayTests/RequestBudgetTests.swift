// SPDX-License-Identifier: Apache-2.0

// The budget of large requests: what does not fit waits, in the order in which it came, and gets its share when others let go of theirs.

import Synchronization
import Testing

@testable import ApusKafkaGateway

@Suite struct RequestBudgetTests {
    /// Those who got their share later, in order, with it.
    private final class Line: Sendable {
        private let state = Mutex<[(name: String, hold: RequestBudget.Hold?)]>([])

        var names: [String] { state.withLock { $0.map(\.name) } }

        func arrive(_ name: String) -> @Sendable (RequestBudget.Hold) -> Void {
            { hold in self.state.withLock { $0.append((name, hold)) } }
        }

        /// Lets go of a share.
        func leave(_ name: String) {
            // Outside of the lock: giving back calls others.
            let hold = state.withLock { state -> RequestBudget.Hold? in
                guard let index = state.firstIndex(where: { $0.name == name }) else { return nil }
                defer { state[index].hold = nil }
                return state[index].hold
            }
            withExtendedLifetime(hold) {}
        }
    }

    @Test func `what fits is taken at once, and what does not waits until it does`() {
        let (budget, line) = (RequestBudget(bytesMax: 100), Line())
        var first = budget.take(60, orLater: line.arrive("first"))
        var second = budget.take(40, orLater: line.arrive("second"))
        #expect(first != nil && second != nil)
        #expect(budget.take(10, orLater: line.arrive("third")) == nil)
        #expect(line.names == [])
        second = nil
        #expect(line.names == ["third"])
        first = nil
        line.leave("third")
        // All of it is there again.
        #expect(budget.take(100, orLater: line.arrive("whole")) != nil)
        withExtendedLifetime((first, second)) {}
    }

    @Test func `small ones do not overtake a large one that waits`() {
        let (budget, line) = (RequestBudget(bytesMax: 100), Line())
        var holder = budget.take(50, orLater: line.arrive("holder"))
        #expect(budget.take(100, orLater: line.arrive("large")) == nil)
        #expect(budget.take(1, orLater: line.arrive("small")) == nil)
        #expect(line.names == [])
        holder = nil
        #expect(line.names == ["large"])
        line.leave("large")
        #expect(line.names == ["large", "small"])
        withExtendedLifetime(holder) {}
    }

    @Test func `several whose turn comes at once all get their share`() {
        let (budget, line) = (RequestBudget(bytesMax: 100), Line())
        var holder = budget.take(100, orLater: line.arrive("holder"))
        for name in ["a", "b", "c"] { #expect(budget.take(40, orLater: line.arrive(name)) == nil) }
        holder = nil
        #expect(line.names == ["a", "b"])
        line.leave("a")
        #expect(line.names == ["a", "b", "c"])
        withExtendedLifetime(holder) {}
    }

    @Test func `whoever has no use for a share that came late gives it to the next`() {
        let (budget, line) = (RequestBudget(bytesMax: 10), Line())
        var holder = budget.take(10, orLater: line.arrive("holder"))
        #expect(budget.take(10, orLater: { _ in }) == nil)
        #expect(budget.take(10, orLater: line.arrive("next")) == nil)
        holder = nil
        #expect(line.names == ["next"])
        withExtendedLifetime(holder) {}
    }
}
