// SPDX-License-Identifier: Apache-2.0

// Subscriptions in a simulated history: made, changed, deleted, replayed; cursors committed; dead letters sent back and discarded.

import ApusEngine
import ApusModel
import ApusStorage
import ApusTransport

extension BrokerRun {
    private func ends(of topic: TopicModel) -> [Offset] { bounds(of: topic).map(\.end) }

    func bounds(of topic: TopicModel) -> [LogBounds] {
        (0..<topic.settings.partitions).compactMap { bounds(of: topic, $0) }
    }

    private func bounds(of topic: TopicModel, _ partition: Int) -> LogBounds? {
        guard let log = topic.log(partition), var bounds = try? store?.bounds(log) else { return nil }
        // A trim that failed may have moved the start all the same, which shows at the next start.
        bounds.start = max(bounds.start, truth.log(log)?.trimmedTo ?? .zero)
        return bounds
    }

    /// Where what comes from now on begins, in new partitions too: they are at work before the change that adds them is answered.
    private func latest(of topic: TopicModel) -> [Offset] {
        var found = ends(of: topic)
        while found.count >= topic.settings.partitions, let bounds = bounds(of: topic, found.count) {
            found.append(bounds.end)
        }
        return found
    }

    func somePush() -> PushSettings {
        var push = PushSettings(
            url: "http://target", timeout: .milliseconds(100 + random.below(20_000)),
            concurrency: 1 + random.below(4), mode: random.oneIn(4) ? .batch : .binary)
        push.batch = PushSettings.Batch(
            eventsMax: 1 + random.below(4), bytesMax: 1 + random.below(4_000),
            linger: .milliseconds(random.below(3_000)))
        if random.oneIn(3) { push.rate = 1 + random.below(50) }
        push.handshake = random.oneIn(4)
        let initial = 100 + random.below(5_000)
        push.breaker = PushSettings.Breaker(
            failures: random.below(6), initial: .milliseconds(initial),
            max: .milliseconds(initial + random.below(60_000)))
        return push
    }

    func createSubscription() {
        guard let topic = someTopic(), let name = name("sub"),
            subscriptions.count(where: { $0.certainty != .gone }) < 10
        else { return }
        let filter = someFilter()
        let starts: [StartPosition] = [
            .earliest, .earliest, .latest, .offset(Offset(Int64(random.below(4)))),
        ]
        let start = starts[random.below(4)]
        var settings = SubscriptionSettings(topic: topic.name, start: start, pattern: filter.pattern)
        settings.lease = .milliseconds(random.below(30_000))
        settings.inFlightMax = random.oneIn(3) ? 1 + random.below(4) : 1000
        settings.attemptsMax = 1 + random.below(5)
        settings.retry = RetrySettings(
            initial: .milliseconds(random.below(2_000)), max: .milliseconds(2_000 + random.below(100_000)))
        if random.oneIn(4) {
            settings.retry.schedule = (0...random.below(3)).map { _ in .milliseconds(random.below(20_000)) }
        }
        if random.oneIn(6) { settings.retry.ageMax = .milliseconds(1_000 + random.below(200_000)) }
        switch random.below(5) {
        case 0..<2: settings.push = somePush()
        case 2: settings.kind = .cursor
        default: break
        }
        if random.oneIn(3) { settings.deadLetter = try? ResourceName("graveyard") }
        arrange(&settings)
        end(&settings)
        let model = SubscriptionModel(
            name, topic, settings, filter, allowedFrom: allowed(start, in: topic), step: step)
        switch settings.end {
        case .offset(let offset):
            model.requiredUntil = Array(repeating: offset, count: topic.settings.partitions)
        case .some: model.requiredUntil = stableEnds(of: topic)
        case nil: break
        }
        create(model)
    }

    /// Before where nothing may be delivered.
    private func allowed(_ start: StartPosition, in topic: TopicModel) -> [Offset] {
        switch start {
        case .latest: stableEnds(of: topic)
        case .offset(let offset): Array(repeating: offset, count: topic.settings.partitions)
        case .earliest, .time: []
        }
    }

    private func create(_ model: SubscriptionModel) {
        subscriptions.append(model)
        let (name, settings) = (model.name, model.settings)
        make(
            PendingChange(what: "create subscription \(name) \(settings)") { engine in
                [(try? engine.subscription(name))?.settings == settings]
            } commit: { [self] engine in
                begin(model, engine)
            } abort: {
                model.certainty = .gone
            }
        ) { engine throws(BrokerError) in try await engine.createSubscription(name, settings) }
    }

