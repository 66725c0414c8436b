// SPDX-License-Identifier: Apache-2.0

// Trying rules over stored events.

import ApusEngine
import ApusModel
import ApusRules
import ApusTesting
import ApusTransform
import ApusTransport
import CloudEvents
import Testing

@Suite struct RuleTrialTests {
    private func settings(_ targets: [RuleTarget] = [], type: String = "b") throws -> RuleSettings {
        RuleSettings(
            topic: try ResourceName("orders"), pattern: try Pattern(parsing: #"{"type": ["\#(type)"]}"#),
            targets: targets)
    }

    @Test func `what would match is told, with where it would go, and nothing goes there`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.topic("copies", TopicSettings(partitions: 4))
        try await rig.publish(["1", "2"], to: "orders")
        try await rig.publish(["3"], to: "orders", key: "k", type: "b")
        try await rig.publish(["4"], to: "orders", type: "b")
        let copies = try ResourceName("copies")
        let webhook = PushSettings(url: "https://example.org/hook")
        let trial = try await rig.engine.tryRule(
            try settings([.topic(copies), .webhook(webhook)]), over: .between(.earliest, .latest), showing: 1)
        #expect(trial.looked == 4 && trial.matched == 2 && trial.unreadable == 0 && trial.rest.isEmpty)
        #expect(trial.matches.map(\.stored.event.id) == ["3"])
        #expect(
            trial.matches.first?.destinations == [
                RuleTrial.Destination(
                    .topic(copies, partition: Partitioner.partition(ofKey: "k", count: 4))),
                RuleTrial.Destination(.webhook(url: webhook.url)),
            ])
        rig.pass(.seconds(5))
        #expect(try await rig.ids(of: "copies").isEmpty)
    }

    @Test func `the predicted place is where the rule then copies to`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders", TopicSettings(partitions: 3))
        try await rig.topic("copies", TopicSettings(partitions: 2))
        let copies = try ResourceName("copies")
        let settings = try settings([.topic(copies)])
        try await rig.rule("copy", settings)
        for number in 0..<12 {
            let key = number.isMultiple(of: 2) ? nil : "k\(number)"
            try await rig.publish(["\(number)"], to: "orders", key: key, type: "b")
        }
        rig.settle()
        let trial = try await rig.engine.tryRule(
            settings, over: .between(.earliest, .latest), showing: 100)
        for partition in 0..<2 {
            let fetched = try await rig.engine.fetch(
                copies, partition: partition, from: .earliest, limit: 100, pattern: nil, wait: .zero)
            let predicted = trial.matches.filter {
                $0.destinations.map(\.place) == [.topic(copies, partition: partition)]
            }
            #expect(Set(fetched.events.map(\.event.id)) == Set(predicted.map(\.stored.event.id)))
        }
        #expect(trial.matched == 12)
    }

    @Test func `what could not be transformed is told with the reason`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.topic("copies")
        try await rig.publish(["1"], to: "orders", type: "b")
        let transformation = try Transformation(
            parsing: #"{"input_paths": {"n": "$.data.n"}, "#
                + #""input_template": "{\"n\": <n>}", "missing": "fail"}"#)
        let copies = try ResourceName("copies")
        let trial = try await rig.engine.tryRule(
            try settings([.topic(copies, transformation: transformation), .topic(copies)]),
            over: .between(.earliest, .latest), showing: 1)
        let destinations = try #require(trial.matches.first?.destinations)
        #expect(destinations.map(\.failure).map { $0 != nil } == [true, false])
        #expect(destinations[0].failure?.contains("n") == true)
    }

    @Test func `only the part between two positions is looked at`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.publish((0..<10).map(String.init), to: "orders", type: "b")
        let trial = try await rig.engine.tryRule(
            try settings(), over: .between(.offset(Offset(3)), .offset(Offset(7))), showing: 100)
        #expect(trial.matches.map(\.stored.event.id) == ["3", "4", "5", "6"])
        let beyond = try await rig.engine.tryRule(
            try settings(), over: .between(.offset(Offset(8)), .offset(Offset(99))), showing: 0)
        #expect(beyond.matched == 2 && beyond.matches.isEmpty && beyond.rest.isEmpty)
    }

    @Test func `the newest events are those of all partitions together, and the newest are shown first`()
        async throws
    {
        let rig = try EngineRig()
        try await rig.topic("orders", TopicSettings(partitions: 3))
        // One partition has all of the old ones; the last ten are spread over the others.
        for number in 0..<30 { try await rig.publish(["old \(number)"], to: "orders", key: "a", type: "b") }
        rig.pass(.seconds(1))
        let late = ["b", "c", "d", "e", "f", "g", "h", "i", "j", "k"]
        for key in late {
            try await rig.publish([key], to: "orders", key: key, type: "b")
            rig.pass(.milliseconds(1))
        }
        let trial = try await rig.engine.tryRule(try settings(), over: .newest(10), showing: 4)
        #expect(trial.looked == 10 && trial.matched == 10 && trial.rest.isEmpty)
        #expect(trial.matches.map(\.stored.event.id) == ["k", "j", "i", "h"])
    }

    @Test func `as many events as are wanted are looked at, however many came in one millisecond`()
        async throws
    {
        let rig = try EngineRig()
        try await rig.topic("orders", TopicSettings(partitions: 4))
        for number in 0..<40 {
            try await rig.publish(["\(number)"], to: "orders", key: "\(number)", type: "b")
        }
        for count: Int64 in [1, 7, 39, 40, 1000] {
            let trial = try await rig.engine.tryRule(try settings(), over: .newest(count), showing: 0)
            #expect(trial.looked == min(count, 40) && trial.matched == trial.looked && trial.matches.isEmpty)
        }
    }

    @Test func `a long history takes several steps, which together see every event once`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders", TopicSettings(partitions: 2))
        let padding = String(repeating: "x", count: 200_000)
        for number in 0..<200 { try await rig.publish(["\(number)-\(padding)"], to: "orders", type: "b") }
        var range = RuleTrialRange.between(.earliest, .latest)
        var (looked, steps) = (Int64(0), 0)
        while true {
            let trial = try await rig.engine.tryRule(try settings(), over: range, showing: 0)
            looked += trial.looked
            steps += 1
            if trial.rest.isEmpty { break }
            range = .rest(trial.rest)
        }
        #expect(looked == 200 && steps > 1)
    }

    @Test func `what making the rule would be refused for, trying it is`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        let orders = try ResourceName("orders")
        await #expect(throws: BrokerError.self) {
            try await rig.engine.tryRule(
                try settings([.topic(orders)]), over: .between(.earliest, .latest), showing: 1)
        }
        await #expect(throws: BrokerError.unknownPartition(orders, 7)) {
            let span = RuleTrial.Span(partition: 7, next: .zero, end: Offset(1))
            _ = try await rig.engine.tryRule(try settings(), over: .rest([span]), showing: 1)
        }
    }
}
