// SPDX-License-Identifier: Apache-2.0

// Events that recur. The broker keeps the time, so that they go on without this program.

public import ApusBus
import CloudEvents

extension Bus {
    /// Publishes an event at the times of a cron expression; needs ``Feature/recurring``. Replaces the schedule of this name if there is one.
    ///
    /// ```swift
    /// try await bus.schedule("nightly-report", cron: "0 3 * * *", timeZone: "Europe/Berlin", ReportDue())
    /// ```
    ///
    /// - Parameters:
    ///   - name: unique within the broker.
    ///   - cron: five fields: minute, hour, day of the month, month, day of the week.
    ///   - timeZone: an IANA time zone.
    ///   - event: what is published, each time with an identity and a time of its own.
    ///   - options: what is different about it.
    /// - Throws: ``BusError``.
    public func schedule<E: Event>(
        _ name: String, cron: String, timeZone: String = "UTC", _ event: E, options: PublishOptions = .none
    ) async throws(BusError) {
        try await put(name, .cron(cron, timeZone: timeZone), event, options)
    }

    /// Publishes an event every so often; needs ``Feature/recurring``. Replaces the schedule of this name if there is one.
    public func schedule<E: Event>(
        _ name: String, every interval: Duration, _ event: E, options: PublishOptions = .none
    ) async throws(BusError) {
        guard interval > .zero else {
            throw .invalid("'\(name)' has to recur after some time, not \(interval)")
        }
        try await put(name, .rate(interval), event, options)
    }

    /// Ends a schedule; nothing happens when there is none of this name.
    public func unschedule(_ name: String) async throws(BusError) {
        try require(.recurring)
        try await transport.deleteSchedule(name)
    }

    private func put<E: Event>(
        _ name: String, _ recurrence: RecurringEvent.Recurrence, _ event: E, _ options: PublishOptions
    ) async throws(BusError) {
        try require(.recurring)
        guard options.due == nil else {
            throw .invalid("'\(name)': a recurring event cannot be delayed, too")
        }
        try await transport.putSchedule(
            RecurringEvent(
                name: name, topic: options.topic ?? E.topic, recurrence: recurrence,
                event: try envelope(event, options)))
    }
}
