// SPDX-License-Identifier: Apache-2.0

// JSON text, appended to a byte array: the one way Apus writes JSON. It places commas and colons; the
// caller pairs begin and end, and gives each member a key.

/// Appends JSON values to a byte array.
public struct JSONWriter: Sendable {
    /// The text so far.
    public private(set) var bytes: [UInt8]
    private let isPretty: Bool
    private var depth = 0
    private var needsComma = false
    private var followsKey = false

    /// Creates a writer; `pretty` breaks lines and indents by two spaces.
    ///
    /// - Parameters:
    ///   - capacity: bytes to reserve.
    ///   - pretty: whether to lay the text out for people.
    public init(capacity: Int = 0, pretty: Bool = false) {
        self.bytes = []
        self.isPretty = pretty
        bytes.reserveCapacity(capacity)
    }

    /// Creates a writer that continues `bytes`, whose storage it takes over.
    public init(appendingTo bytes: consuming [UInt8]) {
        self.bytes = bytes
        self.isPretty = false
    }

    /// The text, whose storage is the caller's then.
    package consuming func finish() -> [UInt8] { bytes }

    /// Opens an object.
    public mutating func beginObject() { open(0x7B) }
    /// Closes an object.
    public mutating func endObject() { close(0x7D) }
    /// Opens an array.
    public mutating func beginArray() { open(0x5B) }
    /// Closes an array.
    public mutating func endArray() { close(0x5D) }

    /// Writes a member's name; its value must follow.
    public mutating func key(_ name: String) {
        startElement()
        appendQuoted(name)
        finishKey()
    }

    /// Writes a member's name known to need no escaping; its value must follow.
    public mutating func key(_ name: StaticString) {
        startElement()
        bytes.append(0x22)
        bytes.append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        bytes.append(0x22)
        finishKey()
    }

    /// Writes a string, escaped.
    public mutating func string(_ value: String) {
        startElement()
        appendQuoted(value)
    }

    /// Writes a string, escaped, from bytes that are UTF-8.
    public mutating func string(utf8 value: UnsafeRawBufferPointer) {
        startElement()
        appendQuoted(value)
    }

    /// Writes an integer.
    public mutating func integer(_ value: Int) { integer(Int64(value)) }

    /// Writes an integer.
    public mutating func integer(_ value: Int64) {
        startElement()
        appendDigits(of: value.magnitude, negative: value < 0)
    }

    /// Writes an integer.
    public mutating func integer(_ value: UInt64) {
        startElement()
        appendDigits(of: value, negative: false)
    }

    /// Writes a number; one that is not finite becomes `null`, as JSON has no such number.
    public mutating func double(_ value: Double) {
        startElement()
        bytes.append(contentsOf: value.isFinite ? value.description.utf8 : "null".utf8)
    }

    /// Writes `true` or `false`.
    public mutating func bool(_ value: Bool) {
        startElement()
        bytes.append(contentsOf: value ? "true".utf8 : "false".utf8)
    }

    /// Writes `null`.
    public mutating func null() {
        startElement()
        bytes.append(contentsOf: "null".utf8)
    }

    /// Writes bytes that are one JSON value.
    public mutating func raw(_ value: [UInt8]) {
        startElement()
        bytes.append(contentsOf: value)
    }

    /// Writes bytes that are one JSON value.
    public mutating func raw(_ value: UnsafeRawBufferPointer) {
        startElement()
        bytes.append(contentsOf: value)
    }

    /// Writes a tree of values.
    public mutating func value(_ value: JSONValue) {
        switch value {
        case .null: null()
        case .bool(let value): bool(value)
        case .number(let number):
            startElement()
            bytes.append(contentsOf: number.text.utf8)
        case .string(let value): string(value)
        case .array(let elements):
            beginArray()
            for element in elements { self.value(element) }
            endArray()
        case .object(let object):
            beginObject()
            for member in object.members {
                key(member.name)
                self.value(member.value)
            }
            endObject()
        }
    }
}

// MARK: - Layout

extension JSONWriter {
    private mutating func open(_ bracket: UInt8) {
        startElement()
        bytes.append(bracket)
        depth += 1
        needsComma = false
    }

    private mutating func close(_ bracket: UInt8) {
        depth -= 1
        // `needsComma` is false only right after the opening: an empty container stays on one line.
        if isPretty, needsComma { breakLine() }
        bytes.append(bracket)
        needsComma = true
    }

    /// Writes what separates an element from the one before, and notes that one now precedes.
    private mutating func startElement() {
        if needsComma { bytes.append(0x2C) }
        if isPretty, depth > 0, !followsKey { breakLine() }
        needsComma = true
        followsKey = false
    }

    private mutating func finishKey() {
        bytes.append(0x3A)
        if isPretty { bytes.append(0x20) }
        needsComma = false
        followsKey = true
    }

    private mutating func breakLine() {
        bytes.append(0x0A)
        for _ in 0..<depth { bytes.append(contentsOf: [0x20, 0x20]) }
    }
}

// MARK: - Strings and digits

extension JSONWriter {
    private mutating func appendQuoted(_ value: String) {
        var value = value
        value.withUTF8 { appendQuoted(UnsafeRawBufferPointer($0)) }
    }

    private mutating func appendQuoted(_ value: UnsafeRawBufferPointer) {
        bytes.append(0x22)
        if let base = value.baseAddress {
            var (start, index) = (0, 0)
            while true {
                index = JSONBytes.endOfPlainRun(base, index, value.count)
                guard index < value.count else { break }
                let byte = value[index]
                if byte < 0x80 {
                    bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: value[start..<index]))
                    appendEscape(of: byte)
                    start = index + 1
                }
                index += 1
            }
            bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: value[start...]))
        }
        bytes.append(0x22)
    }

    private mutating func appendEscape(of byte: UInt8) {
        bytes.append(0x5C)
        switch byte {
        case 0x22, 0x5C: bytes.append(byte)
        case 0x08: bytes.append(0x62)
        case 0x0C: bytes.append(0x66)
        case 0x0A: bytes.append(0x6E)
        case 0x0D: bytes.append(0x72)
        case 0x09: bytes.append(0x74)
        default:
            let low = byte & 0xF
            bytes.append(contentsOf: [0x75, 0x30, 0x30, 0x30 + byte >> 4, low < 10 ? 0x30 + low : 0x57 + low])
        }
    }

    private mutating func appendDigits(of magnitude: UInt64, negative: Bool) {
        if negative { bytes.append(0x2D) }
        let start = bytes.count
        var rest = magnitude
        repeat {
            bytes.append(0x30 + UInt8(truncatingIfNeeded: rest % 10))
            rest /= 10
        } while rest > 0
        bytes[start...].reverse()
    }
}

extension JSONValue {
    /// The value as UTF-8 text; `pretty` breaks lines and indents by two spaces.
    public func serialized(pretty: Bool = false) -> [UInt8] {
        var writer = JSONWriter(pretty: pretty)
        writer.value(self)
        return writer.bytes
    }
}

extension JSONValue: CustomStringConvertible {
    /// The value as compact JSON text.
    public var description: String { String(decoding: serialized(), as: UTF8.self) }
}
