// SPDX-License-Identifier: Apache-2.0

// A schema from what lies in a topic: the latest events are read, and what their data has in common is put forward; or, where there is a schema
// already, what of them has drifted away from it, and the version that would accept them. Nothing is registered.

internal import ApusEngine
internal import ApusModel
internal import ApusRules
internal import ApusSchemas
internal import CloudEvents
internal import JSONSchema
internal import JSONSchemaEvolution
internal import JSONText

/// What is asked of a proposal.
struct SchemaProposalRequest: Sendable {
    var topic: ResourceName
    var type: String?
    var last = Defaults.proposalEvents
    var inference = SchemaInference.Options()

    init(_ topic: ResourceName, _ reader: MemberReader) throws(Problem) {
        self.topic = topic
        type = reader.isNull("type") ? nil : try reader.string("type")
        last = try reader.int("last", in: Bounds.proposalEvents) ?? Defaults.proposalEvents
        inference.closesObjects = try reader.bool("closed") ?? false
        if let percent = try reader.int("required_percent", in: 1...100) {
            inference.requiredShare = Double(percent) / 100
        }
    }
}

/// What was found, and what is proposed.
struct SchemaProposal: Sendable {
    /// Something that the current schema has against events.
    struct Drift: Sendable, Hashable {
        var path: String
        var rule: String
        var message: String
        var got: String
        var count: Int
    }

    var request: SchemaProposalRequest
    var looked = 0
    var documents = 0
    var types: [String: Int] = [:]
    var isTruncated = false
    var subject: SubjectName
    var current: RegisteredSchema?
    var refused = 0
    var unexplained = 0
    var drift: [Drift] = []
    var schema: JSONValue?
    var compatibility: CompatibilityReport?

    /// Documents that the current schema refuses and that are gone through one by one, and what is told of them.
    private static let explainedMax = 200
    private static let driftMax = 50

    /// Reads the topic and proposes.
    static func make(
        _ request: SchemaProposalRequest, _ context: GatewayContext
    ) async throws(Problem) -> SchemaProposal {
        let topic = try context.look { broker throws(BrokerError) in try broker.topic(request.topic) }
        let registry: SchemaRegistry
        do throws(SchemaRequestError) { registry = try context.broker.schemaRegistry() } catch {
            throw Problem(error)
        }
        var proposal = SchemaProposal(
            request: request, subject: try subject(of: request, topic.settings, registry))
        proposal.current = try? registry.version(.latest, of: proposal.subject)
        let documents = try await TopicDocuments.read(request, topic, context)
        proposal.looked = documents.looked
        proposal.types = documents.types
        proposal.documents = documents.values.count
        guard let current = proposal.current, current.content.format == .json else {
            proposal.current = nil
            return proposal.inferred(from: documents.values)
        }
        return try await proposal.drifted(documents.values, from: current, registry, context)
    }

    /// As events are judged: what the topic says, else what the type is bound to, else the topic's own.
    private static func subject(
        of request: SchemaProposalRequest, _ settings: TopicSettings, _ registry: SchemaRegistry
    ) throws(Problem) -> SubjectName {
        if let subject = settings.schema.subject { return subject }
        if let subject = request.type.flatMap({ registry.subject(ofType: $0) }) { return subject }
        do throws(SchemaRegistryError) { return try SubjectName("\(request.topic)-value") } catch {
            throw Problem(error)
        }
    }

    private func inferred(from documents: [JSONValue]) -> SchemaProposal {
        var copy = self
        guard !documents.isEmpty else { return copy }
        var inference = SchemaInference(options: request.inference)
        for document in documents { inference.add(document) }
        copy.isTruncated = inference.isTruncated
        copy.schema = inference.schema
        return copy
    }

    private func drifted(
        _ documents: [JSONValue], from current: RegisteredSchema, _ registry: SchemaRegistry,
        _ context: GatewayContext
    ) async throws(Problem) -> SchemaProposal {
        var copy = self
        let proposed: JSONValue?
        var refused: [JSONValue] = []
        do throws(SchemaError) {
            let resolved = try? registry.resolve(current.content, limits: SchemaRegistryLimits())
            let (root, library) = try JSONSchemaSupport.documents(resolved ?? ResolvedSchema(current.content))
            var options = SchemaComparison.Options()
            options.library = library
            options.schemas.assertsFormats = registry.assertsFormats(of: current.version.subject)
            var drift = try SchemaDrift(from: root, options: options)
            for document in documents where !drift.add(document) { refused.append(document) }
            copy.refused = drift.refused
            copy.unexplained = drift.unexplained
            proposed = try drift.proposal()?.schema
        } catch {
            throw Problem(
                .invalid, "the current version of '\(subject)' cannot be held against events: \(error)")
        }
        do throws(SchemaRequestError) {
            copy.drift = try await explain(refused, current.version.id, context.broker)
            guard let proposed else { return copy }
            copy.schema = proposed
            let content = SchemaContent(
                .json, String(decoding: proposed.serialized(), as: UTF8.self),
                references: current.content.references)
            copy.compatibility = try await context.broker.checkSchema(
                content, against: subject, version: nil)
        } catch { throw Problem(error) }
        return copy
    }

