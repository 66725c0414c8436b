// SPDX-License-Identifier: Apache-2.0

// An embedded bus in process: events published by tasks that each wait for their receipts, consumed and acknowledged by one other, through the seam that every transport implements
// (`--through seam`), or through the whole library to a handler for each event (`bytes` as it travelled, `handler` by a codec) or for many (`batch`).
// Prints one line of JSON a round: how many were consumed a second, and the processor time of the process for each.
//
//     taskset -c 0 swift run -c release bus --url memory: --bytes 1024 --batch 100 --seconds 5 --rounds 3

import Foundation

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
                {"round": \(round), "url": "\(options.url)", "through": "\(options.through)", "bytes": \(options.bytes), "batch": \(options.batch), \
                "publishers": \(options.publishers), "prefetch": \(options.prefetch), \
                "events_per_s": \(Int(figures.perSecond)), "processor_us": \(rounded(figures.processorMicroseconds)), \
                "behind": \(figures.behind), "resident_mb": \(figures.residentBytes >> 20)}
                """)
        }
    }

    static func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }

    /// Which way events go.
    enum Way: String {
        /// Through the seam that every transport implements.
        case seam
        /// Through the whole library, to a handler for each event that looks at nothing but its bytes.
        case bytes
        /// Through the whole library, to a handler for each event as a value that a codec of the program makes.
        case handler
        /// Through the whole library, to a handler for many events.
        case batch
    }

    struct Options {
        var url = "memory:"
        var bytes = 1024
        var batch = 100
        var publishers = 1
        var prefetch = 1000
        /// How many events may be published and not consumed before publishers wait.
        var window = 4000
        /// Which way events go.
        var through = Way.seam
        /// How many handlers run at the same time; for the whole library only.
        var concurrency = 8
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
                case "--through": through = Way(rawValue: value) ?? through
                case "--concurrency": concurrency = Int(value) ?? concurrency
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
        let progress = Progress()
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                // Whatever ends it, nobody waits for more.
                defer { progress.stop() }
                switch options.through {
                case .seam: try await Seam.run(url, options, progress)
                case .bytes, .handler, .batch: try await Library.run(url, options, progress)
                }
            }
            // At first memory is touched for the first time, and journal files are prepared.
            while progress.isRunning, progress.consumed < (options.events == 0 ? 20_000 : 0) {
                try await Task.sleep(for: .milliseconds(20))
            }
            if options.events == 0 { try await Task.sleep(for: .seconds(1)) }
            let (start, before, processor) = (ContinuousClock.now, progress.consumed, processorTime())
            if options.events == 0 {
                try await Task.sleep(for: .seconds(options.seconds))
            } else {
                while progress.isRunning, progress.consumed < options.events {
                    try await Task.sleep(for: .milliseconds(20))
                }
            }
            let seconds = start.duration(to: .now) / .seconds(1)
            let count = progress.consumed - before
            let spent = (processorTime() - processor) / .microseconds(1)
            progress.stop()
            let figures = Figures(
                perSecond: Double(count) / seconds, processorMicroseconds: spent / Double(max(1, count)),
                behind: progress.published - progress.consumed, residentBytes: residentBytes())
            try await group.waitForAll()
            return figures
        }
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
