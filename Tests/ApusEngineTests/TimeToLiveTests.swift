// SPDX-License-Identifier: Apache-2.0

// Events that nobody wants after a while.

import ApusModel
import ApusStorage
import ApusTesting
import CloudEvents
import Testing

@testable import ApusEngine

@Suite struct TimeToLiveTests {
    private func letters(_ rig: EngineRig) async throws -> [DeadLetter] {
        try await rig.driving { [engine = rig.engine] in
            try await engine.deadLetters(DeadLetterSelection(), Page(limit: 1000))
        }
    }

    @Test("An event that is past its time is not handed out, and becomes a dead letter")
    func topicTTL() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders", TopicSettings(ttl: .seconds(60)))
        try await rig.subscription("billing", .shared("orders"))
        try await rig.publish(["old"], to: "orders")
        rig.pass(.seconds(61))
        try await rig.publish(["new"], to: "orders")
        #expect(try await rig.receive("billing").map(\.stored.event.id) == ["new"])
        rig.settle()
        let letters = try await letters(rig)
        #expect(letters.map(\.stored.event.id) == ["old"])
        #expect(letters.map(\.reason) == ["expired"])
        #expect(letters.map(\.attempts) == [0])
        // Whoever reads the log sees everything.
        #expect(try await rig.ids(of: "orders") == ["old", "new"])
    }

    @Test("An event can say by itself when its time is over")
    func expiryTime() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.subscription("billing", .shared("orders") { $0.attemptsMax = 5 })
        let name = try ResourceName("orders")
        var event = try CloudEvent(id: "a", source: "/test", type: "t")
        let expiry = rig.clock.wall.advanced(by: .seconds(30))
        try event.extensions.set(
            "expirytime", to: .timestamp(CloudEventTimestamp(millisecondsSinceEpoch: expiry.rawValue)))
        let published = event
        try await rig.driving { [engine = rig.engine] in _ = try await engine.publish([published], to: name) }
        let lease = try await rig.receive("billing")
        #expect(lease.map(\.attempt) == [1])
        try await rig.settle("billing", lease.map(\.lease), .release(delay: .zero, counted: true))
        rig.pass(.seconds(31))
        #expect(try await rig.receive("billing").isEmpty)
        rig.settle()
        let letters = try await letters(rig)
        #expect(letters.map(\.reason) == ["expired"])
        #expect(letters.map(\.attempts) == [1])
        // Sent back it is handed out: somebody wants it.
        try await rig.driving { [engine = rig.engine] in
            _ = try await engine.redrive(DeadLetterSelection(), dryRun: false)
        }
        #expect(try await rig.receive("billing").map(\.stored.event.id) == ["a"])
    }

    @Test("Many expired events become one dead letter each, through restarts")
    func many() async throws {
        var rig = try EngineRig()
        try await rig.topic("orders", TopicSettings(ttl: .seconds(5)))
        try await rig.subscription("billing", .shared("orders"))
        for hundred in 0..<7 {
            try await rig.publish((0..<100).map { "\(hundred)-\($0)" }, to: "orders")
        }
        rig.pass(.seconds(6))
        _ = try await rig.receive("billing")
        rig = try rig.restarted()
        for _ in 0..<4 {
            #expect(try await rig.receive("billing").isEmpty)
            rig.settle()
        }
        let found = try await letters(rig)
        #expect(found.count == 700)
        #expect(Set(found.map(\.stored.event.id)).count == 700)
        #expect(try rig.describe("billing").backlog == 0)
    }
}
