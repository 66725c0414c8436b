// SPDX-License-Identifier: Apache-2.0

// `apus rule test`: does it match, and why not.

internal import ApusClient
internal import ArgumentParser
internal import JSONText

extension RuleCommand {
    struct Test: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "test", abstract: "Try a pattern on an event, and see why it matches or does not.",
            discussion: """
                EXAMPLES
                  apus rule test --rule vip --event order.json
                  apus rule test --pattern '{"data": {"total": [{"numeric": [">", 100]}]}}' --data '{"total": 90}'
                  apus get orders --limit 1 --json | jq .event | apus rule test --rule vip --event -

                Ends with 0 if the pattern matches and with 1 if it does not.
                """)

        @Option(help: "The rule whose pattern is tried.") var rule: String?

        @Option(help: ArgumentHelp("The pattern to try.", valueName: "json"), transform: Parse.pattern)
        var pattern: JSONValue?

        @Option(help: "A file with the event in the JSON format (- for standard input).", completion: .file())
        var event: String?

        @Option(help: "The data of an event whose attributes do not matter.")
        var data: String?

        @OptionGroup var global: GlobalOptions

        func validate() throws {
            guard (rule == nil) != (pattern == nil) else {
                throw ValidationError("name either --rule or --pattern")
            }
            guard (event == nil) != (data == nil) else {
                throw ValidationError("name either --event or --data")
            }
        }

        func run() async throws {
            let event = try await document()
            let test = try await global.withClient { client in
                var pattern = self.pattern ?? .null
                if let rule { pattern = try await client.rule(rule).pattern }
                return try await client.testPattern(pattern, on: event)
            }
            global.show(test.json) { Self.lines(test, global.console) }
            if !test.matched { throw ExitCode(CommandStatus.failure.rawValue) }
        }

        private func document() async throws -> JSONValue {
            if let event { return try await JSONFile.read(event) }
            let bytes = try EventTemplate().event(data: Array((data ?? "").utf8))
            return try JSONValue(parsing: bytes)
        }

        /// The verdict, and a line for each condition of the pattern.
        static func lines(_ test: RuleTest, _ console: Console) -> [String] {
            let verdict =
                test.matched ? console.styled("matches", .green) : console.styled("does not match", .red)
            return [verdict] + test.leaves.map { line($0, console) }
                + (test.note.map { [Console.printable($0)] } ?? [])
        }

        private static func line(_ leaf: JSONValue, _ console: Console) -> String {
            let matched = leaf["matched"]?.bool ?? false
            let mark = matched ? console.styled("ok", .green) : console.styled("no", .red)
            let path = Console.printable(leaf["path"]?.string ?? "?")
            let expected = list(leaf["expected"], or: "anything")
            let found = list(leaf["found"], or: "nothing")
            return "  \(mark)  \(path): expected \(expected), found \(found)"
        }

        private static func list(_ value: JSONValue?, or nothing: String) -> String {
            let elements = value?.array ?? []
            let texts = elements.map { Console.printable($0.description) }
            return texts.isEmpty ? nothing : texts.joined(separator: " or ")
        }
    }
}
