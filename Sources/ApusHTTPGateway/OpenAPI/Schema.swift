// SPDX-License-Identifier: Apache-2.0

// The part of JSON Schema 2020-12 that describes this API. One value serves twice: the OpenAPI document prints it, and
// the reader of request bodies takes from it which members an object may have.

internal import JSONText

/// What a JSON value looks like.
indirect enum Schema: Sendable {
    /// A text; `example` shows one.
    case string(StringRules = StringRules())
    /// One of these texts.
    case choice([String])
    /// A whole number within these bounds.
    case integer(ClosedRange<Int64>)
    /// `true` or `false`.
    case boolean
    /// A list of at most `countMax` values.
    case list(Schema, countMin: Int = 0, countMax: Int? = nil)
    /// An object with these members.
    case object(ObjectSchema)
    /// A schema defined once for the whole document.
    case reference(Definition)
    /// That, or null.
    case nullable(Schema)
    /// Any of these.
    case either([Schema])
    /// Anything.
    case any

    /// What a text must be.
    struct StringRules: Sendable {
        var pattern: String?
        var format: String?
        var lengthMax: Int?
        var example: String?
    }
}

/// What an object looks like.
struct ObjectSchema: Sendable {
    /// One member.
    struct Property: Sendable {
        var name: String
        var schema: Schema
        var isRequired: Bool
        var about: String?
    }

    /// The members that it may have.
    var properties: [Property] = []
    /// Whether it may have others.
    var allowsOthers = false

    /// The names of the members that it may have.
    var names: [String] { properties.map(\.name) }

    /// The same with one more member that must be there.
    func requiring(_ name: String, _ schema: Schema, _ about: String? = nil) -> ObjectSchema {
        adding(Property(name: name, schema: schema, isRequired: true, about: about))
    }

    /// The same with one more member that may be there.
    func allowing(_ name: String, _ schema: Schema, _ about: String? = nil) -> ObjectSchema {
        adding(Property(name: name, schema: schema, isRequired: false, about: about))
    }

    /// The same, open for members that are not listed.
    func allowingOthers() -> ObjectSchema {
        var copy = self
        copy.allowsOthers = true
        return copy
    }

    /// The same with every member of another object.
    func merging(_ other: ObjectSchema) -> ObjectSchema {
        var copy = self
        copy.properties += other.properties
        return copy
    }

    private func adding(_ property: Property) -> ObjectSchema {
        var copy = self
        copy.properties.append(property)
        return copy
    }
}

// MARK: - As JSON

extension Schema {
    /// The schema as JSON.
    var json: JSONValue {
        switch self {
        case .string(let rules): return rules.json
        case .choice(let values):
            return ["type": "string", "enum": .array(values.map { .string($0) })]
        case .integer(let range):
            return [
                "type": "integer", "minimum": .number(JSONNumber(range.lowerBound)),
                "maximum": .number(JSONNumber(range.upperBound)),
            ]
        case .boolean: return ["type": "boolean"]
        case .list(let element, let countMin, let countMax):
            var json = JSONObject()
            json["type"] = "array"
            json["items"] = element.json
            if countMin > 0 { json["minItems"] = .number(JSONNumber(countMin)) }
            if let countMax { json["maxItems"] = .number(JSONNumber(countMax)) }
            return .object(json)
        case .object(let object): return object.json
        case .reference(let definition):
            return ["$ref": .string("#/components/schemas/\(definition.rawValue)")]
        case .nullable(let schema): return ["anyOf": [schema.json, ["type": "null"]]]
        case .either(let schemas): return ["anyOf": .array(schemas.map(\.json))]
        case .any: return [:]
        }
    }
}

extension Schema.StringRules {
    fileprivate var json: JSONValue {
        var json = JSONObject()
        json["type"] = "string"
        if let pattern { json["pattern"] = .string(pattern) }
        if let format { json["format"] = .string(format) }
        if let lengthMax { json["maxLength"] = .number(JSONNumber(lengthMax)) }
        if let example { json["examples"] = [.string(example)] }
        return .object(json)
    }
}

extension ObjectSchema {
    fileprivate var json: JSONValue {
        var members = JSONObject()
        for property in properties {
            guard let about = property.about, var schema = property.schema.json.object else {
                members[property.name] = property.schema.json
                continue
            }
            schema["description"] = .string(about)
            members[property.name] = .object(schema)
        }
        var json = JSONObject()
        json["type"] = "object"
        json["properties"] = .object(members)
        let required = properties.filter(\.isRequired).map { JSONValue.string($0.name) }
        if !required.isEmpty { json["required"] = .array(required) }
        json["additionalProperties"] = .bool(allowsOthers)
        return .object(json)
    }
}