    private func explain(
        _ documents: [JSONValue], _ id: SchemaID, _ broker: any Broker
    ) async throws(SchemaRequestError) -> [Drift] {
        var found: [Drift] = []
        for document in documents.prefix(Self.explainedMax) {
            for violation in try await broker.judge(document.serialized(), by: id, of: subject, limit: 20) {
                if let index = found.firstIndex(where: {
                    $0.path == violation.path && $0.rule == violation.rule
                        && $0.message == violation.message
                }) {
                    found[index].count += 1
                } else if found.count < Self.driftMax {
                    found.append(
                        Drift(
                            path: violation.path, rule: violation.rule, message: violation.message,
                            got: violation.got, count: 1))
                }
            }
        }
        return found.sorted { $0.count > $1.count }
    }
}

/// The latest documents of a topic.
struct TopicDocuments: Sendable {
    var looked = 0
    var types: [String: Int] = [:]
    var values: [JSONValue] = []

    /// Bytes of data that are looked at for one proposal, and requests to the log that may be needed for it.
    static let bytesMax = 4 << 20
    private static let readsMax = 64

    /// The latest of each partition, as many of one as of the others.
    static func read(
        _ request: SchemaProposalRequest, _ topic: TopicDescription, _ context: GatewayContext
    ) async throws(Problem) -> TopicDocuments {
        var documents = TopicDocuments()
        var pattern: Pattern?
        if let type = request.type {
            let wanted: JSONValue = ["type": [.string(type)]]
            do throws(PatternError) { pattern = try Pattern(parsing: wanted.serialized()) } catch {
                throw Problem(.malformed, error.description)
            }
        }
        var (bytes, reads) = (bytesMax, readsMax)
        let share = (request.last + topic.partitions.count - 1) / max(1, topic.partitions.count)
        for partition in topic.partitions {
            let left = min(share, request.last - documents.looked)
            guard left > 0 else { break }
            let events = try await latest(left, of: partition, topic.name, pattern, &reads, context)
            for stored in events where bytes > 0 {
                bytes -= stored.event.data?.bytes.count ?? 0
                documents.add(stored)
            }
        }
        return documents
    }

    /// Goes back in wider and wider steps until there are enough events of the type.
    private static func latest(
        _ count: Int, of partition: PartitionDescription, _ topic: ResourceName, _ pattern: Pattern?,
        _ reads: inout Int, _ context: GatewayContext
    ) async throws(Problem) -> [StoredEvent] {
        var span = Int64(count)
        while true {
            let from = max(partition.start.rawValue, partition.end.rawValue - span)
            var found: [StoredEvent] = []
            var next = Offset(from)
            while next < partition.end, reads > 0 {
                reads -= 1
                let start = next
                let fetched = try await context.ask { broker async throws(BrokerError) in
                    try await broker.fetch(
                        topic, partition: partition.number, from: .offset(start), limit: 1000,
                        pattern: pattern, wait: .zero)
                }
                found += fetched.events
                if found.count > count { found.removeFirst(found.count - count) }
                guard fetched.next > next else { break }
                next = fetched.next
            }
            if found.count >= count || from <= partition.start.rawValue || reads == 0 { return found }
            span *= 8
        }
    }

    private mutating func add(_ stored: StoredEvent) {
        looked += 1
        types[stored.event.type, default: 0] += 1
        guard let data = stored.event.data,
            stored.event.dataKind == .json || stored.event.dataContentType == nil
        else { return }
        var bytes = data.bytes[...]
        // What Confluent's serializers put before the data: a zero byte and the schema's id.
        if bytes.count > 5, bytes.first == 0 { bytes = bytes.dropFirst(5) }
        guard let value = try? JSONValue(parsing: Array(bytes)) else { return }
        values.append(value)
    }
}
