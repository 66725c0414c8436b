// SPDX-License-Identifier: Apache-2.0

// Time in a simulation: events that wait, are cancelled, and come when they are due; schedules that make events again and again.

import ApusEngine
import ApusModel
import CloudEvents

/// An event that was to wait.
struct DelayedModel {
    enum Cancellation { case none, asked, done, refused, unknown }

    let topic: TopicModel
    let due: Timestamp
    /// When it comes at the latest: what is overdue when it is accepted is due by the clock of that moment, which may be set back before it comes.
    var comesBy: Timestamp
    /// What it waits as; nil while, or if, nobody was told.
    var receipt: String?
    var cancellation = Cancellation.none
}

/// A recurring schedule in one of its lives.
final class ScheduleModel {
    let name: ResourceName
    let topic: TopicModel
    let settings: ScheduleSettings
    let interval: Duration
    var certainty = Certainty.uncertain
    var since: Timestamp?

    init(_ name: ResourceName, _ topic: TopicModel, _ settings: ScheduleSettings, interval: Duration) {
        (self.name, self.topic, self.settings, self.interval) = (name, topic, settings, interval)
    }
}

extension TrueRecord {
    /// What a delayed event waited as, or schedule and time of a recurring one.
    var schedule: String? { headers["apus-schedule"] }
}

extension BrokerRun {
    // MARK: What happens

    func delaySome() {
        let topics = topics.filter { $0.certainty != .gone && !$0.holdsDeadLetters }
        guard !topics.isEmpty else { return }
        let topic = topics[random.below(topics.count)]
        let key = eventKey(random.oneIn(2) ? nil : "k\(random.below(4))", for: topic)
        let count = random.oneIn(3) ? 1 + random.below(6) : 1
        let now = clock.wall
        let events = (0..<count).compactMap { _ -> DelayedEvent? in
            let far = random.oneIn(10) ? 200_000_000 : random.oneIn(3) ? 900_000 : 8_000
            let due = now.advanced(by: .milliseconds(random.below(far) - 100))
            guard let event = makeEvent(topic, key) else { return nil }
            delayed[event.id] = DelayedModel(topic: topic, due: due, comesBy: due)
            return DelayedEvent(event, due: due)
        }
        note("delay \(events.map { "\($0.event.id) until \($0.due)" }) to \(topic.name)")
        let ids = events.map(\.event.id)
        schedule(events, to: topic.name, key: key) { [self] answer in
            note("delayed \(ids): \(answer)")
            switch answer {
            case .done(let receipts):
                if receipts.count != ids.count {
                    violate("I12: \(ids.count) events got \(receipts.count) receipts")
                }
                for (id, receipt) in zip(ids, receipts) {
                    published[id]?.fate = .acknowledged
                    delayed[id]?.receipt = receipt.id
                    delayed[id]?.comesBy = max(receipt.due, latestWall, clock.wall)
                    if delayed[id]?.due != receipt.due { violate("I12: \(id) waits until \(receipt.due)") }
                }
            case .refused(.storage), .refused(.unavailable), .lost:
                // Some may be there although not all could be.
                for id in ids { published[id]?.fate = .unknown }
            case .refused: for id in ids { published[id]?.fate = .refused }
            }
        }
    }

    func cancelSome() {
        let candidates = delayed.filter { $0.value.receipt != nil && $0.value.cancellation == .none }
            .sorted { $0.key < $1.key }
        guard !candidates.isEmpty else { return }
        let (id, model) = candidates[random.below(candidates.count)]
        guard let receipt = model.receipt else { return }
        delayed[id]?.cancellation = .asked
        call { engine throws(BrokerError) in
            try await engine.cancelWaitingEvent(receipt)
        } then: { [self] answer in
            note("cancelled \(id): \(answer)")
            switch answer {
            case .done: delayed[id]?.cancellation = .done
            case .refused(.unknownWaitingEvent): delayed[id]?.cancellation = .refused
            case .refused, .lost: delayed[id]?.cancellation = .unknown
            }
        }
    }

    func putSchedule() {
        guard let topic = someTopic(), schedules.count(where: { $0.certainty != .gone }) < 4,
            let name = name("schedule"),
            let template = try? CloudEvent(
                id: "-", source: "/simulation", type: "t\(random.below(4))",
                data: CloudEventData(text: "tick"))
        else { return }
        let seconds = 5 + random.below(400)
        let settings = ScheduleSettings(
            topic: topic.name, expression: "rate(\(seconds) seconds)", template: template,
            key: random.oneIn(2) ? "k\(random.below(4))" : nil,
            catchUp: [.skip, .once, .all(limit: 5)][random.below(3)])
        let model = ScheduleModel(name, topic, settings, interval: .seconds(seconds))
        schedules.append(model)
        make(
            PendingChange(what: "put schedule \(name)") { engine in
                [(try? engine.schedule(name))?.settings == settings]
            } commit: { [self] engine in
                model.certainty = .certain
                model.since = clock.wall
            } abort: {
                model.certainty = .gone
            }
        ) { engine throws(BrokerError) in try await engine.putSchedule(name, settings).isNew }
    }

