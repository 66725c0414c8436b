// SPDX-License-Identifier: Apache-2.0

// What stands at the door of a topic that has its events judged: it finds the schema of an event and asks it. What was found is remembered until the
// registry changes; the lock is held for a look into a table and never while judging. An event that is accepted costs no memory.

import ApusModel
import ApusSchemas
import CloudEvents
import Logging
import Synchronization

/// The schema that an event is judged by, or why there is none.
final class SchemaTarget: Sendable {
    let schema: SchemaInForce?
    let subject: SubjectName?
    let version: Int?
    let missing: String

    init(_ schema: SchemaInForce, _ subject: SubjectName?, _ version: Int?) {
        (self.schema, self.subject, self.version, missing) = (schema, subject, version, "")
    }

    init(missing: String) { (schema, subject, version, self.missing) = (nil, nil, nil, missing) }
}

/// Judges the events of one topic.
final class SchemaGuard: Sendable {
    /// What was found, as long as the registry is as it was.
    private struct Known {
        var revision = -1
        var byType: [String: SchemaTarget] = [:]
        /// Nil for what names no schema of this registry. Short texts only: they come from whoever publishes.
        var byURI: [String: SchemaTarget?] = [:]
        var byID: [SchemaID: SchemaTarget] = [:]
    }

    /// Bytes of a text that is remembered with what it led to. Longer ones are looked up each time: there may be a thousand of them.
    private static let knownTextBytes = 1_024

    /// Violations that are told of one event.
    static let violationsMax = 20

    let settings: SchemaSettings
    let topic: ResourceName
    private let fallback: SubjectName?
    /// Whether an event without data passes: where it deletes its key.
    let allowsNoData: Bool
    private let context: EngineContext
    private let known = Mutex(Known())
    private let log: RateLimitedLog
    /// Events that were judged, accepted or not.
    let validated: Count
    /// Those of them that were not accepted.
    let violations: Count
    /// Events whose schema is of a format that is only kept.
    let unchecked: Count

    init(_ definition: TopicDefinition, context: EngineContext) {
        settings = definition.settings.schema
        topic = definition.name
        // A topic's name is short enough, and has no characters that a subject's could not have.
        fallback = try? SubjectName("\(definition.name)-value")
        allowsNoData = definition.settings.cleanup.compacts
        self.context = context
        log = RateLimitedLog(interval: Defaults.schemaWarningInterval)
        let label = [("topic", definition.name.description)]
        validated = Count("apus_schema_validated_events_total", label)
        violations = Count(
            "apus_schema_violations_total", label + [("enforcement", settings.enforcement.rawValue)])
        unchecked = Count("apus_schema_unchecked_events_total", label)
    }

    /// Takes the topic's series out of the exposition.
    func removeMetrics() { for count in [validated, violations, unchecked] { count.remove() } }

    /// The registry; nil while it could not be opened.
    func office() throws(BrokerError) -> SchemaOffice? {
        if let office = context.schemas.withLock({ $0 }) { return office }
        guard settings.enforcement == .enforce else { return nil }
        throw .unavailable(.notOpen("schemas could not be opened; that is tried again"))
    }

    // MARK: Whole publishes

    /// What is wrong with events: nothing when all may pass. Where they pass in any case, what is wrong was counted and logged.
    func objections(to events: [CloudEvent]) throws(BrokerError) -> Objections {
        var objections = Objections()
        guard let office = try office() else { return objections }
        // By index: handing each event out of the array would retain all that it has.
        for index in events.indices {
            guard let objection = objection(to: events[index], index, told: objections.wants(self), office)
            else { continue }
            objections.take(objection)
            noteInvalid(events[index].source, objection)
        }
        return conclude(objections, of: events.count)
    }

