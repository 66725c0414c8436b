// SPDX-License-Identifier: Apache-2.0

// The journeys of events: what is noted and what is not, that it is found again, and that nobody waits for it.

import ApusModel
import ApusRules
import ApusStorage
import ApusTesting
import ApusTransport
import CloudEvents
import NIOCore
import Synchronization
import Testing

@testable import ApusEngine

private let web = PublishSource(channel: "http", client: "curl/8", address: "127.0.0.1")

private func noting(
    _ change: @escaping @Sendable (inout JourneyOptions) -> Void = { _ in }
) -> (inout EngineOptions) -> Void {
    { options in
        var journey = JourneyOptions()
        change(&journey)
        options.journey = journey
    }
}

private func push(_ attemptsMax: Int = 16) throws -> SubscriptionSettings {
    try .shared("orders") { settings in
        settings.attemptsMax = attemptsMax
        settings.retry = RetrySettings(initial: .seconds(1), max: .seconds(10))
        settings.push = PushSettings(url: "http://127.0.0.1/hook", concurrency: 4)
    }
}

extension EngineRig {
    /// Publishes events one by one, as a gateway does.
    fileprivate func publishNoted(_ ids: [String], to topic: String) async throws {
        let name = try ResourceName(topic)
        for id in ids {
            let event = try CloudEvent(
                id: id, source: "/test", type: "t", dataContentType: "application/json",
                data: CloudEventData(text: "{\"id\":\"\(id)\"}"))
            try await driving { [engine] in
                let result = await withUnsafeContinuation { continuation in
                    engine.publish([event], to: name, key: nil, by: { web }) {
                        continuation.resume(returning: $0)
                    }
                }
                _ = try result.get()
            }
        }
    }

    fileprivate func journey(
        _ topic: String, _ offset: Int64, explaining: Bool = false
    ) async throws -> EventJourney {
        let place = EventPlace(topic: try ResourceName(topic), partition: 0, offset: Offset(offset))
        return try await driving { [engine] in
            try await engine.journey(of: place, explaining: explaining)
        }
    }

    fileprivate func attempts(
        _ name: String, failuresOnly: Bool = false, before: Offset? = nil, limit: Int = 100
    ) async throws -> AttemptList {
        let name = try ResourceName(name)
        return try await driving { [engine] in
            var search = AttemptSearch(of: name)
            search.failuresOnly = failuresOnly
            return try await engine.attempts(search, before: before, limit: limit)
        }
    }
}

extension EventJourney {
    fileprivate var attempts: [AttemptNote] {
        steps.compactMap { if case .attempted(let note) = $0.note { note } else { nil } }
    }

    fileprivate var source: PublishSource? {
        for step in steps { if case .published(let source, _) = step.note { return source } }
        return nil
    }
}

@Suite struct JourneyTests {
    @Test func `an event that fails twice and then arrives is told attempt by attempt`() async throws {
        let rig = try EngineRig(
            target: ScriptedTarget { delivery in
                delivery.attempt < 3 ? .retry(after: nil, status: 503, reason: "down") : .delivered
            }, noting())
        try await rig.topic("orders")
        try await rig.subscription("hook", push())
        try await rig.publishNoted(["a"], to: "orders")
        rig.pass(.seconds(30))
        let journey = try await rig.journey("orders", 0)
        #expect(journey.isNoted && journey.isWhole && journey.source == web)
        #expect(journey.attempts.map(\.outcome) == [.failed, .failed, .delivered])
        #expect(journey.attempts.map(\.number) == [1, 2, 3])
        #expect(journey.attempts.map(\.status) == [503, 503, nil])
        #expect(journey.attempts[0].next.map { $0 > journey.steps[0].time } == true)
        #expect(journey.attempts.allSatisfy { $0.began != nil && $0.duration != nil })
        #expect(journey.subscriptions.map(\.standing) == [.settled])
    }

