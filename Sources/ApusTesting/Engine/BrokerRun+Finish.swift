// SPDX-License-Identifier: Apache-2.0

// The end of a history: faults stop, everybody works, everything is drained; then nothing may be missing.

import ApusEngine
import ApusModel
import ApusStorage
import ApusTransport

extension BrokerRun {
    func finish() {
        note("the quiet phase begins")
        calmDisk()
        // Some histories have to recover by themselves, without a start.
        if change != nil || disk.isOff || random.oneIn(2) { crash(isPowerCut: random.oneIn(2)) }
        calmDisk()
        // Time to notice that there is space again.
        for _ in 0..<3 { work(for: .seconds(2)) }
        guard report.isSound, let engine else { return }
        for subscription in subscriptions
        where subscription.certainty == .certain && subscription.settings.isPaused {
            var changes = SubscriptionChanges()
            changes.isPaused = false
            alter(subscription, changes, nil)
            work(for: .milliseconds(10))
        }
        waitForDelayed()
        finishProducing()
        drain()
        guard report.isSound else { return }
        calmDisk()
        checkDrained(engine)
        checkLogs()
        checkCopiesComplete()
        checkDelivered()
        checkReplays()
        checkLetters(engine)
        checkPublished()
        checkLastOfKeys()
        checkSeen()
        count()
        // And all of it is still so after one more start.
        crash(isPowerCut: true)
        checkLastOfKeys()
    }

    /// Lets everything run for a while.
    func work(for duration: Duration) {
        clock.advance(by: duration)
        for _ in 0..<50 {
            let operations = disk.operations
            let deadline = engine?.turn()
            settleCalls()
            while commitOnce() == .progress { settleCalls() }
            _ = store?.maintenanceStep()
            settleCalls()
            let isIdle = deadline.map { $0 > clock.now } ?? true
            if isIdle, disk.operations == operations { break }
        }
    }

    /// Goes on for as long as anything comes of it: of a key that waits for its dead letters, each time they are dealt with brings one
    /// event more, and a schedule may have given it many.
    private func drain() {
        var (quiet, round, least, lessAt) = (0, 0, Int64.max, 0)
        while quiet < 3, round - lessAt < 400 {
            defer { round += 1 }
            for subscription in subscriptions
            where subscription.certainty == .certain && subscription.isShared {
                if subscription.settings.push == nil {
                    receive(subscription, limit: 100, wait: .zero, lease: .seconds(3_600))
                }
            }
            if round % 8 == 7 { letGo() }
            work(for: .zero)
            let isIdle = held.isEmpty && attempts.isEmpty
            for lease in held { settle([lease], of: lease.subscription, .acknowledge) }
            held = []
            for attempt in attempts { end(attempt, .delivered) }
            attempts = []
            work(for: round.isMultiple(of: 4) ? .seconds(700) : .seconds(10))
            let left = backlog
            if left < least { (least, lessAt) = (left, round) }
            quiet = isIdle && left == 0 ? quiet + 1 : 0
            guard report.isSound else { return }
        }
        collectViolations()
    }

    private var backlog: Int64 {
        subscriptions.reduce(0) { sum, model in
            guard model.certainty == .certain, model.isShared,
                let found = try? engine?.subscription(model.name)
            else {
                return sum
            }
            return sum + found.backlog + Int64(found.inFlight)
        }
    }

    private func checkDrained(_ engine: Engine) {
        discoverLetterTopics(engine)
        for model in subscriptions where model.certainty == .certain && model.isShared {
            guard let found = try? engine.subscription(model.name) else {
                violate("I10: subscription \(model.name) is gone")
                continue
            }
            if found.backlog != 0 || found.inFlight != 0 || found.waiting != 0 {
                note("store: \(String(describing: store?.statistics())) \(String(describing: commitOnce()))")
            }
            if found.backlog != 0 || found.inFlight != 0 || found.waiting != 0 {
                violate(
                    "I6: \(model.name) does not drain: \(found.backlog) behind, \(found.inFlight) leased, \(found.waiting) waiting, "
                        + "\(found.positions.map { "\($0.cursor)-\($0.next)-\($0.end)" })")
            }
        }
    }

    // MARK: Nothing is missing