    /// Counts, and lets pass what is only warned of.
    func conclude(_ objections: Objections, of count: Int) -> Objections {
        validated.increment(by: Int64(count))
        guard objections.count > 0 else { return objections }
        violations.increment(by: Int64(objections.count))
        guard settings.enforcement == .warn else { return objections }
        log.write(context.clock.now) { suppressed in
            context.logger.warning(
                "events are not what their schema asks, and pass because the topic only warns",
                metadata: [
                    "topic": "\(topic)", "events": "\(objections.count)",
                    "first": "\(objections.told.first?.description ?? "")",
                    "publishes-not-logged": "\(suppressed)",
                ])
        }
        return Objections(warned: objections.told)
    }

    /// Remembers who published an event that is not accepted.
    func noteInvalid(_ source: String, _ objection: EventViolations) {
        context.invalidPublishers.note(source, in: topic, objection.description, at: context.clock.wall)
    }

    // MARK: One event

    func objection(
        to event: CloudEvent, _ index: Int, told: Bool, _ office: SchemaOffice
    ) -> EventViolations? {
        let target = target(type: event.type, dataSchema: event.dataSchema, office)
        guard let data = event.data else {
            return objection(target, mediaType: event.dataContentType, data: nil, index, told: told)
        }
        return data.bytes.withUnsafeBytes {
            objection(target, mediaType: event.dataContentType, data: $0, index, told: told)
        }
    }

    /// What is wrong with data by its schema.
    ///
    /// - Parameter told: whether all violations are wanted; otherwise only that there is one.
    func objection(
        _ target: SchemaTarget, mediaType: String?, data: UnsafeRawBufferPointer?, _ index: Int, told: Bool
    ) -> EventViolations? {
        guard let schema = target.schema, schema.flaw == nil else {
            let message = target.schema?.flaw ?? target.missing
            return objection(target, index, [SchemaViolation(rule: "schema", got: "", message: message)])
        }
        guard let data else {
            guard !allowsNoData else { return nil }
            return objection(
                target, index,
                [SchemaViolation(rule: "data", got: "nothing", message: "the event has no data")])
        }
        guard let judge = schema.judge else {
            unchecked.increment()
            return nil
        }
        guard judge.isMeant(forMediaType: mediaType) else {
            let type = mediaType.map { String($0.prefix(80)) } ?? "nothing"
            return objection(
                target, index,
                [
                    SchemaViolation(
                        rule: "datacontenttype", got: type,
                        message: "data of type '\(type)' is not what the schema is about")
                ])
        }
        return refusal(of: data, by: judge, told: told).map { objection(target, index, $0) }
    }

    /// What a judge has against data that is meant for it: one at least, or nil when it has nothing.
    func refusal(of data: UnsafeRawBufferPointer, by judge: any DataJudge, told: Bool) -> [SchemaViolation]? {
        guard let violations = judge.refusal(of: data, limit: told ? SchemaGuard.violationsMax : 0) else {
            return nil
        }
        if told, !violations.isEmpty { return violations }
        return [SchemaViolation(rule: "schema", got: "", message: "the schema does not accept it")]
    }

    func objection(_ target: SchemaTarget, _ index: Int, _ violations: [SchemaViolation]) -> EventViolations {
        EventViolations(
            index: index, schema: target.schema?.id, subject: target.subject, version: target.version,
            violations: violations)
    }

    // MARK: Which schema

    /// The schema of an event.
    func target(type: String, dataSchema: String?, _ office: SchemaOffice) -> SchemaTarget {
        let revision = office.revision
        if let dataSchema {
            if let found = recall(revision, { $0.byURI[dataSchema] }) {
                if let found { return found }
            } else {
                let named = named(by: dataSchema, office)
                if isShort(dataSchema) { remember(revision) { $0.byURI.remember(named, as: dataSchema) } }
                if let named { return named }
            }
        }
        if let found = recall(revision, { $0.byType[type] }) { return found }
        let bound = bound(to: type, office)
        if isShort(type) { remember(revision) { $0.byType.remember(bound, as: type) } }
        return bound
    }

    /// The schema with this id, which the data itself names.
    func target(id: SchemaID, _ office: SchemaOffice) -> SchemaTarget {
        let revision = office.revision
        if let found = recall(revision, { $0.byID[id] }) { return found }
        let named: SchemaTarget = named(by: id, office)
        remember(revision) { $0.byID.remember(named, as: id) }
        return named
    }

