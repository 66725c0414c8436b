// SPDX-License-Identifier: Apache-2.0

// `apus event declare`: saying what types of events there are, by options or by a file that lives beside the code.

internal import ApusClient
internal import ApusModel
internal import ArgumentParser
internal import JSONText

extension EventCommand {
    struct Declare: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "declare",
            abstract: "Say what a type of events is, whose it is, and where it is published.",
            discussion: """
                EXAMPLES
                  apus event declare order.placed --owner shop --topic orders --description 'Somebody has bought something.'
                  apus event declare order.placed --owner shop --example order.json --subject orders-value
                  apus event declare --file events.json

                A file has a declaration, a list of them, or {"events": […]}; each has a member 'type' and what the options say.
                What is declared replaces what was declared about that type before.
                """)

        @Argument(help: "The type.") var type: String?
        @Option(
            help: ArgumentHelp("A file with declarations (- for standard input).", valueName: "file"),
            completion: .file())
        var file: String?
        @Option(help: "What people call it.") var title: String?
        @Option(help: "Whom to ask about it.") var owner: String?
        @Option(help: "When it happens and what it means.") var description: String?
        @Option(
            help: ArgumentHelp("A file with data of such an event, in JSON.", valueName: "file"),
            completion: .file())
        var example: String?
        @Option(help: "The subject of its schema.") var subject: String?
        @Option(help: "A topic that it is published to. Repeatable.") var topic: [String] = []
        @Option(help: "Who publishes it. Repeatable.") var producer: [String] = []
        @Option(help: "Who consumes it. Repeatable.") var consumer: [String] = []
        @OptionGroup var global: GlobalOptions

        func validate() throws {
            let hasOptions =
                [title, owner, description, example, subject].contains { $0 != nil }
                || !topic.isEmpty || !producer.isEmpty || !consumer.isEmpty
            switch (type, file) {
            case (nil, nil): throw ValidationError("name a type, or a file with --file")
            case (_?, _?): throw ValidationError("a type and --file do not go together")
            case (nil, _?) where hasOptions:
                throw ValidationError("with --file, the file says everything")
            default: break
            }
        }

        func run() async throws {
            let declarations = try await declarations()
            let stored = try await global.withClient { client in
                var stored: [Stored<EventTypeInfo>] = []
                for (type, declaration) in declarations {
                    stored.append(try await client.declareEventType(type, declaration))
                }
                return stored
            }
            for declared in stored {
                global.show(declared.value.json) {
                    ["\(declared.created ? "declared" : "declared anew") \(declared.value.type)"]
                }
            }
        }

        private func declarations() async throws -> [(type: String, JSONObject)] {
            if let file { return try Self.declarations(try await JSONFile.read(file), file) }
            var declaration = JSONObject()
            if let title { declaration["title"] = .string(title) }
            if let owner { declaration["owner"] = .string(owner) }
            if let description { declaration["description"] = .string(description) }
            if let example { declaration["example"] = try await JSONFile.read(example) }
            if let subject { declaration["subject"] = .string(subject) }
            for (name, values) in [("topics", topic), ("producers", producer), ("consumers", consumer)]
            where !values.isEmpty { declaration[name] = .array(values.map { .string($0) }) }
            return [(type ?? "", declaration)]
        }

        /// What a file says: all of it is looked at before anything is sent.
        static func declarations(
            _ value: JSONValue, _ file: String
        ) throws -> [(type: String, JSONObject)] {
            let elements = value["events"]?.array ?? value.array ?? [value]
            guard !elements.isEmpty else { throw Failure("\(file) declares nothing", status: .usage) }
            return try elements.enumerated().map { number, element in
                guard let object = element.object, let type = object["type"]?.string else {
                    throw Failure(
                        "declaration \(number) of \(file) is none",
                        why: "it is no object with a member 'type'",
                        status: .usage)
                }
                var declaration = JSONObject()
                for member in object.members where member.name != "type" {
                    declaration[member.name] = member.value
                }
                return (type, declaration)
            }
        }
    }
}
