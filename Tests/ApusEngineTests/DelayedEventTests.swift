// SPDX-License-Identifier: Apache-2.0

// Events that wait for their time: they come when they are due and not before, once, through restarts.

import ApusModel
import ApusStorage
import ApusTesting
import CloudEvents
import Testing

@testable import ApusEngine

extension EngineRig {
    /// Schedules events of these ids, each due after its delay.
    @discardableResult
    func schedule(
        _ delays: [(id: String, delay: Duration)], to topic: String, key: String? = nil
    ) async throws -> [ScheduleReceipt] {
        let name = try ResourceName(topic)
        let events = try delays.map { id, delay in
            DelayedEvent(
                try CloudEvent(id: id, source: "/test", type: "t", data: CloudEventData(text: id)),
                due: clock.wall.advanced(by: delay))
        }
        return try await driving { [engine] in
            let result = await withUnsafeContinuation { continuation in
                engine.schedule(events, to: name, key: key) { continuation.resume(returning: $0) }
            }
            return try result.get()
        }
    }

    func waiting(of topic: String? = nil, _ page: Page = Page()) async throws -> [String] {
        let name = try topic.map { try ResourceName($0) }
        return try await driving { [engine] in
            try await engine.waitingEvents(of: name, page).map(\.event.id)
        }
    }

    func cancel(_ id: String) async throws {
        try await driving { [engine] in try await engine.cancelWaitingEvent(id) }
    }
}