    /// The subscription is known to be there: from now on nothing may pass it by.
    func begin(_ model: SubscriptionModel, _ engine: Engine) {
        model.certainty = .certain
        model.certainAt = step
        model.orderedSince = model.settings.ordering == nil ? nil : step
        switch model.settings.start {
        case .earliest, .time: model.requiredFrom = bounds(of: model.topic).map(\.start)
        case .latest: model.requiredFrom = latest(of: model.topic)
        case .offset(let offset): model.requiredFrom = bounds(of: model.topic).map { max(offset, $0.start) }
        }
        switch model.settings.end {
        case .offset: model.allowedUntil = model.requiredUntil
        case .some: model.allowedUntil = latest(of: model.topic)
        case nil: break
        }
        if !model.isShared, let description = try? engine.subscription(model.name) {
            for position in description.positions { model.cursors[position.partition] = [position.cursor] }
        }
    }

    func alterSubscription() {
        let candidates = subscriptions.filter { $0.certainty == .certain && $0.rule == nil }
        guard !candidates.isEmpty else { return }
        let model = candidates[random.below(candidates.count)]
        var changes = SubscriptionChanges()
        var filter: TypeFilter?
        switch random.below(5) {
        case 0:
            let wanted = someFilter()
            filter = wanted
            changes.pattern = .some(wanted.pattern)
        case 1: changes.attemptsMax = 1 + random.below(5)
        case 2: changes.isPaused = !model.settings.isPaused
        case 3: changes.inFlightMax = 1 + random.below(5)
        default: if model.settings.push != nil { changes.push = somePush() }
        }
        if let other = someOrderChange(of: model.settings) { (changes, filter) = (other, nil) }
        alter(model, changes, filter)
    }

    /// Changes a subscription, in the model and in the broker.
    func alter(_ model: SubscriptionModel, _ changes: SubscriptionChanges, _ filter: TypeFilter?) {
        let name = model.name
        let old = model.settings
        var settings = old
        if let pattern = changes.pattern { settings.pattern = pattern }
        if let attempts = changes.attemptsMax { settings.attemptsMax = attempts }
        if let isPaused = changes.isPaused { settings.isPaused = isPaused }
        if let max = changes.inFlightMax { settings.inFlightMax = max }
        if let push = changes.push { settings.push = push }
        if let ordering = changes.ordering { settings.ordering = ordering }
        if let fairness = changes.fairness { settings.fairness = fairness }
        if let priority = changes.priority { settings.priority = priority }
        if settings.ordering?.onDeadLetter == .block { model.mayBlock = true }
        let orderedSince = model.orderedSince
        if settings.ordering != old.ordering { model.orderedSince = nil }
        model.attemptsMax = max(model.attemptsMax, settings.attemptsMax)
        model.concurrencyMax = max(model.concurrencyMax, settings.push?.concurrency ?? 0)
        let before = model.filters.count - 1
        if let filter { model.filters.append(Version(value: filter, from: step)) }
        let altered = settings
        make(
            PendingChange(what: "alter subscription \(name) \(altered)") { engine in
                [(try? engine.subscription(name))?.settings == altered]
            } commit: { [self] _ in
                model.settings = altered
                if altered.ordering != old.ordering, altered.ordering != nil { model.orderedSince = step }
                if filter != nil { model.filters[before].to = step }
            } abort: {
                model.orderedSince = orderedSince
                if filter != nil { model.filters.removeLast() }
            }
        ) { engine throws(BrokerError) in try await engine.alterSubscription(name, changes) }
    }

    func deleteSubscription() {
        let candidates = subscriptions.filter { $0.certainty == .certain && $0.rule == nil }
        guard !candidates.isEmpty, random.oneIn(2) else { return }
        let model = candidates[random.below(candidates.count)]
        let name = model.name
        model.certainty = .uncertain
        make(
            PendingChange(what: "delete subscription \(name)") { engine in
                [(try? engine.subscription(name)) == nil]
            } commit: { _ in
                model.certainty = .gone
            } abort: {
                model.certainty = .certain
            }
        ) { engine throws(BrokerError) in try await engine.deleteSubscription(name) }
    }

