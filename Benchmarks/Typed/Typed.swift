// SPDX-License-Identifier: Apache-2.0

// What the typed library adds to encoding and decoding: the same events are encoded and decoded by themselves, and published and handled over a bus in
// memory, one after the other in each round. Processor time counts, since a bus uses more threads than one. Prints one line of JSON a round.
//
//     swift run -c release typed --count 50000 --batch 100 --rounds 3

import Apus
import Foundation
import Logging
import Synchronization

/// An event of about 1 KiB, as applications have them.
struct Order: Event {
    struct Item: Codable, Sendable {
        var sku: String
        var title: String
        var quantity: Int
        var price: Double
    }

    static let type = "com.example.order", topic = "orders"
    var id: String
    var customer: String
    var region: String
    var total: Double
    var isGift: Bool
    var note: String?
    var items: [Item]

    init(_ number: Int) {
        id = "order-\(number)"
        customer = "customer-\(number % 1000)"
        region = number % 2 == 0 ? "eu" : "us"
        total = Double(number % 10_000) / 4
        isGift = number % 7 == 0
        note = number % 3 == 0 ? "please leave it with the neighbours on the second floor" : nil
        items = (0..<10).map {
            Item(
                sku: "sku-\(number)-\($0)", title: "A thing to have and to hold, number \($0)", quantity: $0,
                price: 9.5)
        }
    }
}

@main
struct TypedBenchmark {
    static func main() async throws {
        var (count, batch, rounds, concurrency, isOnlyBytes) = (50_000, 100, 3, 1, false)
        var rest = CommandLine.arguments.dropFirst()
        while let name = rest.popFirst(), let value = rest.popFirst().flatMap({ Int($0) }) {
            switch name {
            case "--count": count = value
            case "--batch": batch = value
            case "--rounds": rounds = value
            case "--concurrency": concurrency = value
            // For a profiler.
            case "--only-bytes": isOnlyBytes = value != 0
            default: print("unknown option \(name)")
            }
        }
        if isOnlyBytes { return try await publishBytes(count, batch, concurrency) }
        let orders = (0..<count).map(Order.init)
        for round in 1...rounds {
            var before = processorTime()
            func passed() -> Double {
                defer { before = processorTime() }
                return processorTime() - before
            }
            try encodeAndDecode(orders)
            let alone = passed()
            try await publishAndHandle(orders, batch, concurrency)
            let typed = passed()
            try await publishBytes(count, batch, concurrency)
            let raw = passed()
            let each = { (seconds: Double) in Int(seconds / Double(count) * 1e9) }
            print(
                """
                {"round": \(round), "count": \(count), "batch": \(batch), "coding_ns": \(each(alone)), \
                "typed_ns": \(each(typed)), "ratio": \((alone / typed * 1000).rounded() / 1000), "bytes_ns": \(each(raw))}
                """)
        }
    }

    static func encodeAndDecode(_ orders: [Order]) throws {
        var total = 0.0
        for order in orders {
            let bytes = try Order.codec.encode(order)
            total += try Order.codec.decode(Order.self, from: bytes, contentType: nil).total
        }
        precondition(total > 0)
    }

    static func publishAndHandle(_ orders: [Order], _ batch: Int, _ concurrency: Int) async throws {
        try await run(orders.count, concurrency) { bus, progress in
            for start in stride(from: 0, to: orders.count, by: batch) {
                await progress.reached(start - underWayMax)
                try await bus.publish(Array(orders[start..<min(start + batch, orders.count)]))
            }
        } handler: { progress in
            Handle(Order.self) { order, _ in if order.total >= 0 { progress.add() } }
        }
    }

    static func publishBytes(_ count: Int, _ batch: Int, _ concurrency: Int) async throws {
        let data = [UInt8](repeating: 120, count: 1024)
        try await run(count, concurrency) { bus, progress in
            for start in stride(from: 0, to: count, by: batch) {
                await progress.reached(start - underWayMax)
                try await bus.publish(
                    (start..<min(start + batch, count)).map { _ in
                        RawEvent(type: Order.type, topic: "orders", data: data)
                    })
            }
        } handler: { progress in
            Handle(Bytes.self) { _, _ in progress.add() }
        }
    }

    /// No more than these are published and not handled: a publisher that runs away from its consumer measures memory.
    static let underWayMax = 4000

    /// Publishes and handles at the same time, until all was handled.
    static func run(
        _ count: Int, _ concurrency: Int, publish: (Bus, Progress) async throws -> Void,
        handler: (Progress) -> Handle
    ) async throws {
        let silent = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
        let bus = try await Bus.connect("memory:?memory=4g", options: BusOptions(logger: silent))
        let progress = Progress()
        let handle = handler(progress)
        let consumer = try bus.consumer(
            group: "bench", topic: "orders", options: .init(concurrency: concurrency, prefetch: 1000)
        ) { handle }
        try await consumer.subscribe()
        let running = Task { try await consumer.run() }
        try await publish(bus, progress)
        await progress.reached(count)
        consumer.stop()
        try await running.value
        await bus.close()
    }

    static func processorTime() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

/// Data that is not looked into.
struct Bytes: Event {
    struct Codec: EventCodec {
        let contentType = "application/octet-stream"
        func encode(_ value: some Encodable) throws -> [UInt8] { [] }
        func decode<Value: Decodable>(
            _ type: Value.Type, from bytes: [UInt8], contentType: String?
        ) throws -> Value {
            guard let value = Bytes(bytes) as? Value else { throw CancellationError() }
            return value
        }
    }

    static let type = Order.type, topic = Order.topic
    static let codec: any EventCodec = Codec()
    var bytes: [UInt8]
    init(_ bytes: [UInt8]) { self.bytes = bytes }
}

/// Counts what was handled.
final class Progress: Sendable {
    private let count = Atomic(0)
    /// Less than this many are of interest to nobody.
    private let awaited = Atomic(Int.max)
    private let waiting = Mutex<UnsafeContinuation<Void, Never>?>(nil)

    func add() {
        let handled = count.add(1, ordering: .sequentiallyConsistent).newValue
        if handled >= awaited.load(ordering: .sequentiallyConsistent) { resume() }
    }

    /// Waits until so many were handled; one at a time does.
    func reached(_ wanted: Int) async {
        guard count.load(ordering: .relaxed) < wanted else { return }
        await withUnsafeContinuation { continuation in
            waiting.withLock { $0 = continuation }
            awaited.store(wanted, ordering: .sequentiallyConsistent)
            if count.load(ordering: .sequentiallyConsistent) >= wanted { resume() }
        }
    }

    private func resume() {
        let ended = waiting.withLock { waiting -> UnsafeContinuation<Void, Never>? in
            defer { waiting = nil }
            return waiting
        }
        guard let ended else { return }
        awaited.store(.max, ordering: .sequentiallyConsistent)
        ended.resume()
    }
}
