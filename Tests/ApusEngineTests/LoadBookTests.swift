// SPDX-License-Identifier: Apache-2.0

// Rates from looks, and alarms that do not waver: values, driven by hand.

import ApusModel
import ApusRules
import Testing

@testable import ApusEngine

@Suite struct LoadBookTests {
    private let topic = LogID(high: 1, low: 1)
    private let subscription = LogID(high: 2, low: 2)

    private func reading(
        _ end: Int64, backlog: Int64, acknowledged: Int64 = 0, deadLettered: Int64 = 0, occupied: Int64 = 0,
        stored: Int64 = 0, asked: Duration? = nil
    ) throws -> LoadReading {
        var reading = LoadReading()
        let name = try ResourceName("orders")
        reading.topics = [LoadReading.Topic(id: topic, name: name, published: end, ends: [end, 0])]
        reading.subscriptions = [
            LoadReading.Subscription(
                id: subscription, name: try ResourceName("billing"), end: end, backlog: backlog, inFlight: 4,
                delivered: acknowledged, acknowledged: acknowledged, failed: 0, deadLettered: deadLettered,
                occupied: occupied, room: 8, receivers: 0, asked: asked, isCrowded: false)
        ]
        reading.storedBytes = stored
        return reading
    }

    @Test func `nothing is known before the second look`() throws {
        var book = LoadBook()
        book.note(try reading(100, backlog: 50), at: .seconds(5))
        #expect(book.load(of: subscription) == nil)
    }

    @Test func `a steady rate is told as it is, from the second look on`() throws {
        var book = LoadBook()
        for look in 0..<3 {
            let end = Int64(look) * 100
            // Four events are out all the time.
            let occupied = Int64(4 * 5 * look) * Int64(LeaseTimes.perSecond)
            book.note(try reading(end, backlog: end / 2, occupied: occupied), at: .seconds(5 * look))
        }
        let load = try #require(book.load(of: subscription))
        #expect(abs(load.arrival.minute - 20) < 1e-9)
        #expect(abs(load.arrival.fiveMinutes - 20) < 1e-9)
        #expect(abs(load.service.minute - 10) < 1e-9)
        #expect(load.utilisation.map { abs($0 - 0.5) < 1e-9 } == true)
        #expect(load.drain(100) == nil)
    }

    @Test func `what came into a topic before the first look at it has come since the one before`() throws {
        var book = LoadBook()
        book.note(LoadReading(), at: .zero)
        book.note(try reading(100, backlog: 0), at: .seconds(5))
        let busiest = try #require(book.load(room: nil).partitions.first)
        #expect(busiest.partition == 0 && abs(busiest.arrival.minute - 20) < 1e-9)
        #expect(book.arrived(in: topic) == 100)
        // A server that has just begun does not know when its topics got what they have.
        var begun = LoadBook()
        begun.note(try reading(100, backlog: 0), at: .zero)
        begun.note(try reading(100, backlog: 0), at: .seconds(5))
        #expect(begun.load(room: nil).partitions.isEmpty && begun.arrived(in: topic) == 0)
    }

    @Test func `what shrinks is done after backlog by difference of rates`() throws {
        var book = LoadBook()
        for look in 0..<4 {
            let look64 = Int64(look)
            book.note(try reading(look64 * 50, backlog: 1000 - look64 * 50), at: .seconds(5 * look))
        }
        let load = try #require(book.load(of: subscription))
        #expect(load.drain(1000).map { abs($0.seconds - 100) < 0.01 } == true)
    }

    @Test func `what is given up is not done, and where most is, no time to drain is told`() throws {
        var book = LoadBook()
        for look in 0..<4 {
            let look64 = Int64(look)
            let reading = try reading(1000, backlog: 1000 - look64 * 50, deadLettered: look64 * 30)
            book.note(reading, at: .seconds(5 * look))
        }
        let load = try #require(book.load(of: subscription))
        #expect(abs(load.service.minute - 4) < 1e-9)
        #expect(abs(load.deadLettered.minute - 6) < 1e-9)
        #expect(load.drain(1000) == nil)
    }

