// SPDX-License-Identifier: Apache-2.0

// Handing out where the order of keys, fairness or priorities decide. Looking ahead goes through the topic in small reads and keeps of each event a byte or
// two, so that what is behind a key that fails, or of somebody noisy, can be left behind by the million; an event is read again when its
// turn comes, mostly from what was read last.

import ApusModel
import ApusStorage
import CloudEvents
import Synchronization

/// What was read of events whose turn will come.
struct OrderedReads {
    /// Events kept whole, because their turn may come soon.
    private static let eventsMax = 256
    /// Bytes of their data.
    private static let bytesMax = 256 << 10
    /// Batches kept.
    private static let batchesMax = 4

    private var events: [Position: StoredEvent] = [:]
    private var bytes = 0
    private var batches: [(partition: Int, batch: RecordBatch)] = []

    /// Whether there is room for another event.
    var hasRoom: Bool { events.count < OrderedReads.eventsMax && bytes < OrderedReads.bytesMax }

    mutating func keep(_ event: StoredEvent, at position: Position) {
        events[position] = event
        bytes += event.event.data?.bytes.count ?? 0
    }

    mutating func take(_ position: Position) -> StoredEvent? {
        guard let event = events.removeValue(forKey: position) else { return nil }
        bytes -= event.event.data?.bytes.count ?? 0
        return event
    }

    /// Forgets events, when those that are kept are not the ones that are asked for.
    mutating func makeRoom() {
        if !hasRoom { (events, bytes) = ([:], 0) }
    }

    mutating func keep(_ batch: RecordBatch, of partition: Int) {
        if batches.count == OrderedReads.batchesMax { batches.removeFirst() }
        // Opened, because events are asked of it one by one. What cannot be opened is told of where it is looked into.
        batches.append((partition, (try? batch.opened()) ?? batch))
    }

    /// The batch around a position, if it was read lately.
    func batch(around position: Position) -> RecordBatch? {
        batches.last {
            $0.partition == position.partition && $0.batch.baseOffset <= position.offset
                && position.offset < $0.batch.nextOffset
        }?.batch
    }
}

extension DeliveryState {
    /// Hands out as the settings say. What was parked before they said otherwise is handed out first.
    mutating func arrange(_ tagger: EventTagger, isChanged: Bool) {
        let shape = tagger.shape ?? (parkedCount > 0 ? EventTagger.plainShape : nil)
        if isChanged || (shape == nil) != (arrangement == nil) { arrange(shape) }
    }
}

extension SubscriptionSettings {
    /// Whether who goes first is decided in the same way.
    func hasSameOrder(as other: SubscriptionSettings) -> Bool {
        ordering == other.ordering && fairness == other.fairness && priority == other.priority
    }
}

extension SharedSubscription {
    /// Bytes looked through in one go, before those who wait get what was found.
    private static let scanBytesMax = 1 << 20

    /// Takes over changed settings.
    func arrange(_ state: inout State) {
        let tagger = EventTagger(state.definition.settings)
        state.tagger = tagger
        let before = state.delivery.arrangement == nil
        state.delivery.arrange(tagger, isChanged: true)
        state.ordered = OrderedReads()
        unblockAll(&state)
        if before != (state.delivery.arrangement == nil) { state.ahead = [] }
    }

    /// The event whose turn it is.
    func nextInOrder(
        _ state: inout State, _ letters: inout [DeadLetterDraft]
    ) -> EventInTurn? {
        while true {
            if state.delivery.arrangement?.order.offered == 0 { lookOn(&state) }
            guard let position = state.delivery.takeNext() else { break }
            let attempts = state.delivery.items[position]?.attempts ?? 0
            if attempts >= state.definition.settings.attemptsMax || state.failures[position]?.isFinal == true
            {
                writeParked(&state)
                letters.append(draft(position, attempts, &state))
            } else if let stored = storedEvent(at: position, &state) {
                guard isExpired(stored) else { return EventInTurn(position, stored) }
                writeParked(&state)
                if state.delivery.items[position] == nil {
                    expire(position, &state)
                    if state.expiring.count >= SharedSubscription.expiringMax { break }
                } else {
                    letters.append(expireAgain(position, attempts: attempts, &state))
                }
            } else {
                writeParked(&state)
                if let stored = reread(position, &state) { return EventInTurn(position, stored) }
            }
        }
        // Nothing is left from when something else was asked for.
        if state.tagger.shape == nil { state.delivery.arrange(state.tagger, isChanged: false) }
        return nil
    }