    @Test func `while an event waits for its next attempt its journey says when that is`() async throws {
        let rig = try EngineRig(
            target: ScriptedTarget { _ in .retry(after: .seconds(40), status: 429, reason: "later") },
            noting())
        try await rig.topic("orders")
        try await rig.subscription("hook", push())
        try await rig.publishNoted(["a"], to: "orders")
        rig.pass(.seconds(2))
        let journey = try await rig.journey("orders", 0)
        let standing = try #require(journey.subscriptions.first)
        #expect(standing.standing == .waiting && standing.attempts == 1)
        #expect(standing.next == journey.attempts.first?.next && standing.next != nil)
    }

    @Test func `what was given up, sent back and copied is found from the event, and the event from it`()
        async throws
    {
        let rig = try EngineRig(
            target: ScriptedTarget { _ in .refused(status: 400, reason: "no") }, noting())
        for name in ["orders", "vip"] { try await rig.topic(name) }
        try await rig.subscription("hook", push())
        try await rig.rule(
            "copy",
            RuleSettings(
                topic: ResourceName("orders"), pattern: Pattern(parsing: #"{"type":["t"]}"#),
                targets: [.topic(ResourceName("vip"))]))
        try await rig.rule(
            "other",
            RuleSettings(
                topic: ResourceName("orders"), pattern: Pattern(parsing: #"{"type":["u"]}"#),
                targets: [.topic(ResourceName("vip"))]))
        try await rig.publishNoted(["a"], to: "orders")
        rig.pass(.seconds(5))
        rig.target.rewrite { _ in .delivered }
        let moved = try await rig.driving { [engine = rig.engine] in
            try await engine.redrive(DeadLetterSelection(), dryRun: false)
        }
        #expect(moved.moved == 1)
        rig.pass(.seconds(5))
        let journey = try await rig.journey("orders", 0, explaining: true)
        #expect(Set(journey.descendants.map(\.kind)) == [.copy, .deadLetter, .redriven])
        let letter = try #require(journey.descendants.first { $0.kind == .deadLetter })
        #expect(letter.place.description == "orders.dead-letter/0/0")
        #expect(letter.steps.map(\.note) == [.redriven(place: "orders/0/1", isEdited: false)])
        let again = try #require(journey.descendants.first { $0.kind == .redriven })
        #expect(again.place.description == "orders/0/1" && again.steps.count == 1)
        #expect(
            journey.rules.map { "\($0.name) \($0.isMatch) \($0.isNewer)" } == [
                "copy true false", "other false false",
            ])
        #expect(journey.rules[1].explanation?.fields.first?.isMatched == false)
        let back = try await rig.journey("orders", 1)
        #expect(back.ancestors.map(\.place.description) == ["orders.dead-letter/0/0", "orders/0/0"])
        #expect(back.ancestors.map(\.kind) == [.redriven, .deadLetter])
    }

    @Test func `a rule that was changed later says so`() async throws {
        let rig = try EngineRig(noting())
        for name in ["orders", "vip"] { try await rig.topic(name) }
        let settings = RuleSettings(
            topic: try ResourceName("orders"), pattern: try Pattern(parsing: #"{"type":["u"]}"#),
            targets: [.topic(try ResourceName("vip"))])
        try await rig.rule("copy", settings)
        rig.pass(.seconds(1))
        try await rig.publishNoted(["a"], to: "orders")
        rig.pass(.seconds(1))
        #expect(try await rig.journey("orders", 0).rules.map(\.isNewer) == [false])
        var changed = settings
        changed.pattern = try Pattern(parsing: #"{"type":["t"]}"#)
        try await rig.rule("copy", changed)
        #expect(try await rig.journey("orders", 0).rules.map(\.isNewer) == [true])
        let next = try rig.restarted(noting())
        #expect(try await next.journey("orders", 0).rules.map(\.isNewer) == [true])
    }

    @Test func `under load the journeys of some events are noted, each from its beginning to its end`()
        async throws
    {
        let rig = try EngineRig(
            noting { ($0.perSecond, $0.oneIn) = (0, 4) })
        try await rig.topic("orders")
        try await rig.subscription("hook", push())
        try await rig.publishNoted((0..<64).map(String.init), to: "orders")
        rig.pass(.seconds(5))
        var noted = 0
        for offset in 0..<64 {
            let journey = try await rig.journey("orders", Int64(offset))
            #expect((journey.source != nil) == (journey.attempts.count == 1))
            noted += journey.source == nil ? 0 : 1
        }
        #expect((4...32).contains(noted))
    }

    @Test func `failures are noted whatever the sample`() async throws {
        let rig = try EngineRig(
            target: ScriptedTarget { delivery in
                delivery.attempt == 1 ? .retry(after: .zero, status: 500, reason: "oops") : .delivered
            }, noting { ($0.perSecond, $0.oneIn) = (0, 0) })
        try await rig.topic("orders")
        try await rig.subscription("hook", push())
        try await rig.publishNoted((0..<20).map(String.init), to: "orders")
        rig.pass(.seconds(10))
        let all = try await rig.attempts("hook")
        #expect(all.attempts.count == 20)
        #expect(all.attempts.allSatisfy { $0.note.outcome == .failed && $0.note.reason == "oops" })
    }

    @Test
    func
        `each event that goes to an outside broker has a witness of its own, those of a webhook's request share one`()
        async throws
    {
        let shared = try await deliveries(PushSettings(url: "http://127.0.0.1/hook", mode: .batch))
        let witness = try #require(shared.first?.witness)
        #expect(shared.count == 3 && shared.allSatisfy { $0.witness === witness })
        let own = try await deliveries(
            PushSettings(connection: ResourceName("rabbit"), topic: "orders"))
        #expect(own.count == 3 && Set(own.compactMap { $0.witness.map(ObjectIdentifier.init) }).count == 3)
    }

    private func deliveries(_ push: PushSettings) async throws -> [Delivery] {
        let rig = try EngineRig(noting())
        try await rig.topic("orders")
        if push.connection != nil {
            try await rig.driving { [engine = rig.engine] in
                _ = try await engine.putConnection(ResourceName("rabbit"), url: "amqp://localhost")
            }
        }
        try await rig.subscription("out", .shared("orders") { $0.push = push })
        try await rig.publish(["a", "b", "c"], to: "orders")
        rig.pass(.seconds(5))
        return rig.target.deliveries
    }

    @Test func `verdicts of consumers are noted, and leases that run out`() async throws {
        let rig = try EngineRig(noting { ($0.perSecond, $0.oneIn) = (0, 0) })
        try await rig.topic("orders")
        try await rig.subscription("pull", .shared("orders") { $0.attemptsMax = 4 })
        try await rig.publishNoted(["a"], to: "orders")
        rig.pass(.seconds(1))
        let first = try await rig.receive("pull")
        try await rig.settle("pull", first.map(\.lease), .release(delay: .zero, counted: true))
        _ = try await rig.receive("pull")
        rig.pass(.seconds(40))
        let third = try await rig.receive("pull")
        try await rig.settle("pull", third.map(\.lease), .reject(reason: "cannot read it"))
        rig.pass(.seconds(1))
        let journey = try await rig.journey("orders", 0)
        #expect(journey.attempts.map(\.outcome) == [.released, .expired, .rejected])
        #expect(journey.attempts.last?.reason == "cannot read it")
        #expect(journey.descendants.map(\.kind) == [.deadLetter])
    }

    @Test func `attempts of all subscriptions are found by status, reason and time`() async throws {
        let rig = try EngineRig(
            target: ScriptedTarget { delivery in
                .retry(
                    after: .seconds(600), status: delivery.subscription.description == "slow" ? 503 : 500,
                    reason: "\(delivery.subscription) failed")
            }, noting())
        try await rig.topic("orders")
        try await rig.subscription("slow", push())
        try await rig.subscription("broken", push())
        try await rig.publishNoted(["a"], to: "orders")
        rig.pass(.seconds(5))
        let before = rig.clock.wall
        rig.pass(.seconds(60))
        try await rig.publishNoted(["b"], to: "orders")
        rig.pass(.seconds(5))
        func found(_ change: (inout AttemptSearch) -> Void) async throws -> [String] {
            var search = AttemptSearch()
            change(&search)
            let wanted = search
            let list = try await rig.driving { [engine = rig.engine] in
                try await engine.attempts(wanted, before: nil, limit: 100)
            }
            return list.attempts.map { "\($0.note.subscription) \($0.place?.offset.rawValue ?? -1)" }.sorted()
        }
        #expect(try await found { _ in } == ["broken 0", "broken 1", "slow 0", "slow 1"])
        #expect(try await found { $0.status = 503 } == ["slow 0", "slow 1"])
        #expect(try await found { $0.reason = "broken" } == ["broken 0", "broken 1"])
        #expect(try await found { $0.since = before } == ["broken 1", "slow 1"])
        #expect(
            try await found {
                $0.since = before
                $0.status = 500
            } == ["broken 1"])
    }

    @Test func `attempts are listed newest first, page by page`() async throws {
        let rig = try EngineRig(noting())
        try await rig.topic("orders")
        try await rig.subscription("hook", push())
        try await rig.publishNoted((0..<10).map(String.init), to: "orders")
        rig.pass(.seconds(5))
        var offsets: [Int64] = []
        var next: Offset?
        repeat {
            let page = try await rig.attempts("hook", before: next, limit: 3)
            offsets += page.attempts.compactMap { $0.place?.offset.rawValue }
            next = page.next
        } while next != nil && offsets.count < 20
        #expect(offsets.count == 10 && Set(offsets).count == 10)
        #expect(try await rig.attempts("hook", failuresOnly: true).attempts.isEmpty)
    }

    @Test func `what does not fit is counted and costs nobody anything`() async throws {
        let rig = try EngineRig(noting { $0.bufferBytes = 1000 })
        try await rig.topic("orders")
        let name = try ResourceName("orders")
        let events = try (0..<40).map { try CloudEvent(id: "\($0)", source: "/test", type: "t") }
        let stored = Mutex(0)
        for event in events {
            rig.engine.publish([event], to: name, key: nil, by: { web }) { result in
                if case .success = result { stored.withLock { $0 += 1 } }
            }
        }
        rig.settle()
        #expect(stored.withLock(\.self) == 40)
        #expect(rig.engine.context.journey?.droppedCount == 35)
    }

    @Test func `when much fails at once, that it failed is noted rather than how`() throws {
        let step = JourneyStep(
            topic: LogID(high: 1, low: 2), partition: 0, offset: .zero, time: Timestamp(milliseconds: 1),
            note: .attempted(JourneyStepTests.attempt))
        let rig = try EngineRig(noting { $0.bufferBytes = 8 * step.approximateBytes })
        let journey = try #require(rig.engine.context.journey)
        for _ in 0..<8 { journey.add(step) }
        journey.write()
        var exchanges = 0
        _ = try journey.forEachRecord(since: Timestamp(milliseconds: 0), budget: .max) { record in
            if case .attempted(let note)? = JourneyStep(record)?.note, note.exchange != nil { exchanges += 1 }
            return true
        }
        #expect(exchanges == 5 && journey.droppedCount == 0)
    }

    @Test func `the log outlives a restart, and what is too old is forgotten`() async throws {
        let rig = try EngineRig(noting { $0.ageMax = .seconds(600) })
        try await rig.topic("orders")
        try await rig.publishNoted(["a"], to: "orders")
        rig.pass(.seconds(1))
        let next = try rig.restarted(noting { $0.ageMax = .seconds(600) })
        #expect(try await next.journey("orders", 0).source == web)
        next.pass(.seconds(400), step: .seconds(20))
        try await next.publishNoted(["b"], to: "orders")
        next.pass(.seconds(400), step: .seconds(20))
        try await next.publishNoted(["c"], to: "orders")
        next.pass(.seconds(60), step: .seconds(5))
        #expect(try await next.journey("orders", 0).source == nil)
        #expect(try await next.journey("orders", 1).source == web)
        #expect(try await next.journey("orders", 2).source == web)
    }

    @Test func `without options nothing is noted, and the journey says so`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.publishNoted(["a"], to: "orders")
        let journey = try await rig.journey("orders", 0)
        #expect(!journey.isNoted && journey.steps.isEmpty && journey.stored.event.id == "a")
        #expect(throws: LogError.self) { try rig.store.bounds(JourneyLog.log) }
    }
}

@Suite struct JourneyStepTests {
    private let steps: [JourneyNote] = [
        .published(web, count: 500), .warned("no such field"), .discarded(reason: nil),
        .discarded(reason: "the customer is gone"),
        .buried(subscription: placeholder, letter: "a.dead-letter/0/1", reason: "400"),
        .redriven(place: "a/0/2", isEdited: true), .redriven(place: nil, isEdited: false),
        .attempted(attempt), .attempted(brokerAttempt(nil)), .attempted(brokerAttempt("refused")),
    ]

