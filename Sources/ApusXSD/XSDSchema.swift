// SPDX-License-Identifier: Apache-2.0

// The front door: the text of an XML Schema in, something that judges XML documents out. libxml2 compiles and judges; what it is
// given was read before by the strict reader that everything else here uses for XML, and cannot name files or types of documents.

internal import CApus
internal import CloudEvents

/// A schema that other schemas include or import.
public struct XSDReference: Sendable, Hashable {
    /// The `schemaLocation` by which it is referred to.
    public let name: String
    /// The text.
    public let bytes: [UInt8]

    /// Creates a reference.
    public init(name: String, bytes: some Sequence<UInt8>) {
        self.name = name
        self.bytes = Array(bytes)
    }
}

/// A compiled XML Schema 1.0. Any number of threads share it.
public final class XSDSchema: Sendable {
    private let compiled: Compiled
    private let patterns: [PatternPaths]
    /// The limits that documents are held to.
    public let limits: XSDLimits

    /// Compiles a schema.
    ///
    /// - Parameters:
    ///   - bytes: the schema, as XML in UTF-8 without document type.
    ///   - references: what `xs:include` and `xs:import` may lead to, by their `schemaLocation`. Nothing is ever fetched or opened.
    ///   - limits: bounds on the schema and on the documents that it will judge.
    /// - Throws: ``XSDError``, with the line where there is one.
    public init(
        _ bytes: some Sequence<UInt8>, references: [XSDReference] = [], limits: XSDLimits = XSDLimits()
    ) throws(XSDError) {
        guard capus_xsd_available() == 1 else { throw XSDLibrary.missing }
        let survey = try SchemaSurvey(Array(bytes), references: references, limits: limits)
        compiled = try Compiled(survey.texts, limits: limits)
        patterns = survey.patterns
        self.limits = limits
    }

    /// Holds a document against the schema.
    ///
    /// - Returns: what is wrong with it, up to `XSDLimits.violations` in the order of the document; nothing if the schema accepts it.
    /// - Throws: ``XSDError`` if it is not XML that is accepted here, or cannot be judged within the limits.
    public func violations(_ document: [UInt8]) throws(XSDError) -> [XSDViolation] {
        try DocumentSurvey.check(document, patterns: patterns, limits: limits)
        var complaints = Complaints(limit: limits.violations)
        let status = compiled.validate(document, limits: limits, &complaints)
        switch status {
        case Int32(CAPUS_XSD_VALID): return []
        case Int32(CAPUS_XSD_INVALID): break
        case Int32(CAPUS_XSD_LATE): throw .tooCostly("checking takes more than \(limits.processorTime)")
        case Int32(CAPUS_XSD_NOT_XML):
            throw .notXML(
                complaints.items.first?.message ?? "it cannot be read", line: complaints.items.first?.line)
        default: throw .outOfMemory
        }
        if let failure = complaints.items.first(where: { $0.code == Complaint.internalError }) {
            throw failure.message.contains("pattern")
                ? .tooCostly("a regular expression of the schema takes too many steps")
                : .unusable(failure.message)
        }
        return ElementPaths.resolve(complaints.items, in: document)
    }

    /// Whether the schema accepts a document.
    public func accepts(_ document: [UInt8]) throws(XSDError) -> Bool { try violations(document).isEmpty }
}

/// What libxml2 made of a schema. It is not changed any more, so that threads can share it, which libxml2 allows.
private final class Compiled: @unchecked Sendable {
    private let schema: OpaquePointer

    init(_ texts: [[UInt8]], limits: XSDLimits) throws(XSDError) {
        var complaints = Complaints(limit: 1)
        guard let schema = Compiled.compile(texts, &complaints) else {
            guard let first = complaints.items.first else { throw .outOfMemory }
            throw .notASchema(first.message, line: first.line)
        }
        self.schema = schema
    }

    deinit { capus_xsd_destroy(schema) }

    private static func compile(_ texts: [[UInt8]], _ complaints: inout Complaints) -> OpaquePointer? {
        // One buffer for all, so that addresses hold for the length of the call.
        let joined = Array(texts.joined())
        return joined.withUnsafeBytes { bytes in
            let base = bytes.bindMemory(to: CChar.self).baseAddress
            var position = 0
            let all = texts.map { text in
                defer { position += text.count }
                return capus_xsd_text(bytes: base.map { $0 + position }, count: text.count)
            }
            let references = Array(all.dropFirst())
            return withUnsafeMutablePointer(to: &complaints) { context in
                capus_xsd_compile(
                    all.first?.bytes, all.first?.count ?? 0, references, references.count, Complaints.report,
                    context)
            }
        }
    }

    func validate(_ document: [UInt8], limits: XSDLimits, _ complaints: inout Complaints) -> Int32 {
        let (seconds, attoseconds) = limits.processorTime.components
        let nanoseconds = min(seconds, 1_000_000) * 1_000_000_000 + attoseconds / 1_000_000_000
        return document.withUnsafeBytes { bytes in
            withUnsafeMutablePointer(to: &complaints) { context in
                capus_xsd_validate(
                    schema, bytes.bindMemory(to: CChar.self).baseAddress, bytes.count, nanoseconds,
                    Complaints.report, context)
            }
        }
    }
}

/// Where the library comes from.
public enum XSDLibrary {
    /// The library, as the system's loader looks for it.
    public static let name = "libxml2.so.2"
    /// The Debian package that has it.
    public static let debianPackage = "libxml2"

    /// Whether it is there. The first question opens it, and the answer stays for as long as the process lives.
    public static var isAvailable: Bool { capus_xsd_available() == 1 }

    static var missing: XSDError { .libraryMissing(name: name, debianPackage: debianPackage) }
}
