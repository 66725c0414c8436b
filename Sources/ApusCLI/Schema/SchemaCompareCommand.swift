// SPDX-License-Identifier: Apache-2.0

// `apus schema compare`: is the new version compatible, and why not. On files, without a server.

internal import ArgumentParser
internal import JSONSchema
internal import JSONSchemaEvolution
internal import JSONText

/// Options of commands that need no server.
struct LocalOptions: ParsableArguments {
    @Flag(help: "Print JSON, in the form that docs/cli.md describes.")
    var json = false

    @Flag(help: "No colours (as with env NO_COLOR).")
    var noColor = false

    /// The console of the session, without colours if so wanted.
    var console: Console {
        var console = Session.current.console
        if noColor { console.usesColor = false }
        return console
    }
}

extension SchemaCommand {
    struct Compare: AsyncParsableCommand {
        /// The modes by the names they have on command lines.
        enum Mode: String, ExpressibleByArgument, CaseIterable {
            case none, backward, forward, full
            case backwardTransitive = "backward-transitive"
            case forwardTransitive = "forward-transitive"
            case fullTransitive = "full-transitive"

            var compatibility: SchemaCompatibility {
                switch self {
                case .none: .none
                case .backward: .backward
                case .forward: .forward
                case .full: .full
                case .backwardTransitive: .backwardTransitive
                case .forwardTransitive: .forwardTransitive
                case .fullTransitive: .fullTransitive
                }
            }
        }

        static let configuration = CommandConfiguration(
            commandName: "compare",
            abstract: "Find out whether a new version of a JSON Schema is compatible with those before it.",
            discussion: """
                EXAMPLES
                  apus schema compare order-1.json order-2.json
                  apus schema compare order-1.json order-2.json order-3.json --mode full-transitive
                  apus schema compare order-1.json order-2.json --mode forward --open-content lenient

                Ends with 0 if it is compatible and with 1 if it is not, or if that cannot be told.
                """)

        @Argument(
            help: "Files with the versions, the newest last (- for standard input).", completion: .file())
        var files: [String]

        @Option(
            help:
                "backward, forward, full, backward-transitive, forward-transitive, full-transitive or none.")
        var mode: Mode = .backward

        @Option(
            help: """
                What members count that a schema says nothing of: strict (they may be anything) or lenient \
                (nobody sends them).
                """)
        var openContent = "strict"

        @Flag(help: "Take formats for rules, not for remarks.")
        var assertFormats = false

        @Option(
            help: ArgumentHelp("A schema that the versions refer to.", valueName: "uri=file"))
        var reference: [String] = []

        @OptionGroup var local: LocalOptions

        func validate() throws {
            guard files.count >= 2 else { throw ValidationError("name two files at least: old and new") }
            guard files.count(where: { $0 == "-" }) <= 1 else {
                throw ValidationError("standard input can be one of the versions only")
            }
            guard SchemaComparison.OpenContent(rawValue: openContent) != nil else {
                throw ValidationError("'\(openContent)' is neither strict nor lenient")
            }
            for text in reference where !text.dropFirst().contains("=") {
                throw ValidationError("'\(text)' is not a reference; write it as URI=FILE")
            }
        }

        func run() async throws {
            var options = SchemaComparison.Options()
            options.openContent = SchemaComparison.OpenContent(rawValue: openContent) ?? .strict
            options.schemas.assertsFormats = assertFormats
            for text in reference {
                // URIs may have equal signs, too.
                guard let equals = text.lastIndex(of: "=") else { continue }
                options.library.add(
                    try await JSONFile.read(String(text[text.index(after: equals)...])),
                    at: String(text[..<equals]))
            }
            var versions: [JSONValue] = []
            for file in files {
                let schema = try await JSONFile.read(file)
                try Self.compile(schema, file, options)
                versions.append(schema)
            }
            guard let new = versions.popLast() else { return }
            let found: [SchemaIncompatibility]
            do throws(SchemaError) {
                found = try SchemaComparison.check(
                    new, against: versions, mode.compatibility, options: options)
            } catch {
                throw Failure("the schemas cannot be compared", why: error.description, status: .usage)
            }
            show(found)
            if !found.isEmpty { throw ExitCode(CommandStatus.failure.rawValue) }
        }

        private static func compile(
            _ schema: JSONValue, _ file: String, _ options: SchemaComparison.Options
        ) throws {
            do throws(SchemaError) {
                _ = try Schema.compile(schema, options: options.schemas, library: options.library)
            } catch {
                throw Failure("\(file) is not a schema", why: error.description, status: .usage)
            }
        }

        private func show(_ found: [SchemaIncompatibility]) {
            let console = local.console
            if local.json {
                let report: JSONValue = [
                    "compatible": .bool(found.isEmpty), "mode": .string(mode.rawValue),
                    "differences": .array(found.map(json)),
                ]
                return console.print(report.description)
            }
            guard !found.isEmpty else {
                return console.print(console.styled("compatible", .green) + " (\(mode.rawValue))")
            }
            console.print(console.styled("not compatible", .red) + " (\(mode.rawValue))")
            var table = Table(("VERSION", .left), ("BREAKS", .left), ("WHERE", .left), ("WHY", .left))
            for item in found {
                let place = item.difference.instanceLocation
                table.add(
                    files[item.version], Self.direction(item), place.isEmpty ? "-" : place,
                    item.difference.message + (item.difference.isUndecided ? " (undecided)" : ""))
            }
            for line in table.lines(on: console) { console.print(line) }
            for item in found.prefix(5) {
                guard let witness = item.difference.witness else { continue }
                console.note("for example: \(Console.printable(witness.description))")
            }
        }

        private static func direction(_ item: SchemaIncompatibility) -> String {
            item.isBackward ? "new readers" : "old readers"
        }

        private func json(_ item: SchemaIncompatibility) -> JSONValue {
            let difference = item.difference
            return [
                "version": .string(files[item.version]),
                "direction": item.isBackward ? "backward" : "forward",
                "kind": .string(difference.kind.rawValue), "instance": .string(difference.instanceLocation),
                "old": .string(difference.oldLocation), "new": .string(difference.newLocation),
                "message": .string(difference.message), "undecided": .bool(difference.isUndecided),
                "witness": difference.witness ?? .null,
            ]
        }
    }
}
