// SPDX-License-Identifier: Apache-2.0

// Telling the broker what became of events, and that what is still being handled is to be left here.

import ApusBus
import CoreMetrics
import Logging

extension TopicRun {
    /// Tells verdicts until there are no more.
    func settle() async {
        while let verdicts = await queue.verdicts() {
            await tell(verdicts.settlements)
            queue.forget(verdicts.slots)
            metrics.inFlight.record(queue.unsettled)
        }
    }

    func tell(_ settlements: [Settlement]) async {
        guard await !isTold(settlements), settlements.count > 1 else { return }
        // One of them may be what the broker will not have, such as a wait that is too long for it: the others must not suffer.
        for settlement in settlements { _ = await isTold([settlement]) }
    }

    /// False when the broker will not have these verdicts, and there are several.
    private func isTold(_ settlements: [Settlement]) async -> Bool {
        var failures = 0
        while true {
            do throws(BusError) {
                let results = try await receiver.settle(settlements)
                for result in results where result == .expired { metrics.count(.expired) }
                return true
            } catch {
                failures += 1
                // What cannot be told is handed out again when its lease ends, or its connection: at least once is what was promised.
                guard error.isRetryable || error == .closed || settlements.count == 1 else { return false }
                guard error.isRetryable, failures < Self.settleAttemptsMax else {
                    logger.warning(
                        "verdicts were not taken; these events come again",
                        metadata: ["count": "\(settlements.count)", "error": "\(error)"])
                    for _ in settlements { metrics.count(.expired) }
                    return true
                }
                try? await clock.sleep(for: .milliseconds(50) * (1 << failures))
            }
        }
    }

    static let settleAttemptsMax = 6

    /// Extends leases of all that is unsettled, three times in each.
    func keepLeases() async {
        guard bus.capabilities.features.contains(.leases) else { return }
        while !Task.isCancelled {
            do { try await clock.sleep(for: options.lease / 3) } catch { return }
            let tokens = queue.held()
            guard !tokens.isEmpty else { continue }
            do throws(BusError) {
                try await receiver.extend(tokens, by: options.lease)
            } catch {
                logger.debug(
                    "leases were not extended", metadata: ["error": "\(error)", "count": "\(tokens.count)"])
            }
        }
    }
}
