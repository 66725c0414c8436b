// SPDX-License-Identifier: Apache-2.0

// One rule of a schema, made to allow one value more.

import JSONSchema
import JSONText

enum SchemaWidening {
    /// The schema with the broken rule widened; nil if it is one that is not.
    static func widened(_ schema: JSONValue, by violation: Violation, in document: JSONValue) -> JSONValue? {
        // Places in resources with an identifier of their own are not found by their pointer.
        let location = violation.schemaLocation
        guard let hash = location.firstIndex(of: "#") else { return nil }
        let resource = location[..<hash]
        guard
            resource.isEmpty
                || schema["$id"]?.string.map({ resource == $0 || $0 == resource + "#" }) ?? false,
            let value = value(at: tokens(violation.instanceLocation), in: document)
        else { return nil }
        var path = tokens(String(location[location.index(after: hash)...]))
        guard let keyword = path.popLast(), keyword == violation.rule else { return nil }
        return replaced(schema, path) { rules in
            widen(&rules, keyword, value, name: tokens(violation.instanceLocation).last)
        }
    }

    /// Whether the rule is one that is widened.
    private static func widen(
        _ rules: inout JSONObject, _ keyword: String, _ value: JSONValue, name: String?
    ) -> Bool {
        switch keyword {
        case "type":
            guard let type = rules["type"] else { return false }
            var names = (type.array ?? [type]).compactMap(\.string)
            for name in Kinds(of: value).names where !names.contains(name) { names.append(name) }
            if names.contains("number") { names.removeAll { $0 == "integer" } }
            rules["type"] = names.count == 1 ? .string(names[0]) : .array(names.map { .string($0) })
        case "enum":
            guard let values = rules["enum"]?.array, values.count < 256 else { return false }
            rules["enum"] = .array(values + [value])
        case "const":
            guard let constant = rules["const"] else { return false }
            rules["const"] = nil
            rules["enum"] = .array([constant, value])
        case "required":
            guard let required = rules["required"]?.array, let object = value.object else { return false }
            let left = required.filter { $0.string.map { object[$0] != nil } ?? true }
            rules["required"] = left.isEmpty ? nil : .array(left)
        case "additionalProperties", "unevaluatedProperties":
            guard rules[keyword] == false, let name else { return false }
            var inference = SchemaInference()
            inference.add(value)
            var schema = inference.schema.object ?? JSONObject()
            schema["$schema"] = nil
            var properties = rules["properties"]?.object ?? JSONObject()
            properties[name] = .object(schema)
            rules["properties"] = .object(properties)
        case "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength",
            "maxLength", "pattern", "format", "minItems", "maxItems", "uniqueItems", "minProperties",
            "maxProperties":
            guard rules[keyword] != nil else { return false }
            rules[keyword] = nil
        default: return false
        }
        return true
    }

    // MARK: Places

    private static func tokens(_ pointer: String) -> [String] {
        pointer.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map {
            String($0).replacing("~1", with: "/").replacing("~0", with: "~")
        }
    }

    private static func value(at path: [String], in document: JSONValue) -> JSONValue? {
        var value = document
        for token in path {
            if let member = value[token] {
                value = member
            } else if let elements = value.array, let index = Int(token), elements.indices.contains(index) {
                value = elements[index]
            } else {
                return nil
            }
        }
        return value
    }

    /// The value with the object at a path changed; nil if there is none, or `change` does not want to.
    private static func replaced(
        _ value: JSONValue, _ path: [String], _ change: (inout JSONObject) -> Bool
    ) -> JSONValue? {
        guard let token = path.first else {
            guard var object = value.object, change(&object) else { return nil }
            return .object(object)
        }
        let rest = Array(path.dropFirst())
        switch value {
        case .object(var object):
            guard let inner = object[token], let changed = replaced(inner, rest, change) else { return nil }
            object[token] = changed
            return .object(object)
        case .array(var elements):
            guard let index = Int(token), elements.indices.contains(index),
                let changed = replaced(elements[index], rest, change)
            else { return nil }
            elements[index] = changed
            return .array(elements)
        default: return nil
        }
    }
}
