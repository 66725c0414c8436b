// SPDX-License-Identifier: Apache-2.0

// A typed value of an event that came, and why there may be none.

public import CloudEvents

/// The extension attributes that this library writes and reads beside those that CloudEvents documents.
enum ApusAttribute {
    /// The version of the data, when it is not 1.
    static let dataVersion = "dataversion"
    /// The topic that a reply is to be published to.
    static let replyTo = "replyto"
    /// Who asked, for its subscription to know its own replies.
    static let replyFor = "replyfor"
    /// Why there is no reply, in a reply.
    static let replyError = "replyerror"
}

/// Why an event is not what a handler takes.
public enum UnreadableEvent: Error, Sendable, CustomStringConvertible {
    /// What came is not a whole event.
    case malformed(String)
    /// Nobody handles events of this type.
    case unknownType(String)
    /// The type is handled, but not this version of its data, and no ``Upcaster`` leads from it to one that is.
    case unknownVersion(type: String, version: Int)
    /// The data is not what the Swift type reads.
    case undecodable(type: String, reason: String)

    public var description: String {
        switch self {
        case .malformed(let reason): "not a whole event: \(reason)"
        case .unknownType(let type): "no handler for events of type \(type)"
        case .unknownVersion(let type, let version):
            "no handler and no upcaster for version \(version) of \(type)"
        case .undecodable(let type, let reason): "data of \(type) cannot be read: \(reason)"
        }
    }
}

extension CloudEvent {
    /// The version of the data: the extension attribute `dataversion`; 1 when it is missing or not a number from 1.
    public var dataVersion: Int {
        guard let value = extensions[ApusAttribute.dataVersion]?.asInteger, value >= 1 else { return 1 }
        return Int(value)
    }

    /// The data as a Swift value, whatever type the event says it is.
    ///
    /// - Throws: ``UnreadableEvent/undecodable(type:reason:)``.
    public func decoded<E: Event>(as type: E.Type = E.self) throws(UnreadableEvent) -> E {
        do {
            return try E.codec.decode(E.self, from: data?.bytes ?? [], contentType: dataContentType)
        } catch {
            throw .undecodable(type: self.type, reason: ErrorText.of(error))
        }
    }
}

/// What is said of an error, in a length that fits into headers and logs.
enum ErrorText {
    static let bytesMax = 1024

    static func of(_ error: any Error) -> String {
        let text =
            switch error {
            case let error as DecodingError: describe(error)
            case let error as any CustomStringConvertible: error.description
            default: named(error)
            }
        return cut(text)
    }

    /// Errors without a text of their own print as their type does, which need not be said twice.
    private static func named(_ error: any Error) -> String {
        let (type, text) = ("\(type(of: error))", "\(error)")
        return text.hasPrefix(type) ? text : "\(type): \(text)"
    }

    /// A text of at most 1 KiB without control characters, which attributes of events cannot have.
    static func cut(_ text: String) -> String {
        var cleaned = ""
        for scalar in text.unicodeScalars {
            guard cleaned.utf8.count < bytesMax else { return cleaned + "…" }
            let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
            cleaned.unicodeScalars.append(isControl ? " " : scalar)
        }
        return cleaned
    }

    private static func describe(_ error: DecodingError) -> String {
        let (context, what): (DecodingError.Context, String) =
            switch error {
            case .typeMismatch(let type, let context): (context, "is not a \(type)")
            case .valueNotFound(let type, let context): (context, "is null, not a \(type)")
            case .keyNotFound(let key, let context): (context, "lacks '\(key.stringValue)'")
            case .dataCorrupted(let context): (context, context.debugDescription)
            @unknown default: (.init(codingPath: [], debugDescription: ""), "\(error)")
            }
        let path = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }
        return (path.isEmpty ? "data" : path.joined(separator: ".")) + " " + what
    }
}
