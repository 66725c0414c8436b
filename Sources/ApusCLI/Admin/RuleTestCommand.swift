// SPDX-License-Identifier: Apache-2.0

// `apus rule test`: does it match, and why not.

internal import ApusClient
internal import ArgumentParser
internal import JSONText

extension RuleCommand {
    struct Test: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "test",
            abstract:
                "Try a pattern on an event: see why it matches or does not, and what targets would get.",
            discussion: """
                EXAMPLES
                  apus rule test --rule vip --event order.json
                  apus rule test --pattern '{"data": {"total": [{"numeric": [">", 100]}]}}' --data '{"total": 90}'
                  apus rule test --pattern '{}' --data '{"total": 90}' --transform shape.json
                  apus get orders --limit 1 --json | jq .event | apus rule test --rule vip --event -

                Ends with 0 if the pattern matches and with 1 if it does not, or if the event cannot be transformed.
                """)

        @Option(help: "The rule whose pattern is tried.") var rule: String?

        @Option(help: ArgumentHelp("The pattern to try.", valueName: "json"), transform: Parse.pattern)
        var pattern: JSONValue?

        @Option(help: "A file with the event in the JSON format (- for standard input).", completion: .file())
        var event: String?

        @Option(help: "The data of an event whose attributes do not matter.")
        var data: String?

        @Option(
            help: ArgumentHelp(
                "A file with a transformation to try, as JSON; with --rule those of its targets are tried anyway.",
                valueName: "file"),
            completion: .file())
        var transform: String?

        @OptionGroup var global: GlobalOptions

        func validate() throws {
            guard (rule == nil) != (pattern == nil) else {
                throw ValidationError("name either --rule or --pattern")
            }
            guard rule == nil || transform == nil else {
                throw ValidationError(
                    "--transform goes with --pattern; a rule has transformations of its own")
            }
            guard event != "-" || transform != "-" else {
                throw ValidationError("standard input can be the event or the transformation, not both")
            }
            guard (event == nil) != (data == nil) else {
                throw ValidationError("name either --event or --data")
            }
        }

        func run() async throws {
            let event = try await document()
            var transformation: JSONValue?
            if let transform { transformation = try await JSONFile.read(transform) }
            let given = transformation
            let (test, previews) = try await global.withClient { client in
                if let rule { return try await self.test(rule: rule, event, client) }
                let test = try await client.testPattern(
                    self.pattern ?? .null, on: event, transformation: given)
                return (test, given == nil ? [] : [Preview(target: "the target", test: test)])
            }
            var json = test.json.object ?? JSONObject()
            if rule != nil { json["targets"] = .array(previews.map(\.json)) }
            global.show(.object(json)) {
                Self.lines(test, global.console)
                    + previews.filter { _ in test.matched }.map { $0.line(global.console) }
            }
            if !test.matched || previews.contains(where: { $0.test.failure != nil }) {
                throw ExitCode(CommandStatus.failure.rawValue)
            }
        }

        /// What one target would get.
        struct Preview: Sendable {
            var target: String
            var test: RuleTest

            var json: JSONValue {
                [
                    "target": .string(target), "transformed": test.transformed ?? .null,
                    "failure": test.failure.map { .string($0) } ?? .null,
                ]
            }

            func line(_ console: Console) -> String {
                let target = Console.printable(target)
                if let failure = test.failure {
                    return "  \(console.styled("no", .red))  \(target): \(Console.printable(failure))"
                }
                let event = Console.printable((test.transformed ?? .null).description)
                return "  \(console.styled("->", .green))  \(target): \(event)"
            }
        }

        /// The rule's pattern, and what those of its targets would get that have a transformation.
        private func test(
            rule name: String, _ event: JSONValue, _ client: ApusClient
        ) async throws -> (RuleTest, [Preview]) {
            let rule = try await client.rule(name)
            let test = try await client.testPattern(rule.pattern, on: event)
            var previews: [Preview] = []
            for (place, target) in (rule.json["targets"]?.array ?? []).enumerated() {
                guard let transformation = target["transformation"] else { continue }
                let text = rule.targets.indices.contains(place) ? rule.targets[place] : "target \(place + 1)"
                previews.append(
                    Preview(
                        target: text,
                        test: try await client.testPattern(
                            rule.pattern, on: event, transformation: transformation, rule: name,
                            topic: rule.topic)))
            }
            return (test, previews)
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
