// SPDX-License-Identifier: Apache-2.0

// The bounds every request is held to before a byte of it is believed. One value per server; the parser
// copies it, so that changing limits never races with a request half read.

/// The bounds a request must keep to be read at all.
public struct HTTPLimits: Sendable, Hashable {
    /// The longest request line accepted, in bytes without its CRLF; a longer one is answered 414.
    public var requestLineBytesMax: Int
    /// The most bytes a header section may have, with line ends; more is answered 431.
    ///
    /// Trailers are held to the same bound.
    public var headerBytesMax: Int
    /// The most header fields a request may have; more is answered 431.
    public var headerFieldsMax: Int
    /// The most bytes a body may have once chunked coding is taken off; more is answered 413.
    public var bodyBytesMax: Int

    /// Makes limits; the defaults suit an API for events: 8 KiB, 32 KiB, 100 fields, 16 MiB.
    ///
    /// Negative values count as zero, and heads are bounded by 1 MiB a part whatever is asked for.
    public init(
        requestLineBytesMax: Int = 8 * 1024,
        headerBytesMax: Int = 32 * 1024,
        headerFieldsMax: Int = 100,
        bodyBytesMax: Int = 16 * 1024 * 1024
    ) {
        self.requestLineBytesMax = min(max(requestLineBytesMax, 0), 1 << 20)
        self.headerBytesMax = min(max(headerBytesMax, 0), 1 << 20)
        self.headerFieldsMax = max(headerFieldsMax, 0)
        self.bodyBytesMax = max(bodyBytesMax, 0)
    }
}
