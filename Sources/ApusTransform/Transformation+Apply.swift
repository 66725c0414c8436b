// SPDX-License-Identifier: Apache-2.0

// An event in, an event out.

public import CloudEvents

extension Transformation {
    /// The event that a target gets.
    ///
    /// Linear in the size of the event's data and of what comes out.
    ///
    /// - Throws: `TransformationFailure` with the reason and the member of the transformation.
    public func apply(
        to event: CloudEvent, in context: TransformationContext
    ) throws(TransformationFailure) -> CloudEvent {
        var evaluation = try Evaluation(self, event, context)
        var result = event
        switch input {
        case .unchanged: break
        case .constant(let text, let kind): result.replaceData(with: text, kind)
        case .template(let template, let kind, let pointer):
            let text = try evaluation.fill(template, pointer: pointer, isNeeded: pointer == "/input_path")
            result.replaceData(with: text, kind)
        }
        try rename(in: &result, from: event)
        for (place, name) in attributes.removed.enumerated() {
            try Self.set(name, nil, in: &result, pointer: "/attributes/remove/\(place)")
        }
        for (name, template) in attributes.set {
            let pointer = Pointer.member(name, of: "/attributes/set")
            let text = try evaluation.fill(template, pointer: pointer)
            try Self.set(name, text.isEmpty ? nil : text, in: &result, pointer: pointer)
        }
        do { try result.validate() } catch {
            throw TransformationFailure(
                .attribute(error.rule, seen: error.seen ?? ""),
                pointer: error.attribute.map { Pointer.member($0, of: "/attributes/set") } ?? "/attributes")
        }
        return result
    }

    /// Gives attributes their new names: first all old ones go, so that two can swap.
    private func rename(in result: inout CloudEvent, from event: CloudEvent) throws(TransformationFailure) {
        for (old, _) in attributes.renamed where event.attribute(old) != nil {
            try Self.set(old, nil, in: &result, pointer: Pointer.member(old, of: "/attributes/rename"))
        }
        for (old, new) in attributes.renamed {
            guard let value = event.attribute(old) else { continue }
            let pointer = Pointer.member(old, of: "/attributes/rename")
            guard result.attribute(new) == nil else {
                throw TransformationFailure(.attributeExists(new), pointer: pointer)
            }
            try Self.set(new, Array(value.text.utf8), in: &result, pointer: pointer)
            do { try result.validate() } catch {
                throw TransformationFailure(.attribute(error.rule, seen: value.text), pointer: pointer)
            }
        }
    }

    private static func set(
        _ name: String, _ value: [UInt8]?, in event: inout CloudEvent, pointer: String
    ) throws(TransformationFailure) {
        let text = value.map { String(decoding: $0, as: UTF8.self) }
        do { try event.set(name, to: text) } catch {
            throw TransformationFailure(.attribute(error.rule, seen: error.seen ?? ""), pointer: pointer)
        }
    }
}

extension CloudEvent {
    /// Other data: what was said of the old ones does not hold any more.
    fileprivate mutating func replaceData(with text: [UInt8], _ kind: OutputKind) {
        data = CloudEventData(text)
        dataContentType = kind.contentType
        dataSchema = nil
    }
}
