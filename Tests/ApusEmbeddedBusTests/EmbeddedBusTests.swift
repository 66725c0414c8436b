// SPDX-License-Identifier: Apache-2.0

// What is particular to the bus in the process, beside the contract of transports.

import ApusBus
import ApusEmbeddedBus
import CloudEvents
import Foundation
import Logging
import Testing

@Suite(.timeLimit(.minutes(2))) struct EmbeddedBusTests {
    private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private static func event(_ id: String, bytes: Int = 0) throws -> CloudEvent {
        try CloudEvent(
            id: id, source: "/test", type: "test.happened",
            data: CloudEventData([UInt8](repeating: 7, count: bytes)))
    }

    private static func withFolder(_ body: (String) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/apus-bus-\(UUID())"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await body(folder)
    }

    @Test func `a folder is open in one place at a time, and the refusal says so`() async throws {
        try await Self.withFolder { folder in
            let bus = try await BusContractTests.open("file://\(folder)")
            let error = await #expect(throws: BusError.self) {
                try await BusContractTests.open("file://\(folder)")
            }
            guard case .unavailable(let reason) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(reason.contains(folder) && reason.contains("another process has this store open"))
            await bus.close()
            await (try BusContractTests.open("file://\(folder)")).close()
        }
    }

    @Test func `a folder that cannot be made is refused with its name`() async throws {
        let error = await #expect(throws: BusError.self) {
            try await BusContractTests.open("file:///dev/null/events")
        }
        #expect("\(String(describing: error))".contains("/dev/null/events"))
    }

    @Test(arguments: [
        "memory://host", "memory:?durability=flush", "memory:?partitions=0", "memory:?partitions=x",
        "memory:?memory=0",
        "memory:?memory=1t", "memory:?memory=99999999999999999g", "memory:?deduplicate=1ms",
        "memory:?deduplicate=",
        "memory:?retention=10", "memory:?retention=-1s", "memory:?retention=99999999999999999999d",
        "memory:?retention=1h1", "file:", "file://host/folder", "file:folder", "file:///",
        "file:///x?durability=2m",
        "file:///x?durability=often", "file:///x?memory=1m", "file:///x?journal=x", "file://user@/x",
        "kafka://host",
    ])
    func `what an address cannot mean is refused before anything is made`(_ url: String) async {
        let error = await #expect(throws: BusError.self) { try await BusContractTests.open(url) }
        guard case .invalid(let reason) = error else {
            Issue.record("\(url): \(String(describing: error))")
            return
        }
        #expect(!reason.isEmpty)
    }

    @Test func `buses of one name are one, until all have closed it`() async throws {
        let name = "memory:shared-\(UInt64.random(in: .min ... .max))"
        let first = try await BusContractTests.open(name)
        let second = try await BusContractTests.open(name)
        let receiver = try await second.subscribe(Subscription(group: "g", topic: "t"))
        _ = try await first.publish([try Self.event("1")], to: "t")
        await first.close()
        #expect(try await receiver.receive(limit: 1, wait: .seconds(30)).map(\.event.id) == ["1"])
        await #expect(throws: BusError.closed) { try await first.publish([try Self.event("2")], to: "t") }
        await second.close()
        let third = try await BusContractTests.open(name)
        await #expect(throws: BusError.unknown("topic 't'")) {
            try await third.replay("t", from: .earliest, pattern: nil)
        }
        await third.close()
        let other = try await BusContractTests.open("memory:")
        await #expect(throws: BusError.unknown("topic 't'")) {
            try await other.replay("t", from: .earliest, pattern: nil)
        }
        await other.close()
    }

    @Test func `a bus in memory takes no more than it may hold, and goes on when it is consumed`()
        async throws
    {
        let bus = try await BusContractTests.open("memory:?memory=1m&retention_bytes=1k")
        let receiver = try await bus.subscribe(Subscription(group: "g", topic: "t"))
        var count = 0
        let error = await #expect(throws: BusError.self) {
            while count < 1000 {
                _ = try await bus.publish([try Self.event("\(count)", bytes: 64 << 10)], to: "t")
                count += 1
            }
        }
        #expect(error?.isRetryable == true && (10...20).contains(count))
        while count > 0 {
            let events = try await receiver.receive(limit: 100, wait: .seconds(30))
            _ = try await receiver.settle(events.map { Settlement($0.token, .acknowledge) })
            count -= events.count
        }
        // Room comes when the bus next looks for what it can forget.
        var isAccepted = false
        let deadline = ContinuousClock.now + .seconds(60)
        while !isAccepted, ContinuousClock.now < deadline {
            isAccepted = (try? await bus.publish([try Self.event("more", bytes: 64 << 10)], to: "t")) != nil
            await Task.yield()
        }
        #expect(isAccepted)
        await bus.close()
    }

    @Test func `temporary subscriptions of a life that ended badly are forgotten`() async throws {
        try await Self.withFolder { folder in
            let first = try await EmbeddedBus.onFiles(in: folder, logger: Self.logger)
            let subscription = Subscription(group: "g", topic: "t", isTemporary: true)
            _ = try await first.subscribe(subscription)
            _ = try await first.publish([try Self.event("1")], to: "t")
            first.abandon()
            let second = try await EmbeddedBus.onFiles(in: folder, logger: Self.logger)
            let receiver = try await second.subscribe(subscription)
            _ = try await second.publish([try Self.event("2")], to: "t")
            #expect(try await receiver.receive(limit: 5, wait: .seconds(30)).map(\.event.id) == ["2"])
            await second.close()
        }
    }

    @Test func `what was handed out when a life ended badly comes again, counted`() async throws {
        try await Self.withFolder { folder in
            let first = try await EmbeddedBus.onFiles(in: folder, logger: Self.logger)
            let subscription = Subscription(group: "g", topic: "t")
            let receiver = try await first.subscribe(subscription)
            _ = try await first.publish([try Self.event("1"), try Self.event("2")], to: "t")
            let events = try await receiver.receive(limit: 1, wait: .seconds(30))
            _ = try await receiver.settle(events.map { Settlement($0.token, .acknowledge) })
            #expect(try await receiver.receive(limit: 1, wait: .seconds(30)).map(\.event.id) == ["2"])
            first.abandon()
            let second = try await EmbeddedBus.onFiles(in: folder, logger: Self.logger)
            let again = try await second.subscribe(subscription)
            let left = try await again.receive(limit: 5, wait: .seconds(30))
            #expect(left.map(\.event.id) == ["2"] && left.map(\.attempt) == [2])
            await second.close()
        }
    }

    @Test func `many large events of one call are published in portions`() async throws {
        let bus = try await BusContractTests.open("memory:")
        let receiver = try await bus.subscribe(Subscription(group: "g", topic: "t"))
        let events = try (0..<5).map { try Self.event("\($0)", bytes: 9 << 20) }
        let receipts = try await bus.publish(events, to: "t")
        #expect(receipts.map(\.offset) == [0, 1, 2, 3, 4])
        var ids: [String] = []
        while ids.count < 5 {
            let some = try await receiver.receive(limit: 5, wait: .seconds(30))
            guard !some.isEmpty else { break }
            ids += some.map(\.event.id)
        }
        #expect(ids == ["0", "1", "2", "3", "4"])
        await bus.close()
    }
}
