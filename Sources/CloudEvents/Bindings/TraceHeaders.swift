// SPDX-License-Identifier: Apache-2.0

// W3C Trace Context that instrumentation has put beside an event: headers `traceparent` and `tracestate` of a record or a message, which know nothing of
// CloudEvents. Where the event says nothing of its trace itself (distributed tracing extension), that becomes its own.

/// Trace context in plain headers beside an event.
public struct TraceHeaders: Sendable {
    /// The most bytes of a `tracestate` that is kept; who keeps to the specification may cut longer ones.
    private static let stateBytesMax = 512

    private var parent: String?
    private var state: String?

    /// Nothing is known yet.
    public init() {}

    /// Context in texts, each of which is ignored if it is not valid.
    public init(parent: String?, state: String?) {
        for (name, text) in [("traceparent", parent), ("tracestate", state)] {
            guard var text else { continue }
            var name = name
            name.withUTF8 { name in
                text.withUTF8 { take(UnsafeRawBufferPointer(name), UnsafeRawBufferPointer($0)) }
            }
        }
    }

    /// Takes one header; those that are not about traces, and those that break the specification's rules, are ignored.
    @inlinable @inline(__always)
    public mutating func header(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
        guard name.count == 11 || name.count == 10 else { return }
        take(name, value)
    }

    @usableFromInline
    mutating func take(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        if name.equals("traceparent") {
            if Self.isParent(value) { parent = String(validating: value, as: UTF8.self) }
        } else if name.equals("tracestate") {
            if Self.isState(value) { state = String(validating: value, as: UTF8.self) }
        }
    }

    /// Gives the context to an event that says nothing of its trace.
    public func complete(_ event: inout CloudEvent) {
        guard let parent, event.extensions["traceparent"] == nil else { return }
        // An event with as many attributes as there may be goes without.
        guard (try? event.extensions.set(.traceParent, to: parent)) != nil else { return }
        if let state { try? event.extensions.set(.traceState, to: state) }
    }

    // MARK: Rules

    /// Whether bytes are a `traceparent` (Trace Context, section 3.2): of version 00 whole, of later ones at least their beginning.
    private static func isParent(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count >= 55, bytes.count <= 128, bytes[2] == dash, bytes[35] == dash, bytes[52] == dash,
            isHexadecimal(bytes, 0..<2), isHexadecimal(bytes, 3..<35), isHexadecimal(bytes, 36..<52),
            isHexadecimal(bytes, 53..<55), !isZero(bytes, 3..<35), !isZero(bytes, 36..<52),
            !(bytes[0] == UInt8(ascii: "f") && bytes[1] == UInt8(ascii: "f"))
        else { return false }
        return bytes.count == 55 || (!isZero(bytes, 0..<2) && bytes[55] == dash)
    }

    /// Whether bytes are a `tracestate` (section 3.3): printable, and each member a key and a value.
    private static func isState(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count <= stateBytesMax, bytes.allSatisfy({ (0x20...0x7E).contains($0) }) else {
            return false
        }
        let members = bytes.split(separator: UInt8(ascii: ",")).filter { $0.contains { $0 != 0x20 } }
        return !members.isEmpty
            && members.allSatisfy { ($0.firstIndex(of: UInt8(ascii: "=")) ?? $0.startIndex) > $0.startIndex }
    }

    private static let dash = UInt8(ascii: "-")
    private static let zero = UInt8(ascii: "0")

    /// Lower case only, as the specification has it.
    private static func isHexadecimal(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Bool {
        range.allSatisfy { bytes[$0] &- zero < 10 || bytes[$0] &- UInt8(ascii: "a") < 6 }
    }

    private static func isZero(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Bool {
        range.allSatisfy { bytes[$0] == zero }
    }
}