    // MARK: What must hold

    /// Whether a record has a reason to be there as a delayed or recurring event; false when it is another kind of record.
    func checkScheduled(_ record: TrueRecord, at what: String, in topic: TopicModel) -> Bool {
        guard let schedule = record.schedule, let id = record.id else { return false }
        guard let model = delayed[id] else {
            if schedule != id { violate("I12: \(what) holds \(id), which was not to wait") }
            if !schedules.contains(where: { $0.topic === topic }) {
                violate("I13: \(what) comes from no schedule")
            }
            return true
        }
        guard let published = published[id] else { return true }
        if published.fate == .refused { violate("I4: \(what) holds \(id), which was refused") }
        if model.cancellation == .done { violate("I12: \(what) holds \(id), which was cancelled") }
        if record.timestamp < model.due, !hasJumped {
            violate("I12: \(what) came before its time, \(model.due)")
        }
        if record.value != published.event.data?.bytes ?? [] { violate("I12: \(what) has other data") }
        if record.key != published.key { violate("I12: \(what) has another key") }
        if let receipt = model.receipt, receipt != schedule { violate("I12: \(what) waited as \(receipt)") }
        return true
    }

    /// Nothing that waited comes twice.
    func checkScheduledOnce(in topic: TopicModel) {
        var seen: [String: String] = [:]
        for partition in 0..<topic.settings.partitions {
            guard let log = topic.log(partition), let records = truth.log(log)?.ordered else { continue }
            for record in records {
                guard let id = record.id, record.schedule != nil, record.origin == nil else { continue }
                let what = "\(topic.name)/\(partition)/\(record.offset)"
                if let before = seen[id], !topic.wasCut {
                    violate("I12: \(what) is \(id) again, after \(before)")
                }
                seen[id] = what
            }
        }
    }

    /// A topic that tells duplicates has none.
    func checkDuplicates(in topic: TopicModel) {
        // What retention deleted is forgotten at a start.
        guard topic.settings.deduplication != nil, !topic.wasCut, !hasJumped,
            topic.settings.retentionAge == nil, topic.settings.retentionBytes == nil
        else { return }
        var seen: [String: String] = [:]
        for partition in 0..<topic.settings.partitions {
            guard let log = topic.log(partition), let records = truth.log(log)?.ordered else { continue }
            for record in records {
                let isCopy = record.origin != nil || record.recipient != nil || record.schedule != nil
                guard let id = record.id, !isCopy else { continue }
                let what = "\(topic.name)/\(partition)/\(record.offset)"
                if let before = seen[id] { violate("I14: \(what) is \(id) again, after \(before)") }
                seen[id] = what
            }
        }
    }

    /// Lets everything become due.
    func waitForDelayed() {
        let last = delayed.values.map(\.comesBy).max() ?? clock.wall
        let wait = clock.wall.duration(to: last)
        if wait > .zero { clock.advance(by: wait) }
        // A clock that was set is believed after a minute.
        for _ in 0..<40 {
            work(for: .seconds(30))
            guard report.isSound else { return }
        }
        checkScheduledComplete()
        // What makes events for ever never drains.
        for schedule in schedules where schedule.certainty == .certain {
            let name = schedule.name
            call { engine throws(BrokerError) in
                try await engine.deleteSchedule(name)
            } then: { _ in
                schedule.certainty = .gone
            }
            work(for: .zero)
        }
    }

    /// Everything that waited has come, unless it was cancelled or its topic has lost something.
    func checkScheduledComplete() {
        for topic in topics where topic.certainty == .certain && !topic.wasCut {
            var ids: Set<String> = []
            var last: [String: Int64] = [:]
            for partition in 0..<topic.settings.partitions {
                guard let log = topic.log(partition) else { continue }
                for record in truth.log(log)?.ordered ?? [] where record.origin == nil {
                    guard let schedule = record.schedule, let id = record.id else { continue }
                    ids.insert(id)
                    let parts = schedule.split(separator: "/")
                    if parts.count == 2, let time = Int64(parts[1]) {
                        last[record.type, default: 0] = max(last[record.type] ?? 0, time)
                    }
                }
            }
            for (id, model) in delayed.sorted(by: { $0.key < $1.key })
            where model.topic === topic && published[id]?.fate == .acknowledged && !ids.contains(id) {
                if model.cancellation == .none || model.cancellation == .refused {
                    violate("I12: \(id) waited for \(model.due) in \(topic.name) and never came")
                }
            }
            for schedule in schedules where schedule.topic === topic && schedule.certainty == .certain {
                let latest = clock.wall.advanced(by: .zero - (schedule.interval * 2 + .seconds(20)))
                guard let since = schedule.since, since < latest, !hasJumped else { continue }
                if last[schedule.settings.template.type] ?? 0 < latest.rawValue {
                    violate(
                        "I13: \(schedule.name) did not fire since \(last[schedule.settings.template.type] ?? 0)"
                    )
                }
            }
        }
    }
}
