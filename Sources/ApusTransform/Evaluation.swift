// SPDX-License-Identifier: Apache-2.0

// The values of variables for one event, and templates filled in with them.

import CloudEvents
import JSONText

/// One event under transformation.
struct Evaluation {
    private let transformation: Transformation
    private let event: CloudEvent
    private let context: TransformationContext
    private let data: [UInt8]
    private let findings: Findings

    /// Reads what the transformation needs of the event.
    init(
        _ transformation: Transformation, _ event: CloudEvent, _ context: TransformationContext
    ) throws(TransformationFailure) {
        self.transformation = transformation
        self.event = event
        self.context = context
        data = event.data?.bytes ?? []
        findings = try Self.find(transformation.paths, in: event)
    }

    // MARK: - Reading

    private static func find(_ paths: PathSet, in event: CloudEvent) throws(TransformationFailure) -> Findings {
        guard !paths.isEmpty, let data = event.data?.bytes, !data.isEmpty else {
            return Findings(pathCount: paths.count)
        }
        let kind = event.dataContentType == nil ? .json : event.dataKind
        guard event.isDataUTF8 else { throw noPaths(event) }
        switch kind {
        case .json:
            let result = data.withUnsafeBytes { bytes in
                // A Result, because the closure is the standard library's and throws untyped.
                Result { () throws(JSONError) in try JSONPathPass.find(paths, in: bytes) }
            }
            do { return try result.get() } catch {
                throw TransformationFailure(.dataIsNotJSON(error), pointer: "/input_paths")
            }
        case .xml:
            let result = data.withUnsafeBytes { bytes in
                Result { () throws(CloudEventError) in try XMLPathPass.find(paths, in: bytes) }
            }
            do { return try result.get() } catch {
                let (reason, offset) = XMLPathPass.describe(error)
                throw TransformationFailure(
                    .dataIsNotXML(reason: reason, offset: offset), pointer: "/input_paths")
            }
        case .text:
            guard paths.isShallow, String(validating: data, as: UTF8.self) != nil else { throw noPaths(event) }
            var findings = Findings(pathCount: paths.count)
            findings.take((0..<paths.count).map { Finding(path: $0, value: .whole) })
            return findings
        case .binary: throw noPaths(event)
        }
    }

    private static func noPaths(_ event: CloudEvent) -> TransformationFailure {
        TransformationFailure(
            .dataHasNoPaths(contentType: event.dataContentType ?? "of no content type"),
            pointer: "/input_paths")
    }

    // MARK: - Values

    /// The value of a variable.
    private enum Value {
        case missing
        case text(ArraySlice<UInt8>)
        /// One JSON value.
        case json(ArraySlice<UInt8>, JSONKind)
    }

    private func value(_ variable: Variable) throws(OutputBuffer.Refusal) -> Value {
        switch variable.source {
        case .event: return .json(CloudEventJSONFormat.encode(event)[...], .object)
        case .eventWithoutData:
            var bare = event
            bare.data = nil
            return .json(CloudEventJSONFormat.encode(bare)[...], .object)
        case .attribute(let name): return event.attribute(name).map { text($0.text) } ?? .missing
        case .data(let path, let isList): return isList ? try list(findings.values[path]) : one(findings.values[path])
        case .arrived: return text(context.arrived.description)
        case .rule: return text(context.rule)
        case .ruleReference: return text("/v1/rules/" + context.rule)
        case .topic: return text(context.topic)
        }
    }

    private func text(_ text: String) -> Value { .text(Array(text.utf8)[...]) }

    private func one(_ values: [Finding.Value]) -> Value { values.first.map { value($0) } ?? .missing }

    private func value(_ found: Finding.Value) -> Value {
        switch found {
        case .json(let range, let kind): .json(data[range], kind)
        case .text(let range): .text(findings.texts[range])
        case .attribute(let range): .text(findings.attributes[range])
        case .whole: .text(data[...])
        }
    }

    /// A list of values is a JSON array, maybe of none: but an event without data has no list.
    private func list(_ values: [Finding.Value]) throws(OutputBuffer.Refusal) -> Value {
        guard event.data != nil else { return .missing }
        var buffer = OutputBuffer(limit: transformation.limits.outputBytesMax)
        try buffer.append("[".utf8)
        for (place, found) in values.enumerated() {
            if place > 0 { try buffer.append(",".utf8) }
            switch value(found) {
            case .text(let text): try buffer.appendJSONString(text, quoted: true)
            case .json(let json, _): try buffer.append(json)
            case .missing: continue
            }
        }
        try buffer.append("]".utf8)
        return .json(buffer.bytes[...], .array)
    }

