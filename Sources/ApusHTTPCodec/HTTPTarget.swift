// SPDX-License-Identifier: Apache-2.0

// The parts of a request target that programs ask for: path segments and query items, percent-decoded. Strict:
// a broken escape or bytes that are no UTF-8 are an error, never a guess (RFC 3986 section 2.1).

/// Why a path or query cannot be decoded.
public enum HTTPTargetError: Error, Sendable, Hashable {
    /// A percent sign is not followed by two hexadecimal digits.
    case invalidEscape
    /// The decoded bytes are not UTF-8.
    case invalidUTF8
}

/// Percent-decoding.
public enum HTTPPercentEncoding {
    /// Decodes `bytes`.
    ///
    /// - Parameter plusIsSpace: whether `+` stands for a space, as HTML forms and the URL encoders of most
    ///   languages have it in queries; never in paths.
    /// - Throws: `HTTPTargetError` for a broken escape, or a result that is not UTF-8.
    public static func decode(
        _ bytes: UnsafeRawBufferPointer, plusIsSpace: Bool = false
    ) throws(HTTPTargetError) -> String {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            switch byte {
            case UInt8(ascii: "%"):
                guard index + 1 < bytes.count, let high = HTTPByte.hexValue(bytes[index]),
                    let low = HTTPByte.hexValue(bytes[index + 1])
                else { throw .invalidEscape }
                decoded.append(high << 4 | low)
                index += 2
            case UInt8(ascii: "+") where plusIsSpace: decoded.append(0x20)
            default: decoded.append(byte)
            }
        }
        guard let text = String(validating: decoded, as: UTF8.self) else { throw .invalidUTF8 }
        return text
    }
}

/// The items of a query, decoded, in the order they were sent.
public struct HTTPQuery: Sendable, Hashable {
    /// One `name=value`; the value is empty if the equals sign was missing.
    public struct Item: Sendable, Hashable {
        /// The decoded name.
        public let name: String
        /// The decoded value.
        public let value: String
    }

    /// All items; empty ones (`a&&b`) are left out.
    public let items: [Item]

    /// Reads a query, without its question mark; `+` is a space.
    ///
    /// - Throws: `HTTPTargetError` if a name or value cannot be decoded.
    public init(_ bytes: UnsafeRawBufferPointer) throws(HTTPTargetError) {
        var items: [Item] = []
        var start = 0
        while start < bytes.count {
            var end = start
            while end < bytes.count, bytes[end] != UInt8(ascii: "&") { end += 1 }
            if end > start { items.append(try Item(bytes.part(start, end))) }
            start = end + 1
        }
        self.items = items
    }

    /// The value of the first item called `name`.
    public func first(_ name: String) -> String? { items.first { $0.name == name }?.value }

    /// The values of all items called `name`, in order.
    public func all(_ name: String) -> [String] { items.filter { $0.name == name }.map(\.value) }
}

extension HTTPQuery.Item {
    init(_ bytes: UnsafeRawBufferPointer) throws(HTTPTargetError) {
        var equals = 0
        while equals < bytes.count, bytes[equals] != UInt8(ascii: "=") { equals += 1 }
        name = try HTTPPercentEncoding.decode(bytes.part(0, equals), plusIsSpace: true)
        let valueStart = min(equals + 1, bytes.count)
        value = try HTTPPercentEncoding.decode(bytes.part(valueStart, bytes.count), plusIsSpace: true)
    }
}

extension HTTPRequestHead {
    /// The path's segments, each decoded after the split, so that `%2F` never separates.
    ///
    /// `/` has none; `/a/` has `a` and an empty one. Dot segments are ordinary segments: nothing here is a
    /// file system.
    /// - Throws: `HTTPTargetError` if a segment cannot be decoded.
    public func pathSegments() throws(HTTPTargetError) -> [String] {
        let result = withPathBytes { bytes -> Result<[String], HTTPTargetError> in
            do throws(HTTPTargetError) {
                return .success(try Self.segments(bytes))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// The query's items; none without a query.
    ///
    /// - Throws: `HTTPTargetError` if an item cannot be decoded.
    public func queryItems() throws(HTTPTargetError) -> HTTPQuery {
        let result = withQueryBytes { bytes -> Result<HTTPQuery, HTTPTargetError> in
            do throws(HTTPTargetError) {
                return .success(try HTTPQuery(bytes))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private static func segments(_ bytes: UnsafeRawBufferPointer) throws(HTTPTargetError) -> [String] {
        guard bytes.count > 1 else { return [] }
        var segments: [String] = []
        var start = 1
        while start <= bytes.count {
            var end = start
            while end < bytes.count, bytes[end] != UInt8(ascii: "/") { end += 1 }
            segments.append(try HTTPPercentEncoding.decode(bytes.part(start, end)))
            start = end + 1
        }
        return segments
    }
}