    private static let placeholder = name("hook")

    private static func name(_ text: String) -> ResourceName {
        guard let name = try? ResourceName(text) else { preconditionFailure("a name") }
        return name
    }

    static var attempt: AttemptNote {
        var exchange = Exchange(
            method: "POST", url: "https://a.example/hook", fields: [Exchange.Field("a", "b")],
            body: Array("{}".utf8), sent: Timestamp(milliseconds: 12), duration: .milliseconds(3))
        (exchange.status, exchange.responseBody) = (503, Array("busy".utf8))
        exchange.responseFields = [Exchange.Field("retry-after", "1")]
        return AttemptNote(
            subscription: placeholder, subscriptionID: LogID(high: 1, low: 2), number: 2, numberMax: 16,
            began: Timestamp(milliseconds: 11), duration: .milliseconds(4), outcome: .failed, status: 503,
            reason: "busy", next: Timestamp(milliseconds: 99), exchange: exchange)
    }

    static func brokerAttempt(_ error: String?) -> AttemptNote {
        var attempt = attempt
        attempt.status = nil
        attempt.exchange?.status = nil
        attempt.exchange?.broker = Exchange.BrokerTopic(
            transport: "amqp", connection: "rabbit", topic: "orders")
        attempt.exchange?.error = error
        return attempt
    }