    @Test func `nobody reads since nobody asked, or since a look first saw something wait`() throws {
        var book = LoadBook()
        book.note(try reading(5, backlog: 5, asked: .zero), at: .seconds(600))
        book.note(try reading(5, backlog: 5, asked: .zero), at: .seconds(719))
        #expect(book.load(of: subscription)?.unread == .seconds(119))
        #expect(book.load(of: subscription)?.isUnread == false)
        book.note(try reading(5, backlog: 5, asked: .zero), at: .seconds(720))
        #expect(book.load(of: subscription)?.isUnread == true)
        book.note(try reading(5, backlog: 5, asked: .seconds(715)), at: .seconds(725))
        #expect(book.load(of: subscription)?.unread == .seconds(10))
        // Nothing is to be handed out; what comes then waits from then on.
        book.note(try reading(5, backlog: 0), at: .seconds(2000))
        #expect(book.load(of: subscription)?.unread == nil)
        book.note(try reading(6, backlog: 1, asked: .seconds(715)), at: .seconds(2005))
        #expect(book.load(of: subscription)?.unread == nil)
    }

    @Test func `an old rate is forgotten, by one minute sooner than by five`() throws {
        var book = LoadBook()
        book.note(try reading(0, backlog: 0), at: .zero)
        book.note(try reading(6000, backlog: 0), at: .seconds(60))
        for look in 1...12 { book.note(try reading(6000, backlog: 0), at: .seconds(60 + 10 * look)) }
        let load = try #require(book.load(of: subscription))
        #expect(load.arrival.minute < 15)
        #expect(load.arrival.fiveMinutes > load.arrival.minute)
    }

    @Test func `a count that began anew tells nothing once`() {
        var meter = RateMeter()
        meter.note(100, after: 0)
        meter.note(10, after: 5)
        #expect(meter.rate == nil)
        meter.note(60, after: 5)
        #expect(meter.rate.map { abs($0.minute - 10) < 1e-9 } == true)
    }

    @Test func `the disk is full when what grows has taken the room`() throws {
        var book = LoadBook()
        for look in 0..<3 {
            book.note(try reading(0, backlog: 0, stored: Int64(look) * 5000), at: .seconds(5 * look))
        }
        #expect(book.load(room: 100_000).disk.fullIn == .seconds(100))
        #expect(book.load(room: nil).disk.fullIn == nil)
    }

    @Test func `the busiest partition comes first, with its share`() throws {
        var book = LoadBook()
        book.note(try reading(0, backlog: 0), at: .zero)
        book.note(try reading(100, backlog: 0), at: .seconds(10))
        let busiest = try #require(book.load(room: nil).partitions.first)
        #expect(busiest.partition == 0)
        #expect(busiest.share == 1)
    }

    @Test func `what is gone is gone`() throws {
        var book = LoadBook()
        book.note(try reading(0, backlog: 0), at: .zero)
        book.note(try reading(100, backlog: 0), at: .seconds(10))
        book.note(LoadReading(), at: .seconds(20))
        #expect(book.load(of: subscription) == nil)
        #expect(book.load(room: nil).partitions.isEmpty)
    }
}

@Suite struct SlowConsumerWatchTests {
    private func sight(
        backlog: Int64 = 1, age: Duration? = nil, isExcused: Bool = false,
        _ settings: AlarmSettings = AlarmSettings()
    ) throws -> SlowConsumerWatch.Sight {
        SlowConsumerWatch.Sight(
            id: LogID(high: 1, low: 1), name: try ResourceName("billing"), settings: settings,
            backlog: backlog,
            age: age, isExcused: isExcused)
    }

    private func time(_ seconds: Int) -> Timestamp {
        Timestamp(milliseconds: Int64(seconds) * 1000)
    }

    @Test func `one look raises nothing, two in a row do, once`() throws {
        var watch = SlowConsumerWatch()
        let late = try sight(age: Defaults.slowConsumerAge)
        #expect(watch.look([late], at: time(1)) == [])
        #expect(watch.look([late], at: time(2)) == [.raised(late)])
        #expect(watch.look([late], at: time(3)) == [])
        #expect(watch.alarms.map(\.since) == [time(2)])
        #expect(watch.since(late.id) == time(2))
    }

