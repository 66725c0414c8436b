// SPDX-License-Identifier: Apache-2.0

// An embedded bus in process: events published by tasks that each wait for their receipts, consumed and acknowledged by one other, through the seam that every transport implements.
// Prints one line of JSON a round: how many were consumed a second, and the processor time of the process for each.
//
//     taskset -c 0 swift run -c release bus --url memory: --bytes 1024 --batch 100 --seconds 5 --rounds 3

import ApusBus
import ApusEmbeddedBus
import CloudEvents
import Foundation
import Logging
import Synchronization

@main
struct BusBenchmark {
    static func main() async throws {
        let options = Options(CommandLine.arguments)
        for round in 1...options.rounds {
            let folder = NSTemporaryDirectory() + "apus-bus-\(getpid())-\(round)"
            let isFile = options.url.hasPrefix("file:")
            let url = isFile ? "file://\(folder)" + options.url.dropFirst(5) : options.url
            let figures = try await measure(url, options)
            if isFile { try? FileManager.default.removeItem(atPath: folder) }
            print(
                """
                {"round": \(round), "url": "\(options.url)", "bytes": \(options.bytes), "batch": \(options.batch), \
                "publishers": \(options.publishers), "prefetch": \(options.prefetch), \
                "events_per_s": \(Int(figures.perSecond)), "processor_us": \(rounded(figures.processorMicroseconds)), \
                "behind": \(figures.behind), "resident_mb": \(figures.residentBytes >> 20)}
                """)
        }
    }

    static func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }

    struct Options {
        var url = "memory:"
        var bytes = 1024
        var batch = 100
        var publishers = 1
        var prefetch = 1000
        /// How many events may be published and not consumed before publishers wait.
        var window = 4000
        var seconds = 5.0
        var rounds = 3
        /// Stops after so many events, for a profiler; 0 for when the time is over.
        var events = 0

        init(_ arguments: [String]) {
            var rest = arguments.dropFirst()
            while let name = rest.popFirst(), let value = rest.popFirst() {
                switch name {
                case "--url": url = value
                case "--bytes": bytes = Int(value) ?? bytes
                case "--batch": batch = Int(value) ?? batch
                case "--publishers": publishers = Int(value) ?? publishers
                case "--prefetch": prefetch = Int(value) ?? prefetch
                case "--window": window = Int(value) ?? window
                case "--seconds": seconds = Double(value) ?? seconds
                case "--rounds": rounds = Int(value) ?? rounds
                case "--events": events = Int(value) ?? events
                default: print("unknown option \(name)")
                }
            }
        }
    }

    struct Figures {
        var perSecond: Double
        var processorMicroseconds: Double
        var behind: Int
        var residentBytes: Int
    }

    static func measure(_ url: String, _ options: Options) async throws -> Figures {
        let connection = ConnectionOptions(logger: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() })
        let bus = try await TransportScheme.connect(try BusURL(url), among: [.memory, .file], connection)
        let subscription = Subscription(group: "bench", topic: "events", prefetch: options.prefetch)
        let receiver = try await bus.subscribe(subscription)
        let progress = Progress()
        let figures = try await withThrowingTaskGroup(of: Void.self) { group in
            for publisher in 0..<options.publishers {
                group.addTask { try await publish(to: bus, publisher, options, progress) }
            }
            group.addTask { try await consume(from: receiver, options, progress) }
            // At first memory is touched for the first time, and journal files are prepared.
            while progress.consumed < (options.events == 0 ? 20_000 : 0) {
                try await Task.sleep(for: .milliseconds(20))
            }
            if options.events == 0 { try await Task.sleep(for: .seconds(1)) }
            let (start, before, processor) = (ContinuousClock.now, progress.consumed, processorTime())
            if options.events == 0 {
                try await Task.sleep(for: .seconds(options.seconds))
            } else {
                while progress.consumed < options.events { try await Task.sleep(for: .milliseconds(20)) }
            }
            let seconds = start.duration(to: .now) / .seconds(1)
            let count = progress.consumed - before
            let spent = (processorTime() - processor) / .microseconds(1)
            progress.stop()
            group.cancelAll()
            let figures = Figures(
                perSecond: Double(count) / seconds, processorMicroseconds: spent / Double(max(1, count)),
                behind: progress.published - progress.consumed, residentBytes: residentBytes())
            try? await group.waitForAll()
            return figures
        }
        await bus.close()
        return figures
    }

    static func publish(
        to bus: any BusTransport, _ publisher: Int, _ options: Options, _ progress: Progress
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

    static func consume(from receiver: any Receiver, _ options: Options, _ progress: Progress) async throws {
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

    static func processorTime() -> Duration {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }

    static func residentBytes() -> Int {
        let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
        return (text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 4096
    }
}

/// How far both sides have come.
final class Progress: Sendable {
    private struct State {
        var published = 0
        var consumed = 0
        var isRunning = true
        var waiting: [UnsafeContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    var published: Int { state.withLock(\.published) }
    var consumed: Int { state.withLock(\.consumed) }
    var isRunning: Bool { state.withLock(\.isRunning) }

    func publish(_ count: Int) { state.withLock { $0.published += count } }

    func consume(_ count: Int, _ window: Int) {
        resume { state in
            state.consumed += count
            return state.published - state.consumed <= window / 2
        }
    }

    /// Waits while more than `window` events are published and not consumed.
    func waitForRoom(_ window: Int) async {
        await withUnsafeContinuation { continuation in
            let goesOn = state.withLock { state in
                guard state.isRunning, state.published - state.consumed > window else { return true }
                state.waiting.append(continuation)
                return false
            }
            if goesOn { continuation.resume() }
        }
    }

    func stop() {
        resume { state in
            state.isRunning = false
            return true
        }
    }

    private func resume(_ change: (inout State) -> Bool) {
        let waiting = state.withLock { state -> [UnsafeContinuation<Void, Never>] in
            guard change(&state) else { return [] }
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}
