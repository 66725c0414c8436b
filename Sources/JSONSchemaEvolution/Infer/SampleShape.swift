// SPDX-License-Identifier: Apache-2.0

// What was seen at one place of documents: kinds, formats that all strings have, the different strings while they are few, members and
// elements.

import JSONSchema
import JSONText

struct SampleShape: Sendable {
    /// What may still be kept.
    struct Budget {
        let options: SchemaInference.Options
        var places: Int
        var depth: Int
        var isTruncated: Bool
    }

    struct Member: Sendable {
        var name: String
        var shape: SampleShape
    }

    /// Formats that samples are tried for, those first that say most. Words and numbers look like hosts, paths and references, so those are left out.
    private static let formats = [
        "date-time", "date", "time", "uuid", "ipv4", "ipv6", "email", "uri", "duration",
    ]
    /// Strings that are longer than so many bytes are never values of an enum.
    private static let enumBytesMax = 64

    private var kinds: Kinds = []
    private var strings = 0
    private var formats = SampleShape.formats
    /// The different strings, in the order in which they came; nil if there are too many.
    private var values: [String]? = []
    private var objects = 0
    private var members: [Member] = []
    private var indexes: [String: Int] = [:]
    /// The members of a dictionary, or of objects whose other members there was no room for: one shape for all.
    private var others: [SampleShape] = []
    private var isDictionary = false
    /// None or one.
    private var elements: [SampleShape] = []
    /// How often the value was there.
    private var count = 0
    /// Whether something here was not looked at.
    private var isUnknown = false

    mutating func add(_ value: JSONValue, _ budget: inout Budget) {
        count += 1
        guard budget.depth > 0 else { return leaveOut(&budget) }
        kinds.formUnion(Kinds(of: value))
        switch value {
        case .string(let text): add(text, budget.options)
        case .array(let items):
            if elements.isEmpty, !items.isEmpty {
                guard budget.places < budget.options.placesMax else { return leaveOut(&budget) }
                budget.places += 1
                elements.append(SampleShape())
            }
            budget.depth -= 1
            for item in items { elements[0].add(item, &budget) }
            budget.depth += 1
        case .object(let object):
            objects += 1
            budget.depth -= 1
            for member in object.members { add(member, &budget) }
            budget.depth += 1
        default: break
        }
    }

    private mutating func leaveOut(_ budget: inout Budget) {
        isUnknown = true
        budget.isTruncated = true
    }

    private mutating func add(_ text: String, _ options: SchemaInference.Options) {
        strings += 1
        if !formats.isEmpty {
            formats.removeAll { format in
                StringFormats.accepts(text, format: format) != true
                    || format == "uri" && !text.contains("://")
            }
        }
        guard let known = values else { return }
        if known.contains(text) { return }
        if known.count < options.enumValues, text.utf8.count <= Self.enumBytesMax {
            values?.append(text)
        } else {
            values = nil
        }
    }

    private mutating func add(_ member: JSONObject.Member, _ budget: inout Budget) {
        if !isDictionary, let index = indexes[member.name] {
            return members[index].shape.add(member.value, &budget)
        }
        if !isDictionary, members.count >= budget.options.propertiesMax { becomeDictionary(budget.options) }
        if isDictionary {
            if others.isEmpty { others.append(SampleShape()) }
            return others[0].add(member.value, &budget)
        }
        guard budget.places < budget.options.placesMax else { return leaveOut(&budget) }
        budget.places += 1
        indexes[member.name] = members.count
        members.append(Member(name: member.name, shape: SampleShape()))
        members[members.count - 1].shape.add(member.value, &budget)
    }

    /// Puts all members together: their names are values, not parts of a structure.
    private mutating func becomeDictionary(_ options: SchemaInference.Options) {
        var all = SampleShape()
        for member in members { all.merge(member.shape, options) }
        others = [all]
        members = []
        indexes = [:]
        isDictionary = true
    }

    private mutating func merge(_ other: SampleShape, _ options: SchemaInference.Options) {
        kinds.formUnion(other.kinds)
        count += other.count
        strings += other.strings
        objects += other.objects
        isUnknown = isUnknown || other.isUnknown
        formats.removeAll { !other.formats.contains($0) }
        if let mine = values, let theirs = other.values {
            let both = mine + theirs.filter { !mine.contains($0) }
            values = both.count <= options.enumValues ? both : nil
        } else {
            values = nil
        }
        if let theirs = other.elements.first {
            if elements.isEmpty { elements.append(SampleShape()) }
            elements[0].merge(theirs, options)
        }
        if other.isDictionary, !isDictionary { becomeDictionary(options) }
        for member in other.members {
            if isDictionary {
                others[0].merge(member.shape, options)
            } else if let index = indexes[member.name] {
                members[index].shape.merge(member.shape, options)
            } else {
                indexes[member.name] = members.count
                members.append(member)
            }
        }
        if !isDictionary, members.count > options.propertiesMax { becomeDictionary(options) }
        if let theirs = other.others.first {
            if others.isEmpty { others.append(SampleShape()) }
            others[0].merge(theirs, options)
        }
    }

    // MARK: The schema

    /// What holds for everything that was seen here.
    func schema(_ options: SchemaInference.Options) -> JSONValue {
        guard !isUnknown || count == 0 || !kinds.isEmpty else { return .object(JSONObject()) }
        var rules = JSONObject()
        // What was not looked at may be anything.
        guard !kinds.isEmpty, !isUnlooked else { return .object(rules) }
        let names = kinds.names
        rules["type"] = names.count == 1 ? .string(names[0]) : .array(names.map { .string($0) })
        addStrings(to: &rules, options)
        addMembers(to: &rules, options)
        if let elements = elements.first {
            let items = elements.schema(options)
            if items != .object(JSONObject()) { rules["items"] = items }
        }
        return .object(rules)
    }

    /// Whether a whole value was passed over; a container with some parts passed over says what it can.
    private var isUnlooked: Bool { isUnknown && kinds.isDisjoint(with: [.object, .array]) }

    private func addStrings(to rules: inout JSONObject, _ options: SchemaInference.Options) {
        guard strings > 0 else { return }
        if let format = formats.first {
            rules["format"] = .string(format)
        } else if let values, !values.isEmpty, values.count * options.enumRepetitions <= strings,
            kinds.subtracting([.string, .null]).isEmpty
        {
            rules["enum"] = .array(
                values.sorted().map { .string($0) } + (kinds.contains(.null) ? [.null] : []))
        }
    }

    private func addMembers(to rules: inout JSONObject, _ options: SchemaInference.Options) {
        guard kinds.contains(.object) else { return }
        var properties = JSONObject()
        var required: [JSONValue] = []
        for member in members.sorted(by: { $0.name < $1.name }) {
            properties[member.name] = member.shape.schema(options)
            if Double(member.shape.count) >= options.requiredShare * Double(objects) {
                required.append(.string(member.name))
            }
        }
        if !members.isEmpty { rules["properties"] = .object(properties) }
        if !required.isEmpty { rules["required"] = .array(required) }
        if let others = others.first {
            rules["additionalProperties"] = others.schema(options)
        } else if options.closesObjects, !isUnknown {
            rules["additionalProperties"] = false
        }
    }
}
