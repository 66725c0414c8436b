// SPDX-License-Identifier: Apache-2.0

// What becomes of the attributes: some get other names, some go, some are set, in this order. What identifies the event stays.

import CloudEvents

/// Changes of an event's attributes.
struct AttributeChanges: Sendable {
    var renamed: [(old: String, new: String)] = []
    var removed: [String] = []
    var set: [(name: String, value: Template)] = []

    var isEmpty: Bool { renamed.isEmpty && removed.isEmpty && set.isEmpty }

    /// How an attribute is used in a change.
    enum Use {
        case oldName, newName, removal, setting
    }

    /// Why an attribute cannot be used so; nil if it can.
    static func objection(to name: String, _ use: Use) -> TransformationError.Reason? {
        switch name {
        case "id", "source":
            return .fixedAttribute("'\(name)' identifies the event: it is the same for every receiver")
        case "specversion": return .fixedAttribute("'specversion' is always 1.0")
        case "data": return .fixedAttribute("'data' is no attribute: use 'input_template'")
        case "type":
            return use == .setting ? nil : .fixedAttribute("every event has a 'type': it can be set only")
        case "datacontenttype":
            return use == .setting
                ? nil : .fixedAttribute("'datacontenttype' follows from the data: it can be set only")
        case "subject", "time", "dataschema": return nil
        default:
            var probe = CloudEventExtensions()
            do { try probe.set(name, to: "x") } catch { return .attribute(error.rule) }
            return nil
        }
    }

    /// The rule that a value of an attribute breaks; nil if it is allowed.
    static func violation(_ name: String, _ value: String) -> CloudEventError.Rule? {
        do {
            var event = try CloudEvent(id: "x", source: "x", type: "x")
            try event.set(name, to: value)
            try event.validate()
            return nil
        } catch { return error.rule }
    }
}

extension CloudEvent {
    /// An attribute's value, nil if it is absent.
    func attribute(_ name: String) -> CloudEventValue? {
        switch name {
        case "specversion": .string(Self.specVersion)
        case "id": .string(id)
        case "source": .string(source)
        case "type": .string(type)
        case "subject": subject.map { .string($0) }
        case "time": time.map { .timestamp($0) }
        case "datacontenttype": dataContentType.map { .string($0) }
        case "dataschema": dataSchema.map { .string($0) }
        default: extensions[name]
        }
    }

    /// Sets an attribute from its text; nil removes it. What the specification says of core attributes other than `time` is left to
    /// `validate()`.
    mutating func set(_ name: String, to value: String?) throws(CloudEventError) {
        switch name {
        case "type": type = value ?? ""
        case "subject": subject = value
        case "datacontenttype": dataContentType = value
        case "dataschema": dataSchema = value
        case "time":
            let timestamp = value.flatMap { CloudEventTimestamp($0) }
            guard value == nil || timestamp != nil else {
                throw CloudEventError(.notTimestamp, attribute: name, seen: value)
            }
            time = timestamp
        default: try extensions.set(name, to: value.map { .string($0) })
        }
    }
}
