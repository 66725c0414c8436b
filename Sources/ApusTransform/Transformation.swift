// SPDX-License-Identifier: Apache-2.0

// A transformation as the rest of Apus sees it: text that was checked, ready to be applied.

public import CloudEvents
public import JSONText

/// What becomes of an event before a rule's target gets it: other data, other attributes, or both.
///
/// Applying one is a pure function: the same event in the same context always becomes the same event. `id` and `source` stay.
///
/// Two transformations are equal when their canonical texts are.
public struct Transformation: Sendable, Hashable {
    /// The transformation as compact JSON, its members in a fixed order.
    public let text: String

    let variables: [Variable]
    let paths: PathSet
    let input: Input
    let attributes: AttributeChanges
    /// Whether a path that leads to nothing is a failure; else it is `null`, or nothing in a string.
    let failsOnMissing: Bool
    let limits: TransformationLimits

    /// What the data becomes.
    enum Input: Sendable {
        /// It stays as it is.
        case unchanged
        case template(Template, OutputKind, pointer: String)
        case constant([UInt8], OutputKind)
    }

    /// Parses a transformation.
    ///
    /// - Parameters:
    ///   - text: a JSON object, as UTF-8.
    ///   - limits: what the transformation may cost.
    /// - Throws: `TransformationError` with the reason, the member and the byte.
    public init(
        parsing text: some Sequence<UInt8>, limits: TransformationLimits = TransformationLimits()
    ) throws(TransformationError) {
        let bytes = Array(text)
        guard bytes.count <= limits.textBytesMax else {
            throw TransformationError(
                .tooLong(limit: limits.textBytesMax), pointer: "", offset: limits.textBytesMax)
        }
        let value: JSONValue
        do {
            value = try JSONValue(parsing: bytes, duplicateNames: .rejected)
        } catch { throw TransformationError(.json(error.reason), pointer: "", offset: error.offset) }
        try self.init(value, limits: limits)
    }

    /// Parses a transformation.
    ///
    /// - Throws: `TransformationError` with the reason, the member and the byte.
    public init(
        parsing text: String, limits: TransformationLimits = TransformationLimits()
    ) throws(TransformationError) {
        try self.init(parsing: text.utf8, limits: limits)
    }

    /// Reads a transformation from JSON that is parsed already.
    ///
    /// - Throws: `TransformationError` with the reason and the member; its offsets are those inside texts.
    public init(
        _ value: JSONValue, limits: TransformationLimits = TransformationLimits()
    ) throws(TransformationError) {
        var reader = try TransformationReader(value, limits: limits)
        self = try reader.read()
    }

    init(
        text: String, variables: Variables, input: Input, attributes: AttributeChanges, failsOnMissing: Bool,
        limits: TransformationLimits
    ) {
        self.text = text
        self.variables = variables.used
        self.paths = variables.paths
        self.input = input
        self.attributes = attributes
        self.failsOnMissing = failsOnMissing
        self.limits = limits
    }

    /// Whether what comes out can tell which rule it was.
    public var namesRule: Bool {
        variables.contains { $0.source == .rule || $0.source == .ruleReference }
    }

    // The text says it all.

    /// Whether the canonical texts are the same bytes.
    public static func == (left: Transformation, right: Transformation) -> Bool {
        left.text.utf8.elementsEqual(right.text.utf8)
    }

    /// Hashes the canonical text.
    public func hash(into hasher: inout Hasher) {
        for byte in text.utf8 { hasher.combine(byte) }
    }
}

extension Transformation: CustomStringConvertible {
    /// The canonical text.
    public var description: String { text }
}

/// What a transformation can tell of besides the event.
public struct TransformationContext: Sendable, Hashable {
    /// The name of the rule.
    public var rule: String
    /// The name of the topic that the event is in.
    public var topic: String
    /// When the event arrived there.
    public var arrived: CloudEventTimestamp

    /// What a transformation can tell of besides the event.
    public init(rule: String, topic: String, arrived: CloudEventTimestamp) {
        self.rule = rule
        self.topic = topic
        self.arrived = arrived
    }
}
