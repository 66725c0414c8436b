// SPDX-License-Identifier: Apache-2.0

// `apus event export` and `apus asyncapi`: the catalogue for people without a server, and for tools.

internal import ApusClient
internal import ApusModel
internal import ArgumentParser
internal import JSONText

extension EventCommand {
    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "export", abstract: "Write the catalogue as one page, or as JSON.",
            discussion: """
                EXAMPLES
                  apus event export --html > events.html
                  apus event export --search order --html > orders.html
                  apus event export > events.ndjson
                """)

        @Flag(help: "One HTML file that needs nothing else: to be kept, mailed or put on a web server.")
        var html = false
        @Option(help: "Only those in which this text stands.") var search: String?
        @Option(help: "Only those of this topic.") var topic: String?
        @Option(help: "The heading of the page.") var title = "Events"
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            var (types, schemas): ([EventTypeInfo], [String: JSONValue]) = ([], [:])
            (types, schemas) = try await global.withClient { client in
                let names = try await client.all { after throws(ApusClientError) in
                    try await client.eventTypes(
                        search: search, topic: topic, limit: Defaults.pageLimitMax, after: after)
                }
                var types: [EventTypeInfo] = []
                var schemas: [String: JSONValue] = [:]
                for name in names {
                    do {
                        types.append(try await client.eventType(name.type))
                    } catch let error as ApusClientError where error.kind == .notFound {
                        // Gone meanwhile, with its topic.
                        continue
                    }
                    guard html, let last = types.last else { continue }
                    for schema in last.json["schemas"]?.array ?? [] where schema["version"]?.int64 != nil {
                        guard let subject = schema["subject"]?.string, schemas[subject] == nil else {
                            continue
                        }
                        schemas[subject] = try await client.schemaVersion("latest", of: subject).json
                    }
                }
                return (types, schemas)
            }
            guard html else { return types.forEach { global.console.print($0.json.description) } }
            let page = CatalogPage(title: title, types: types.map(\.json), schemas: schemas)
            global.console.write(Array(page.html.utf8))
        }
    }
}

/// `apus asyncapi`.
struct AsyncAPICommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "asyncapi",
        abstract: "Print topics, events, schemas, producers and consumers as an AsyncAPI 3.0 document.",
        discussion: """
            EXAMPLES
              apus asyncapi > asyncapi.json
              apus asyncapi --topic orders
            """)

    @Option(help: "Only this topic.") var topic: String?
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let document = try await global.withClient { try await $0.asyncAPI(topic: topic) }
        global.console.write(document.serialized(pretty: !global.json) + [0x0A])
    }
}
