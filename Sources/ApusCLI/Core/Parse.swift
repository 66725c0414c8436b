// SPDX-License-Identifier: Apache-2.0

// Values of options, with errors that say what is accepted.

internal import ApusClient
import ApusModel
internal import ApusNetwork
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

    /// A duration, or `none`.
    struct OptionalDuration: Sendable {
        var value: Duration?
    }

    static func optionalDuration(_ text: String) throws -> OptionalDuration {
        OptionalDuration(value: text == "none" ? nil : try duration(text))
    }

    /// Durations with commas between them; `none` for none.
    static func schedule(_ text: String) throws -> [Duration] {
        if text == "none" { return [] }
        return try text.split(separator: ",", omittingEmptySubsequences: false).map {
            try duration(String($0.filter { $0 != " " }))
        }
    }

    static func size(_ text: String) throws -> Int {
        guard let size = SizeText.parse(text) else {
            throw ValidationError(
                "'\(text)' is not a size; write a number of bytes, or one with KiB, MiB or GiB")
        }
        return size
    }

    /// The name of a host, without a port.
    static func hostName(_ text: String) throws -> String {
        let isName = text.utf8.allSatisfy { byte in
            byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A || byte >= 0x30 && byte <= 0x39 || byte == 0x2D
                || byte == 0x2E
        }
        guard isName, !text.isEmpty else {
            throw ValidationError(
                "'\(text)' is not the name of a host; write it as bus.example.org, without a port")
        }
        return text
    }

    /// An origin, as browsers send it: scheme, host, and the port if it is not the scheme's own.
    static func origin(_ text: String) throws -> String {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "http:" || parts[0] == "https:", parts[1].isEmpty,
            !parts[2].isEmpty
        else {
            throw ValidationError("'\(text)' is not an origin; write it as https://bus.example.org")
        }
        return text
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
