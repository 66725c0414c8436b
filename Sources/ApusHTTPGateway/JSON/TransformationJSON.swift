// SPDX-License-Identifier: Apache-2.0

// Transformations in requests: a fault is told with a JSON pointer into the request, and the byte where it lies inside a text.

internal import ApusTransform
internal import CloudEvents
internal import JSONText

extension MemberReader {
    func transformation(_ name: String) throws(Problem) -> Transformation? {
        guard let value = value(name) else { return nil }
        do { return try Transformation(value) } catch {
            let pointer = MemberReader.pointer(to: path(name)) + error.pointer
            let problem = Problem(
                .malformed, "'\(path(name))': \(error.description)",
                hint: "see docs/transformations.md; 'apus rule test --transform FILE' tries one out"
            ).with("pointer", .string(pointer))
            throw error.offset.map { problem.with("offset", .number(JSONNumber($0))) } ?? problem
        }
    }

    /// `targets[0].transformation` as a JSON pointer.
    private static func pointer(to path: String) -> String {
        "/" + path.replacing("[", with: "/").replacing("]", with: "").replacing(".", with: "/")
    }
}

/// What a rule's target would get of an event.
enum TransformationPreview {
    case transformed(CloudEvent)
    case failure(TransformationFailure)

    init(_ transformation: Transformation, of event: CloudEvent, in context: TransformationContext) {
        do { self = .transformed(try transformation.apply(to: event, in: context)) } catch {
            self = .failure(error)
        }
    }
}

extension JSONWriter {
    /// The members of an answer that tell of a transformation; null where there is none, or no match.
    mutating func preview(_ preview: TransformationPreview?) {
        key("transformed")
        if case .transformed(let event)? = preview {
            CloudEventJSONFormat.write(event, to: &self)
        } else {
            null()
        }
        guard case .failure(let failure)? = preview else { return member("failure", nil as String?) }
        member("failure", failure.description)
    }
}
