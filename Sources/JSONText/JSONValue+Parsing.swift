// SPDX-License-Identifier: Apache-2.0

// From text to the value tree.

/// What to do with an object that has the same member name twice (RFC 8259 section 4 leaves it open).
public enum JSONDuplicateNames: Hashable, Sendable {
    /// The last member counts, at the place of the first.
    case lastWins
    /// The text is refused.
    case rejected
}

extension JSONValue {
    /// Parses text that is one JSON value with nothing but white space around it.
    ///
    /// - Parameters:
    ///   - bytes: UTF-8 without byte order mark.
    ///   - duplicateNames: what to do with repeated member names.
    ///   - depthLimit: levels of nesting accepted, at most 512.
    /// - Throws: `JSONError` with the place and the rule.
    public init(
        parsing bytes: some Sequence<UInt8>, duplicateNames: JSONDuplicateNames = .lastWins,
        depthLimit: Int = 128
    ) throws(JSONError) {
        let parse = { (bytes: UnsafeBufferPointer<UInt8>) in
            Self.parse(UnsafeRawBufferPointer(bytes), duplicateNames, depthLimit)
        }
        let result =
            bytes.withContiguousStorageIfAvailable(parse) ?? Array(bytes).withUnsafeBufferPointer(parse)
        self = try result.get()
    }

    /// Parses a string that is one JSON value.
    ///
    /// - Throws: `JSONError` with the place and the rule.
    public init(
        parsing text: String, duplicateNames: JSONDuplicateNames = .lastWins, depthLimit: Int = 128
    ) throws(JSONError) {
        try self.init(parsing: text.utf8, duplicateNames: duplicateNames, depthLimit: depthLimit)
    }

    private static func parse(
        _ bytes: UnsafeRawBufferPointer, _ duplicateNames: JSONDuplicateNames, _ depthLimit: Int
    ) -> Result<JSONValue, JSONError> {
        // A Result, because the closures above are the standard library's and throw untyped.
        Result { () throws(JSONError) -> JSONValue in
            var scanner = JSONScanner(bytes, depthLimit: depthLimit)
            let value = try scanner.readValue(duplicateNames: duplicateNames)
            try scanner.expectEnd()
            return value
        }
    }
}

extension JSONScanner {
    /// Consumes the next value and returns it as a tree.
    package mutating func readValue(
        duplicateNames: JSONDuplicateNames = .lastWins
    ) throws(JSONError) -> JSONValue {
        switch try peekKind() {
        case .null:
            try scanNull()
            return .null
        case .bool: return .bool(try scanBool())
        case .string: return .string(try readString())
        case .number:
            let range = try scanNumber()
            return .number(JSONNumber(checked: String(decoding: bytes(range), as: UTF8.self)))
        case .array:
            try beginArray()
            var elements: [JSONValue] = []
            while try nextElement() { elements.append(try readValue(duplicateNames: duplicateNames)) }
            return .array(elements)
        case .object: return .object(try readObject(duplicateNames))
        }
    }

    private mutating func readObject(_ duplicateNames: JSONDuplicateNames) throws(JSONError) -> JSONObject {
        try beginObject()
        var members: [JSONObject.Member] = []
        var index = NameIndex()
        while let slice = try nextName() {
            let name = string(slice)
            let earlier = index.insert(name, among: members)
            if earlier != nil, duplicateNames == .rejected {
                throw JSONError(.duplicateName(name), at: slice.range.lowerBound)
            }
            let value = try readValue(duplicateNames: duplicateNames)
            if let earlier {
                members[earlier].value = value
            } else {
                members.append(JSONObject.Member(name: name, value: value))
            }
        }
        return JSONObject(distinct: members)
    }
}

/// Finds repeated names: by comparing while an object is small, by hash once it is not, so that an object
/// of a million members cannot take quadratic time.
private struct NameIndex {
    private static let smallCount = 12
    private var places: [String: Int] = [:]

    /// The place of `name` if it is among `members`; else notes that it comes next.
    mutating func insert(_ name: String, among members: [JSONObject.Member]) -> Int? {
        if members.count < Self.smallCount { return members.firstIndex { $0.name == name } }
        if places.isEmpty {
            for (place, member) in members.enumerated() { places[member.name] = place }
        }
        if let place = places[name] { return place }
        places[name] = members.count
        return nil
    }
}
