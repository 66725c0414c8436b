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
    /// By the number of the variable, as far as they are worked out.
    private var values: [Value?]

    /// Reads what the transformation needs of the event.
    init(
        _ transformation: Transformation, _ event: CloudEvent, _ context: TransformationContext
    ) throws(TransformationFailure) {
        self.transformation = transformation
        self.event = event
        self.context = context
        data = event.data?.bytes ?? []
        findings = try Self.find(transformation.paths, in: event)
        values = Array(repeating: nil, count: transformation.variables.count)
    }

    // MARK: - Reading

    private static func find(_ paths: PathSet, in event: CloudEvent) throws(TransformationFailure) -> Findings
    {
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
            guard paths.isShallow, String(validating: data, as: UTF8.self) != nil else {
                throw noPaths(event)
            }
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
        /// A JSON string with its quotes, a number, a truth value or null.
        case scalar(ArraySlice<UInt8>, JSONKind)
        /// An array or object without white space.
        case container(ArraySlice<UInt8>, depth: Int)
    }

    /// The value of a variable, worked out once, however often it is used.
    private mutating func value(_ number: Int) throws(OutputBuffer.Refusal) -> Value {
        if let value = values[number] { return value }
        let value = try read(transformation.variables[number].source)
        values[number] = value
        return value
    }

    private func read(_ source: Variable.Source) throws(OutputBuffer.Refusal) -> Value {
        switch source {
        case .event: return try container(CloudEventJSONFormat.encode(event)[...])
        case .eventWithoutData:
            var bare = event
            bare.data = nil
            return try container(CloudEventJSONFormat.encode(bare)[...])
        case .attribute(let name): return event.attribute(name).map { text($0.text) } ?? .missing
        case .data(let path, let isList):
            let found = findings.values[path]
            if isList { return try list(found) }
            return try found.first.map { (found) throws(OutputBuffer.Refusal) in try value(found) }
                ?? .missing
        case .arrived: return text(context.arrived.description)
        case .rule: return text(context.rule)
        case .ruleReference: return text("/v1/rules/" + context.rule)
        case .topic: return text(context.topic)
        }
    }

    private func text(_ text: String) -> Value { .text(Array(text.utf8)[...]) }

    private func value(_ found: Finding.Value) throws(OutputBuffer.Refusal) -> Value {
        switch found {
        case .json(let range, .array), .json(let range, .object): try container(data[range])
        case .json(let range, let kind): .scalar(data[range], kind)
        case .text(let range): .text(findings.texts[range])
        case .attribute(let range): .text(findings.attributes[range])
        case .whole: .text(data[...])
        }
    }

    private func container(_ json: ArraySlice<UInt8>) throws(OutputBuffer.Refusal) -> Value {
        var buffer = OutputBuffer(limit: transformation.limits.outputBytesMax)
        let depth = try buffer.appendCompact(json)
        return .container(buffer.bytes[...], depth: depth)
    }

    /// A list of values is a JSON array, maybe of none: but an event without data has no list.
    private func list(_ values: [Finding.Value]) throws(OutputBuffer.Refusal) -> Value {
        guard !data.isEmpty else { return .missing }
        var buffer = OutputBuffer(limit: transformation.limits.outputBytesMax)
        var depth = 0
        try buffer.append("[".utf8)
        for (place, found) in values.enumerated() {
            if place > 0 { try buffer.append(",".utf8) }
            switch found {
            case .json(let range, .array), .json(let range, .object):
                depth = max(depth, try buffer.appendCompact(data[range]))
            case .json(let range, _): try buffer.append(data[range])
            case .text(let range): try buffer.appendJSONString(findings.texts[range], quoted: true)
            case .attribute(let range): try buffer.appendJSONString(findings.attributes[range], quoted: true)
            case .whole: try buffer.appendJSONString(data[...], quoted: true)
            }
        }
        try buffer.append("]".utf8)
        return .container(buffer.bytes[...], depth: depth + 1)
    }

    // MARK: - Filling in

    /// The text that a template becomes.
    ///
    /// - Parameters:
    ///   - pointer: the template's member, for failures.
    ///   - isNeeded: whether a value that is missing is a failure even if the transformation does not say so.
    mutating func fill(
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
    private mutating func write(
        _ piece: Template.Piece, to output: inout OutputBuffer
    ) throws(OutputBuffer.Refusal) -> Variable? {
        let number: Int
        switch piece {
        case .literal(let text):
            try output.append(text)
            return nil
        case .value(let variable, let depth):
            number = variable
            try Self.write(try value(number), below: depth, to: &output)
        case .inString(let variable):
            number = variable
            try Self.writeInString(try value(number), to: &output)
        case .inText(let variable):
            number = variable
            try output.append(Self.characters(of: try value(number)))
        case .inXML(let variable, let isAttribute):
            number = variable
            try output.appendXML(Self.characters(of: try value(number)), isAttribute: isAttribute)
        }
        if case .missing? = values[number] { return transformation.variables[number] }
        return nil
    }

    private static func write(
        _ value: Value, below depth: Int, to output: inout OutputBuffer
    ) throws(OutputBuffer.Refusal) {
        switch value {
        case .missing: try output.append("null".utf8)
        case .text(let text): try output.appendJSONString(text, quoted: true)
        case .scalar(let json, _): try output.append(json)
        case .container(let json, let own):
            guard depth + own <= TransformationLimits.dataDepthMax else { throw .tooDeep }
            try output.append(json)
        }
    }

    private static func writeInString(
        _ value: Value, to output: inout OutputBuffer
    ) throws(OutputBuffer.Refusal) {
        switch value {
        case .missing: break
        case .text(let text): try output.appendJSONString(text, quoted: false)
        case .scalar(let json, .string): try output.append(json.dropFirst().dropLast())
        case .scalar(let json, _): try output.append(json)
        case .container(let json, _): try output.appendWithoutQuotes(json)
        }
    }

    /// The characters of a value in text that is not JSON.
    private static func characters(of value: Value) -> ArraySlice<UInt8> {
        switch value {
        case .missing: return []
        case .text(let text), .container(let text, _): return text
        case .scalar(let json, .string):
            return json.withUnsafeBytes { bytes in
                var scanner = JSONScanner(bytes)
                return (try? scanner.scanString()).map { scanner.utf8($0)[...] } ?? []
            }
        case .scalar(let json, _): return json
        }
    }
}
