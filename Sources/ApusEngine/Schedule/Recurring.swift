// SPDX-License-Identifier: Apache-2.0

// A recurring schedule at work: which occurrences are to be made, given what time it is and how far it has come.

import ApusModel
import ApusSchedule
import CloudEvents

/// What the event of an occurrence is made of.
struct RecurringRecord: Sendable {
    var event: CloudEvent
    var key: String?
}

/// A recurring schedule by definition.
struct ScheduleDefinition: Sendable, Hashable {
    var name: ResourceName
    var id: LogID
    var created: Timestamp
    var settings: ScheduleSettings
    /// When it was last changed: what came before is not made up for.
    var changed: Timestamp
}

/// How far one recurring schedule has come.
struct Recurring: Sendable {
    /// What is late by more than this was missed, in milliseconds.
    static let grace: Int64 = 60_000
    /// The most occurrences that are made up for.
    static let catchUpMax = 10_000

    /// Everything up to this time has been fired, or passed over.
    private(set) var progress: Int64
    /// Nil until the definition is known, and when it is not at work.
    private(set) var definition: ScheduleDefinition?
    private var expression: ScheduleExpression?
    private var zone = TimeZoneRules.utc
    /// Everything up to this time has been fired, passed over, or stands in `due`.
    private var planned: Int64 = .min
    /// Occurrences to be fired, oldest first.
    private(set) var due: [Int64] = []
    /// How many are being fired.
    var flying = 0
    /// The next occurrence after those planned.
    private(set) var upcoming: Int64?
    var retryAt: Int64?
    var fired: UInt64 = 0

    init(progress: Int64) { self.progress = progress }

    mutating func raise(to time: Int64) { progress = max(progress, time) }

    /// When there is something to do; nil when there never is again.
    var next: Int64? {
        guard flying == 0 else { return nil }
        return due.first.map { max($0, retryAt ?? .min) } ?? upcoming
    }

    /// When it is due next, for people.
    var nextOccurrence: Int64? { due.first ?? upcoming }

    /// Puts the definition to work.
    mutating func define(
        _ definition: ScheduleDefinition, _ expression: ScheduleExpression, _ zone: TimeZoneRules
    ) {
        (self.definition, self.expression, self.zone) = (definition, expression, zone)
        due = []
        progress = max(progress, definition.changed.rawValue)
        planned = progress
        upcoming = following(planned)
    }

    private func following(_ time: Int64) -> Int64? {
        guard let definition, let expression, definition.settings.isEnabled else { return nil }
        var (after, anchor) = (time, definition.created.rawValue)
        if let start = definition.settings.start?.rawValue {
            after = max(after, start - 1)
            // With a start of its own a rate begins there, and not one interval later.
            if case .rate(let interval) = expression { anchor = start - interval } else { anchor = start }
        }
        guard let next = expression.next(after: after, start: anchor, in: zone) else { return nil }
        if let end = definition.settings.end?.rawValue, next > end { return nil }
        return next
    }

    /// Plans everything up to `time`.
    mutating func plan(_ time: Int64) {
        guard flying == 0, due.isEmpty, let first = upcoming, first <= time else { return }
        let cutoff = time - Recurring.grace
        if first < cutoff {
            due = missed(before: cutoff)
            planned = max(planned, cutoff - 1)
            upcoming = following(planned)
        }
        while let next = upcoming, next <= time, due.count < 2 * Recurring.catchUpMax {
            due.append(next)
            planned = next
            upcoming = following(next)
        }
    }

    /// What is made up for of that which was due after `planned` and before `cutoff`.
    private func missed(before cutoff: Int64) -> [Int64] {
        let limit: Int
        switch definition?.settings.catchUp {
        case .skip, nil: return []
        case .once: limit = 1
        case .all(let most): limit = min(most, Recurring.catchUpMax)
        }
        // The last ones: looked for in a span that doubles until it has enough.
        var span: Int64 = 60_000
        while true {
            let from = cutoff - span > planned ? cutoff - span : planned
            var found: [Int64] = []
            var time = from
            while let next = following(time), next < cutoff {
                found.append(next)
                if found.count > 2 * limit { found.removeFirst(found.count - limit) }
                time = next
            }
            if found.count >= limit || from == planned { return Array(found.suffix(limit)) }
            span = span > .max / 4 ? .max / 2 : span * 2
        }
    }

    /// Takes what is to be fired, at most `limit`.
    mutating func takeDue(_ limit: Int) -> [Int64] {
        let taken = Array(due.prefix(limit))
        due.removeFirst(taken.count)
        flying += taken.count
        return taken
    }

    mutating func occurred(_ time: Int64) {
        flying -= 1
        fired += 1
        raise(to: time)
    }

    mutating func failed(_ time: Int64, retryAt: Int64) {
        flying -= 1
        due.insert(time, at: due.firstIndex { $0 > time } ?? due.count)
        self.retryAt = retryAt
    }

    /// The event of the occurrence at `time`. Its id follows from schedule and time, so that a repeat is recognised.
    func record(_ time: Int64) -> RecurringRecord? {
        guard let definition else { return nil }
        var event = definition.settings.template
        event.id = "\(definition.id)/\(time)"
        event.time = CloudEventTimestamp(millisecondsSinceEpoch: time)
        return RecurringRecord(event: event, key: definition.settings.key ?? event.placementKey)
    }

    /// Schedule and time of an id as ``record(_:)`` makes them; nil for anything else.
    static func occurrence(_ text: String) -> (LogID, Int64)? {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let id = LogID(parts[0]), let time = Int64(parts[1]) else { return nil }
        return (id, time)
    }
}
