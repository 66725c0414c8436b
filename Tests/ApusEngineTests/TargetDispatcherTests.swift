// SPDX-License-Identifier: Apache-2.0

import ApusModel
import ApusTransport
import CloudEvents
import Synchronization
import Testing

@testable import ApusEngine

/// A target whose attempts end when the test says so.
private final class HeldTarget: Target {
    private let beginsAtOnce: Bool
    private let held = Mutex<[@Sendable (Outcome) -> Void]>([])

    init(beginsAtOnce: Bool) { self.beginsAtOnce = beginsAtOnce }

    func begin(
        _ deliveries: [Delivery], to settings: PushSettings, completion: @escaping @Sendable (Outcome) -> Void
    ) -> Bool {
        if beginsAtOnce { held.withLock { $0.append(completion) } }
        return beginsAtOnce
    }

    func deliver(_ deliveries: [Delivery], to settings: PushSettings) async -> Outcome {
        .retry(after: nil, status: 503, reason: "waited for")
    }

    func objection(to settings: PushSettings) -> String? { nil }

    var count: Int { held.withLock(\.count) }

    func end(_ outcome: Outcome) {
        for completion in held.withLock({ $0 }) { completion(outcome) }
    }
}

/// Outcomes in the order in which they were told.
private final class Outcomes: Sendable {
    private let list = Mutex<[Outcome]>([])

    var all: [Outcome] { list.withLock { $0 } }

    func add(_ outcome: Outcome) { list.withLock { $0.append(outcome) } }
}

@Suite(.timeLimit(.minutes(1))) struct TargetDispatcherTests {
    private let settings = PushSettings(url: "http://example.org/")

    private func delivery() throws -> Delivery {
        Delivery(
            subscription: try ResourceName("billing"), topic: try ResourceName("orders"), partition: 0,
            offset: .zero, attempt: 1, attemptsMax: 16,
            event: try CloudEvent(id: "1", source: "/shop", type: "order.placed"))
    }

    @Test func `what can begin at once needs nobody who runs it`() throws {
        let target = HeldTarget(beginsAtOnce: true)
        let dispatcher = TargetDispatcher(target: target)
        let outcomes = Outcomes()
        dispatcher.dispatch([try delivery()], to: settings) { outcomes.add($0) }
        #expect(target.count == 1)
        #expect(outcomes.all.isEmpty)
        target.end(.delivered)
        #expect(outcomes.all == [.delivered])
    }

    @Test func `what has to wait is waited for`() async throws {
        let dispatcher = TargetDispatcher(target: HeldTarget(beginsAtOnce: false))
        let delivery = try delivery()
        await withDiscardingTaskGroup { group in
            group.addTask { await dispatcher.run() }
            let outcome = await withCheckedContinuation { continuation in
                dispatcher.dispatch([delivery], to: settings) { continuation.resume(returning: $0) }
            }
            #expect(outcome == .retry(after: nil, status: 503, reason: "waited for"))
            dispatcher.finish()
        }
    }

    @Test func `what had begun is finished, and nothing begins afterwards`() async throws {
        let target = HeldTarget(beginsAtOnce: true)
        let dispatcher = TargetDispatcher(target: target)
        let delivery = try delivery()
        let outcomes = Outcomes()
        dispatcher.dispatch([delivery], to: settings) { outcomes.add($0) }
        dispatcher.finish()
        dispatcher.dispatch([delivery], to: settings) { outcomes.add($0) }
        #expect(target.count == 1)
        await withDiscardingTaskGroup { group in
            group.addTask {
                await dispatcher.run()
                #expect(outcomes.all == [.delivered])
            }
            target.end(.delivered)
        }
    }
}
