// SPDX-License-Identifier: Apache-2.0

// `apus schema put`, `list`, `show` and so on: schemas by subject and version, and whether a new one breaks anybody.

internal import ApusClient
internal import ApusModel
internal import ArgumentParser
internal import JSONText

/// A schema that is in a file.
struct SchemaSourceOptions: ParsableArguments {
    @Argument(help: "The file with the schema; - is standard input.") var file: String

    @Option(help: "What it is written in: json, xsd, avro or protobuf.") var format: String = "json"

    @Option(
        name: .customLong("reference"),
        help: ArgumentHelp(
            "A registered schema that it refers to: what it calls it, the subject and the version. Repeatable.",
            valueName: "name=subject:version"))
    var references: [String] = []

    func validate() throws {
        guard ["json", "xsd", "avro", "protobuf"].contains(format) else {
            throw ValidationError("--format is json, xsd, avro or protobuf")
        }
        _ = try parsedReferences
    }

    /// The schema as the API wants it.
    func source() async throws -> JSONObject {
        let bytes = try await InputSource.withFile(file) { try await $0.readAll(limit: Self.bytesMax) }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Failure("\(file) is not text in UTF-8", status: .failure)
        }
        var source = JSONObject()
        source["format"] = .string(format)
        source["schema"] = .string(text)
        let references = try parsedReferences
        if !references.isEmpty { source["references"] = .array(references) }
        return source
    }

    /// Larger ones no server takes.
    private static let bytesMax = 16 << 20

    private var parsedReferences: [JSONValue] {
        get throws {
            try references.map { text in
                guard let equals = text.lastIndex(of: "="), let colon = text.lastIndex(of: ":"),
                    equals < colon,
                    let version = Int(text[text.index(after: colon)...]), version > 0
                else { throw ValidationError("--reference is NAME=SUBJECT:VERSION, not '\(text)'") }
                var reference = JSONObject()
                reference["name"] = .string(String(text[..<equals]))
                reference["subject"] = .string(String(text[text.index(after: equals)..<colon]))
                reference["version"] = .number(JSONNumber(version))
                return .object(reference)
            }
        }
    }
}

