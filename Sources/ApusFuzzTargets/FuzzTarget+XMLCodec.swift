// SPDX-License-Identifier: Apache-2.0

// XML as typed data: what could be read can be written, and is then read as the same.

import ApusXML
import FoundationEssentials

private struct Sample: Codable, Equatable {
    struct Price: Codable, Equatable {
        @AsAttribute var currency: String?
        @AsText var amount: String
    }

    @AsAttribute var id: String
    @AsAttribute var count: Int?
    var note: String?
    var prices: [Price]
    var tags: [[String]]?
    var due: Date?
    var blob: Data?
    var isOpen: Bool?
    var ratio: Double?
    var more: [String: UInt8]?
    var parts: [Sample]
}

/// The input is a document; its first byte says how arrays are written.
func fuzzXMLCodec(_ input: [UInt8]) {
    guard let first = input.first else { return }
    let codec = XMLEventCodec(arrays: first == UInt8(ascii: "w") ? .wrapped(item: "item") : .repeated)
    let document = first == UInt8(ascii: "w") ? Array(input.dropFirst()) : input
    guard let sample = try? codec.decode(Sample.self, from: document, contentType: nil) else { return }
    guard let written = try? codec.encode(sample) else {
        preconditionFailure("what was read cannot be written")
    }
    guard let again = try? codec.decode(Sample.self, from: written, contentType: nil) else {
        preconditionFailure("what was written cannot be read")
    }
    // Of a number that is none, there is no telling.
    precondition(
        again == sample || written.firstRange(of: Array("NaN".utf8)) != nil,
        "what was written is another value")
}