    // MARK: Moving about

    func replaySome() {
        let candidates = subscriptions.filter { $0.certainty == .certain && $0.isShared }
        guard !candidates.isEmpty else { return }
        let model = candidates[random.below(candidates.count)]
        let name = model.name
        let position: StartPosition = random.oneIn(2) ? .earliest : .latest
        note("replay \(name) from \(position)")
        for index in model.parts.indices { model.parts[index].owed = [] }
        forget(model)
        model.replays += 1
        model.openReplays += 1
        model.hasUnclearDeliveries = model.openReplays > 1
        model.allowedFrom = []
        call { engine throws(BrokerError) in
            try await engine.replay(name, from: position)
        } then: { [self] answer in
            note("replayed \(name): \(answer)")
            // Deliveries between the question and the answer may belong to either life of the events.
            forget(model)
            model.openReplays -= 1
            var isDone = false
            if case .done = answer { isDone = true }
            endReplay(model, isFromStart: isDone && position == .earliest)
            guard isDone else {
                // It may have happened all the same, and then nothing before the end is waited for.
                if position == .latest { model.requiredFrom = nil }
                return
            }
            if position == .latest { model.requiredFrom = latest(of: model.topic) }
        }
    }

    /// What was known of its events holds no more, but that they were dealt with once.
    private func forget(_ model: SubscriptionModel) {
        model.era += 1
        for place in model.places.keys {
            model.places[place] = PlaceModel(isDone: model.places[place]?.isDone ?? false)
        }
    }

    func useCursor() {
        let candidates = subscriptions.filter { $0.certainty == .certain && !$0.isShared && !$0.isCommitting }
        guard !candidates.isEmpty else { return }
        let model = candidates[random.below(candidates.count)]
        let ends = ends(of: model.topic)
        guard !ends.isEmpty else { return }
        let (name, partition) = (model.name, random.below(ends.count))
        let offset = Offset(Int64(random.below(Int(ends[partition].rawValue) + 1)))
        note("commit \(name) \(partition)/\(offset)")
        model.isCommitting = true
        let before = model.cursors[partition] ?? [.zero]
        model.cursors[partition] = before.union([offset])
        call { engine throws(BrokerError) in
            try await engine.commit(name, partition: partition, offset: offset)
        } then: { [self] answer in
            note("committed \(name): \(answer)")
            model.isCommitting = false
            switch answer {
            case .done: model.cursors[partition] = [offset]
            case .refused: model.cursors[partition] = before
            case .lost: break
            }
            if let engine, model.certainty == .certain { checkCursor(model, engine) }
        }
    }

    func moveLetters() {
        var selection = DeadLetterSelection()
        let candidates = subscriptions.filter { $0.certainty == .certain && $0.isShared }
        if random.oneIn(2), !candidates.isEmpty {
            selection.subscription = candidates[random.below(candidates.count)].name
        }
        let (isRedrive, chosen) = (random.oneIn(2), selection)
        note("\(isRedrive ? "redrive" : "discard") \(selection.subscription?.description ?? "all")")
        moveLetters(chosen, isRedrive: isRedrive)
    }

    /// Redrives or discards dead letters.
    func moveLetters(_ chosen: DeadLetterSelection, isRedrive: Bool) {
        touchLetters(of: chosen.subscription)
        letterMoves += 1
        call { engine throws(BrokerError) in
            isRedrive
                ? try await engine.redrive(chosen, dryRun: false)
                : try await engine.discard(chosen, reason: nil, dryRun: false)
        } then: { [self] answer in
            note("letters moved: \(answer)")
            letterMoves -= 1
            // Those that came before it looked are among them.
            touchLetters(of: chosen.subscription)
        }
    }

    /// Letters that there are now may be dealt with.
    private func touchLetters(of subscription: ResourceName?) {
        if let engine { discoverLetterTopics(engine) }
        for topic in topics where topic.holdsDeadLetters && topic.certainty == .certain {
            for partition in 0..<topic.settings.partitions {
                for record in topic.log(partition).flatMap({ truth.log($0) })?.records.values ?? [:].values {
                    if let subscription, record.buriedBy != subscription.description { continue }
                    touchedLetters.insert("\(topic.name)/\(partition)/\(record.offset)")
                }
            }
        }
    }
}
