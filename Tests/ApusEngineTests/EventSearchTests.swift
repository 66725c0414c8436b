// SPDX-License-Identifier: Apache-2.0

// Looking for events by what is known of them.

import ApusEngine
import ApusModel
import ApusTesting
import CloudEvents
import Testing

extension EngineRig {
    /// The ids of what a search finds, in as many steps as it takes.
    fileprivate func find(
        limit: Int = 100, _ change: (inout EventSearch) -> Void
    ) async throws -> [String] {
        var search = EventSearch()
        change(&search)
        var ids: [String] = []
        repeat {
            let step = search
            let result = try await driving { [engine] in try await engine.search(step, limit: limit) }
            ids += result.events.map(\.event.id)
            search.rest = result.rest
        } while search.rest != nil
        return ids
    }
}

@Suite struct EventSearchTests {
    private func rig() async throws -> EngineRig {
        let rig = try EngineRig()
        try await rig.topic("orders", TopicSettings(partitions: 3))
        try await rig.topic("bills")
        for number in 0..<30 {
            try await rig.publish(["o\(number)"], to: "orders", key: "k\(number % 5)")
        }
        rig.pass(.seconds(3600), step: .seconds(600))
        try await rig.publish(["b0", "b1", "b2"], to: "bills")
        var effect = try CloudEvent(id: "effect", source: "/test", type: "t")
        try effect.extensions.set(.causationID, to: "b1")
        try effect.extensions.set(.correlationID, to: "o7")
        let event = effect
        _ = try await rig.driving { [engine = rig.engine] in
            try await engine.publish([event], to: try ResourceName("bills"), key: nil)
        }
        return rig
    }

    @Test func `an event is found by its id in whatever topic`() async throws {
        let rig = try await rig()
        #expect(try await rig.find { $0.id = "o17" } == ["o17"])
        #expect(try await rig.find { $0.id = "b2" } == ["b2"])
        #expect(try await rig.find { $0.id = "nothing" }.isEmpty)
        let orders = try ResourceName("orders")
        #expect(try await rig.find { ($0.id, $0.topics) = ("b2", [orders]) }.isEmpty)
    }

    @Test func `events of a key come the newest first, however short the steps`() async throws {
        let rig = try await rig()
        let expected = (0..<6).map { "o\(28 - 5 * $0)" }
        for limit in [1, 2, 100] { #expect(try await rig.find(limit: limit) { $0.key = "k3" } == expected) }
    }

    @Test func `text is looked for in data and attributes`() async throws {
        let rig = try await rig()
        #expect(try await rig.find { $0.text = #""o29""# } == ["o29"])
        #expect(try await rig.find { $0.text = "effect" } == ["effect"])
    }

    @Test func `causes, effects and whole chains are found`() async throws {
        let rig = try await rig()
        #expect(try await rig.find { $0.causation = "b1" } == ["effect"])
        #expect(Set(try await rig.find { $0.correlation = "o7" }) == ["effect", "o7"])
    }

    @Test func `time bounds what is looked at`() async throws {
        let rig = try await rig()
        let past = rig.engine.now.advanced(by: .seconds(-60))
        #expect(Set(try await rig.find { $0.since = past }) == ["b0", "b1", "b2", "effect"])
        #expect(try await rig.find { $0.until = past }.count == 30)
    }
}
