// SPDX-License-Identifier: Apache-2.0

// Publishing and consuming through the seam that every transport implements: no `Bus`, no handlers.

import ApusBus
import ApusEmbeddedBus
import CloudEvents
import Logging

enum Seam {
    static func run(_ url: String, _ options: BusBenchmark.Options, _ progress: Progress) async throws {
        let connection = ConnectionOptions(logger: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() })
        let bus = try await TransportScheme.connect(try BusURL(url), among: [.memory, .file], connection)
        let subscription = Subscription(group: "bench", topic: "events", prefetch: options.prefetch)
        let receiver = try await bus.subscribe(subscription)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for publisher in 0..<options.publishers {
                group.addTask { try await publish(to: bus, publisher, options, progress) }
            }
            group.addTask { try await consume(from: receiver, options, progress) }
            try await group.waitForAll()
        }
        await bus.close()
    }

    static func publish(
        to bus: any BusTransport, _ publisher: Int, _ options: BusBenchmark.Options, _ progress: Progress
    ) async throws {
        var count = 0
        while progress.isRunning {
            var events: [CloudEvent] = []
            events.reserveCapacity(options.batch)
            for _ in 0..<options.batch {
                count += 1
                events.append(
                    try CloudEvent(
                        id: "\(publisher)-\(count)", source: "/bench", type: "bench.happened",
                        data: CloudEventData(
                            [UInt8](repeating: UInt8(truncatingIfNeeded: count), count: options.bytes))))
            }
            _ = try await bus.publish(events, to: "events")
            progress.publish(options.batch)
            // Both sides have to go at the same speed for the figure to mean both.
            await progress.waitForRoom(options.window)
        }
    }

    static func consume(
        from receiver: any Receiver, _ options: BusBenchmark.Options, _ progress: Progress
    ) async throws {
        // As consumers do, the next events are asked for while the verdicts on the last ones are written down.
        var settling: Task<Void, any Error>?
        while progress.isRunning {
            let events = try await receiver.receive(limit: options.prefetch / 2, wait: .seconds(1))
            var sum = 0
            for index in events.indices { sum &+= events[index].event.data?.bytes.count ?? 0 }
            guard sum == events.count * options.bytes else {
                throw BusError.invalid("events came without their data")
            }
            try await settling?.value
            let settlements = events.map { Settlement($0.token, .acknowledge) }
            settling = Task {
                let results = try await receiver.settle(settlements)
                guard results.allSatisfy({ $0 == .settled }) else { throw BusError.invalid("leases ended") }
                progress.consume(results.count, options.window)
            }
        }
        try await settling?.value
    }
}
