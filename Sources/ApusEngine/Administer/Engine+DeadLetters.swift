// SPDX-License-Identifier: Apache-2.0

// Dead letters: listed, sent back, discarded. A redriven event is appended to its topic again, marked for the subscription that gave it up, so that
// nobody else sees it twice; the letter stays where it is and the ledger says that it is done with.

public import ApusModel
import ApusStorage
public import CloudEvents
import Synchronization

extension Engine {
    /// Letters moved together.
    private static let groupSize = 500

    public func deadLetters(
        _ selection: DeadLetterSelection, _ page: Page
    ) async throws(BrokerError) -> [DeadLetter] {
        var after = try page.after.map { text throws(BrokerError) in try place(text) }
        var found: [DeadLetter] = []
        var bytes = 0
        for ledger in try ledgers(selection) {
            if let place = after, place.topic > ledger.topic.name { continue }
            let begin = after?.topic == ledger.topic.name ? after : nil
            after = nil
            for partition in ledger.topic.partitions where partition.number >= (begin?.partition ?? 0) {
                let from = begin?.partition == partition.number ? begin?.offset.advanced(by: 1) : nil
                found += try letters(
                    in: ledger, partition, from: from ?? .zero, limit: page.limit - found.count,
                    bytes: &bytes, selection)
                if found.count >= page.limit || bytes >= Page.bytesMax { return found }
            }
        }
        return found
    }

    public func redrive(
        _ selection: DeadLetterSelection, dryRun: Bool
    ) async throws(BrokerError) -> DeadLetterResult {
        try await move(selection, dryRun: dryRun) { [self] letters throws(BrokerError) in
            var done: [Position] = []
            for letter in letters {
                guard try await sendBack(letter) else { continue }
                done.append(Position(partition: letter.stored.partition, offset: letter.stored.offset))
            }
            return done
        }
    }

    public func redrive(
        _ letter: String, as event: CloudEvent
    ) async throws(BrokerError) -> DeadLetterResult {
        var selection = DeadLetterSelection()
        selection.topic = try place(letter).topic
        selection.ids = [letter]
        return try await move(selection, dryRun: false) { [self] letters throws(BrokerError) in
            guard let found = letters.first else { return [] }
            let original = found.stored.event
            guard event.id == original.id, event.source == original.source else {
                throw .invalid(
                    "an edited event keeps its source and id ('\(original.source)', '\(original.id)'): "
                        + "consumers know by them what they have done")
            }
            guard try await sendBack(found, as: event) else { return [] }
            return [Position(partition: found.stored.partition, offset: found.stored.offset)]
        }
    }

    public func discard(
        _ selection: DeadLetterSelection, reason: String?, dryRun: Bool
    ) async throws(BrokerError) -> DeadLetterResult {
        try await move(selection, dryRun: dryRun) { [self] letters throws(BrokerError) in
            var done: [Position] = []
            for letter in letters where try await unblock(letter, isRedriven: false) != .soon {
                note(.discarded(reason: reason), of: letter)
                done.append(Position(partition: letter.stored.partition, offset: letter.stored.offset))
            }
            return done
        }
    }

    /// Deals with all letters of a selection, in groups; `deal` returns those that are done with.
    private func move(
        _ selection: DeadLetterSelection, dryRun: Bool,
        deal: @Sendable ([DeadLetter]) async throws(BrokerError) -> [Position]
    ) async throws(BrokerError) -> DeadLetterResult {
        var result = DeadLetterResult(matched: 0, moved: 0)
        for ledger in try ledgers(selection) {
            guard ledger.begin() else {
                throw .conflict(
                    "dead letters of topic '\(ledger.topic.name)' are being moved by somebody else just now")
            }
            defer { ledger.end() }
            // Letters that come while this runs are not meant: somebody who redrives to a target that still fails must not run for ever.
            for (partition, end) in zip(ledger.topic.partitions, ledger.topic.ends) {
                var from = Offset.zero
                while from < end {
                    var bytes = 0
                    let group = try letters(
                        in: ledger, partition, from: from, limit: Engine.groupSize, bytes: &bytes, selection
                    )
                    .filter { $0.stored.offset < end }
                    guard let last = group.last else { break }
                    from = last.stored.offset.advanced(by: 1)
                    result.matched += group.count
                    guard !dryRun else { continue }
                    let done = try await deal(group)
                    try await settle(done, in: ledger)
                    result.moved += done.count
                }
            }
        }
        return result
    }

