// SPDX-License-Identifier: Apache-2.0

// The meaning of a pattern, spelled out over a tree. An object of the pattern can hold in two ways: because of
// values that are there (a witness), or because nothing it mentions is there at all and that is what it wants.
// In an array, a witness is needed in one element, absence in all of them.

import CloudEvents
import JSONText

/// An event taken apart for explaining.
struct Explainer {
    /// How much of what is asked is so.
    private struct Verdict {
        var byWitness: Bool
        var byAbsence: Bool
        var holds: Bool { byWitness || byAbsence }
    }

    private let event: EventValue
    /// Whether there is data that cannot be read.
    let isDataUnreadable: Bool

    init(_ event: CloudEvent) {
        self.init(
            attributes: event.attributeTexts, data: event.data?.bytes ?? [], kind: event.matchedDataKind)
    }

    init(attributes: [(name: String, text: String)], data bytes: [UInt8], kind: MatchInput.DataKind) {
        var members = attributes.map { attribute in
            (name: Array(attribute.name.utf8), value: EventValue.attribute(Array(attribute.text.utf8)))
        }
        let data: EventValue? =
            switch kind {
            case .json: EventValue(json: bytes)
            case .xml: EventValue(xml: bytes)
            case .other: nil
            }
        if let data { members.append((Array("data".utf8), data)) }
        self.event = .object(members)
        self.isDataUnreadable = data == nil && !bytes.isEmpty
    }

    // MARK: - The verdict

    func matches(_ pattern: Pattern) -> Bool {
        pattern.root.combinations.contains { combination in
            if isDataUnreadable, combination.fields.contains(where: { $0.name.elementsEqual("data".utf8) }) {
                return false
            }
            return verdict(of: combination, on: event).holds
        }
    }

    private func verdict(of combination: Conjunction, on value: EventValue) -> Verdict {
        var verdicts: [Verdict] = []
        for field in combination.fields {
            let inner = value[field.name]
            verdicts += field.leaves.map { Self.verdict(of: $0, on: inner) }
            guard let object = field.object else { continue }
            // Without elements, nothing the object mentions is there: as in an empty object.
            let elements = inner.elements.map { verdict(of: object, on: $0) }
            verdicts.append(
                elements.isEmpty
                    ? verdict(of: object, on: .object([]))
                    : Verdict(
                        byWitness: elements.contains { $0.byWitness },
                        byAbsence: elements.allSatisfy { $0.byAbsence }))
        }
        return Verdict(
            byWitness: verdicts.allSatisfy(\.holds) && verdicts.contains { $0.byWitness },
            byAbsence: verdicts.allSatisfy { $0.byAbsence })
    }

    /// Whether a field with this value passes any of the tests.
    static func holds(_ tests: [PatternTest], of value: EventValue) -> Bool {
        verdict(of: tests, on: value).holds
    }

    private static func verdict(of tests: [PatternTest], on value: EventValue) -> Verdict {
        let leaves = value.leaves
        return Verdict(
            byWitness: leaves.contains { leaf in
                tests.contains { $0 != .exists(false) && leaf.passes($0) }
            },
            byAbsence: leaves.isEmpty && tests.contains(.exists(false))
                || tests.contains { test in
                    guard case .noneOf(let refused) = test else { return false }
                    return !leaves.contains { leaf in refused.contains { leaf.passes($0) } }
                })
    }

    // MARK: - Each field by itself

    func fields(of pattern: Pattern) -> [MatchExplanation.Field] {
        fields(of: pattern.root, on: [event], path: [])
    }

    private func fields(
        of object: PatternObject, on values: [EventValue], path: [String]
    ) -> [MatchExplanation.Field] {
        var result: [MatchExplanation.Field] = []
        for field in object.fields {
            let path = path + [String(decoding: field.name, as: UTF8.self)]
            let inner = EventValue.several(values.map { $0[field.name] })
            switch field.content {
            case .object(let object): result += fields(of: object, on: inner.elements, path: path)
            case .leaf(let tests): result.append(explanation(of: tests, on: inner, path: path))
            }
        }
        for (index, requirement) in object.requirements.enumerated() {
            result += fields(of: requirement, on: values, path: path + ["$and", String(index)])
        }
        for (index, choice) in object.choices.enumerated() {
            result += fields(of: choice, on: values, path: path + ["$or", String(index)])
        }
        return result
    }

    private func explanation(
        of tests: [PatternTest], on value: EventValue, path: [String]
    ) -> MatchExplanation.Field {
        let leaves = value.leaves
        let isData = path.first { $0 != "$or" && $0 != "$and" && Int($0) == nil } == "data"
        return MatchExplanation.Field(
            path: path.joined(separator: "."), expected: tests.map(\.json),
            values: leaves.prefix(MatchExplanation.shownValuesMax).map(\.json), valueCount: leaves.count,
            isMatched: Self.verdict(of: tests, on: value).holds && !(isData && isDataUnreadable))
    }
}

extension PatternTest {
    /// The alternative as it stands in a pattern.
    fileprivate var json: JSONValue {
        var writer = JSONWriter()
        writer.test(self)
        // What the writer wrote is JSON: the fallback is never taken.
        return (try? JSONValue(parsing: writer.bytes)) ?? .null
    }
}

extension EventValue {
    /// A value that is no object.
    fileprivate var json: JSONValue {
        switch self {
        case .attribute(let text): .string(String(decoding: text, as: UTF8.self))
        case .scalar(let scalar): PatternTest.equals(scalar).json
        case .several, .object: .null
        }
    }
}
