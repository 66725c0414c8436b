// SPDX-License-Identifier: Apache-2.0

// Durable appends in process against the disk itself: publishers that each wait for their acknowledgement, then the same bytes written and flushed raw
// in blocks of the size that the store came to. Prints one line of JSON; the ratio is what counts, because disks differ and neighbours interfere.
//
//     swift run -c release append --publishers 64 --logs 1 --bytes 1024 --seconds 5 --rounds 3

import ApusModel
import ApusStorage
import Foundation
import Logging
import Synchronization

@main
struct Append {
    static func main() async throws {
        let options = Options(CommandLine.arguments)
        defer { try? FileManager.default.removeItem(atPath: options.directory) }
        for round in 1...options.rounds {
            let store = try await measureStore(options, in: options.directory + "/\(round)")
            let raw = try measureRaw(blockBytes: store.blockBytes, options)
            print(
                """
                {"round": \(round), "publishers": \(options.publishers), "logs": \(options.logs), "bytes": \(options.bytes), \
                "appends_per_s": \(Int(store.appendsPerSecond)), "mb_per_s": \(rounded(store.bytesPerSecond / 1e6)), \
                "flushes_per_s": \(Int(store.flushesPerSecond)), "flush_us": \(Int(store.flushMicroseconds)), \
                "raw_flush_us": \(Int(Double(store.blockBytes) / raw * 1e6)), "block_bytes": \(store.blockBytes), \
                "raw_mb_per_s": \(rounded(raw / 1e6)), "ratio": \(rounded(store.bytesPerSecond / raw))}
                """)
        }
    }

    static func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }

    struct Options {
        var publishers = 64
        var logs = 1
        var bytes = 1024
        var seconds = 5.0
        var rounds = 3
        var directory = NSTemporaryDirectory() + "apus-append-\(getpid())"

        init(_ arguments: [String]) {
            var rest = arguments.dropFirst()
            while let name = rest.popFirst(), let value = rest.popFirst() {
                switch name {
                case "--publishers": publishers = Int(value) ?? publishers
                case "--logs": logs = Int(value) ?? logs
                case "--bytes": bytes = Int(value) ?? bytes
                case "--seconds": seconds = Double(value) ?? seconds
                case "--rounds": rounds = Int(value) ?? rounds
                case "--directory": directory = value + "/apus-append-\(getpid())"
                default: print("unknown option \(name)")
                }
            }
        }
    }

    struct Figures {
        var appendsPerSecond: Double
        var bytesPerSecond: Double
        var flushesPerSecond: Double
        var flushMicroseconds: Double
        var blockBytes: Int
    }

    /// What the store does in a new folder. The folder stays: some file systems are slow to make files for a while after many were removed.
    static func measureStore(_ options: Options, in folder: String) async throws -> Figures {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let spent = Nanoseconds()
        let store = try FileLogStore(
            directory: folder, logger: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() },
            onFlush: { duration, _, _ in spent.add(duration) })
        defer { store.close() }
        let claims = try (0..<options.logs).map {
            try store.claim(LogID(high: 7, low: UInt64($0) << 24), LogConfiguration()) { _ in }
        }
        // At first journal files are prepared, memory is touched for the first time, and every log gets its first segment.
        _ = await publish(to: store, claims, options, seconds: 3)
        let (before, spentBefore) = (store.statistics(), spent.count)
        let start = ContinuousClock.now
        let count = await publish(to: store, claims, options, seconds: options.seconds)
        let seconds = start.duration(to: .now).seconds
        let after = store.statistics()
        let flushes = Double(after.flushes - before.flushes)
        let bytes = Double(after.flushedBytes - before.flushedBytes)
        return Figures(
            appendsPerSecond: Double(count) / seconds, bytesPerSecond: bytes / seconds,
            flushesPerSecond: flushes / seconds,
            flushMicroseconds: Double(spent.count - spentBefore) / flushes / 1000,
            blockBytes: max(4096, Int(bytes / flushes) / 4096 * 4096))
    }

    static func publish(
        to store: FileLogStore, _ claims: [LogClaim], _ options: Options, seconds: Double
    ) async -> Int {
        await withTaskGroup(of: Int.self) { group in
            let deadline = ContinuousClock.now + .seconds(seconds)
            for publisher in 0..<options.publishers {
                group.addTask {
                    let value = [UInt8](repeating: UInt8(publisher & 0xff), count: options.bytes)
                    var count = 0
                    while ContinuousClock.now < deadline {
                        var builder = RecordBatchBuilder(capacity: options.bytes + 128)
                        builder.append(timestamp: Timestamp(milliseconds: 0), key: nil, value: value)
                        guard let batch = builder.finish() else { break }
                        let claim = claims[(publisher + count * options.publishers) % claims.count]
                        let result = await withUnsafeContinuation { continuation in
                            store.append(batch, holding: claim) { continuation.resume(returning: $0) }
                        }
                        guard case .success = result else { break }
                        count += 1
                    }
                    return count
                }
            }
            return await group.reduce(0, +)
        }
    }

    /// Bytes a second of writing blocks over a prepared file, with a flush after each.
    static func measureRaw(blockBytes: Int, _ options: Options) throws -> Double {
        let speed = try FileLogStore.measureFlush(
            in: options.directory, bytes: blockBytes, duration: .seconds(options.seconds))
        return speed.perSecond * Double(speed.bytes)
    }
}

/// Time added up by several threads.
final class Nanoseconds: Sendable {
    private let sum = Atomic<Int64>(0)
    var count: Int64 { sum.load(ordering: .relaxed) }
    func add(_ duration: Duration) { sum.wrappingAdd(Int64(duration / .nanoseconds(1)), ordering: .relaxed) }
}
