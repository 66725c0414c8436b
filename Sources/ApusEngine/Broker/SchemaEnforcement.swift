// SPDX-License-Identifier: Apache-2.0

// Whether a topic has its events judged by schemas, and how those are told that it will not have.

public import ApusModel
public import ApusSchemas

/// What becomes of events that their schema does not accept.
public enum SchemaEnforcement: String, Sendable, Hashable, CaseIterable {
    /// Nothing: no schema is looked at.
    case off
    /// They pass, are counted, and are logged now and then.
    case warn
    /// They are refused, or go to the quarantine topic if there is one.
    case enforce
}

/// How a topic has its events judged by schemas.
public struct SchemaSettings: Sendable, Hashable {
    /// What becomes of events that their schema does not accept.
    public var enforcement: SchemaEnforcement
    /// The subject whose latest version events are judged by, unless they name another version of it; nil for what an event's `dataschema` names in
    /// this registry, else the subject that its type is bound to, else `{topic}-value`.
    public var subject: SubjectName?
    /// Where events go that would be refused; nil when they are refused. Of no meaning but with ``SchemaEnforcement/enforce``.
    public var quarantine: ResourceName?

    /// How a topic has its events judged by schemas: not at all, unless told otherwise.
    public init(
        _ enforcement: SchemaEnforcement = .off, subject: SubjectName? = nil,
        quarantine: ResourceName? = nil
    ) {
        self.enforcement = enforcement
        self.subject = subject
        self.quarantine = quarantine
    }
}

/// What is wrong with one event by its schema.
public struct EventViolations: Sendable, Hashable {
    /// The event's place in its publish or batch, from 0 on.
    public var index: Int
    /// The schema that it was judged by; nil when there is none.
    public var schema: SchemaID?
    /// The subject, where the schema was found by one.
    public var subject: SubjectName?
    /// The version of the subject.
    public var version: Int?
    /// What is wrong: one at least.
    public var violations: [SchemaViolation]

    /// What is wrong with one event by its schema.
    public init(
        index: Int, schema: SchemaID? = nil, subject: SubjectName? = nil, version: Int? = nil,
        violations: [SchemaViolation]
    ) {
        self.index = index
        self.schema = schema
        self.subject = subject
        self.version = version
        self.violations = violations
    }
}

extension EventViolations: CustomStringConvertible {
    /// The violations in words, and by which schema.
    public var description: String {
        let told = violations.prefix(5).map { violation in
            let place = violation.path.isEmpty ? "" : "\(violation.path): "
            return "\(place)\(violation.message) (\(violation.rule))"
        }.joined(separator: "; ")
        return judge.map { "\(told); by \($0)" } ?? told
    }

    /// The schema in words.
    public var judge: String? {
        guard let schema else { return nil }
        guard let subject, let version else { return "the schema with id \(schema)" }
        return "version \(version) of subject '\(subject)' (id \(schema))"
    }
}

/// Events that were refused because of their schemas; nothing of the publish or batch was stored.
public struct SchemaRefusal: Sendable, Hashable {
    /// The topic that would not have them.
    public var topic: ResourceName
    /// How many events were published together.
    public var events: Int
    /// How many of them are refused.
    public var refused: Int
    /// What is wrong with the first of these, in their order; at most ``told``.
    public var violations: [EventViolations]

    /// Of how many events it is told what is wrong.
    public static let told = 20

    /// Events that were refused because of their schemas.
    public init(topic: ResourceName, events: Int, refused: Int, violations: [EventViolations]) {
        self.topic = topic
        self.events = events
        self.refused = refused
        self.violations = violations
    }
}

extension SchemaRefusal: CustomStringConvertible {
    public var description: String {
        let what = events == 1 ? "the event is" : "\(refused) of \(events) events are"
        let first = violations.first.map { events == 1 ? ": \($0)" : ": event \($0.index): \($0)" } ?? ""
        return "\(what) not what the schema of topic '\(topic)' asks\(first)"
    }
}