    private func settle(_ positions: [Position], in ledger: DeadLetterLedger) async throws(BrokerError) {
        guard !positions.isEmpty else { return }
        let result = await withUnsafeContinuation { continuation in
            ledger.settle(positions) { continuation.resume(returning: $0) }
        }
        if case .failure(let error) = result { throw BrokerError(error) }
    }

    /// Who gets a letter back, and in which topic; nil when there is no such subscription or rule any more.
    private func recipient(of letter: DeadLetter) -> (name: String, topic: Topic)? {
        catalog.withLock { catalog in
            if let name = letter.subscription {
                return catalog.shared[name].map { (name.description, $0.topic) }
            }
            guard let name = letter.rule, let target = letter.target,
                let rule = catalog.definitions.rules[name], rule.settings.isEnabled,
                rule.targetTopics.contains(target), let topic = catalog.topics[rule.settings.topic],
                catalog.routers[rule.settings.topic] != nil
            else { return nil }
            return (RuleRecipient(rule: name, target: target).text, topic)
        }
    }

    /// Appends the event, or `edited` instead, to its topic again, for the one that gave it up only; false when there is nobody to send it back to.
    private func sendBack(
        _ letter: DeadLetter, as edited: CloudEvent? = nil
    ) async throws(BrokerError) -> Bool {
        if let feed = letter.feed { return try await republish(letter, of: feed, as: edited) }
        guard letter.stored.event.type != "apus.record", let (recipient, topic) = recipient(of: letter) else {
            return false
        }
        switch try await unblock(letter, isRedriven: true) {
        case .blocked:
            note(.redriven(place: letter.origin, isEdited: false), of: letter)
            return true
        case .soon: return false
        case .none: break
        }
        let key = letter.stored.key
        let origin = letter.lineage
        // Without a key the event goes back to the partition that it came from.
        let partitions = topic.partitions
        let target =
            key.flatMap { topic.partition(forKey: $0) }
            ?? origin.flatMap { partitions.indices.contains($0.partition) ? partitions[$0.partition] : nil }
            ?? partitions.first
        guard let target else { return false }
        let event = edited ?? letter.stored.event
        var builder = RecordBatchBuilder(capacity: 1024 + (event.data?.bytes.count ?? 0))
        builder.addHeader(LineageHeader.recipient, recipient)
        builder.addHeader(LineageHeader.place, letter.id)
        if edited != nil { builder.addHeader(LineageHeader.edited, "true") }
        builder.append(event, key: key, timestamp: context.clock.wall)
        guard let batch = builder.finish() else { return false }
        // What the topic took once it takes again, with what is added here, whatever its limit is by now.
        if edited != nil { try topic.check(batch.length, in: context) }
        let result = await withUnsafeContinuation { continuation in
            context.store.append(batch, holding: target.claim) { continuation.resume(returning: $0) }
        }
        let offset: Offset
        do { offset = try result.get() } catch { throw BrokerError(error) }
        note(
            .redriven(place: "\(topic.name)/\(target.number)/\(offset)", isEdited: edited != nil), of: letter)
        return true
    }

    /// Publishes what a feed gave up, as the feed would have, to the topic into which it brings events now; false when there is no such feed any more, or it is refused again.
    private func republish(
        _ letter: DeadLetter, of name: ResourceName, as edited: CloudEvent?
    ) async throws(BrokerError) -> Bool {
        guard let feed = definitions.feeds[name] else { return false }
        var event = edited ?? letter.stored.event
        for attribute in [FeedLetter.feed, FeedLetter.reason] {
            try? event.extensions.set(attribute, to: nil)
        }
        let (wanted, topic) = (event, feed.settings.into)
        let result = await withUnsafeContinuation { continuation in
            publish(
                [wanted], to: topic, key: letter.stored.key,
                by: { PublishSource(channel: "feed", client: "\(name)") }
            ) { continuation.resume(returning: $0) }
        }
        switch result {
        case .success(let receipts):
            let place = receipts.first.map { "\($0.topic)/\($0.partition)/\($0.offset)" }
            note(.redriven(place: place, isEdited: edited != nil), of: letter)
            return true
        case .failure(.invalid), .failure(.tooLarge), .failure(.conflict), .failure(.violations):
            // As it was when the feed gave it up. Who edits an event is told why it is still refused.
            guard edited != nil else { return false }
            _ = try result.get()
            return false
        case .failure(let error): throw error
        }
    }

