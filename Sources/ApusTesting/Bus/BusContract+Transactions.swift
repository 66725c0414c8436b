// SPDX-License-Identifier: Apache-2.0

// Promises about consuming and publishing as one step.

import ApusBus
import CloudEvents

extension BusContract {
    static let transactions: [Promise] = [
        Promise("what came of an event is published together with its acknowledgement", needs: .transactions)
        {
            run in
            let transactions = try await run.bus.transactions(id: "\(run.prefix)-transactions")
            let results = try await run.bus.subscribe(run.subscription(topic: run.topic("results")))
            let receiver = try await run.bus.subscribe(run.subscription())
            _ = try await run.bus.publish(run.events(0..<6), to: run.topic())
            let taken = try await run.take(6, from: receiver, nil)
            let handled = try taken.map { one in
                HandledEvent(
                    one, publishing: [(try run.event("of-\(one.event.id)"), run.topic("results"))])
            }
            var waiting = handled
            while !waiting.isEmpty {
                // As long as nothing of them is open elsewhere, each goes with the first call.
                let outcomes = try await transactions.commit(waiting, of: receiver)
                try expect(!outcomes.contains(.expired), "all are held: \(outcomes)")
                try expect(outcomes.contains(.committed), "some can be committed: \(outcomes)")
                waiting = zip(waiting, outcomes).filter { $0.1 == .waiting }.map(\.0)
            }
            let came = try await run.take(6, from: results)
            try expect(
                Set(ids(came)) == Set(handled.map { "of-\($0.event.event.id)" }),
                "what came of them: \(ids(came))")
            let again = try await transactions.commit(handled, of: receiver)
            try expect(again.allSatisfy { $0 == .expired }, "once is enough: \(again)")
            await receiver.close()
            let next = try await run.bus.subscribe(run.subscription())
            _ = try await run.bus.publish([run.event("marker")], to: run.topic())
            try expectSame(try await run.take(until: "marker", from: next), ["marker"])
            await transactions.close()
        },
        Promise("who comes with an id ends the transactions of who had it", needs: .transactions) { run in
            let first = try await run.bus.transactions(id: "\(run.prefix)-transactions")
            let receiver = try await run.bus.subscribe(run.subscription())
            _ = try await run.bus.publish(run.events(0..<1), to: run.topic())
            let taken = try await run.take(1, from: receiver, nil)
            let handled = try taken.map {
                HandledEvent($0, publishing: [(try run.event("result"), run.topic("results"))])
            }
            let second = try await run.bus.transactions(id: "\(run.prefix)-transactions")
            do {
                let outcomes = try await first.commit(handled, of: receiver)
                throw Violation(description: "it was not refused: \(outcomes)")
            } catch let error as BusError {
                guard case .refused = error else { throw error }
            }
            try expect(
                try await second.commit(handled, of: receiver) == [.committed],
                "the second can, and the event is held")
            await first.close()
            await second.close()
        },
    ]
}