    private func isShort(_ text: String) -> Bool { text.utf8.count <= SchemaGuard.knownTextBytes }

    private func recall<Value: Sendable>(_ revision: Int, _ body: (Known) -> Value?) -> Value? {
        known.withLock { known in
            if known.revision != revision { known = Known(revision: revision) }
            return body(known)
        }
    }

    private func remember(_ revision: Int, _ note: (inout Known) -> Void) {
        known.withLock { if $0.revision == revision { note(&$0) } }
    }

    private func named(by text: String, _ office: SchemaOffice) -> SchemaTarget? {
        switch SchemaURI(text) {
        case nil: return nil
        case .id(let id): return named(by: id, office)
        case .version(let subject, let selector):
            // A topic that names its subject has no other.
            if let own = settings.subject, own != subject { return nil }
            guard
                let version = office.read({ try? $0.version(selector, of: subject).version })
            else {
                return SchemaTarget(
                    missing:
                        "dataschema names version \(selector) of subject '\(subject)', which is not there")
            }
            return target(of: version, office)
        }
    }

    private func named(by id: SchemaID, _ office: SchemaOffice) -> SchemaTarget {
        if let subject = settings.subject, !office.read({ $0.isRegistered(id, under: subject) }) {
            return SchemaTarget(
                missing: "the schema with id \(id) that the event names is none of subject '\(subject)'")
        }
        // Of an event that says no more than the id, what is decided about the topic's subject counts.
        guard let schema = office.inForce(id, of: settings.subject ?? fallback) else {
            return SchemaTarget(missing: "the event names the schema with id \(id), which is not there")
        }
        return SchemaTarget(schema, settings.subject, nil)
    }

    private func bound(to type: String, _ office: SchemaOffice) -> SchemaTarget {
        guard
            let subject = settings.subject ?? office.read({ $0.subject(ofType: type) }) ?? fallback
        else { return SchemaTarget(missing: "no subject is bound to the event's type") }
        guard let version = office.read({ $0.latest(of: subject) }) else {
            return SchemaTarget(missing: "there is no schema: subject '\(subject)' has no version")
        }
        return target(of: version, office)
    }

    private func target(of version: SchemaVersion, _ office: SchemaOffice) -> SchemaTarget {
        guard let schema = office.inForce(version.id, of: version.subject) else {
            return SchemaTarget(missing: "version \(version.version) of subject '\(version.subject)' is gone")
        }
        return SchemaTarget(schema, version.subject, version.version)
    }
}

extension Dictionary {
    /// How much is remembered of each kind.
    private static var knownMax: Int { 1_000 }

    /// Remembers one more, and forgets all others when there are too many.
    fileprivate mutating func remember(_ value: Value, as key: Key) {
        if count >= Self.knownMax { self = [:] }
        self[key] = value
    }
}

/// What is wrong with the events of one publish or batch.
struct Objections {
    /// What is wrong with each of them that is wrong, in order: all where they are to be put aside, otherwise the first.
    var told: [EventViolations] = []
    /// How many are wrong.
    var count = 0
    /// What is wrong with the first of those that pass all the same, because the topic only warns.
    var warned: [EventViolations] = []

    /// Whether it is wanted what exactly is wrong with one more.
    func wants(_ schemaGuard: SchemaGuard) -> Bool {
        switch schemaGuard.settings.enforcement {
        case .off, .warn: count == 0
        case .enforce: count < SchemaRefusal.told || schemaGuard.settings.quarantine != nil
        }
    }

    mutating func take(_ objection: EventViolations) {
        count += 1
        told.append(objection)
    }

    /// As it is told to who published.
    func refusal(_ topic: ResourceName, of events: Int) -> SchemaRefusal {
        SchemaRefusal(
            topic: topic, events: events, refused: count,
            violations: Array(told.prefix(SchemaRefusal.told)))
    }
}