    /// Notes what became of a letter.
    private func note(_ note: JourneyNote, of letter: DeadLetter) {
        guard let journey = context.journey, let topic = topicAtWork(letter.stored.topic) else { return }
        journey.add(
            JourneyStep(
                topic: topic.id, partition: letter.stored.partition, offset: letter.stored.offset,
                time: context.clock.wall, note: note))
    }

    /// Lets the key go on that waits for this letter, if one does.
    ///
    /// - Returns: whether one did; `soon` when that cannot be told yet.
    private func unblock(
        _ letter: DeadLetter, isRedriven: Bool
    ) async throws(BrokerError) -> SharedSubscription.Blocking {
        guard let name = letter.subscription, let origin = letter.lineage else { return .none }
        guard let subscription = catalog.withLock({ $0.shared[name] }) else {
            let settings = definitions.subscriptions[name]?.settings
            return settings?.ordering?.onDeadLetter == .block ? .soon : .none
        }
        guard origin.topic == subscription.topic.id else { return .none }
        let position = Position(partition: origin.partition, offset: origin.offset)
        let blocking = subscription.blocking(by: position)
        guard blocking == .blocked else { return blocking }
        let result = await withUnsafeContinuation { continuation in
            subscription.unblock(position, isRedriven: isRedriven) { continuation.resume(returning: $0) }
        }
        try result.get()
        return .blocked
    }

    // MARK: Finding

    private func ledgers(_ selection: DeadLetterSelection) throws(BrokerError) -> [DeadLetterLedger] {
        if let name = selection.topic {
            _ = try requireTopic(name)
            return catalog.withLock { [$0.ledgers[name]].compactMap { $0 } }
        }
        return catalog.withLock { catalog in
            catalog.ledgers.values.sorted { $0.topic.name < $1.topic.name }
        }
    }

    /// Waiting letters of a partition, until there are `limit` of them or `bytes`, which counts on, has reached a page's.
    private func letters(
        in ledger: DeadLetterLedger, _ partition: Partition, from start: Offset, limit: Int, bytes: inout Int,
        _ selection: DeadLetterSelection
    ) throws(BrokerError) -> [DeadLetter] {
        let ids = selection.ids.map(Set.init)
        var filter = EventFilter(selection.pattern)
        var found: [DeadLetter] = []
        let bounds = try storing { () throws(LogError) in try context.store.bounds(partition.log) }
        var offset = max(start, bounds.start)
        while found.count < limit, bytes < Page.bytesMax, offset < bounds.end {
            offset = ledger.firstWaiting(partition: partition.number, from: offset)
            guard offset < bounds.end else { break }
            let batches: [RecordBatch]
            do {
                batches = try partition.readEvents(from: offset, byteLimit: 256 << 10, in: context.store)
            } catch {
                guard let next = LookAhead.wayAround(error) else { throw BrokerError(reading: error) }
                offset = next
                continue
            }
            guard let last = batches.last else { break }
            for batch in batches where !batch.isControl {
                _ = try? batch.forEachRecord { record in
                    let position = Position(partition: partition.number, offset: record.offset)
                    guard found.count < limit, bytes < Page.bytesMax, record.offset >= offset,
                        !ledger.isDone(position), selection.includes(record.timestamp),
                        filter.matches(record)
                    else { return true }
                    let letter = DeadLetter(record, topic: ledger.topic.name, partition: partition.number)
                    guard selection.subscription == nil || selection.subscription == letter.subscription,
                        selection.rule == nil || selection.rule == letter.rule,
                        selection.feed == nil || selection.feed == letter.feed,
                        selection.cause == nil || selection.cause == letter.cause,
                        ids?.contains(letter.id) ?? true
                    else { return true }
                    found.append(letter)
                    bytes += letter.dataBytes
                    return true
                }
            }
            offset = last.nextOffset
        }
        return found
    }

