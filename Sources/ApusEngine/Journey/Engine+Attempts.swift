// SPDX-License-Identifier: Apache-2.0

// Attempts to deliver, of one subscription or of all, newest first: the journey log read backwards, in stretches, until there are enough or the step is long enough.

public import ApusModel
import ApusStorage
import Synchronization

extension Engine {
    /// Bytes of the journey log read in one step.
    private static let attemptBytesMax = 64 << 20
    /// Steps that are looked at together, from the end backwards.
    private static let attemptStride: Int64 = 4096

    public func attempts(
        _ search: AttemptSearch, before: Offset?, limit: Int
    ) async throws(BrokerError) -> AttemptList {
        let id = try search.subscription.map { name throws(BrokerError) in
            guard let definition = definitions.subscriptions[name] else { throw .unknownSubscription(name) }
            return definition.id
        }
        guard let journey = context.journey else { return AttemptList(attempts: [], next: nil) }
        if before == nil { journey.write() }
        let bounds = try storing { () throws(LogError) in try journey.bounds() }
        var end = min(before ?? bounds.end, bounds.end)
        var list = AttemptList(attempts: [], next: nil)
        var budget = Engine.attemptBytesMax
        while end > bounds.start {
            guard budget > 0, !isStopped, !Task.isCancelled else {
                list.next = end
                break
            }
            let from = max(bounds.start, end.advanced(by: -Engine.attemptStride))
            var found: [(offset: Offset, step: JourneyStep)] = []
            var read = 0
            var isRecent = search.since == nil
            _ = try storing { () throws(LogError) in
                try journey.forEachRecord(in: from..<end, budget: .max) { record in
                    read += (record.value?.count ?? 0) + JourneyStep.keyLength
                    if let since = search.since, record.timestamp >= since { isRecent = true }
                    guard let value = record.value, AttemptNote.isAttempt(of: id, value),
                        let step = JourneyStep(record), case .attempted(let note) = step.note,
                        search.matches(note, at: step.time)
                    else { return true }
                    found.append((record.offset, step))
                    // Oldest first: of too many the last ones count.
                    if found.count > 2 * limit { found.removeFirst(found.count - limit) }
                    return true
                }
            }
            budget -= max(read, 1 << 16)
            for (offset, step) in found.reversed() {
                guard list.attempts.count < limit, case .attempted(let note) = step.note else { break }
                list.attempts.append((place(of: step), step.time, note))
                list.next = offset
            }
            if list.attempts.count >= limit { break }
            // Notes come in the order of time, nearly: what lies before a stretch that is too old is older still.
            if !isRecent, read > 0 {
                list.next = nil
                break
            }
            (end, list.next) = (from, nil)
        }
        return list
    }

    private func place(of step: JourneyStep) -> EventPlace? {
        catalog.withLock { $0.definitions.topicName(step.topic) }.map {
            EventPlace(topic: $0, partition: step.partition, offset: step.offset)
        }
    }
}