extension SchemaCommand {
    struct Put: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "put", abstract: "Register a schema as the next version of a subject.",
            discussion: """
                EXAMPLES
                  apus schema put orders-value order.json
                  apus schema put orders-value order.json --reference address.json=address:2
                """)

        @Argument(help: "The subject.") var subject: String
        @OptionGroup var options: SchemaSourceOptions
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let source = try await options.source()
            let stored = try await global.withClient { try await $0.registerSchema(source, under: subject) }
            let version = stored.value
            global.show(version.json) {
                let what = "version \(version.version) of \(subject), id \(version.id)"
                return [stored.created ? "registered \(what)" : "it was there already: \(what)"]
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List subjects.",
            discussion: """
                EXAMPLES
                  apus schema list
                  apus schema list --prefix orders --deleted
                """)

        @Option(help: "Only those whose name begins with this.") var prefix: String?
        @Flag(help: "Also those that are deleted softly.") var deleted = false
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let subjects = try await global.withClient { client in
                try await client.all { after throws(ApusClientError) in
                    try await client.subjects(
                        deleted: deleted, prefix: prefix, limit: Defaults.pageLimitMax, after: after)
                }
            }
            if global.json { return subjects.forEach { global.console.print($0.json.description) } }
            var table = Table(
                ("SUBJECT", .left), ("VERSIONS", .left), ("COMPATIBILITY", .left), ("MODE", .left),
                ("EVENT TYPES", .left))
            for subject in subjects {
                table.add(
                    subject.subject, subject.versions.map(String.init).joined(separator: ", "),
                    subject.compatibility, subject.mode, subject.eventTypes.joined(separator: ", "))
            }
            global.show(table, empty: "no subjects; register a schema with 'apus schema put SUBJECT FILE'")
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Show a version of a schema.",
            discussion: """
                EXAMPLES
                  apus schema show orders-value
                  apus schema show orders-value --version 2
                """)

        @Argument(help: "The subject.") var subject: String
        @Option(help: "The version.") var version: String = "latest"
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let found = try await global.withClient { try await $0.schemaVersion(version, of: subject) }
            global.show(found.json) { Properties.lines(found.json) }
        }
    }

    struct Versions: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "versions", abstract: "List the versions of a subject.",
            discussion: """
                EXAMPLES
                  apus schema versions orders-value
                """)

        @Argument(help: "The subject.") var subject: String
        @Flag(help: "Also those that are deleted softly.") var deleted = false
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let versions = try await global.withClient {
                try await $0.schemaVersions(of: subject, deleted: deleted)
            }
            if global.json { return versions.forEach { global.console.print($0.json.description) } }
            var table = Table(
                ("VERSION", .right), ("ID", .right), ("REGISTERED", .left), ("STATE", .left))
            for version in versions {
                table.add(
                    String(version.version), String(version.id), version.registered,
                    version.isDeleted ? "deleted" : "registered")
            }
            global.show(table, empty: "no versions")
        }
    }

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "check",
            abstract: "Tell whether a schema could be the next version of a subject; nothing is registered.",
            discussion: """
                EXAMPLES
                  apus schema check orders-value order.json
                  apus schema check orders-value order.json --version 1

                It ends with 0 if it could, and with 1 if not.
                """)

        @Argument(help: "The subject.") var subject: String
        @OptionGroup var options: SchemaSourceOptions
        @Option(help: "Compare with this version only.") var version: String?
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let source = try await options.source()
            let report = try await global.withClient {
                try await $0.checkSchema(source, against: subject, version: version)
            }
            let isCompatible = report["compatible"]?.bool ?? false
            let level = report["compatibility"]?.string ?? "?"
            global.show(report) {
                guard !isCompatible else { return ["compatible with \(subject) (\(level))"] }
                return ["not compatible with \(subject) (\(level)):"]
                    + (report["differences"]?.array ?? []).compactMap { $0["message"]?.string }.map {
                        "  \($0)"
                    }
            }
            if !isCompatible { throw ExitCode(CommandStatus.failure.rawValue) }
        }
    }

    struct Config: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "config",
            abstract: "Show or change what is decided about a subject, or about all.",
            discussion: """
                EXAMPLES
                  apus schema config
                  apus schema config --compatibility full
                  apus schema config orders-value --compatibility inherit --mode readonly
                  apus schema config --assert-formats yes
                  apus schema config stock --event-type stock.moved --event-type stock.counted
                """)

        @Argument(help: "The subject; all if absent.") var subject: String?

        @Option(
            help: ArgumentHelp(
                "none, backward, forward, full, the last three also with Transitive, or inherit.",
                valueName: "level"))
        var compatibility: String?

        @Option(help: "readwrite, readonly, import, or inherit.") var mode: String?

        @Option(
            help: ArgumentHelp(
                "Whether 'format' is checked or is an annotation: yes, no, or inherit.", valueName: "choice"))
        var assertFormats: FormatChoice?

        @Option(
            name: .customLong("event-type"),
            help: ArgumentHelp(
                "An event type whose data is of the subject. Repeatable; they replace those there are.",
                valueName: "type"))
        var eventTypes: [String] = []

        @Flag(help: "No event types any more.") var noEventTypes = false
        @OptionGroup var global: GlobalOptions

        func validate() throws {
            guard eventTypes.isEmpty || !noEventTypes else {
                throw ValidationError("--event-type and --no-event-types exclude each other")
            }
            guard subject != nil || (eventTypes.isEmpty && !noEventTypes) else {
                throw ValidationError("event types are bound to a subject")
            }
        }

        func run() async throws {
            var change = JSONObject()
            change["compatibility"] = compatibility.map { $0 == "inherit" ? .null : .string($0) }
            change["mode"] = mode.map { $0 == "inherit" ? .null : .string($0) }
            change["assert_formats"] = assertFormats?.value
            if !eventTypes.isEmpty || noEventTypes {
                change["event_types"] = .array(eventTypes.map { .string($0) })
            }
            let wanted = change.members.isEmpty ? nil : change
            let config = try await global.withClient {
                try await $0.schemaConfig(of: subject, change: wanted)
            }
            global.show(config) { Properties.lines(config) }
        }
    }

    /// Whether formats are checked.
    enum FormatChoice: String, ExpressibleByArgument, CaseIterable {
        case yes, no, inherit

        var value: JSONValue {
            switch self {
            case .yes: true
            case .no: false
            case .inherit: .null
            }
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "delete", abstract: "Delete a subject or a version: softly, and then for good.",
            discussion: """
                EXAMPLES
                  apus schema delete orders-value --version 1 --yes
                  apus schema delete orders-value --yes
                  apus schema delete orders-value --permanent --yes
                """)

        @Argument(help: "The subject.") var subject: String
        @Option(help: "Only this version.") var version: String?
        @Flag(help: "For good, what is deleted softly already.") var permanent = false
        @OptionGroup var confirmation: ConfirmationOptions
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let what = version.map { "version \($0) of \(subject)" } ?? "subject \(subject)"
            try await confirmation.confirm("delete \(what)\(permanent ? " for good" : "")", global.console)
            try await global.withClient {
                try await $0.deleteSchema(subject, version: version, permanent: permanent)
            }
            global.show(["deleted": .string(subject)]) { ["deleted \(what)"] }
        }
    }
}