    /// The characters of a value in text that has no syntax.
    private static func characters(
        of json: ArraySlice<UInt8>, _ kind: JSONKind, limit: Int
    ) throws(OutputBuffer.Refusal) -> ArraySlice<UInt8> {
        switch kind {
        case .null, .bool, .number: return json
        case .string:
            return json.withUnsafeBytes { bytes in
                var scanner = JSONScanner(bytes)
                return (try? scanner.scanString()).map { scanner.utf8($0)[...] } ?? []
            }
        case .array, .object:
            var buffer = OutputBuffer(limit: limit)
            try buffer.appendCompact(json, keepingQuotes: true, depth: 0)
            return buffer.bytes[...]
        }
    }

    // MARK: - Filling in

    /// The text that a template becomes.
    ///
    /// - Parameters:
    ///   - pointer: the template's member, for failures.
    ///   - isNeeded: whether a value that is missing is a failure even if the transformation does not say so.
    func fill(
        _ template: Template, pointer: String, isNeeded: Bool = false
    ) throws(TransformationFailure) -> [UInt8] {
        var output = OutputBuffer(limit: transformation.limits.outputBytesMax)
        for piece in template.pieces {
            let missing: Variable?
            do throws(OutputBuffer.Refusal) {
                missing = try write(piece, to: &output)
            } catch { throw TransformationFailure(reason(error), pointer: pointer) }
            guard let missing, isNeeded || transformation.failsOnMissing else { continue }
            throw TransformationFailure(.missing(path: missing.path), pointer: pointer)
        }
        return output.bytes
    }

    private func reason(_ refusal: OutputBuffer.Refusal) -> TransformationFailure.Reason {
        switch refusal {
        case .tooLarge: .tooLarge(limit: transformation.limits.outputBytesMax)
        case .tooDeep: .tooDeep(limit: TransformationLimits.dataDepthMax)
        case .notXMLText: .notXMLText
        }
    }

    /// Writes one piece; returns its variable if that has no value.
    private func write(_ piece: Template.Piece, to output: inout OutputBuffer) throws(OutputBuffer.Refusal) -> Variable? {
        let number: Int
        switch piece {
        case .literal(let text):
            try output.append(text)
            return nil
        case .value(let variable, _), .inString(let variable), .inText(let variable), .inXML(let variable, _):
            number = variable
        }
        let variable = transformation.variables[number]
        let value = try value(variable)
        switch piece {
        case .literal: break
        case .value(_, let depth): try write(value, below: depth, to: &output)
        case .inString: try writeInString(value, to: &output)
        case .inText: try output.append(try characters(of: value))
        case .inXML(_, let isAttribute):
            try output.appendXML(try characters(of: value), isAttribute: isAttribute)
        }
        if case .missing = value { return variable }
        return nil
    }

    private func write(_ value: Value, below depth: Int, to output: inout OutputBuffer) throws(OutputBuffer.Refusal) {
        switch value {
        case .missing: try output.append("null".utf8)
        case .text(let text): try output.appendJSONString(text, quoted: true)
        case .json(let json, .object), .json(let json, .array):
            try output.appendCompact(json, keepingQuotes: true, depth: depth)
        case .json(let json, _): try output.append(json)
        }
    }

    private func writeInString(_ value: Value, to output: inout OutputBuffer) throws(OutputBuffer.Refusal) {
        switch value {
        case .missing: break
        case .text(let text): try output.appendJSONString(text, quoted: false)
        case .json(let json, .string): try output.append(json.dropFirst().dropLast())
        case .json(let json, .object), .json(let json, .array):
            try output.appendCompact(json, keepingQuotes: false, depth: 0)
        case .json(let json, _): try output.append(json)
        }
    }

    private func characters(of value: Value) throws(OutputBuffer.Refusal) -> ArraySlice<UInt8> {
        switch value {
        case .missing: []
        case .text(let text): text
        case .json(let json, let kind):
            try Self.characters(of: json, kind, limit: transformation.limits.outputBytesMax)
        }
    }
}
