// SPDX-License-Identifier: Apache-2.0

// `apus schedule`: events that are made again and again.

internal import ApusClient
internal import ApusModel
internal import ArgumentParser
internal import JSONText

/// `apus schedule`.
struct ScheduleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schedule", abstract: "List, show, set and delete recurring schedules.",
        discussion: """
            EXAMPLES
              apus schedule set report '0 9 * * mon-fri' --topic reports --time-zone Europe/Berlin
              apus schedule set ping 'rate(30 seconds)' --topic pings --data '{"ping": true}'
              apus schedule list
              apus schedule delete ping --yes
            """,
        subcommands: [List.self, Show.self, Set.self, Delete.self], aliases: ["schedules"])
}

extension ScheduleCommand {
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List recurring schedules.",
            discussion: """
                EXAMPLES
                  apus schedule list
                  apus schedule list --topic reports
                """)

        @Option(help: "Only those of this topic.") var topic: String?
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let schedules = try await global.withClient { client in
                try await client.all { after throws(ApusClientError) in
                    try await client.schedules(of: topic, limit: Defaults.pageLimitMax, after: after)
                }
            }
            if global.json { return schedules.forEach { global.console.print($0.json.description) } }
            var table = Table(
                ("NAME", .left), ("TOPIC", .left), ("STATE", .left), ("SCHEDULE", .left), ("ZONE", .left),
                ("NEXT", .left), ("FIRED", .right))
            for schedule in schedules {
                table.add(
                    schedule.name, schedule.topic, schedule.isEnabled ? "on" : "off", schedule.schedule,
                    schedule.timeZone, schedule.next ?? "never",
                    schedule.fired.map { Decimal.grouped($0) } ?? "-")
            }
            global.show(
                table,
                empty: "no schedules; make one with 'apus schedule set NAME 'rate(1 hour)' --topic TOPIC'")
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Show a recurring schedule.",
            discussion: """
                EXAMPLES
                  apus schedule show report
                """)

        @Argument(help: "The schedule.") var name: String
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let schedule = try await global.withClient { try await $0.schedule(name) }
            global.show(schedule.json) { Properties.lines(schedule.json) }
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "set", abstract: "Create or replace a recurring schedule.",
            discussion: """
                EXAMPLES
                  apus schedule set report '0 9 * * mon-fri' --topic reports --time-zone Europe/Berlin
                  apus schedule set cleanup 'cron(0 3 L * ? *)' --topic jobs --type job.cleanup
                  apus schedule set ping 'rate(30 seconds)' --topic pings --catch-up skip
                """)

        @Argument(help: "The schedule.") var name: String
        @Argument(help: "Five or six fields of cron, cron(…), rate(…), @daily, or @every 90s.")
        var expression: String
        @Option(help: "The topic that its events go to.") var topic: String
        @Option(help: "The time zone of a cron expression.") var timeZone: String = "UTC"
        @Option(help: "The events' type.") var type: String = "apus.schedule"
        @Option(help: "The events' source; the schedule itself if absent.") var source: String?
        @Option(help: "The events' subject.") var subject: String?
        @Option(help: "The events' data: JSON, or text.") var data: String?
        @Option(help: "The events' key.") var key: String?

        @Option(help: ArgumentHelp("Not before this time.", valueName: "time")) var start: String?
        @Option(help: ArgumentHelp("Not after this time.", valueName: "time")) var end: String?

        @Option(help: "What is made up for after downtime: skip, once, or the most occurrences.")
        var catchUp: String = "once"

        @Flag(help: "Make it, and do not let it work yet.") var disabled = false
        @OptionGroup var global: GlobalOptions

        func validate() throws {
            guard catchUp == "skip" || catchUp == "once" || Int(catchUp) != nil else {
                throw ValidationError("--catch-up is skip, once, or a number")
            }
        }

        func run() async throws {
            let settings = settings
            let stored = try await global.withClient { try await $0.putSchedule(name, settings) }
            global.show(stored.value.json) {
                let next = stored.value.next.map { "it is due next at \($0)" } ?? "it is never due"
                return ["\(stored.created ? "created" : "replaced") schedule \(name); \(next)"]
            }
        }

        private var settings: JSONObject {
            var event = JSONObject()
            event["type"] = .string(type)
            event["source"] = source.map { .string($0) }
            event["subject"] = subject.map { .string($0) }
            if let data {
                let json = try? JSONValue(parsing: data)
                event["datacontenttype"] = json == nil ? "text/plain" : "application/json"
                event["data"] = json ?? .string(data)
            }
            var settings = JSONObject()
            settings["topic"] = .string(topic)
            settings["schedule"] = .string(expression)
            settings["time_zone"] = .string(timeZone)
            settings["event"] = .object(event)
            settings["key"] = key.map { .string($0) }
            settings["start"] = start.map { .string($0) }
            settings["end"] = end.map { .string($0) }
            settings["catch_up"] = Int(catchUp).map { .number(JSONNumber($0)) } ?? .string(catchUp)
            settings["enabled"] = .bool(!disabled)
            return settings
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "delete", abstract: "Delete a recurring schedule.",
            discussion: """
                EXAMPLES
                  apus schedule delete report --yes
                """)

        @Argument(help: "The schedule.") var name: String
        @OptionGroup var confirmation: ConfirmationOptions
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            try await confirmation.confirm("delete schedule \(name)", global.console)
            try await global.withClient { try await $0.deleteSchedule(name) }
            global.show(["deleted": .string(name)]) { ["deleted schedule \(name)"] }
        }
    }
}