    @Test func `between the threshold and four fifths of it nothing changes`() throws {
        var watch = SlowConsumerWatch()
        let settings = AlarmSettings(age: nil, backlog: 100)
        for second in 1...2 { _ = watch.look([try sight(backlog: 100, settings)], at: time(second)) }
        for second in 3...6 {
            #expect(watch.look([try sight(backlog: 85, settings)], at: time(second)) == [])
        }
        let well = try sight(backlog: 79, settings)
        #expect(watch.look([well], at: time(7)) == [])
        #expect(watch.look([well], at: time(8)) == [.cleared(name: well.name)])
        #expect(watch.alarms.isEmpty)
        for second in 9...12 {
            #expect(watch.look([try sight(backlog: 99, settings)], at: time(second)) == [])
        }
    }

    @Test func `who is paused, or has no limit, is never slow`() throws {
        var watch = SlowConsumerWatch()
        let none = AlarmSettings(age: nil, backlog: nil)
        for second in 1...3 {
            #expect(
                watch.look([try sight(backlog: .max, age: .seconds(1_000_000), none)], at: time(second)) == []
            )
        }
        for second in 4...5 { _ = watch.look([try sight(age: .seconds(10_000))], at: time(second)) }
        let paused = try sight(age: .seconds(10_000), isExcused: true)
        #expect(watch.look([paused], at: time(6)) == [.cleared(name: paused.name)])
    }

    @Test func `what was deleted is cleared`() throws {
        var watch = SlowConsumerWatch()
        let late = try sight(age: .seconds(10_000))
        for second in 1...2 { _ = watch.look([late], at: time(second)) }
        #expect(watch.look([], at: time(3)) == [.cleared(name: late.name)])
    }
}

@Suite struct ObservationTests {
    @Test func `an engine that looks knows rates and raises alarms; one that does not knows nothing`()
        async throws
    {
        let rig = try EngineRig { $0.lookInterval = .seconds(5) }
        try await rig.topic("orders")
        try await rig.subscription(
            "billing", .shared("orders") { $0.alarm = AlarmSettings(age: .seconds(30), backlog: nil) })
        try await rig.publish((0..<10).map { "e-\($0)" }, to: "orders")
        rig.pass(.seconds(20))
        let load = try #require(try rig.describe("billing").load)
        #expect(load.arrival.fiveMinutes >= 0)
        #expect(load.slowSince == nil)
        rig.pass(.seconds(30))
        #expect(rig.engine.alarms().map(\.subject) == ["subscription billing"])
        #expect(try rig.describe("billing").load?.slowSince != nil)

        let leases = try await rig.receive("billing").map(\.lease)
        try await rig.settle("billing", leases, .acknowledge)
        rig.pass(.seconds(15))
        #expect(rig.engine.alarms().isEmpty)
        let done = try #require(try rig.describe("billing").load)
        #expect(done.acknowledged.minute > 0)
        #expect(done.service.minute > 0)

        let blind = try EngineRig()
        try await blind.topic("orders")
        blind.pass(.seconds(20))
        #expect(blind.engine.load().time == nil)
    }

    @Test func `how long events are out, and how busy that makes, is added up`() async throws {
        let rig = try EngineRig { $0.lookInterval = .seconds(5) }
        try await rig.topic("orders")
        try await rig.subscription("billing", .shared("orders") { $0.inFlightMax = 8 })
        // Eight at a time, each out for 300 ms, and then nothing for 4.9 s: a look meets them or does not.
        for round in 0..<20 {
            try await rig.publish((0..<8).map { "e-\(round)-\($0)" }, to: "orders")
            let leases = try await rig.receive("billing").map(\.lease)
            #expect(leases.count == 8)
            rig.pass(.milliseconds(300), step: .milliseconds(50))
            try await rig.settle("billing", leases, .acknowledge)
            rig.pass(.milliseconds(4900), step: .milliseconds(50))
        }
        let load = try #require(try rig.describe("billing").load)
        #expect(load.timeInFlight == .milliseconds(300))
        let busy = try #require(load.utilisation)
        #expect(abs(busy - 0.3 / 5.2) < 0.02)
    }

