// SPDX-License-Identifier: Apache-2.0

// Snapshots of the registry's log, made beside the worker while definitions change: whatever was acknowledged is in them.

import ApusEngine
import ApusModel
import ApusRules
import ApusStorage
import ApusTesting
import Testing

@Suite struct RegistrySnapshotTests {
    private static let log = LogID(high: 0x6170_7573, low: 1 << 24)

    private func rules(_ rig: EngineRig) throws -> [String] {
        try rig.engine.rules(of: nil, Page(limit: 1000)).map { "\($0.name) \($0.settings.pattern.text)" }
    }

    /// Puts and deletes rules at the same time, so that most of them come while a snapshot is being made: changes wait in line, and its last
    /// part waits behind them.
    private func change(_ rig: EngineRig, round: Int) async throws {
        let names = try (0..<40).map { try ResourceName("rule-\($0)") }
        let settings = try RuleSettings.copying(
            "orders", to: "copies", matching: Pattern(parsing: "{\"subject\":[\"round \(round)\"]}"))
        try await rig.driving { [engine = rig.engine] in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (number, name) in names.enumerated() {
                    group.addTask {
                        if (number + round).isMultiple(of: 3) {
                            // Those that are not there yet are refused.
                            try? await engine.deleteRule(name)
                        } else {
                            _ = try await engine.putRule(name, settings)
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func `changes that come while a snapshot is made are in it`() async throws {
        var rig = try EngineRig { $0.snapshotBytes = 1 }
        try await rig.topic("orders")
        try await rig.topic("copies")
        for round in 0..<6 {
            let before = try rig.store.bounds(Self.log)
            try await change(rig, round: round)
            rig.settle()
            let after = try rig.store.bounds(Self.log)
            // The log begins with a snapshot that is newer than this round, and is not a list of all changes.
            #expect(after.start > before.start && after.end > before.end)
            let expected = try rules(rig)
            #expect(expected.count > 20)
            let again = try rig.restarted()
            #expect(try rules(again) == expected, "round \(round)")
            again.engine.stop()
            rig = try EngineRig(store: again.store, clock: again.clock) { $0.snapshotBytes = 1 }
        }
    }

    @Test func `a snapshot that the disk refuses leaves what was there`() async throws {
        let rig = try EngineRig { $0.snapshotBytes = 1 }
        try await rig.topic("orders")
        try await rig.topic("copies")
        try await change(rig, round: 1)
        rig.settle()
        let expected = try rules(rig)
        rig.store.refuseAppends(to: Self.log, with: .diskFull)
        let refused = try ResourceName("refused")
        let settings = try RuleSettings.copying("orders", to: "copies")
        await #expect(throws: BrokerError.self) {
            _ = try await rig.driving { [rig] in try await rig.engine.putRule(refused, settings) }
        }
        rig.store.refuseAppends(to: Self.log, with: nil)
        #expect(try rules(rig) == expected)
        #expect(try rules(rig.restarted()) == expected)
    }
}
