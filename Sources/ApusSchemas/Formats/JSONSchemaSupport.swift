// SPDX-License-Identifier: Apache-2.0

// JSON Schema as a format of the registry.

public import JSONSchema
public import JSONText

/// JSON Schema, drafts 2020-12, 2019-09 and 7.
public struct JSONSchemaSupport: SchemaFormatSupport {
    private let options: SchemaOptions

    /// Compiles schemas by these options; `baseURI` is not used.
    public init(options: SchemaOptions = SchemaOptions()) { self.options = options }

    public func compile(_ schema: ResolvedSchema) throws(SchemaFlaw) -> any DataJudge {
        do throws(SchemaError) {
            let (root, library) = try JSONSchemaSupport.documents(schema, limits: options.limits)
            var options = options
            if schema.assertsFormats { options.assertsFormats = true }
            let validator = try Schema.compile(root, options: options, library: library)
            return JSONSchemaJudge(validator)
        } catch {
            throw SchemaFlaw("\(error.reason)", at: error.location.isEmpty ? "#" : error.location)
        }
    }

    /// The document of a schema, and a library of what it refers to: by the names of the references, as they are seen from the `$id` of the schema,
    /// and by the documents' own `$id`.
    public static func documents(
        _ schema: ResolvedSchema, limits: SchemaLimits = SchemaLimits()
    ) throws(SchemaError) -> (root: JSONValue, library: SchemaLibrary) {
        var library = SchemaLibrary(limits: limits)
        let root = try SchemaLibrary.document(Array(schema.content.text.utf8), limits: limits)
        let base = root["$id"]?.string ?? ""
        for reference in schema.references {
            let document = try SchemaLibrary.document(Array(reference.content.text.utf8), limits: limits)
            if let id = document["$id"]?.string { library.add(document, at: id, relativeTo: base) }
            library.add(document, at: reference.reference.name)
            library.add(document, at: reference.reference.name, relativeTo: base)
        }
        return (root, library)
    }
}

/// A compiled JSON Schema as a judge of data.
final class JSONSchemaJudge: DataJudge {
    let validator: SchemaValidator

    init(_ validator: SchemaValidator) { self.validator = validator }

    func accepts(_ data: UnsafeRawBufferPointer) -> Bool { validator.isValid(data) }

    func violations(_ data: UnsafeRawBufferPointer, limit: Int) -> [SchemaViolation] {
        refusal(of: data, limit: max(limit, 1)) ?? []
    }

    /// Judges once, whether or not it is told what is wrong.
    func refusal(of data: UnsafeRawBufferPointer, limit: Int) -> [SchemaViolation]? {
        do throws(ValidationError) {
            return try validator.refusal(of: data, limit: limit)?.map {
                SchemaViolation(
                    path: $0.instanceLocation, rule: $0.rule, got: $0.got, message: $0.message)
            }
        } catch {
            let rule =
                switch error {
                case .notJSON: "json"
                case .tooCostly: "steps"
                case .tooDeep: "depth"
                }
            return [SchemaViolation(rule: rule, got: "\(data.count) bytes", message: "\(error)")]
        }
    }

    func isMeant(forMediaType mediaType: String?) -> Bool {
        guard let mediaType else { return true }
        return JSONMediaType.matches(mediaType)
    }
}

/// Media types of JSON.
enum JSONMediaType {
    /// Whether a media type, parameters or not, is JSON: `application/json`, `text/json`, or anything ending in `+json`.
    static func matches(_ mediaType: String) -> Bool {
        // On the way of every event, nearly always in this spelling.
        if mediaType == "application/json" { return true }
        var type = Substring(mediaType)
        if let semicolon = type.utf8.firstIndex(of: UInt8(ascii: ";")) { type = type[..<semicolon] }
        let bytes = type.utf8.drop { $0 == 0x20 || $0 == 0x09 }.reversed().drop { $0 == 0x20 || $0 == 0x09 }
        func ends(with suffix: StaticString) -> Bool {
            suffix.withUTF8Buffer { suffix in
                bytes.count >= suffix.count
                    && zip(bytes, suffix.reversed()).allSatisfy { $0 == $1 || ($0 | 0x20) == $1 }
            }
        }
        func equals(_ text: StaticString) -> Bool {
            bytes.count == text.utf8CodeUnitCount && ends(with: text)
        }
        return equals("application/json") || equals("text/json") || ends(with: "+json")
    }
}
