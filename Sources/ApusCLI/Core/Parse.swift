// SPDX-License-Identifier: Apache-2.0

// Values of options, with errors that say what is accepted.

import ApusModel
internal import ApusClient
internal import ArgumentParser
internal import JSONText

/// Reads values of options; each throws a `ValidationError` that names what is accepted.
enum Parse {
    static func duration(_ text: String) throws -> Duration {
        guard let duration = DurationText.parse(text) else {
            throw ValidationError(
                "'\(text)' is not a duration; write a number and a unit: 250ms, 30s, 5m, 12h, 7d")
        }
        return duration
    }

    static func size(_ text: String) throws -> Int {
        guard let size = SizeText.parse(text) else {
            throw ValidationError(
                "'\(text)' is not a size; write a number of bytes, or one with KiB, MiB or GiB")
        }
        return size
    }

    static func position(_ text: String) throws -> Position {
        guard let position = Position(text) else {
            throw ValidationError(
                "'\(text)' is not a position; write earliest, latest, an offset (42), a time "
                    + "(2026-11-23T21:00:00Z) or a duration back from now (1h)")
        }
        return position
    }

    static func json(_ text: String) throws -> JSONValue {
        do {
            return try JSONValue(parsing: text)
        } catch {
            throw ValidationError("not JSON: \(error)")
        }
    }

    /// A pattern: a JSON object.
    static func pattern(_ text: String) throws -> JSONValue {
        let value = try json(text)
        guard value.object != nil else {
            throw ValidationError("a pattern is a JSON object, such as '{\"type\": [\"order.placed\"]}'")
        }
        return value
    }

    /// `flush`, `none` or an interval.
    static func durability(_ text: String) throws -> String {
        guard text == "flush" || text == "none" || DurationText.parse(text).map({ $0 > .zero }) == true else {
            throw ValidationError(
                "'\(text)' is not a durability; write flush, none, or an interval such as 100ms")
        }
        return text
    }

    /// `name=value`, the name being that of a CloudEvents extension.
    static func attribute(_ text: String) throws -> EventAttribute {
        guard let equals = text.firstIndex(of: "="),
            let attribute = EventAttribute(
                String(text[..<equals]), String(text[text.index(after: equals)...]))
        else {
            throw ValidationError(
                "'\(text)' is not an extension; write name=value, the name in lower-case letters and digits")
        }
        return attribute
    }

    static func address(_ text: String) throws -> ListenAddress {
        guard let address = ListenAddress(text) else {
            throw ValidationError(
                "'\(text)' is not an address; write HOST:PORT, such as 127.0.0.1:8222 or [::1]:8222")
        }
        return address
    }
}