    /// Writes down what was found and not handed out, before something else is written about an event among it.
    private func writeParked(_ state: inout State) {
        let changes = SubscriptionChange.parked(state.delivery.takeUnwritten())
        guard !changes.isEmpty else { return }
        state.log.append(changes) { [weak self] result in
            guard let self, case .failure = result else { return }
            self.context.inbox.post { self.state.withLock { $0.wantsSnapshot = true } }
        }
    }

    private func storedEvent(at position: Position, _ state: inout State) -> StoredEvent? {
        if let stored = state.ordered.take(position) { return stored }
        state.ordered.makeRoom()
        if let batch = state.ordered.batch(around: position), let stored = event(position, in: batch) {
            return stored
        }
        let partitions = topic.partitions
        if position.partition < partitions.count,
            let batch =
                (try? context.store.read(
                    partitions[position.partition].log, from: position.offset, byteLimit: 1))?.first,
            batch.baseOffset <= position.offset, let stored = event(position, in: batch)
        {
            state.ordered.keep(batch, of: position.partition)
            return stored
        }
        return nil
    }

    private func event(_ position: Position, in batch: RecordBatch) -> StoredEvent? {
        var found: StoredEvent?
        _ = try? batch.forEachRecord { record in
            if record.offset == position.offset {
                found = StoredEvent(record: record, topic: topic.name, partition: position.partition)
            }
            return record.offset < position.offset
        }
        return found
    }

    // MARK: Looking ahead

    /// Looks on through the topic until there is enough to choose from, or for as long as one go lasts.
    func lookOn(_ state: inout State) {
        admitStrays(&state)
        var looked = 0
        let partitions = topic.partitions
        var idle = 0
        while idle < partitions.count, wantsMore(state) {
            guard looked < SharedSubscription.scanBytesMax else {
                if state.delivery.arrangement?.order.offered == 0 { context.followers.enqueue(self) }
                return
            }
            let number = state.firstPartition % partitions.count
            state.firstPartition = (number + 1) % partitions.count
            let bytes = look(into: partitions[number], &state)
            looked += bytes
            idle = bytes == 0 ? idle + 1 : 0
        }
    }

    private func wantsMore(_ state: State) -> Bool {
        state.delivery.arrangement?.order.wantsMore == true
            && state.delivery.parkedCount < Defaults.parkedEventsMax && readsOn(state)
    }

    /// One read of one partition; how many bytes that were.
    private func look(into partition: Partition, _ state: inout State) -> Int {
        let number = partition.number
        let limit = state.definition.end(ofPartition: number) ?? Offset(.max)
        let end = min(partition.signal.end, limit)
        let from = state.delivery.scanOffset(number)
        guard from < end else { return 0 }
        do {
            let batches = try partition.readEvents(
                from: from, byteLimit: LookAhead.readBytes, in: context.store)
            // Offsets of appends that failed, and nothing else, may stand before the end.
            guard let last = batches.last else {
                state.delivery.finishScan(number, to: end)
                return 1
            }
            for batch in batches {
                discover(batch, of: partition, from: from, to: limit, &state)
                state.delivery.finishScan(number, to: max(from, min(batch.nextOffset, limit)))
            }
            state.ordered.keep(last, of: number)
            return batches.reduce(0) { $0 + $1.length }
        } catch {
            guard let next = LookAhead.wayAround(error), next > from else {
                tryAgain(error, partition: number)
                return 0
            }
            if case .corrupt = error { report(BrokerError(error), partition: number) }
            state.delivery.finishScan(number, to: next)
            return 1
        }
    }

    private func discover(
        _ batch: RecordBatch, of partition: Partition, from: Offset, to limit: Offset, _ state: inout State
    ) {
        let error = context.forEachRecord(of: batch, in: topic.name, partition.number) { record in
            let position = Position(partition: partition.number, offset: record.offset)
            guard record.offset >= from, record.offset < limit, state.delivery.isWanted(position) else {
                return true
            }
            if !state.delivery.isKnown(position) {
                guard state.filter.matches(record, for: name) else { return true }
            }
            state.delivery.discover(position, state.tagger.tags(of: record))
            if state.ordered.hasRoom {
                state.ordered.keep(
                    StoredEvent(record: record, topic: topic.name, partition: partition.number), at: position)
            }
            return true
        }
        if let error { report(error, partition: partition.number) }
    }

    /// Puts events into the order again that had left it.
    private func admitStrays(_ state: inout State) {
        let partitions = topic.partitions
        while let position = state.delivery.takeStray() {
            guard position.partition < partitions.count else { continue }
            let tags = try? context.withRecord(partitions[position.partition].log, at: position.offset) {
                state.tagger.tags(of: $0)
            }
            // Whoever takes it finds out why it cannot be read.
            state.delivery.readmit(position, (tags ?? nil) ?? EventTags())
        }
    }
}