    private func place(
        _ id: String
    ) throws(BrokerError) -> (topic: ResourceName, partition: Int, offset: Offset) {
        let parts = id.split(separator: "/")
        guard parts.count == 3, let topic = try? ResourceName(parts[0]), let partition = Int(parts[1]),
            let offset = Int64(parts[2])
        else { throw .invalid("'\(id.prefix(80))' is not the id of a dead letter (topic/partition/offset)") }
        return (topic, partition, Offset(offset))
    }

    // MARK: Topics of dead letters

    public func keepDeadLetters(in topic: ResourceName) async throws(BrokerError) {
        let result = await withUnsafeContinuation { continuation in
            openDeadLetterTopic(topic) { continuation.resume(returning: $0) }
        }
        _ = try result.get()
    }

    /// The dead-letter topic of this name, made and given a ledger if need be.
    func openDeadLetterTopic(
        _ name: ResourceName, _ completion: @escaping @Sendable (Result<Topic, BrokerError>) -> Void
    ) {
        let (topic, ledger) = catalog.withLock { ($0.topics[name], $0.ledgers[name]) }
        if let topic, ledger != nil { return completion(.success(topic)) }
        // Dead letters wait for a person, so they are kept until somebody deals with them.
        ensureTopic(name, settings: TopicSettings(retentionAge: nil)) { [self] result in
            switch result {
            case .success(let topic): giveLedger(to: topic, completion)
            case .failure(let error): completion(.failure(error))
            }
        }
    }

    private func giveLedger(
        to topic: Topic, _ completion: @escaping @Sendable (Result<Topic, BrokerError>) -> Void
    ) {
        change(
            { [self] () throws(BrokerError) -> Decision<Topic> in
                guard catalog.withLock({ $0.ledgers[topic.name] }) == nil else { return .nothing(topic) }
                var definition = topic.definition
                definition.holdsDeadLetters = true
                let altered = definition
                return Decision(changes: [.topic(altered)]) { [self] () throws(BrokerError) in
                    try storing { () throws(LogError) in
                        try topic.alter(altered, in: context)
                        let ledger = try DeadLetterLedger(topic: topic, context: context)
                        catalog.withLock { $0.ledgers[topic.name] = ledger }
                    }
                    return topic
                }
            }, completion: completion)
    }
}

extension DeadLetterSelection {
    /// Whether letters of events that were given up at `time` are meant.
    fileprivate func includes(_ time: Timestamp) -> Bool {
        (since.map { time >= $0 } ?? true) && (until.map { time < $0 } ?? true)
    }
}

extension DeadLetter {
    /// Bytes of the event's data.
    public var dataBytes: Int { stored.event.data?.bytes.count ?? 0 }

    /// The place of the event that could not be delivered, by identity.
    fileprivate var lineage: Origin? {
        stored.headers.first { $0.name == LineageHeader.origin }?.value
            .flatMap { Origin(String(decoding: $0, as: UTF8.self)) }
    }

    init(_ record: RecordView, topic: ResourceName, partition: Int) {
        let stored = StoredEvent(record: record, topic: topic, partition: partition)
        func text(_ name: String) -> String? {
            stored.headers.first { $0.name == name }?.value.map { String(decoding: $0, as: UTF8.self) }
        }
        let subscription = text(LineageHeader.subscription).flatMap { try? ResourceName($0) }
        var (feed, why): (ResourceName?, String?) = (nil, text(LineageHeader.reason))
        if subscription == nil, why == nil {
            let attributes = stored.event.extensions
            feed = attributes[FeedLetter.feed].flatMap { try? ResourceName($0.text) }
            why = feed == nil ? nil : attributes[FeedLetter.reason]?.text
        }
        self.init(
            id: "\(topic)/\(partition)/\(record.offset)", subscription: subscription,
            rule: text(LineageHeader.target) == nil
                ? nil : text(LineageHeader.rule).flatMap { try? ResourceName($0) },
            target: text(LineageHeader.target).flatMap { try? ResourceName($0) }, feed: feed,
            reason: why ?? "unknown",
            attempts: text(LineageHeader.attempts).flatMap { Int($0) } ?? 0,
            status: text(LineageHeader.status).flatMap { Int($0) },
            first: text(LineageHeader.arrived).flatMap { Int64($0) }.map { Timestamp(milliseconds: $0) }
                ?? record.timestamp,
            last: record.timestamp, origin: text(LineageHeader.place), stored: stored)
    }
}
