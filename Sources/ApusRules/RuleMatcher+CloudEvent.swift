// SPDX-License-Identifier: Apache-2.0

// Matching of events that are values rather than bytes of a record.

public import CloudEvents

extension RuleMatcher {
    /// The identifiers whose pattern the event matches, ascending, each once.
    ///
    /// For tests and single events: it copies the attributes. Where events stand as bytes, use
    /// ``match(_:scratch:)``.
    public func matches(_ event: CloudEvent) -> [Int] {
        // One block of bytes, because an input holds addresses.
        var bytes: [UInt8] = []
        var ends: [(name: Int, value: Int)] = []
        for (name, text) in event.attributeTexts {
            bytes.append(contentsOf: name.utf8)
            let nameEnd = bytes.count
            bytes.append(contentsOf: text.utf8)
            ends.append((nameEnd, bytes.count))
        }
        var scratch = MatchScratch()
        return bytes.withUnsafeBytes { attributes in
            (event.data?.bytes ?? []).withUnsafeBytes { data in
                var input = MatchInput()
                var start = 0
                for (nameEnd, valueEnd) in ends {
                    input.append(
                        name: UnsafeRawBufferPointer(rebasing: attributes[start..<nameEnd]),
                        value: UnsafeRawBufferPointer(rebasing: attributes[nameEnd..<valueEnd]))
                    start = valueEnd
                }
                input.data = data
                input.dataKind = event.matchedDataKind
                return match(input, scratch: &scratch)
            }
        }
    }
}

extension CloudEvent {
    /// The attributes with their canonical texts, as headers carry them.
    var attributeTexts: [(name: String, text: String)] {
        var result = [
            ("specversion", Self.specVersion), ("id", id), ("source", source), ("type", type),
        ]
        if let subject { result.append(("subject", subject)) }
        if let time { result.append(("time", time.description)) }
        if let dataContentType { result.append(("datacontenttype", dataContentType)) }
        if let dataSchema { result.append(("dataschema", dataSchema)) }
        for element in extensions { result.append((element.name, element.value.text)) }
        return result
    }

    /// How patterns read the data: as what the content type says, as JSON if there is none.
    var matchedDataKind: MatchInput.DataKind {
        guard dataContentType != nil else { return .json }
        return switch dataKind {
        case .json: .json
        case .xml: .xml
        default: .other
        }
    }
}