    private func checkCopiesComplete() {
        for rule in rules where rule.certainty == .certain && rule.topic.certainty == .certain {
            for target in rule.versions.last?.targets ?? []
            where target.certainty == .certain && !target.wasCut {
                let copied = origins(in: target)
                for (origin, record) in records(of: rule.topic)
                where record.recipient == nil && record.step >= rule.topic.cutAt && !isHidden(record) {
                    guard rule.mustCopy(record.type, since: record.step, to: target), !copied.contains(origin)
                    else {
                        continue
                    }
                    violate(
                        "I8: rule \(rule.name) did not copy \(rule.topic.name) \(origin) (\(record.id ?? "")) to \(target.name)"
                    )
                }
            }
        }
    }

    /// What copies in a topic come from.
    private func origins(in topic: TopicModel) -> Set<String> {
        return Set(records(of: topic).compactMap { $0.1.buriedBy == nil ? $0.1.origin : nil })
    }

    private func records(of topic: TopicModel) -> [(String, TrueRecord)] {
        guard let id = topic.id else { return [] }
        return (0..<topic.settings.partitions).flatMap { partition in
            (truth.log(id.member(partition))?.ordered ?? []).map { ("\(id)/\(partition)/\($0.offset)", $0) }
        }
    }

    private func checkDelivered() {
        for model in subscriptions where model.certainty == .certain && model.isShared {
            guard let required = model.requiredFrom else { continue }
            for partition in 0..<model.topic.settings.partitions {
                guard let log = model.topic.log(partition), let records = truth.log(log)?.ordered else {
                    continue
                }
                let start = partition < required.count ? required[partition] : .zero
                let end =
                    model.requiredUntil.map { partition < $0.count ? $0[partition] : .zero } ?? Offset(.max)
                for record in records where record.offset >= start && record.offset < end {
                    check(record, at: Place(partition: partition, offset: record.offset), of: model)
                }
            }
        }
    }

    private func check(_ record: TrueRecord, at place: Place, of model: SubscriptionModel) {
        let what = "\(model.name) \(place.partition)/\(place.offset) (\(record.id ?? ""))"
        let isDone = model.places[place]?.isDone == true
        let letters = truth.burials(of: model.origin(place), by: model.name, in: model.createdAt..<Int.max)
        if letters > 1 + model.replays, !model.topic.wasCut, !model.mayBlock {
            violate("I6: \(what) has \(letters) dead letters")
        }
        // What a power cut left of a topic that allows losses lies among offsets that come again.
        if let log = model.topic.log(place.partition), isExcused(place.offset, of: log, by: model) { return }
        if model.topic.wasCut, record.step < max(model.createdAt, model.topic.cutAt) { return }
        guard !isDone, letters == 0, !isHidden(record),
            record.recipient.map({ $0 == model.name.description }) ?? true,
            model.filters.mustMatch(record.type, since: record.step)
        else { return }
        violate("I6: \(what) was neither dealt with nor dead-lettered")
    }

    /// Dead letters that nobody dealt with wait.
    private func checkLetters(_ engine: Engine) {
        let box = LetterBox()
        call { engine throws(BrokerError) in
            try await engine.deadLetters(DeadLetterSelection(), Page(limit: 1000)).map(\.id)
        } then: { answer in
            if case .done(let ids) = answer { box.ids = Set(ids) }
        }
        work(for: .zero)
        guard let waiting = box.ids else { return violate("I6: dead letters cannot be listed") }
        for topic in topics where topic.holdsDeadLetters && topic.certainty == .certain {
            for (origin, _) in records(of: topic) {
                let place = origin.split(separator: "/").dropFirst().joined(separator: "/")
                let id = "\(topic.name)/\(place)"
                if !touchedLetters.contains(id), !waiting.contains(id) {
                    violate("I6: dead letter \(id) is not listed")
                }
            }
        }
    }

    private func checkPublished() {
        for (id, event) in published.sorted(by: { $0.value.number < $1.value.number }) {
            guard event.fate == .pending else { continue }
            violate("I1: nobody was told what became of \(id)")
        }
    }

    private func count() {
        for topic in topics {
            for (_, record) in records(of: topic) {
                if record.buriedBy != nil {
                    report.buried += 1
                } else if record.origin != nil {
                    report.copied += 1
                }
            }
        }
    }
}

/// What a listing found.
private final class LetterBox {
    var ids: Set<String>?
}
