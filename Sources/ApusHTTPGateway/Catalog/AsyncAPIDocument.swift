// SPDX-License-Identifier: Apache-2.0

// The system as an AsyncAPI 3.0.0 document: topics are channels, types of events are messages, whoever was seen to publish one sends it, and
// whoever gets one receives it. Names of parts are made of what is allowed in them, so that references lead to them without escapes.

internal import ApusCatalog
internal import ApusEngine
internal import ApusModel
internal import ApusSchemas
internal import JSONText

/// Builds an AsyncAPI document.
struct AsyncAPIDocument {
    /// The version of the specification.
    static let version = "3.0.0"

    private var channels: [(key: String, topic: ResourceName, messages: [(key: String, type: String)])] = []
    private var messages: [(key: String, view: EventTypeView)] = []
    private var operations: [Operation] = []
    private var keys = ComponentKeys()

    private struct Operation {
        var key: String
        var isSend: Bool
        var channel: String
        var title: String
        var summary: String
        var messages: [String]
        /// Members that say what it is, beside those of the specification.
        var origin: [(name: String, value: JSONValue)]
    }

    /// What the document says of itself and of the servers.
    private let context: GatewayContext

    private init(_ context: GatewayContext) { self.context = context }

    /// The document of all types, or of one topic.
    static func make(_ context: GatewayContext, topic: ResourceName?) throws(Problem) -> JSONValue {
        var survey = try CatalogSurvey(context)
        var document = AsyncAPIDocument(context)
        for type in survey.types {
            guard let view = try survey.view(of: type) else { continue }
            guard topic.map({ topic in view.places.contains { $0.topic == topic } }) ?? true else { continue }
            document.add(view, only: topic)
        }
        return .object(document.json(survey))
    }

    // MARK: Gathering

    private mutating func add(_ view: EventTypeView, only topic: ResourceName?) {
        let message = keys.key(for: view.type, in: .message)
        messages.append((message, view))
        for place in view.places where topic == nil || place.topic == topic {
            if let index = channels.firstIndex(where: { $0.topic == place.topic }) {
                channels[index].messages.append((message, view.type))
            } else {
                channels.append(
                    (
                        keys.key(for: place.topic.description, in: .channel), place.topic,
                        [(message, view.type)]
                    ))
            }
        }
        for producer in view.producers where producer.source.way != .rule {
            let way = producer.source.way.map { " (\($0.rawValue))" } ?? ""
            operate(
                "send.\(producer.source.name).\(producer.topic)", isSend: true, producer.topic, message,
                title: producer.source.name,
                summary: "'\(producer.source.name)' was seen to publish to '\(producer.topic)'\(way).",
                [("x-apus-source", .string(producer.source.name))])
        }
        for name in view.declaration?.producers ?? [] {
            for place in view.places where place.isDeclared {
                operate(
                    "send.\(name).\(place.topic)", isSend: true, place.topic, message, title: name,
                    summary: "'\(name)' is declared to publish to '\(place.topic)'.",
                    [("x-apus-declared", true)])
            }
        }
        for consumer in view.consumers {
            operate(
                "receive.\(consumer.kind.rawValue).\(consumer.name).\(consumer.topic)", isSend: false,
                consumer.topic, message, title: consumer.name,
                summary:
                    "The \(consumer.kind.rawValue) '\(consumer.name)' gets events of '\(consumer.topic)'.",
                [
                    ("x-apus-kind", .string(consumer.kind.rawValue)),
                    ("x-apus-targets", .array(consumer.targets.map { .string($0) })),
                ])
        }
        for name in view.declaration?.consumers ?? [] {
            for place in view.places where place.isDeclared {
                operate(
                    "receive.declared.\(name).\(place.topic)", isSend: false, place.topic, message,
                    title: name, summary: "'\(name)' is declared to consume from '\(place.topic)'.",
                    [("x-apus-declared", true)])
            }
        }
    }

    private mutating func operate(
        _ name: String, isSend: Bool, _ topic: ResourceName, _ message: String, title: String,
        summary: String,
        _ origin: [(name: String, value: JSONValue)]
    ) {
        guard let channel = channels.first(where: { $0.topic == topic })?.key else { return }
        let key = keys.key(for: name, in: .operation)
        guard let index = operations.firstIndex(where: { $0.key == key }) else {
            operations.append(
                Operation(
                    key: key, isSend: isSend, channel: channel, title: title, summary: summary,
                    messages: [message], origin: origin))
            return
        }
        if !operations[index].messages.contains(message) { operations[index].messages.append(message) }
    }

    // MARK: Writing

    private func json(_ survey: CatalogSurvey) -> JSONObject {
        var document = JSONObject()
        document["asyncapi"] = .string(Self.version)
        document["info"] = [
            "title": "Apus", "version": .string(context.configuration.version),
            "description":
                "Topics are channels and types of events are messages. Operations are those of the applications that publish and consume, as far as they were declared or seen.",
        ]
        document["defaultContentType"] = "application/json"
        let servers = servers()
        if !servers.members.isEmpty { document["servers"] = .object(servers) }
        var channelsByKey = JSONObject()
        for channel in channels.sorted(by: { $0.topic < $1.topic }) {
            channelsByKey[channel.key] = .object(json(channel, survey, servers))
        }
        document["channels"] = .object(channelsByKey)
        var operationsByKey = JSONObject()
        for operation in operations.sorted(by: { $0.key < $1.key }) {
            operationsByKey[operation.key] = .object(json(operation))
        }
        document["operations"] = .object(operationsByKey)
        var (messagesByKey, schemas) = (JSONObject(), JSONObject())
        for (key, view) in messages {
            messagesByKey[key] = .object(json(view, &schemas))
        }
        var components = JSONObject()
        components["messages"] = .object(messagesByKey)
        if !schemas.members.isEmpty { components["schemas"] = .object(schemas) }
        document["components"] = .object(components)
        return document
    }

