// SPDX-License-Identifier: Apache-2.0

// The text of timestamps that are written one after another. Events that were published together have the same, and finding year, month and day takes longer than all else about it.

/// Writes timestamps as RFC 3339 text, and remembers the last one.
package struct TimestampText: Sendable {
    private var time: CloudEventTimestamp?
    private var text = SIMD64<UInt8>()
    private var count = 0

    /// Remembers none.
    package init() {}

    /// Lends the text of a timestamp to `body`.
    @inline(__always)
    mutating func with(_ time: CloudEventTimestamp, _ body: (UnsafeRawBufferPointer) -> Void) {
        if time != self.time {
            count = withUnsafeMutableBytes(of: &text) { time.write(to: $0) }
            self.time = time
        }
        withUnsafeBytes(of: &text) { body(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }
}
