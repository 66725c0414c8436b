// SPDX-License-Identifier: Apache-2.0

// Recurring schedules among what fires: their occurrences join the rounds, and how far each has come stands in the ledger.

import ApusModel
import ApusSchedule
import Synchronization

extension Scheduler {
    /// Puts a schedule to work, or changes it.
    func define(_ definition: ScheduleDefinition, _ expression: ScheduleExpression, _ zone: TimeZoneRules) {
        state.withLock { state in
            state.recurring[definition.id, default: Recurring(progress: .min)].define(
                definition, expression, zone)
        }
        context.followers.enqueue(self)
    }

    func isDefined(_ id: LogID) -> Bool { state.withLock { $0.recurring[id]?.definition != nil } }

    func remove(_ id: LogID) { state.withLock { $0.recurring[id] = nil } }

    /// When a schedule is due next, and how often it has fired in this life.
    func standing(of id: LogID) -> (next: Timestamp?, fired: UInt64) {
        state.withLock { state in
            guard let recurring = state.recurring[id] else { return (nil, 0) }
            return (recurring.nextOccurrence.map { Timestamp(milliseconds: $0) }, recurring.fired)
        }
    }

    /// Adds what is due to a round.
    func fireRecurring(_ time: Int64, _ parts: inout [LogID: RoundPart], _ state: inout State, room: Int) {
        var room = room
        for id in state.recurring.keys.sorted() where room > 0 {
            guard var recurring = state.recurring.removeValue(forKey: id) else { continue }
            defer { state.recurring[id] = recurring }
            recurring.plan(time)
            guard let next = recurring.next, next <= time, let name = recurring.definition?.settings.topic,
                let topic = topic(name), let partition = topic.partition(forKey: recurring.record(0)?.key)
            else { continue }
            recurring.retryAt = nil
            // All of one schedule go to one partition in a round: all of them are there, or none.
            for occurrence in recurring.takeDue(room) {
                guard let record = recurring.record(occurrence) else { continue }
                parts[partition.log, default: RoundPart(partition: partition, topic: topic)].items.append(
                    .occurrence(schedule: id, time: occurrence, record: record))
                room -= 1
            }
        }
    }

    func occurred(_ schedule: LogID, _ time: Int64, _ state: inout State) {
        guard state.recurring[schedule] != nil else { return }
        state.recurring[schedule]?.occurred(time)
        state.ledger.fired[schedule] = max(time, state.ledger.fired[schedule] ?? .min)
    }

    func failed(_ schedule: LogID, _ time: Int64, _ state: inout State) {
        let retryAt = self.time + context.options.storeRetryInterval.milliseconds
        state.recurring[schedule]?.failed(time, retryAt: retryAt)
    }
}