    private func servers() -> JSONObject {
        var servers = JSONObject()
        for listener in context.configuration.figures().listeners {
            let isFirst = servers[listener.service] == nil
            let count = servers.members.count { $0.name.hasPrefix(listener.service) } + 1
            var server = JSONObject()
            server["host"] = .string(listener.address)
            server["protocol"] = .string(listener.service)
            server["description"] =
                listener.service == "kafka"
                ? "Kafka's protocol: records carry events in CloudEvents' Kafka binding."
                : "The HTTP API: POST /v1/topics/{topic}/events takes CloudEvents."
            servers[isFirst ? listener.service : "\(listener.service)-\(count)"] = .object(server)
        }
        return servers
    }

    private func json(
        _ channel: (key: String, topic: ResourceName, messages: [(key: String, type: String)]),
        _ survey: CatalogSurvey, _ servers: JSONObject
    ) -> JSONObject {
        var json = JSONObject()
        json["address"] = .string(channel.topic.description)
        var messages = JSONObject()
        for message in channel.messages {
            messages[message.key] = .reference("components", "messages", message.key)
        }
        json["messages"] = .object(messages)
        if !servers.members.isEmpty {
            json["servers"] = .array(servers.members.map { .reference("servers", $0.name) })
        }
        if let topic = survey.topic(channel.topic) {
            json["bindings"] = [
                "kafka": [
                    "topic": .string(channel.topic.description),
                    "partitions": .number(JSONNumber(topic.partitions)),
                    "bindingVersion": "0.5.0",
                ]
            ]
        }
        return json
    }

    private func json(_ operation: Operation) -> JSONObject {
        var json = JSONObject()
        json["action"] = operation.isSend ? "send" : "receive"
        json["channel"] = .reference("channels", operation.channel)
        json["title"] = .string(operation.title)
        json["summary"] = .string(operation.summary)
        json["messages"] = .array(
            operation.messages.map { .reference("channels", operation.channel, "messages", $0) })
        for member in operation.origin { json[member.name] = member.value }
        return json
    }

    private func json(_ view: EventTypeView, _ schemas: inout JSONObject) -> JSONObject {
        var json = JSONObject()
        json["name"] = .string(view.type)
        json["title"] = .string(view.declaration?.title ?? view.type)
        if let text = view.declaration?.text { json["description"] = .string(text) }
        json["contentType"] = "application/json"
        if let owner = view.declaration?.owner { json["x-owner"] = .string(owner) }
        json["x-declared"] = .bool(view.declaration != nil)
        json["x-discovered"] = .bool(view.seen != nil)
        if let schema = view.schemas.first(where: { $0.latest != nil }), let latest = schema.latest {
            let key = ComponentKeys.plain("\(schema.subject)-\(latest.version.version)")
            if schemas[key] == nil { schemas[key] = Self.schema(latest.content) }
            json["payload"] = .reference("components", "schemas", key)
        }
        if let example = view.declaration?.example.flatMap({ try? JSONValue(parsing: Array($0.utf8)) }) {
            // The specification wants an object; whatever else an example is stands under a name of ours.
            if example.object != nil {
                json["examples"] = [["name": "declared", "payload": example]]
            } else {
                json["x-example"] = example
            }
        }
        return json
    }

    /// A schema with what it is written in. What is not JSON stands as text.
    private static func schema(_ content: SchemaContent) -> JSONValue {
        let text: JSONValue = .string(content.text)
        let parsed = (try? JSONValue(parsing: Array(content.text.utf8))) ?? text
        switch content.format {
        case .json:
            let draft = parsed["$schema"]?.string ?? ""
            let name =
                draft.contains("draft-07") ? "draft-07" : draft.contains("2019-09") ? "2019-09" : "2020-12"
            return [
                "schemaFormat": .string("application/schema+json;version=\(name)"), "schema": parsed,
            ]
        case .avro:
            return ["schemaFormat": "application/vnd.apache.avro+json;version=1.9.0", "schema": parsed]
        case .protobuf:
            return ["schemaFormat": "application/vnd.google.protobuf;version=3", "schema": text]
        case .xsd: return ["schemaFormat": "application/xml;schema=xsd", "schema": text]
        }
    }
}

extension JSONValue {
    /// A reference to a part of the document whose names need no escapes.
    fileprivate static func reference(_ path: String...) -> JSONValue {
        ["$ref": .string("#/\(path.joined(separator: "/"))")]
    }
}

/// Names for parts of a document, of the characters that may stand in them, each used once.
struct ComponentKeys {
    /// Parts that have names of their own.
    enum Part: Hashable { case channel, message, operation }

    private var given: [Part: [String: String]] = [:]
    private var taken: [Part: Set<String>] = [:]

    /// The name of a part, the same for the same text.
    mutating func key(for text: String, in part: Part) -> String {
        if let known = given[part]?[text] { return known }
        let plain = Self.plain(text)
        var key = plain
        var number = 2
        while taken[part]?.contains(key) == true {
            key = "\(plain)-\(number)"
            number += 1
        }
        given[part, default: [:]][text] = key
        taken[part, default: []].insert(key)
        return key
    }

    /// The text with everything replaced that may not stand in a name.
    static func plain(_ text: String) -> String {
        let plain = String(
            text.unicodeScalars.map { scalar -> Character in
                switch scalar {
                case "a"..."z", "A"..."Z", "0"..."9", ".", "-", "_": Character(scalar)
                default: "_"
                }
            })
        return plain.isEmpty ? "_" : plain
    }
}
