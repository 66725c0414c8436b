// SPDX-License-Identifier: Apache-2.0

// Conditions on fields, joined by "all of" and "any of": what languages are turned into before they become a pattern.

/// A condition that a pattern can be made of.
indirect enum Condition: Hashable {
    /// Holds for every event.
    case always
    /// Holds for none.
    case never
    /// The field at the end of these names, of which the first is an attribute or `data`.
    case field([[UInt8]], [PatternTest])
    case all([Condition])
    case any([Condition])

    static func attribute(_ name: String, _ tests: [PatternTest]) -> Condition {
        .field([Array(name.utf8)], tests)
    }

    /// All of these, simplified.
    static func all(of conditions: [Condition]) -> Condition {
        var parts: [Condition] = []
        for condition in conditions {
            switch condition {
            case .always: break
            case .never: return .never
            // Its parts differ already: a long chain is not gone through again for every link.
            case .all(let inner) where parts.isEmpty: parts = inner
            case .all(let inner): for part in inner where !parts.contains(part) { parts.append(part) }
            default: if !parts.contains(condition) { parts.append(condition) }
            }
        }
        return parts.isEmpty ? .always : parts.count == 1 ? parts[0] : .all(parts)
    }

    /// Any of these, simplified: tests of one field stand in one list.
    static func any(of conditions: [Condition]) -> Condition {
        var parts: [Condition] = []
        for condition in conditions {
            switch condition {
            case .always: return .always
            case .never: break
            case .any(let inner) where parts.isEmpty: parts = inner
            case .any(let inner): for part in inner { add(part, to: &parts) }
            default: add(condition, to: &parts)
            }
        }
        return parts.isEmpty ? .never : parts.count == 1 ? parts[0] : .any(parts)
    }

    private static func add(_ part: Condition, to parts: inout [Condition]) {
        guard case .field(let path, let tests) = part, !tests.contains(where: \.isNone) else {
            if !parts.contains(part) { parts.append(part) }
            return
        }
        for (index, other) in parts.enumerated() {
            guard case .field(path, let others) = other, !others.contains(where: \.isNone) else { continue }
            parts[index] = .field(path, others + tests.filter { !others.contains($0) })
            return
        }
        parts.append(part)
    }

    /// How many parts it has.
    var size: Int {
        switch self {
        case .always, .never: 1
        case .field(_, let tests): tests.count
        case .all(let parts), .any(let parts): parts.reduce(1) { $0 + $1.size }
        }
    }

    /// The condition as a pattern.
    var object: PatternObject {
        switch self {
        case .always: return PatternObject()
        // An event without an id cannot be.
        case .never: return Self.attribute("id", [.exists(false)]).object
        case .field(let path, let tests):
            var content = PatternObject.Content.leaf(tests)
            for name in path.dropFirst().reversed() {
                content = .object(PatternObject(fields: [PatternObject.Field(name: name, content: content)]))
            }
            return PatternObject(fields: [PatternObject.Field(name: path[0], content: content)])
        case .any(let parts): return PatternObject(choices: parts.map(\.object))
        case .all(let parts): return Self.object(of: parts)
        }
    }

    private static func object(of parts: [Condition]) -> PatternObject {
        var object = PatternObject()
        for part in parts {
            let inner = part.object
            if case .field = part, let field = inner.fields.first, object.add(field) {
                continue
            } else if case .any = part, object.choices.isEmpty {
                object.choices = inner.choices
            } else {
                object.requirements.append(inner)
            }
        }
        return object
    }
}

extension PatternObject {
    /// Adds a field, or what stands inside it to the field of the same name; false if both are lists of tests.
    fileprivate mutating func add(_ field: Field) -> Bool {
        guard let index = fields.firstIndex(where: { $0.name == field.name }) else {
            fields.append(field)
            fields.sort { $0.name.lexicographicallyPrecedes($1.name) }
            return true
        }
        guard case .object(var own) = fields[index].content, case .object(let other) = field.content else {
            return false
        }
        for field in other.fields where !own.add(field) { return false }
        fields[index] = Field(name: field.name, content: .object(own))
        return true
    }
}
