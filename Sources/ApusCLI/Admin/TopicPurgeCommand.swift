// SPDX-License-Identifier: Apache-2.0

// `apus topic purge`: forgets events of a topic, which itself stays.

internal import ApusClient
internal import ArgumentParser
internal import JSONText

extension TopicCommand {
    struct Purge: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "purge", abstract: "Forget the events of a topic, which itself stays.",
            discussion: """
                EXAMPLES
                  apus topic purge orders --yes
                  apus topic purge orders --partition 0 --before 42
                  apus topic purge orders --before 1h              all but those of the last hour

                Events that subscriptions have not settled are forgotten, too. Offsets go on from where they are.
                """)

        @Argument(help: "The topic.") var name: String
        @Option(help: "Only this partition.") var partition: Int?
        @Option(
            help: ArgumentHelp(
                "Only what comes before this position; all that is there, if it is not given.",
                valueName: "position"), transform: Parse.position)
        var before: Position?
        @OptionGroup var confirmation: ConfirmationOptions
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let what = before.map { "the events before \($0)" } ?? "all events"
            try await confirmation.confirm("forget \(what) of topic \(name)", global.console)
            let topic = try await global.withClient { client in
                try await client.purgeTopic(name, partition: partition, before: before)
            }
            global.show(topic.json) { ["purged topic \(name); \(topic.eventsText) events are left"] }
        }
    }
}
