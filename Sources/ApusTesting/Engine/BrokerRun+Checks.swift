// SPDX-License-Identifier: Apache-2.0

// What must hold after every start: definitions are as they were left, and everything in the logs has a reason to be there, once.

import ApusEngine
import ApusModel
import ApusStorage
import CloudEvents

extension BrokerRun {
    func checkAfterStart() {
        guard let engine else { return }
        resolveChange(engine)
        discoverLetterTopics(engine)
        checkDefinitions(engine)
        checkLogs()
        checkSightings()
        for subscription in subscriptions where subscription.certainty == .certain && !subscription.isShared {
            checkCursor(subscription, engine)
        }
    }

    /// A change that nobody was told the end of is there as a whole or not at all.
    private func resolveChange(_ engine: Engine) {
        guard let change else { return }
        self.change = nil
        let seen = change.probe(engine)
        note("\(change.what) turns out \(seen)")
        if seen.allSatisfy({ $0 }) {
            change.commit(engine)
        } else {
            // Parts that were to stay as they are look the same before and after.
            if seen[0] { violate("I10: '\(change.what)' is there in part: \(seen)") }
            change.abort()
        }
    }

    /// Dead-letter topics come by themselves.
    func discoverLetterTopics(_ engine: Engine) {
        guard let descriptions = try? engine.topics(Page(limit: 1000)) else { return }
        for description in descriptions where !topics.contains(where: { $0.id == description.id }) {
            let name = description.name.description
            guard name == "graveyard" || name.hasSuffix(".dead-letter") else {
                if change == nil { violate("I10: nobody made topic \(name)") }
                continue
            }
            let model = TopicModel(description.name, description.settings, holdsDeadLetters: true)
            identify(model, description.id)
            model.certainty = .certain
            topics.append(model)
        }
    }

    private func checkDefinitions(_ engine: Engine) {
        for model in topics where model.certainty == .certain {
            guard let found = try? engine.topic(model.name), found.id == model.id,
                found.settings == model.settings
            else {
                violate("I10: topic \(model.name) is not as it was left")
                continue
            }
        }
        for model in subscriptions where model.certainty == .certain {
            guard let found = try? engine.subscription(model.name), found.settings == model.settings else {
                violate("I10: subscription \(model.name) is not as it was left")
                continue
            }
        }
        for model in rules where model.certainty == .certain {
            guard let found = try? engine.rule(model.name), found.settings == model.versions.last?.settings
            else {
                violate("I10: rule \(model.name) is not as it was left")
                continue
            }
        }
        guard let found = try? engine.subscriptions(of: nil, Page(limit: 1000)) else { return }
        let known = Set(subscriptions.filter { $0.certainty != .gone }.map(\.name))
        for description in found where !known.contains(description.name) {
            violate("I10: subscription \(description.name) is there and should not be")
        }
    }

    func checkCursor(_ model: SubscriptionModel, _ engine: Engine) {
        guard let found = try? engine.subscription(model.name) else { return }
        for position in found.positions {
            let possible = model.cursors[position.partition] ?? [.zero]
            if possible.contains(position.cursor) {
                if !model.isCommitting { model.cursors[position.partition] = [position.cursor] }
            } else if !model.topic.wasCut {
                violate(
                    "I5: \(model.name) is at \(position.partition)/\(position.cursor), not at one of \(possible)"
                )
            }
        }
    }

    // MARK: Logs

    /// Why everything that is in a topic is there.
    func checkLogs() {
        for topic in topics where topic.certainty == .certain {
            for partition in 0..<topic.settings.partitions {
                guard let log = topic.log(partition), let records = truth.log(log)?.ordered else { continue }
                check(records, of: topic, partition)
            }
            checkCopiesOnce(in: topic)
            checkScheduledOnce(in: topic)
            checkDuplicates(in: topic)
            checkProduced(in: topic)
        }
    }

    private func check(_ records: [TrueRecord], of topic: TopicModel, _ partition: Int) {
        var lastNumber = 0
        var lastOrigin: [String: Int64] = [:]
        for record in records {
            let what = "\(topic.name)/\(partition)/\(record.offset)"
            guard let id = record.id else {
                if record.buriedBy == nil { violate("I1: \(what) is no event") }
                continue
            }
            if record.origin == nil, checkScheduled(record, at: what, in: topic) { continue }
            if Self.isOccurrence(id) { continue }
            guard let published = published[id] else {
                violate("I4: \(what) holds \(id), which was not published")
                continue
            }
            if record.value != published.event.data?.bytes ?? [] {
                violate("I1: \(what) holds \(id) with other data")
            }
            if let origin = record.origin {
                guard record.buriedBy == nil else { continue }
                if !topic.hasGrown, !topic.wasCut { checkOrder(origin, at: what, &lastOrigin) }
            } else if record.recipient == nil {
                if published.fate == .refused { violate("I4: \(what) holds \(id), which was refused") }
                if republished.contains(id) { continue }
                if published.number <= lastNumber { violate("I3: \(what) holds \(id) after \(lastNumber)") }
                lastNumber = published.number
            }
        }
    }

    /// Whether an event was made by a schedule: copies of such have no publisher either.
    private static func isOccurrence(_ id: String) -> Bool { id.contains("/") }

    private func checkOrder(_ origin: String, at what: String, _ last: inout [String: Int64]) {
        guard let slash = origin.lastIndex(of: "/"), let offset = Int64(origin[origin.index(after: slash)...])
        else {
            return violate("I8: \(what) has no origin: \(origin)")
        }
        let source = String(origin[..<slash])
        let isCut = topics.contains { $0.wasCut && origin.hasPrefix($0.id?.description ?? "-") }
        if let before = last[source], before >= offset, !isCut {
            violate("I8: \(what) comes from \(origin), after offset \(before)")
        }
        last[source] = offset
    }

    private func checkCopiesOnce(in topic: TopicModel) {
        var seen: [String: String] = [:]
        for partition in 0..<topic.settings.partitions {
            guard let log = topic.log(partition), let records = truth.log(log)?.ordered else { continue }
            for record in records {
                guard let origin = record.origin, record.buriedBy == nil, let id = record.id else { continue }
                let what = "\(topic.name)/\(partition)/\(record.offset)"
                if let before = seen[origin + id], !topic.wasCut {
                    violate("I8: \(what) is the same copy as \(before)")
                }
                seen[origin + id] = what
                let source = topics.first { origin.hasPrefix($0.id?.description ?? "-") }
                if !rules.contains(where: { $0.topic === source && $0.mayCopy(record.type, to: topic) }) {
                    violate("I8: \(what) was copied from \(origin) for no reason")
                }
            }
        }
    }
}
