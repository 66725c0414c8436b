// SPDX-License-Identifier: Apache-2.0

// Reading ahead: what becomes due soon is read into the window. Two readers go through each bucket. One follows it as it grows, and takes
// what is due before `covered`. The other passes through everything that waits, now and then, and takes what is due from there to `target`;
// when both stand at the same place in every bucket, `covered` moves to `target`.

import ApusModel
import ApusStorage
import Logging

extension Scheduler {
    /// - Returns: whether there is more to read at once.
    func readAhead(_ time: Int64, _ now: Duration, _ state: inout State) -> Bool {
        if let retry = state.scanRetryAt {
            guard retry <= now else { return false }
            state.scanRetryAt = nil
        }
        var budget = Scheduler.scanBytes
        do {
            try follow(&state, &budget)
            if state.target == nil, state.window.isHalfEmpty,
                state.covered < .at(time + Scheduler.horizon / 2)
            {
                state.target = .at(time + Scheduler.horizon)
                for (number, tracked) in state.buckets {
                    state.buckets[number]?.passed = tracked.done.floor
                    state.buckets[number]?.followed = max(tracked.done.floor, tracked.followed)
                }
            }
            if state.target != nil { try pass(&state, &budget) }
        } catch {
            context.logger.warning("delayed events could not be read; that is tried again: \(error)")
            state.scanRetryAt = now + context.options.storeRetryInterval
            return false
        }
        return budget <= 0
    }

    private func follow(_ state: inout State, _ budget: inout Int) throws(LogError) {
        for number in state.buckets.keys.sorted() {
            guard let tracked = state.buckets[number] else { continue }
            let end = tracked.bucket.signal.end.rawValue
            guard tracked.followed < end, ScheduleKey.at(tracked.bucket.span.start) < state.covered else {
                continue
            }
            try follow(number, to: end, &state, &budget)
            if budget <= 0 { return }
        }
    }

    private func follow(
        _ number: Int, to end: Int64, _ state: inout State, _ budget: inout Int
    ) throws(LogError) {
        while let tracked = state.buckets[number], tracked.followed < end, budget > 0 {
            let next = try scan(tracked, tracked.followed, end, &budget, &state) { key, state in
                key < state.covered
            }
            state.buckets[number]?.followed = next
        }
    }

    private func pass(_ state: inout State, _ budget: inout Int) throws(LogError) {
        for number in state.buckets.keys.sorted() {
            // A window that fills up lowers the target.
            guard let target = state.target, let tracked = state.buckets[number],
                ScheduleKey.at(tracked.bucket.span.start) < target
            else { continue }
            let end = tracked.bucket.signal.end.rawValue
            while let tracked = state.buckets[number], tracked.passed < end {
                guard budget > 0 else { return }
                // What nobody followed yet is looked at once for both.
                let isNew = tracked.passed >= tracked.followed
                let next = try scan(
                    tracked, tracked.passed, isNew ? end : tracked.followed, &budget, &state
                ) { key, state in
                    guard let target = state.target else { return false }
                    return key < target && (isNew || key >= state.covered)
                }
                state.buckets[number]?.passed = next
                if isNew { state.buckets[number]?.followed = next }
            }
        }
        guard let target = state.target else { return }
        let isComplete = state.buckets.values.allSatisfy { tracked in
            ScheduleKey.at(tracked.bucket.span.start) >= target || tracked.followed == tracked.passed
        }
        guard isComplete else { return }
        state.covered = max(state.covered, target)
        state.target = nil
    }

    /// Puts an event into the window; what has no room is read again later.
    func take(_ event: WaitingEvent, _ state: inout State) {
        guard !state.busy.contains(event.key) else { return }
        guard let dropped = state.window.insert(event) else { return }
        state.covered = min(state.covered, dropped)
        if let target = state.target { state.target = min(target, dropped) }
    }

    /// Takes those that still wait of the next part of a bucket and are wanted; where to go on. What is not wanted, most of a bucket each time
    /// but the last, is stepped over without being looked into.
    private func scan(
        _ tracked: Tracked, _ offset: Int64, _ end: Int64, _ budget: inout Int, _ state: inout State,
        isWanted: (ScheduleKey, borrowing State) -> Bool
    ) throws(LogError) -> Int64 {
        let batches: [RecordBatch]
        do {
            batches = try context.store.read(tracked.bucket.log, from: Offset(offset), byteLimit: 256 << 10)
        } catch {
            guard let next = LookAhead.wayAround(error) else { throw error }
            context.logger.error("delayed events are lost to damage: \(error)")
            return max(next.rawValue, offset + 1)
        }
        // Offsets of appends that failed, and nothing else, may stand before the end.
        guard let last = batches.last else { return end }
        for batch in batches {
            budget -= batch.length
            _ = try? batch.forEachRecord { record in
                let key = tracked.bucket.key(due: record.timestamp.rawValue, offset: record.offset.rawValue)
                guard key.offset >= offset, key.offset < end, isWanted(key, state),
                    !tracked.done.contains(key.offset),
                    let topic = record.withHeader(LineageHeader.topicBytes, { LogID(digits: $0) }) ?? nil
                else { return true }
                take(
                    WaitingEvent(
                        key: key, due: record.timestamp.rawValue, topic: topic, record: PackedRecord(record)),
                    &state)
                return true
            }
        }
        return min(last.nextOffset.rawValue, end)
    }
}