    private func encoded(_ note: JourneyNote) -> (key: [UInt8], value: [UInt8]) {
        let step = JourneyStep(
            topic: LogID(high: 7, low: 8), partition: 3, offset: Offset(44), time: Timestamp(milliseconds: 5),
            note: note)
        var (key, value) = (ByteBuffer(), ByteBuffer())
        step.encodeKey(into: &key)
        step.encodeValue(into: &value)
        return (Array(buffer: key), Array(buffer: value))
    }

    private func decoded(_ key: [UInt8], _ value: [UInt8]) throws -> JourneyStep? {
        var builder = RecordBatchBuilder(capacity: 256)
        builder.append(timestamp: Timestamp(milliseconds: 5), key: key, value: value)
        var step: JourneyStep?
        let batch = builder.finish()
        try #require(batch).forEachRecord { record in
            step = JourneyStep(record)
            return true
        }
        return step
    }

    @Test func `steps are read as they were written`() throws {
        for note in steps {
            let (key, value) = encoded(note)
            let step = try #require(try decoded(key, value))
            #expect(step.note == note)
            #expect(step.partition == 3 && step.offset == Offset(44) && step.time.rawValue == 5)
        }
    }

    @Test func `what is cut short or of a kind to come is no step`() throws {
        for note in steps {
            let (key, value) = encoded(note)
            for count in 0..<value.count { _ = try decoded(key, Array(value.prefix(count))) }
        }
        let (key, _) = encoded(.discarded(reason: nil))
        #expect(try decoded(key, [99, 1, 2, 3]) == nil)
        #expect(try decoded([1, 2], [5]) == nil)
    }

    @Test func `a step of several events concerns each of them and no other`() {
        let step = JourneyStep(
            topic: LogID(high: 7, low: 8), partition: 3, offset: Offset(44), time: Timestamp(milliseconds: 5),
            note: .published(web, count: 3))
        let concerned = (40..<50).filter { step.concerns(LogID(high: 7, low: 8), 3, Offset($0)) }
        #expect(concerned == [44, 45, 46])
    }
}
