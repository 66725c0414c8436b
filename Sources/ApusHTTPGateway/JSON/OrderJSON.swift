// SPDX-License-Identifier: Apache-2.0

// Order, fairness and priorities of subscriptions as JSON, both ways. Null takes one of them away.

internal import ApusEngine
internal import JSONText

extension SubscriptionChanges {
    mutating func readOrder(_ reader: MemberReader) throws(Problem) {
        if reader.isNull("ordering") {
            ordering = .some(nil)
        } else if let value = reader.value("ordering") {
            ordering = .some(try OrderingSettings(value))
        }
        if reader.isNull("fairness") {
            fairness = .some(nil)
        } else if let value = reader.value("fairness") {
            fairness = .some(try FairnessSettings(value))
        }
        if reader.isNull("priority") {
            priority = .some(nil)
        } else if let name = try reader.string("priority") {
            guard EventKey.isAttributeName(name) else {
                throw reader.wrong("priority", expected: "the name of an attribute (a-z and 0-9), or null")
            }
            priority = .some(name)
        }
    }
}

extension OrderingSettings {
    fileprivate init(_ value: JSONValue) throws(Problem) {
        let reader = try MemberReader(value, Schema.ordering, in: "ordering.")
        self.init(by: try reader.eventKey("by") ?? .key)
        if let choice = try reader.choice("on_dead_letter", AfterDeadLetter.self) { onDeadLetter = choice }
    }
}

extension FairnessSettings {
    fileprivate init(_ value: JSONValue) throws(Problem) {
        let reader = try MemberReader(value, Schema.fairness, in: "fairness.")
        self.init(by: try reader.eventKey("by") ?? .key)
        guard let value = reader.value("weights") else { return }
        guard let object = value.object else {
            throw reader.wrong("weights", expected: "an object of keys and weights, such as {\"gold\": 10}")
        }
        guard object.members.count <= Bounds.weights else {
            throw Problem(
                .invalid,
                "'fairness.weights' must have at most \(Bounds.weights) members, not \(object.members.count)")
        }
        for member in object.members {
            guard let weight = member.value.int64, Bounds.weight.contains(weight) else {
                throw Problem(
                    .invalid,
                    "'fairness.weights.\(member.name.prefix(80))' must be a whole number from "
                        + "\(Bounds.weight.lowerBound) to \(Bounds.weight.upperBound)")
            }
            weights[member.name] = Int(weight)
        }
    }
}

extension MemberReader {
    fileprivate func eventKey(_ name: String) throws(Problem) -> EventKey? {
        guard let text = try string(name) else { return nil }
        guard let key = EventKey(text) else {
            throw wrong(name, expected: "\"key\", or \"attribute:\" and the name of an attribute")
        }
        return key
    }
}

// MARK: - Writing

extension JSONWriter {
    mutating func order(_ settings: SubscriptionSettings) {
        key("ordering")
        if let ordering = settings.ordering {
            object { writer in
                writer.member("by", ordering.by.text)
                writer.member("on_dead_letter", ordering.onDeadLetter.rawValue)
            }
        } else {
            null()
        }
        key("fairness")
        if let fairness = settings.fairness {
            object { writer in
                writer.member("by", fairness.by.text)
                writer.key("weights")
                writer.object { writer in
                    for (key, weight) in fairness.weights.sorted(by: { $0.key < $1.key }) {
                        writer.key(key)
                        writer.integer(Int64(weight))
                    }
                }
            }
        } else {
            null()
        }
        member("priority", settings.priority)
    }
}
