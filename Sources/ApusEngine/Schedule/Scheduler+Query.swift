// SPDX-License-Identifier: Apache-2.0

// Questions about what waits, and cancelling.

import ApusModel
import ApusStorage
import CloudEvents
import Synchronization

extension Scheduler {
    /// One that waits; nil when there is none of this id.
    func describe(
        _ id: String, name: (LogID) -> ResourceName?
    ) throws(LogError) -> WaitingEventDescription? {
        guard let place = ScheduleKey.place(of: id) else { return nil }
        let tracked = state.withLock { $0.buckets[place.bucket] }
        guard let tracked, !tracked.done.contains(place.offset),
            place.offset < tracked.bucket.signal.end.rawValue
        else { return nil }
        let found = try context.withRecord(tracked.bucket.log, at: Offset(place.offset)) {
            Scheduler.description($0, bucket: place.bucket, name: name)
        }
        return found ?? nil
    }

    private static func description(
        _ record: RecordView, bucket: Int, name: (LogID) -> ResourceName?
    ) -> WaitingEventDescription? {
        let key = ScheduleKey(due: record.timestamp.rawValue, bucket: bucket, offset: record.offset.rawValue)
        guard let topic = record.header(LineageHeader.topicBytes).flatMap({ LogID($0) }).flatMap(name) else {
            return nil
        }
        return WaitingEventDescription(
            id: key.id, topic: topic, due: record.timestamp,
            key: record.key.map { String(decoding: $0, as: UTF8.self) },
            event: CloudEvent(record: record, topic: topic, partition: 0))
    }

    /// Those that wait, in the order in which they are due, after the one whose `due/id` is `after`.
    func list(
        _ page: Page, topic wanted: LogID?, name: (LogID) -> ResourceName?
    ) throws(LogError) -> [WaitingEventDescription] {
        let after = page.after.flatMap { ScheduleKey(cursor: $0) } ?? .first
        var found: [(key: ScheduleKey, description: WaitingEventDescription)] = []
        let buckets = state.withLock { Array($0.buckets.values) }.sorted { $0.bucket.span < $1.bucket.span }
        for tracked in buckets where tracked.bucket.span.end > after.due {
            // What is overdue is not in order of the buckets, and is soon gone: the next page may begin with some of it.
            if found.count >= page.limit, let last = found.last, last.key < .at(tracked.bucket.span.start) {
                break
            }
            try forEachWaiting(in: tracked, wanted, after) { key, record in
                if found.count >= page.limit, let last = found.last, last.key < key { return }
                guard let description = Scheduler.description(record, bucket: key.bucket, name: name) else {
                    return
                }
                let place = found.firstIndex { $0.key > key } ?? found.count
                found.insert((key, description), at: place)
                if found.count > page.limit { found.removeLast() }
            }
        }
        return found.map(\.description)
    }

    private func forEachWaiting(
        in tracked: Tracked, _ wanted: LogID?, _ after: ScheduleKey, _ body: (ScheduleKey, RecordView) -> Void
    ) throws(LogError) {
        var offset = tracked.done.floor
        let end = tracked.bucket.signal.end.rawValue
        while offset < end {
            let batches: [RecordBatch]
            do {
                batches = try context.store.read(tracked.bucket.log, from: Offset(offset), byteLimit: 1 << 20)
            } catch {
                guard let next = LookAhead.wayAround(error) else { throw error }
                offset = max(next.rawValue, offset + 1)
                continue
            }
            guard let last = batches.last else { return }
            for batch in batches {
                _ = try? batch.forEachRecord { record in
                    let key = ScheduleKey(
                        due: record.timestamp.rawValue, bucket: tracked.bucket.number,
                        offset: record.offset.rawValue)
                    guard key > after, key.offset >= offset, !tracked.done.contains(key.offset) else {
                        return true
                    }
                    if let wanted, record.header(LineageHeader.topicBytes) != wanted.description {
                        return true
                    }
                    body(key, record)
                    return true
                }
            }
            offset = last.nextOffset.rawValue
        }
    }

    /// Cancels those of `ids` that wait; `completion` comes when that is durable, in a turn of the worker, with those that did not wait any more.
    func cancel(_ ids: [String], completion: @escaping @Sendable (Result<[String], LogError>) -> Void) {
        context.inbox.post { [self] in
            let (missing, keys) = state.withLock { state -> ([String], [ScheduleKey]) in
                var (missing, keys): ([String], [ScheduleKey]) = ([], [])
                for id in ids {
                    guard let key = waitingKey(id, state) else {
                        missing.append(id)
                        continue
                    }
                    state.busy.insert(key)
                    keys.append(key)
                }
                let gone = missing
                guard !keys.isEmpty else { return (missing, keys) }
                state.ledger.cancellations.append(
                    Ledger.Cancellation(keys: keys) { error in
                        completion(error.map { .failure($0) } ?? .success(gone))
                    })
                return (missing, keys)
            }
            if keys.isEmpty { completion(.success(missing)) }
            context.followers.enqueue(self)
        }
    }

    private func waitingKey(_ id: String, _ state: State) -> ScheduleKey? {
        guard let place = ScheduleKey.place(of: id), let tracked = state.buckets[place.bucket],
            !tracked.done.contains(place.offset), place.offset < tracked.bucket.signal.end.rawValue,
            let due = try? context.withRecord(
                tracked.bucket.log, at: Offset(place.offset), { $0.timestamp.rawValue })
        else { return nil }
        let key = tracked.bucket.key(due: due, offset: place.offset)
        return state.busy.contains(key) ? nil : key
    }
}

extension ScheduleKey {
    /// Where a page ended: `due/id`.
    init?(cursor: String) {
        let parts = cursor.split(separator: "/")
        guard parts.count == 2, let due = Int64(parts[0]), let place = ScheduleKey.place(of: parts[1]) else {
            return nil
        }
        self.init(due: due, bucket: place.bucket, offset: place.offset)
    }
}
