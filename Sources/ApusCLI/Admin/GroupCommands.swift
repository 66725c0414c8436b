// SPDX-License-Identifier: Apache-2.0

// `apus group`: consumer groups of Kafka clients, to look at. Their members make and change them.

internal import ApusClient
internal import ApusModel
internal import ArgumentParser
internal import JSONText

/// `apus group`.
struct GroupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "group", abstract: "List and describe consumer groups of Kafka clients.",
        discussion: """
            EXAMPLES
              apus group list
              apus group describe billing
            """,
        subcommands: [List.self, Describe.self], aliases: ["groups"])
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
}
