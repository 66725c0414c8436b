// SPDX-License-Identifier: Apache-2.0

// `apus schema infer`: a schema from documents, or from those that have drifted away from one; of files, or of a topic of a server.

internal import ApusClient
internal import ApusModel
internal import ArgumentParser
internal import JSONSchema
internal import JSONSchemaEvolution
internal import JSONText

extension SchemaCommand {
    struct Infer: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "infer",
            abstract: "Make a JSON Schema of documents, one a line, or of a topic's events.",
            discussion: """
                EXAMPLES
                  apus schema infer orders.ndjson > order.json
                  apus tail orders --from earliest --count 1000 --data-only | apus schema infer -
                  apus schema infer --from order-1.json orders.ndjson > order-2.json
                  apus schema infer --topic orders --type order.placed --last 5000 > order.json

                With --from, prints a new version of that schema if documents have drifted away from it, and ends with 1
                if none can be proposed that breaks no reader. With --topic, the server looks at the latest events and does the same
                with the schema that they are judged by; nothing is registered.
                """)

        @Argument(help: "Files with JSON documents, one a line (- for standard input).", completion: .file())
        var files: [String] = []

        @Option(help: "The topic of a server whose latest events are looked at, instead of files.")
        var topic: String?

        @Option(help: "With --topic: only events of this type.") var type: String?

        @Option(
            help: "With --topic: how many of the latest events (default \(Defaults.proposalEvents)).")
        var last: Int?

        @Option(
            help: ArgumentHelp("The schema that documents may have drifted away from.", valueName: "file"),
            completion: .file())
        var from: String?

        @Flag(help: "Allow no members that were not seen.")
        var closed = false

        @Option(
            help: ArgumentHelp(
                "The share of objects with a member that makes it required (default 1).", valueName: "share"))
        var required = 1.0

        @OptionGroup var global: GlobalOptions

        func validate() throws {
            guard files.isEmpty != (topic == nil) else {
                throw ValidationError("name a file, or - for standard input, or a topic with --topic")
            }
            guard topic != nil || type == nil && last == nil else {
                throw ValidationError("--type and --last go with --topic")
            }
            guard topic == nil || from == nil else {
                throw ValidationError("with --topic, the server knows the schema: --from does not go with it")
            }
            guard required > 0, required <= 1 else {
                throw ValidationError("--required takes a share above 0 and up to 1")
            }
            guard from == nil || !closed && required == 1 else {
                throw ValidationError("--closed and --required do not go with --from")
            }
        }

        func run() async throws {
            if let topic { return try await propose(topic) }
            guard let from else { return try await infer() }
            let schema = try await JSONFile.read(from)
            var drift: SchemaDrift
            do throws(SchemaError) {
                drift = try SchemaDrift(from: schema)
            } catch {
                throw Failure("\(from) is not a schema", why: error.description, status: .usage)
            }
            try await forEachDocument { drift.add($0) }
            let proposal: SchemaDrift.Proposal?
            do throws(SchemaError) {
                proposal = try drift.proposal()
            } catch {
                throw Failure("no new version can be proposed", why: error.description)
            }
            let console = global.console
            console.note("\(drift.refused) of \(drift.count) documents are not accepted by \(from)")
            if drift.unexplained > 0 {
                console.note("\(drift.unexplained) of them break rules that are not widened")
            }
            if let proposal {
                console.write(proposal.schema.serialized(pretty: !global.json) + [0x0A])
            } else if drift.refused > 0 {
                throw Failure(
                    "no new version can be proposed", why: "none was found that certainly breaks no reader")
            }
        }

        private func propose(_ topic: String) async throws {
            var settings = JSONObject()
            if let type { settings["type"] = .string(type) }
            if let last { settings["last"] = .number(JSONNumber(last)) }
            if closed { settings["closed"] = true }
            if required < 1 {
                settings["required_percent"] = .number(
                    JSONNumber(max(1, Int((required * 100).rounded(.down)))))
            }
            let proposal = try await global.withClient { try await $0.proposeSchema(for: topic, settings) }
            try SchemaProposalText.show(proposal, global)
        }

        private func infer() async throws {
            var options = SchemaInference.Options()
            options.closesObjects = closed
            options.requiredShare = required
            var inference = SchemaInference(options: options)
            try await forEachDocument { inference.add($0) }
            guard inference.count > 0 else {
                throw Failure("there are no documents to make a schema of", status: .usage)
            }
            if inference.isTruncated {
                global.console.note(
                    "the documents are too large or too deep: the schema says nothing of some places")
            }
            global.console.write(inference.schema.serialized(pretty: !global.json) + [0x0A])
        }

        private func forEachDocument(_ body: (JSONValue) -> Void) async throws {
            for file in files {
                try await InputSource.withFile(file) { source in
                    var splitter = LineSplitter(bytesMax: Defaults.bodyBytesMax)
                    var number = 0
                    while true {
                        let piece = try await source.read(1 << 16)
                        for line in piece.isEmpty ? splitter.finish() : try splitter.split(piece) {
                            number += 1
                            do throws(JSONError) {
                                body(try JSONValue(parsing: line))
                            } catch {
                                throw Failure(
                                    "document \(number) of \(file) is not JSON", why: error.description,
                                    status: .usage)
                            }
                        }
                        if piece.isEmpty { return }
                    }
                }
            }
        }
    }
}
