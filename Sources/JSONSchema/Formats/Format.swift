// SPDX-License-Identifier: Apache-2.0

// The formats of JSON Schema, when they are checked. Each is a function over the bytes of the string, in linear time and
// without memory of its own (but for names of hosts with letters outside ASCII, and regular expressions).

/// A format that can be checked. Others are annotations always.
enum Format: UInt8, Sendable, CaseIterable {
    case dateTime, date, time, duration, email, idnEmail, hostname, idnHostname, ipv4, ipv6
    case uri, uriReference, iri, iriReference, uuid, uriTemplate, jsonPointer, relativeJSONPointer, regex

    /// The name in schemas.
    var name: String {
        switch self {
        case .dateTime: "date-time"
        case .date: "date"
        case .time: "time"
        case .duration: "duration"
        case .email: "email"
        case .idnEmail: "idn-email"
        case .hostname: "hostname"
        case .idnHostname: "idn-hostname"
        case .ipv4: "ipv4"
        case .ipv6: "ipv6"
        case .uri: "uri"
        case .uriReference: "uri-reference"
        case .iri: "iri"
        case .iriReference: "iri-reference"
        case .uuid: "uuid"
        case .uriTemplate: "uri-template"
        case .jsonPointer: "json-pointer"
        case .relativeJSONPointer: "relative-json-pointer"
        case .regex: "regex"
        }
    }

    /// The format of a name.
    init?(name: String) {
        guard let found = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = found
    }

    /// Whether a string, as UTF-8, is of the format.
    func accepts(_ text: UnsafeRawBufferPointer) -> Bool {
        switch self {
        case .dateTime: Times.isDateTime(text)
        case .date: Times.isDate(text)
        case .time: Times.isTime(text)
        case .duration: Times.isDuration(text)
        case .email: Hosts.isMailbox(text, allowsUnicode: false)
        case .idnEmail: Hosts.isMailbox(text, allowsUnicode: true)
        case .hostname: Hosts.isHostname(text)
        case .idnHostname: InternationalHosts.isHostname(text)
        case .ipv4: Hosts.isIPv4(text)
        case .ipv6: Hosts.isIPv6(text)
        case .uri: URIs.isReference(text, needsScheme: true, allowsUnicode: false)
        case .uriReference: URIs.isReference(text, needsScheme: false, allowsUnicode: false)
        case .iri: URIs.isReference(text, needsScheme: true, allowsUnicode: true)
        case .iriReference: URIs.isReference(text, needsScheme: false, allowsUnicode: true)
        case .uuid: Pointers.isUUID(text)
        case .uriTemplate: URIs.isTemplate(text)
        case .jsonPointer: Pointers.isPointer(text)
        case .relativeJSONPointer: Pointers.isRelativePointer(text)
        case .regex: Self.isRegex(text)
        }
    }

    private static func isRegex(_ text: UnsafeRawBufferPointer) -> Bool {
        do throws(RegexError) {
            _ = try RegexParser.parse(String(decoding: text, as: UTF8.self), looksUp: false)
            return true
        } catch {
            return error.isUnsupported
        }
    }
}

extension UnsafeRawBufferPointer {
    /// A part of the bytes.
    @inline(__always)
    func part(_ start: Int, _ end: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: self[Swift.max(start, 0)..<Swift.max(end, start, 0)])
    }

    /// The byte at a place, or zero behind the end.
    @inline(__always)
    func at(_ index: Int) -> UInt8 { index >= 0 && index < count ? self[index] : 0 }

    /// The number that two digits are, or nil.
    @inline(__always)
    func twoDigits(_ index: Int) -> Int? {
        let tens = at(index) &- 0x30
        let ones = at(index + 1) &- 0x30
        return tens <= 9 && ones <= 9 ? Int(tens) * 10 + Int(ones) : nil
    }

    func firstIndex(ofByte byte: UInt8) -> Int? { firstIndex(of: byte) }
}

/// Kinds of bytes.
enum ASCII {
    @inline(__always) static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 <= 9 }
    @inline(__always) static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 <= 25 }
    @inline(__always) static func isHex(_ byte: UInt8) -> Bool { isDigit(byte) || (byte | 0x20) &- 0x61 <= 5 }
}
