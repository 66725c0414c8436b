// SPDX-License-Identifier: Apache-2.0

// JSON: what is parsed can be written, and what is written is parsed as the same value.

import JSONText

func fuzzJSON(_ input: [UInt8]) {
    guard let value = try? JSONValue(parsing: input) else { return }
    let compact = value.serialized()
    precondition((try? JSONValue(parsing: compact)) == value, "compact text is another value")
    precondition(
        (try? JSONValue(parsing: value.serialized(pretty: true))) == value, "pretty text is another value")
    // The scanner that rules use skips values without building them; it must agree on where they end.
    input.withUnsafeBytes { bytes in
        var scanner = JSONScanner(bytes)
        let skipped = try? scanner.skipValue()
        precondition(skipped != nil, "a value that parses cannot be skipped")
        precondition((try? scanner.expectEnd()) != nil, "a skipped value ends elsewhere")
    }
}
