// SPDX-License-Identifier: Apache-2.0

// Alarms as JSON, and what decides about those of a subscription.

internal import ApusEngine
internal import ApusModel
internal import JSONText

extension SubscriptionChanges {
    /// Reads `alarm`: a member that is null sets no limit, one that is absent stays.
    mutating func readAlarm(_ reader: MemberReader) throws(Problem) {
        guard let value = reader.value("alarm") else { return }
        let alarm = try MemberReader(value, Schema.subscriptionAlarm, in: "alarm.")
        if alarm.isNull("age") {
            alarmAge = .some(nil)
        } else if let age = try alarm.duration("age", in: Bounds.alarmAge) {
            alarmAge = age
        }
        if alarm.isNull("backlog") {
            alarmBacklog = .some(nil)
        } else if let backlog = try alarm.integer("backlog", in: Bounds.alarmBacklog) {
            alarmBacklog = backlog
        }
    }
}

extension JSONWriter {
    /// From when on a subscription counts as a slow consumer.
    mutating func alarm(_ settings: AlarmSettings) {
        key("alarm")
        object { writer in
            writer.member("age", settings.age.map(DurationText.format))
            writer.key("backlog")
            if let backlog = settings.backlog { writer.integer(backlog) } else { writer.null() }
        }
    }

    /// Alarms that are raised.
    mutating func alarms(_ alarms: [Alarm]) {
        member("alarms", list: alarms) { writer, alarm in
            writer.object { writer in
                writer.member("alarm", alarm.kind.rawValue)
                writer.member("severity", alarm.severity.rawValue)
                writer.member("subject", alarm.subject)
                writer.member("since", alarm.since)
                writer.member("finding", alarm.text)
                writer.member("hint", alarm.hint)
            }
        }
    }
}
