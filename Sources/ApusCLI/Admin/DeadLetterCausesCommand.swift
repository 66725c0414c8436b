// SPDX-License-Identifier: Apache-2.0

// `apus dead-letter causes`: why events were given up, a thousand failures with one cause in one line.

internal import ApusClient
internal import ApusModel
internal import ArgumentParser
internal import JSONText

extension DeadLetterCommand {
    struct Causes: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "causes", abstract: "Show why events were given up, and how many for each cause.",
            discussion: """
                EXAMPLES
                  apus dead-letter causes
                  apus dead-letter causes --since 1h
                  apus dead-letter redrive --subscription billing --cause 'HTTP 503 after … ms'

                Reasons that differ in figures alone are one cause; '…' stands for the figures.
                """)

        @OptionGroup var filter: DeadLetterFilter
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let causes = try await global.withClient { try await self.causes($0) }
            if global.json { return causes.forEach { global.console.print(Self.json($0).description) } }
            var table = Table(
                ("GIVEN UP BY", .left), ("COUNT", .right), ("FIRST", .left), ("LAST", .left), ("TYPE", .left),
                ("CAUSE", .left))
            for cause in causes {
                table.add(
                    Self.giver(cause), Decimal.grouped(cause.count), cause.first, cause.last,
                    cause.sample.event.type, cause.cause)
            }
            global.show(table, empty: "no dead letters")
        }

        /// Who gave up, and why.
        private struct Key: Hashable {
            var giver: String
            var cause: String
        }

        private func causes(_ client: ApusClient) async throws -> [DeadLetterCauseInfo] {
            var found: [Key: DeadLetterCauseInfo] = [:]
            var after: String?
            repeat {
                let step = try await client.deadLetterCauses(filter.selection(), after: after)
                for cause in step.causes {
                    let key = Key(giver: Self.giver(cause), cause: cause.cause)
                    if found[key]?.add(cause) == nil { found[key] = cause }
                }
                after = step.next
            } while after != nil
            return found.values.sorted { ($1.count, $0.cause) < ($0.count, $1.cause) }
        }

        private static func giver(_ cause: DeadLetterCauseInfo) -> String {
            if !cause.rule.isEmpty { return "rule \(cause.rule)" }
            return cause.feed.isEmpty ? cause.subscription : "feed \(cause.feed)"
        }

        private static func json(_ cause: DeadLetterCauseInfo) -> JSONValue {
            func name(_ text: String) -> JSONValue { text.isEmpty ? .null : .string(text) }
            return [
                "subscription": name(cause.subscription), "rule": name(cause.rule), "feed": name(cause.feed),
                "cause": .string(cause.cause), "count": .number(JSONNumber(cause.count)),
                "first": .string(cause.first), "last": .string(cause.last), "sample": cause.sample.json,
            ]
        }
    }
}