@Suite struct DelayedEventTests {
    @Test("An event comes when it is due and not before, with what it waited as")
    func due() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        let receipts = try await rig.schedule([("late", .seconds(90)), ("soon", .seconds(10))], to: "orders")
        rig.settle()
        #expect(try await rig.ids(of: "orders") == [])
        #expect(try await rig.waiting() == ["soon", "late"])
        rig.pass(.seconds(9))
        #expect(try await rig.ids(of: "orders") == [])
        rig.pass(.seconds(1))
        #expect(try await rig.ids(of: "orders") == ["soon"])
        rig.pass(.seconds(80))
        #expect(try await rig.ids(of: "orders") == ["soon", "late"])
        #expect(try await rig.waiting() == [])
        let name = try ResourceName("orders")
        let stored = try await rig.engine.fetch(
            name, partition: 0, from: .earliest, limit: 10, pattern: nil, wait: .zero)
        let headers = stored.events[0].headers
        #expect(headers.contains { $0.name == "apus-schedule" && $0.value == Array(receipts[1].id.utf8) })
        #expect(headers.contains { $0.name == "apus-due" && $0.value == Array("\(receipts[1].due)".utf8) })
    }

    @Test("What is due in the past comes at once, and what is due in more than a year is refused")
    func limits() async throws {
        let rig = try EngineRig { $0.scheduledMax = 3 }
        try await rig.topic("orders")
        try await rig.schedule([("past", .seconds(-3600))], to: "orders")
        rig.settle()
        #expect(try await rig.ids(of: "orders") == ["past"])
        await #expect(throws: BrokerError.self) {
            try await rig.schedule([("never", .seconds(366 * 86_400))], to: "orders")
        }
        try await rig.schedule([("a", .seconds(364 * 86_400)), ("b", .seconds(86_400 * 3))], to: "orders")
        await #expect(throws: BrokerError.self) {
            try await rig.schedule([("c", .seconds(5)), ("d", .seconds(5))], to: "orders")
        }
        await #expect(throws: BrokerError.unknownTopic(try ResourceName("none"))) {
            try await rig.schedule([("e", .seconds(5))], to: "none")
        }
    }

    @Test("A cancelled event never comes, and can be cancelled once")
    func cancelling() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        let receipts = try await rig.schedule(
            [("a", .seconds(10)), ("b", .seconds(10)), ("far", .seconds(86_400 * 30))], to: "orders")
        try await rig.cancel(receipts[0].id)
        try await rig.cancel(receipts[2].id)
        await #expect(throws: BrokerError.unknownWaitingEvent(receipts[0].id)) {
            try await rig.cancel(receipts[0].id)
        }
        let again = try rig.restarted()
        #expect(try await again.waiting() == ["b"])
        again.pass(.seconds(20))
        #expect(try await again.ids(of: "orders") == ["b"])
        await #expect(throws: BrokerError.unknownWaitingEvent(receipts[1].id)) {
            try await again.cancel(receipts[1].id)
        }
        again.pass(.seconds(86_400 * 31), step: .seconds(3600))
        #expect(try await again.ids(of: "orders") == ["b"])
    }

    @Test("Everything waits through restarts, and what became due meanwhile comes at start")
    func restart() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders", TopicSettings(partitions: 3, retentionAge: nil))
        let delays: [Int64] = [5, 60, 3600, 86_400, 86_400 * 5, 86_400 * 100]
        try await rig.schedule(delays.map { ("\($0)", .seconds($0)) }, to: "orders")
        var again = try rig.restarted()
        again.pass(.seconds(61))
        #expect(Set(try await again.ids(of: "orders")) == ["5", "60"])
        rig.clock.advance(by: .seconds(86_400))
        again = try again.restarted()
        again.settle()
        #expect(Set(try await again.ids(of: "orders")) == ["5", "60", "3600", "86400"])
        again.pass(.seconds(86_400 * 100), step: .seconds(7200))
        #expect(Set(try await again.ids(of: "orders")) == Set(delays.map(String.init)))
        #expect(try await again.ids(of: "orders").count == delays.count)
    }

    @Test("A copy that was made before a crash and not noted is not made again")
    func crashBetweenCopyAndNote() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.schedule([("a", .seconds(10)), ("b", .seconds(20))], to: "orders")
        rig.pass(.seconds(9))
        // The announcement that copies are coming is written; what becomes of them is not.
        rig.pass(.seconds(1), step: .milliseconds(500))
        #expect(try await rig.ids(of: "orders") == ["a"])
        rig.store.refuseAppends(to: ScheduleBucket.ledgerLog, with: .failed("test"))
        rig.pass(.seconds(10), step: .milliseconds(500))
        let before = try await rig.ids(of: "orders")
        rig.store.refuseAppends(to: ScheduleBucket.ledgerLog, with: nil)
        let again = try rig.restarted()
        again.pass(.seconds(30))
        #expect(try await again.ids(of: "orders") == ["a", "b"], "before the restart: \(before)")
    }

    @Test("A window that is too small for what is due soon only means more reading")
    func smallWindow() async throws {
        let rig = try EngineRig { $0.scheduleWindowBytes = 2000 }
        try await rig.topic("orders")
        var expected: [(Int, String)] = []
        for number in 0..<300 {
            let delay = (number * 7919) % 120
            expected.append((delay, "\(number)"))
            try await rig.schedule([("\(number)", .seconds(delay))], to: "orders")
        }
        rig.pass(.seconds(130))
        let ids = try await rig.ids(of: "orders")
        #expect(ids.count == 300)
        #expect(Set(ids) == Set(expected.map(\.1)))
    }

    @Test("Events due at the same moment all come, however many")
    func sameMoment() async throws {
        let rig = try EngineRig { $0.scheduleWindowBytes = 5000 }
        try await rig.topic("orders")
        for hundred in 0..<5 {
            try await rig.schedule((0..<100).map { ("\(hundred)-\($0)", .seconds(60)) }, to: "orders")
        }
        rig.pass(.seconds(59))
        #expect(try await rig.ids(of: "orders").isEmpty)
        rig.pass(.seconds(2))
        #expect(Set(try await rig.ids(of: "orders")).count == 500)
    }

    @Test("Pages of what waits follow the due times over all logs")
    func pages() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.topic("other")
        let delays: [Int64] = [86_400 * 90, 30, 7200, 86_400 * 3, 60, 50_000, 300]
        try await rig.schedule(delays.map { ("\($0)", .seconds($0)) }, to: "orders")
        try await rig.schedule([("x", .seconds(40))], to: "other")
        var ids: [String] = []
        var page = Page(limit: 2)
        while true {
            let name = try ResourceName("orders")
            let wanted = page
            let found = try await rig.driving { [engine = rig.engine] in
                try await engine.waitingEvents(of: name, wanted)
            }
            guard let last = found.last else { break }
            ids += found.map(\.event.id)
            page.after = "\(last.due)/\(last.id)"
        }
        #expect(ids == delays.sorted().map(String.init))
        #expect(try await rig.waiting().count == 8)
    }

    @Test("What waits for a topic goes with it")
    func deletedTopic() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.schedule([("a", .seconds(10))], to: "orders")
        let name = try ResourceName("orders")
        try await rig.driving { [engine = rig.engine] in try await engine.deleteTopic(name, cascade: true) }
        try await rig.topic("orders")
        #expect(try await rig.waiting() == [])
        rig.pass(.seconds(20))
        #expect(try await rig.ids(of: "orders") == [])
    }

    @Test("A topic that refuses does not lose what is due, nor hold up others")
    func refusal() async throws {
        let rig = try EngineRig()
        let refusing = try await rig.topic("refusing")
        try await rig.topic("other")
        try await rig.schedule([("a", .seconds(10))], to: "refusing")
        try await rig.schedule([("b", .seconds(10)), ("c", .seconds(12))], to: "other")
        rig.store.refuseAppends(to: refusing.id.member(0), with: .diskFull)
        rig.pass(.seconds(13))
        #expect(try await rig.ids(of: "other") == ["b", "c"])
        rig.store.refuseAppends(to: refusing.id.member(0), with: nil)
        rig.pass(.seconds(2))
        #expect(try await rig.ids(of: "refusing") == ["a"])
    }

    @Test("Logs of times that are over are deleted")
    func cleaning() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        let before = try rig.store.logs()
        try await rig.schedule([("a", .seconds(10)), ("b", .seconds(10_000))], to: "orders")
        #expect(try rig.store.logs(since: before).count == 2)
        rig.pass(.seconds(20_000), step: .seconds(10))
        #expect(try await rig.ids(of: "orders") == ["a", "b"])
        #expect(try rig.store.logs(since: before).isEmpty)
    }

    @Test("The number of a log that is over is not used again: copies are named by it")
    func numbers() async throws {
        let rig = try EngineRig { $0.snapshotBytes = 1 }
        try await rig.topic("orders")
        let far = try await rig.schedule([("far", .seconds(86_400 * 20))], to: "orders")
        let near = try await rig.schedule([("near", .seconds(10))], to: "orders")
        rig.pass(.seconds(10_000), step: .seconds(10))
        let again = try rig.restarted()
        again.settle()
        let next = try await again.schedule([("next", .seconds(10))], to: "orders")
        #expect(Set([far[0].id, near[0].id, next[0].id]).count == 3)
    }

    @Test("A clock that jumps for a moment fires nothing")
    func clockJump() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.schedule([("a", .seconds(3600))], to: "orders")
        rig.clock.jump(by: .seconds(86_400))
        rig.pass(.seconds(30))
        rig.clock.jump(by: .seconds(-86_400))
        rig.pass(.seconds(60))
        #expect(try await rig.ids(of: "orders") == [])
        rig.clock.jump(by: .seconds(86_400))
        rig.pass(.seconds(90))
        #expect(try await rig.ids(of: "orders") == ["a"])
    }

    @Test("What is delayed by a clock that was set back a moment ago comes by that clock after a restart")
    func clockSetBack() async throws {
        let rig = try EngineRig()
        let before = try rig.store.logs()
        try await rig.topic("orders")
        let logs = try rig.store.logs(since: before)
        rig.clock.jump(by: .seconds(-7200))
        for log in logs { rig.store.refuseAppends(to: log, with: .failed("simulated")) }
        try await rig.schedule([("a", .seconds(10)), ("b", .seconds(-10))], to: "orders")
        rig.settle()
        for log in logs { rig.store.refuseAppends(to: log, with: nil) }
        let again = try rig.restarted()
        again.pass(.seconds(5))
        #expect(try await again.ids(of: "orders") == ["b"])
        again.pass(.seconds(10))
        #expect(try await again.ids(of: "orders") == ["b", "a"])
    }
}
