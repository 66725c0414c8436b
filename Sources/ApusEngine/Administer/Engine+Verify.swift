// SPDX-License-Identifier: Apache-2.0

// Verification: everything stored is read once, which checks every checksum, and what is damaged is listed.

import ApusModel
import ApusStorage
import Synchronization

extension Engine {
    public func verify(progress: @Sendable (Int64) -> Void) async throws(BrokerError) -> VerificationReport {
        var report = VerificationReport(batches: 0, bytes: 0, damage: [])
        let names = catalog.withLock { catalog in
            Dictionary(
                catalog.topics.values.flatMap { topic in
                    topic.partitions.map { ($0.log, "topic '\(topic.name)', partition \($0.number)") }
                }
            ) { first, _ in first }
        }
        for log in try storing({ () throws(LogError) in try context.store.logs() }) {
            guard !Task.isCancelled else { break }
            verify(log, name: names[log] ?? "log \(log)", &report, progress)
            await Task.yield()
        }
        return report
    }

    private func verify(
        _ log: LogID, name: String, _ report: inout VerificationReport, _ progress: @Sendable (Int64) -> Void
    ) {
        do {
            let bounds = try context.store.bounds(log)
            var offset = bounds.start
            while offset < bounds.end {
                do {
                    let batches = try context.store.read(log, from: offset, byteLimit: 1 << 20)
                    guard let last = batches.last else { return }
                    report.batches += Int64(batches.count)
                    report.bytes += batches.reduce(0) { $0 + Int64($1.length) }
                    for batch in batches where batch.compression != 0 {
                        // The checksum says that it is as it came, not that anybody can look into it.
                        do { try batch.forEachRecord { _ in true } } catch {
                            report.damage.append(
                                "\(name): the batch at offset \(batch.baseOffset) cannot be opened: \(error)")
                        }
                    }
                    progress(report.bytes)
                    offset = last.nextOffset
                } catch .corrupt(_, let at, let next, let reason) {
                    report.damage.append("\(name): the batch at offset \(at) is damaged: \(reason)")
                    offset = max(next, offset.advanced(by: 1))
                }
            }
        } catch {
            // A log that was deleted meanwhile is not damaged.
            if case .unknownLog = error { return }
            report.damage.append("\(name): \(error)")
        }
    }
}
