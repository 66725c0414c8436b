// SPDX-License-Identifier: Apache-2.0

// Publishing and consuming through the whole library: a `Bus`, events whose data is bytes, and a consumer with a handler.

import Apus
import Logging

enum Library {
    static func run(_ url: String, _ options: BusBenchmark.Options, _ progress: Progress) async throws {
        let silent = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
        let bus = try await Bus.connect(url, options: BusOptions(logger: silent))
        let consumer = try bus.consumer(
            group: "bench", options: .init(concurrency: options.concurrency, prefetch: options.prefetch)
        ) {
            handle(options, progress)
        }
        try await consumer.subscribe()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await consumer.run() }
            try await withThrowingTaskGroup(of: Void.self) { publishers in
                for publisher in 0..<options.publishers {
                    publishers.addTask { try await publish(to: bus, publisher, options, progress) }
                }
                try await publishers.waitForAll()
            }
            consumer.stop()
            try await group.waitForAll()
        }
        await bus.close()
    }

    private static func handle(_ options: BusBenchmark.Options, _ progress: Progress) -> Handle {
        let (bytes, window) = (options.bytes, options.window)
        switch options.through {
        case .batch:
            return Handle(batchesOf: Happened.self, size: options.prefetch / 2) { items in
                for index in items.indices where items[index].event.data.count != bytes {
                    throw Reject("it came without its data")
                }
                progress.consume(items.count, window)
            }
        case .bytes, .seam:
            return Handle(type: Happened.type, topic: Happened.topic) { context in
                guard context.data.count == bytes else { throw Reject("it came without its data") }
                progress.consume(1, window)
            }
        case .handler:
            return Handle(Happened.self) { event, _ in
                guard event.data.count == bytes else { throw Reject("it came without its data") }
                progress.consume(1, window)
            }
        }
    }

    private static func publish(
        to bus: Bus, _ publisher: Int, _ options: BusBenchmark.Options, _ progress: Progress
    ) async throws {
        var count = 0
        while progress.isRunning {
            var events: [RawEvent] = []
            events.reserveCapacity(options.batch)
            for _ in 0..<options.batch {
                count += 1
                events.append(
                    RawEvent(
                        type: Happened.type, topic: Happened.topic,
                        data: [UInt8](repeating: UInt8(truncatingIfNeeded: count), count: options.bytes)))
            }
            try await bus.publish(events)
            progress.publish(options.batch)
            await progress.waitForRoom(options.window)
        }
    }
}

/// An event whose data nobody looks into.
struct Happened: Event {
    struct Codec: EventCodec {
        let contentType = "application/octet-stream"
        func encode(_ value: some Encodable) throws -> [UInt8] { (value as? Happened)?.data ?? [] }
        func decode<Value: Decodable>(
            _ type: Value.Type, from bytes: [UInt8], contentType: String?
        ) throws -> Value {
            guard let value = Happened(data: bytes) as? Value else { throw Reject("nobody reads that") }
            return value
        }
    }

    static let type = "bench.happened", topic = "events"
    static let codec: any EventCodec = Codec()
    var data: [UInt8]
}
