// SPDX-License-Identifier: Apache-2.0

// Dead letters by who gave up, and why.

import ApusModel
import ApusTesting
import CloudEvents
import Testing

@testable import ApusEngine

@Suite struct DeadLetterCauseTests {
    @Test(arguments: [
        ("HTTP 503 after 12.5 ms", 503, "HTTP 503 after … ms"),
        ("HTTP 503 after 12.5 ms", 500, "HTTP … after … ms"),
        ("no answer in 30 s (attempt 4 of 16)", nil, "no answer in … s (attempt … of …)"),
        ("version 1.2.3.", nil, "version ….…."), ("nobody is there", nil, "nobody is there"), ("", nil, ""),
        ("Größe 5", nil, "Größe …"), ("503", 503, "503"), ("5032", 503, "…"),
    ])
    func `figures make no cause of their own, but the status does`(
        _ reason: String, _ status: Int?, _ cause: String
    ) {
        #expect(DeadLetter.cause(reason, status: status) == cause)
    }

    @Test func `letters are counted, chosen and sent back by cause`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        for name in ["s", "t"] { try await rig.subscription(name, .shared("orders")) }
        try await rig.publish(["a", "b", "c"], to: "orders")
        for name in ["s", "t"] {
            for (index, delivery) in try await rig.receive(name).enumerated() {
                let reason = index < 2 ? "gate \(index) is shut" : "nobody is there"
                try await rig.settle(name, [delivery.lease], .reject(reason: reason))
                rig.pass(.seconds(1))
            }
        }
        let found = try await rig.engine.deadLetterCauses(DeadLetterSelection(), after: nil)
        #expect(found.looked == 6 && found.next == nil)
        #expect(found.causes.map(\.count) == [2, 2, 1, 1])
        let shut = try #require(found.causes.first)
        #expect(shut.key.cause == "gate … is shut" && shut.first < shut.last)
        #expect(shut.sample.stored.event.id == "b" && shut.sample.last == shut.last)

        var selection = DeadLetterSelection()
        selection.subscription = try ResourceName("s")
        selection.cause = "gate … is shut"
        let wanted = selection
        #expect(try await rig.engine.deadLetters(wanted, Page()).map(\.stored.event.id) == ["a", "b"])
        let result = try await rig.driving { [engine = rig.engine] in
            try await engine.redrive(wanted, dryRun: false)
        }
        #expect(result == DeadLetterResult(matched: 2, moved: 2))
        let left = try await rig.engine.deadLetterCauses(DeadLetterSelection(), after: nil)
        #expect(left.looked == 4)
    }

    @Test func `many letters take several steps, which together count each once`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.subscription("s", .shared("orders"))
        let padding = String(repeating: "x", count: 500_000)
        var number = 0
        for _ in 0..<40 {
            try await rig.publish(["\(number)-\(padding)"], to: "orders")
            let delivery = try #require(try await rig.receive("s").first)
            try await rig.settle("s", [delivery.lease], .reject(reason: "too large by \(number)"))
            number += 1
        }
        var (count, steps, after) = (0, 0, String?.none)
        repeat {
            let step = try await rig.engine.deadLetterCauses(DeadLetterSelection(), after: after)
            count += step.causes.reduce(0) { $0 + $1.count }
            #expect(step.causes.count <= 1)
            after = step.next
            steps += 1
        } while after != nil && steps < 20
        #expect(count == 40 && steps > 1)
    }
}
