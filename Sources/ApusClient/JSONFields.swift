// SPDX-License-Identifier: Apache-2.0

// Reading the members of an answer. A member that is missing or of the wrong kind is an error that names it, because it
// means that the other side is not what we take it for. Members that we do not know are left alone: newer servers have them.

internal import JSONText

/// The members of one object of an answer.
struct JSONFields {
    private let object: JSONObject
    private let context: String

    /// The members of `value`, which `context` names in errors.
    init(_ value: JSONValue, _ context: String) throws(ApusClientError) {
        guard let object = value.object else { throw .unexpected("\(context) is not a JSON object") }
        self.object = object
        self.context = context
    }

    func string(_ name: String) throws(ApusClientError) -> String {
        try required(name, "a string", optionalString(name))
    }

    func integer(_ name: String) throws(ApusClientError) -> Int64 {
        try required(name, "an integer", optionalInteger(name))
    }

    func array(_ name: String) throws(ApusClientError) -> [JSONValue] {
        try required(name, "an array", object[name]?.array)
    }

    func value(_ name: String) throws(ApusClientError) -> JSONValue {
        try required(name, "a value", object[name])
    }

    func optionalString(_ name: String) -> String? { object[name]?.string }
    func optionalInteger(_ name: String) -> Int64? { object[name]?.int64 }
    func optionalBool(_ name: String) -> Bool? { object[name]?.bool }
    func optionalValue(_ name: String) -> JSONValue? {
        object[name].flatMap { $0 == .null ? nil : $0 }
    }

    private func required<Value>(
        _ name: String, _ kind: String, _ value: Value?
    ) throws(ApusClientError) -> Value {
        guard let value else { throw .unexpected("\(context) has no member '\(name)' that is \(kind)") }
        return value
    }
}

extension Array where Element == JSONValue {
    /// Decodes every element.
    func decoded<Decoded>(
        _ decode: (JSONValue) throws(ApusClientError) -> Decoded
    ) throws(ApusClientError) -> [Decoded] {
        var result: [Decoded] = []
        result.reserveCapacity(count)
        for element in self { result.append(try decode(element)) }
        return result
    }
}
