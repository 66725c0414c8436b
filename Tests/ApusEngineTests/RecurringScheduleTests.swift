// SPDX-License-Identifier: Apache-2.0

// Schedules that make events again and again, through restarts and downtime.

import ApusModel
import ApusStorage
import ApusTesting
import CloudEvents
import Testing

@testable import ApusEngine

extension EngineRig {
    @discardableResult
    func recurring(
        _ name: String, _ expression: String, to topic: String = "ticks",
        _ change: @Sendable (inout ScheduleSettings) -> Void = { _ in }
    ) async throws -> ScheduleDescription {
        var settings = ScheduleSettings(
            topic: try ResourceName(topic), expression: expression,
            template: try CloudEvent(
                id: "template", source: "/ticker", type: "tick", data: CloudEventData(text: "tock")))
        change(&settings)
        let (name, wanted) = (try ResourceName(name), settings)
        return try await driving { [engine] in try await engine.putSchedule(name, wanted).0 }
    }

    /// The due times of what came, in seconds after the rig's beginning.
    func ticks(of topic: String = "ticks") async throws -> [Int64] {
        try await ids(of: topic).compactMap { Recurring.occurrence($0)?.1 }.map { $0 / 1000 - 1_700_000_000 }
    }
}

@Suite struct RecurringScheduleTests {
    // The clock begins at 2023-11-14T22:13:20Z.

    @Test("A rate counts from the moment at which the schedule was made")
    func rate() async throws {
        let rig = try EngineRig()
        try await rig.topic("ticks")
        let made = try await rig.recurring("t", "rate(10 seconds)")
        #expect(made.next == rig.clock.wall.advanced(by: .seconds(10)))
        rig.pass(.seconds(35))
        #expect(try await rig.ticks() == [10, 20, 30])
        #expect(try rig.engine.schedule(try ResourceName("t")).fired == 3)
    }

    @Test("A cron expression follows its time zone, and its events say when they were due")
    func cron() async throws {
        let rig = try EngineRig()
        try await rig.topic("ticks")
        try await rig.recurring("t", "15 22 * * *")
        rig.pass(.seconds(86_000), step: .seconds(20))
        #expect(try await rig.ticks() == [100])
        let name = try ResourceName("ticks")
        let event = try await rig.engine.fetch(
            name, partition: 0, from: .earliest, limit: 1, pattern: nil, wait: .zero
        ).events[0].event
        #expect(event.type == "tick")
        #expect(event.time == CloudEventTimestamp(millisecondsSinceEpoch: 1_700_000_100_000))
    }

    @Test(
        "What was missed is made up for as the schedule says",
        arguments: [
            (CatchUp.skip, [10, 20, 920, 930, 940, 950, 960, 970, 980]),
            (.once, [10, 20, 910, 920, 930, 940, 950, 960, 970, 980]),
            (.all(limit: 3), [10, 20, 890, 900, 910, 920, 930, 940, 950, 960, 970, 980]),
        ])
    func catchingUp(policy: CatchUp, expected: [Int64]) async throws {
        let rig = try EngineRig()
        try await rig.topic("ticks")
        try await rig.recurring("t", "rate(10 seconds)") { $0.catchUp = policy }
        rig.pass(.seconds(25))
        rig.clock.advance(by: .seconds(955))
        let again = try rig.restarted()
        again.settle()
        #expect(try await again.ticks() == expected)
    }

    @Test("Occurrences come once, whatever crashes in between")
    func crashes() async throws {
        var rig = try EngineRig()
        try await rig.topic("ticks", TopicSettings(partitions: 3))
        try await rig.recurring("t", "rate(10 seconds)")
        for life in 0..<10 {
            if life % 2 == 0 { rig.store.refuseAppends(to: ScheduleBucket.ledgerLog, with: .failed("test")) }
            rig.pass(.seconds(15), step: .milliseconds(700))
            rig.store.refuseAppends(to: ScheduleBucket.ledgerLog, with: nil)
            rig = try rig.restarted()
        }
        rig.pass(.seconds(15))
        let ticks = try await rig.ticks()
        #expect(Set(ticks).count == ticks.count)
        #expect(ticks.sorted().first == 10)
    }

    @Test("A schedule begins and ends when it says, rests when it is off, and is gone when it is deleted")
    func bounds() async throws {
        let rig = try EngineRig()
        try await rig.topic("ticks")
        let (start, end) = (
            rig.clock.wall.advanced(by: .seconds(100)), rig.clock.wall.advanced(by: .seconds(121))
        )
        try await rig.recurring("t", "rate(10 seconds)") { ($0.start, $0.end) = (start, end) }
        try await rig.recurring("off", "rate(10 seconds)") { $0.isEnabled = false }
        rig.pass(.seconds(200))
        #expect(try await rig.ticks() == [100, 110, 120])
        try await rig.recurring("off", "rate(10 seconds)")
        rig.pass(.seconds(12))
        let name = try ResourceName("off")
        #expect(try await rig.ticks().count == 4)
        try await rig.driving { [engine = rig.engine] in try await engine.deleteSchedule(name) }
        rig.pass(.seconds(50))
        #expect(try await rig.ticks().count == 4)
        let again = try rig.restarted()
        again.pass(.seconds(50))
        #expect(try await again.ticks().count == 4)
        #expect(try again.engine.schedules(of: nil, Page()).map(\.name.description) == ["t"])
    }

    @Test("A schedule that says nothing is refused with place and reason")
    func refusals() async throws {
        let rig = try EngineRig()
        try await rig.topic("ticks")
        let cases: [(String, String, String)] = [
            ("* * * *", "UTC", "five fields"), ("0 25 * * *", "UTC", "at character 3"),
            ("0 0 * * *", "Nowhere/At_All", "no time zone"),
            ("0 0 * * *", "../../etc/passwd", "is no time zone"),
        ]
        for (expression, zone, reason) in cases {
            let error = await #expect(throws: BrokerError.self) {
                try await rig.recurring("t", expression) { $0.zone = zone }
            }
            #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
        }
    }

    @Test("A topic with schedules is deleted only with them")
    func deletedTopic() async throws {
        let rig = try EngineRig()
        try await rig.topic("ticks")
        try await rig.recurring("t", "rate(10 seconds)")
        let name = try ResourceName("ticks")
        await #expect(throws: BrokerError.self) {
            try await rig.driving { [engine = rig.engine] in
                try await engine.deleteTopic(name, cascade: false)
            }
        }
        try await rig.driving { [engine = rig.engine] in try await engine.deleteTopic(name, cascade: true) }
        #expect(try rig.engine.schedules(of: nil, Page()).isEmpty)
    }
}