    @Test func `a lease that was extended is one, and one that ran out has lasted until then`() async throws {
        let rig = try EngineRig { $0.lookInterval = .seconds(5) }
        try await rig.topic("orders")
        try await rig.subscription("billing", .shared("orders") { $0.lease = .seconds(10) })
        rig.pass(.seconds(5))
        try await rig.publish(["a"], to: "orders")
        let leases = try await rig.receive("billing").map(\.lease)
        rig.pass(.seconds(8))
        try await rig.settle("billing", leases, .extend(.seconds(12)))
        rig.pass(.seconds(30))
        let load = try #require(try rig.describe("billing").load)
        #expect(load.timeInFlight == .seconds(20))
        #expect(try rig.describe("billing").failed == 1)
    }

    @Test func `what a consumer rejects has failed, what it releases has not`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.subscription("billing", .shared("orders"))
        try await rig.publish(["a", "b"], to: "orders")
        let leases = try await rig.receive("billing").map(\.lease)
        try await rig.settle("billing", [leases[0]], .reject(reason: "no"))
        try await rig.settle("billing", [leases[1]], .release(delay: .zero, counted: true))
        #expect(try rig.describe("billing").failed == 1)
    }

    @Test func `nobody receives, nobody reads, until somebody does`() async throws {
        let rig = try EngineRig { $0.lookInterval = .seconds(5) }
        try await rig.topic("orders")
        try await rig.subscription("billing", .shared("orders"))
        try await rig.subscription("audit", .shared("orders") { $0.kind = .cursor })
        try await rig.publish(["a", "b"], to: "orders")
        rig.pass(.seconds(60))
        for name in ["billing", "audit"] { #expect(try rig.describe(name).load?.isUnread == false) }
        rig.pass(.seconds(90))
        for name in ["billing", "audit"] { #expect(try rig.describe(name).load?.isUnread == true) }
        _ = try await rig.receive("billing", limit: 1)
        let audit = try ResourceName("audit")
        try await rig.driving { try await rig.engine.commit(audit, partition: 0, offset: Offset(1)) }
        #expect(try rig.describe("audit").committed == 1)
        rig.pass(.seconds(10))
        for name in ["billing", "audit"] { #expect(try rig.describe(name).load?.isUnread == false) }
        // Who is paused is handed nothing.
        rig.pass(.seconds(200))
        #expect(try rig.describe("audit").load?.isUnread == true)
        var paused = SubscriptionChanges()
        paused.isPaused = true
        _ = try await rig.driving { [paused] in try await rig.engine.alterSubscription(audit, paused) }
        rig.pass(.seconds(10))
        #expect(try rig.describe("audit").load?.unread == nil)
    }

    @Test func `alarm settings survive a restart, the absence of a limit too`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.subscription(
            "a", .shared("orders") { $0.alarm = AlarmSettings(age: nil, backlog: 5) })
        try await rig.subscription("b", .shared("orders"))
        let next = try rig.restarted()
        #expect(try next.describe("a").settings.alarm == AlarmSettings(age: nil, backlog: 5))
        #expect(try next.describe("b").settings.alarm == AlarmSettings())
    }

    @Test func `a rule that matches nothing is told when events have come`() async throws {
        let rig = try EngineRig { $0.lookInterval = .seconds(5) }
        try await rig.topic("orders")
        try await rig.topic("vip")
        rig.pass(.seconds(6))
        try await rig.rule(
            "never",
            RuleSettings(
                topic: try ResourceName("orders"), pattern: try .init(parsing: #"{"type": ["other"]}"#),
                targets: [.topic(try ResourceName("vip"))]))
        #expect(rig.engine.load().idleRules.isEmpty)
        try await rig.publish(["1", "2"], to: "orders")
        rig.pass(.seconds(10))
        #expect(rig.engine.load().idleRules.map(\.events) == [2])
    }
}
