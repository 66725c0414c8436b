// SPDX-License-Identifier: Apache-2.0

// Recurring schedules: list, create or replace, look, delete.

internal import ApusEngine
internal import ApusHTTPCodec
internal import ApusModel
internal import JSONText

/// Routes about recurring schedules.
enum ScheduleRoutes {
    static let all: [Route] = [list, put, get, delete]

    private static let path = PathTemplate("/v1/schedules/{schedule}")

    private static let list = Route(
        method: .get, path: PathTemplate("/v1/schedules"), operation: "listSchedules",
        summary: "Lists recurring schedules by name.", chapter: .schedules,
        parameters: [.topic] + QueryParameter.page,
        successes: [.json(.ok, "A page of schedules.", .schedules)], problems: [.notFound, .invalid],
        handler: .answer { context, call throws(Problem) in
            let page = try call.query.page()
            let topic = try call.query.name("topic")
            let schedules = try context.look { broker throws(BrokerError) in
                try broker.schedules(of: topic, page)
            }
            return .page("schedules", schedules, of: page, next: \.name.description) { $0.schedule($1) }
        })

    private static let put = Route(
        method: .put, path: path, operation: "putSchedule",
        summary: "Creates or replaces a recurring schedule; what was due before is not made up for.",
        chapter: .schedules, body: .json(.reference(.scheduleSettings)),
        successes: [.json(.ok, "Replaced.", .schedule), .json(.created, "Created.", .schedule)],
        problems: [.notFound, .unsupportedMediaType, .conflict, .invalid],
        handler: .answer { context, call async throws(Problem) in
            let name = try call.name()
            let settings = try ScheduleSettings(try call.members(Schema.scheduleSettings), name: name)
            let (schedule, isNew) = try await context.ask { broker async throws(BrokerError) in
                try await broker.putSchedule(name, settings)
            }
            return .json(isNew ? .created : .ok) { $0.schedule(schedule) }
        })

    private static let get = Route(
        method: .get, path: path, operation: "getSchedule",
        summary: "A recurring schedule, and when it is due next.", chapter: .schedules,
        successes: [.json(.ok, "The schedule.", .schedule)], problems: [.notFound],
        handler: .answer { context, call throws(Problem) in
            let name = try call.name()
            let schedule = try context.look { broker throws(BrokerError) in try broker.schedule(name) }
            return .json { $0.schedule(schedule) }
        })

    private static let delete = Route(
        method: .delete, path: path, operation: "deleteSchedule",
        summary: "Deletes a recurring schedule; events that it made stay.", chapter: .schedules,
        successes: [.done], problems: [.notFound, .conflict, .invalid],
        handler: .answer { context, call async throws(Problem) in
            let name = try call.name()
            try await context.ask { broker async throws(BrokerError) in try await broker.deleteSchedule(name)
            }
            return .done
        })
}
