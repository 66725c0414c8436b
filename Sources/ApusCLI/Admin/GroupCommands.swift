// SPDX-License-Identifier: Apache-2.0

// `apus group`: consumer groups of Kafka clients. Their members make and change them; while nobody is in one, it can be moved and forgotten.

internal import ApusClient
internal import ApusModel
internal import ArgumentParser
internal import JSONText

/// `apus group`.
struct GroupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "group",
        abstract: "Look at consumer groups of Kafka clients, and move them while nobody is in them.",
        discussion: """
            EXAMPLES
              apus group list
              apus group describe billing
              apus group reset billing --topic orders --to 1h --dry-run
            """,
        subcommands: [List.self, Describe.self, Reset.self, Delete.self], aliases: ["groups"])
}

extension GroupCommand {
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List consumer groups.",
            discussion: """
                EXAMPLES
                  apus group list
                  apus group list --json | jq -r 'select(.lag > 1000) | .name'
                """)

        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let groups = try await global.withClient { client in
                try await client.all { after throws(ApusClientError) in
                    try await client.groups(limit: Defaults.pageLimitMax, after: after)
                }
            }
            if global.json { return groups.forEach { global.console.print($0.json.description) } }
            var table = Table(
                ("NAME", .left), ("STATE", .left), ("PROTOCOL", .left), ("MEMBERS", .right), ("LAG", .right),
                ("TOPICS", .left))
            for group in groups {
                table.add(
                    group.name, group.state, group.kind, String(group.memberCount),
                    Decimal.grouped(group.lag),
                    group.topics.joined(separator: ", "))
            }
            global.show(table, empty: "no groups; Kafka clients make them by joining")
        }
    }

    struct Describe: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "describe",
            abstract: "Show a group's members, its positions and how far behind they are.",
            discussion: """
                EXAMPLES
                  apus group describe billing
                  apus group describe billing --json | jq .lag
                """, aliases: ["show"])

        @Argument(help: "The group.") var name: String
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let group = try await global.withClient { try await $0.group(name) }
            global.show(group.json) { lines(of: group) }
        }

        private func lines(of group: GroupDetail) -> [String] {
            let count = group.members.count
            var lines = [
                "\(group.name): \(group.state), \(group.kind) protocol, \(count) \(count == 1 ? "member" : "members")"
            ]
            if !group.members.isEmpty {
                var members = Table(
                    ("MEMBER", .left), ("INSTANCE", .left), ("CLIENT", .left), ("HOST", .left),
                    ("PARTITIONS", .right))
                for member in group.members {
                    members.add(
                        member.id, member.instance ?? "-", member.client, member.host,
                        String(member.partitionCount))
                }
                lines += [""] + members.lines(on: global.console)
            }
            guard !group.positions.isEmpty else { return lines }
            var positions = Table(
                ("TOPIC", .left), ("PARTITION", .right), ("COMMITTED", .right), ("END", .right),
                ("LAG", .right),
                ("MEMBER", .left))
            for position in group.positions {
                positions.add(
                    position.topic, String(position.partition), position.committed.map(String.init) ?? "-",
                    position.end.map(String.init) ?? "-", position.lag.map { Decimal.grouped($0) } ?? "-",
                    position.member ?? "-")
            }
            return lines + [""] + positions.lines(on: global.console)
        }
    }

    struct Reset: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "reset", abstract: "Move a group's positions while it has no members.",
            discussion: """
                EXAMPLES
                  apus group reset billing --to earliest --dry-run     what would change, everywhere
                  apus group reset billing --topic orders --to 1h
                  apus group reset billing --topic orders --partition 2 --to 4711

                Stop the group's consumers first: members go on from where they are. A group that nobody has used yet begins where it is put.
                """)

        @Argument(help: "The group.") var name: String
        @Option(help: "Only in this topic; otherwise in all topics that the group has positions in.")
        var topic: String?
        @Option(help: "Only this partition of the topic.") var partition: Int?

        @Option(
            help: ArgumentHelp("Where it goes on.", valueName: "position"), transform: Parse.position)
        var to: Position

        @Flag(help: "Only show what would change.") var dryRun = false
        @OptionGroup var global: GlobalOptions

        func validate() throws {
            guard partition == nil || topic != nil else {
                throw ValidationError("--partition is one of a topic: name the --topic too")
            }
        }

        func run() async throws {
            let answer = try await global.withClient { client in
                try await client.resetGroup(
                    name, topic: topic, partition: partition, to: to, isDryRun: dryRun)
            }
            global.show(answer) { lines(of: answer["positions"]?.array ?? []) }
        }

        private func lines(of moves: [JSONValue]) -> [String] {
            var table = Table(
                ("TOPIC", .left), ("PARTITION", .right), ("COMMITTED", .right), ("THEN", .right),
                ("COME AGAIN", .right), ("PASSED OVER", .right))
            func figure(_ move: JSONValue, _ member: String) -> String {
                move[member]?.int64.map { Decimal.grouped($0) } ?? "-"
            }
            for move in moves {
                table.add(
                    move["topic"]?.string ?? "-", move["partition"]?.int64.map { String($0) } ?? "-",
                    figure(move, "committed"), figure(move, "to"), figure(move, "again"),
                    figure(move, "skipped"))
            }
            func sum(_ member: String) -> String {
                Decimal.grouped(moves.reduce(Int64(0)) { $0 + ($1[member]?.int64 ?? 0) })
            }
            let verb = dryRun ? "would come" : "come"
            return table.lines(on: global.console) + [
                "", "\(sum("again")) events \(verb) again, \(sum("skipped")) are passed over",
            ]
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "delete", abstract: "Forget a group that has no members, with its positions.",
            discussion: """
                EXAMPLES
                  apus group delete billing
                  apus group delete billing --yes
                """)

        @Argument(help: "The group.") var name: String
        @OptionGroup var confirmation: ConfirmationOptions
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            try await confirmation.confirm(
                "forget group \(name), whose consumers then begin where their settings say", global.console)
            try await global.withClient { try await $0.deleteGroup(name) }
            global.show(["group": .string(name), "deleted": true]) { ["group \(name) is forgotten"] }
        }
    }
}
