// SPDX-License-Identifier: Apache-2.0

// Deadlines as a connection carries them: one number compared at each tick of its loop, so that a request sets
// and clears them for the price of a store. No timer is created for a connection or a request.

/// The configured spans in nanoseconds, each longer by a tick, because the clock they are added to may be
/// behind by that much and a deadline must never be early.
struct HTTPDeadlines {
    let head: UInt64
    let body: UInt64
    let idle: UInt64
    let write: UInt64
    let linger: UInt64
    /// The bytes that must pass within `body` and `write`.
    let bodyBytesMin: Int
    let writeBytesMin: Int

    init(_ configuration: HTTPServerConfiguration) {
        let tick = configuration.tickInterval.nanosecondsClamped
        func span(_ duration: Duration) -> UInt64 { duration.nanosecondsClamped + tick }
        head = span(configuration.headTimeout)
        body = span(configuration.bodyTimeout)
        idle = span(configuration.idleTimeout)
        write = span(configuration.writeTimeout)
        linger = span(configuration.lingerTimeout)
        bodyBytesMin = Self.bytes(configuration.bodyBytesPerSecondMin, over: configuration.bodyTimeout)
        writeBytesMin = Self.bytes(configuration.writeBytesPerSecondMin, over: configuration.writeTimeout)
    }

    private static func bytes(_ perSecond: Int, over duration: Duration) -> Int {
        let seconds = Double(duration.nanosecondsClamped) / 1e9
        return max(1, Int(min(Double(max(perSecond, 0)) * seconds, 1e15)))
    }
}

extension Duration {
    /// Nanoseconds, from zero to about 73 years, so that sums of a few never overflow.
    var nanosecondsClamped: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        guard seconds < 1 << 31 else { return (1 << 31) * 1_000_000_000 }
        return UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
    }
}

/// What a connection is waiting for, and until when.
struct HTTPDeadline {
    enum Kind {
        /// Nothing: a handler is at work, or reading is held.
        case none
        /// The rest of a head.
        case head
        /// The rest of a body.
        case body
        /// The next request.
        case idle
        /// The client's own close.
        case linger
    }

    private(set) var kind = Kind.none
    private(set) var time = UInt64.max

    /// Waits for `kind` until `time`, or goes on waiting if it already does.
    @inline(__always)
    mutating func wait(for kind: Kind, until time: UInt64) {
        guard kind != self.kind else { return }
        self.kind = kind
        self.time = time
    }

    /// Waits for nothing.
    @inline(__always)
    mutating func clear() {
        kind = .none
        time = .max
    }
}

/// A stretch of time in which bytes must pass.
struct HTTPProgressWindow {
    private var end: UInt64
    private var target: Int

    /// Demands that `total` grows by `bytesMin` within `span`.
    init(total: Int, bytesMin: Int, now: UInt64, span: UInt64) {
        end = now &+ span
        target = total &+ bytesMin
    }

    /// Whether too little has passed by `now`; begins the next stretch when enough has.
    mutating func isStalled(total: Int, bytesMin: Int, now: UInt64, span: UInt64) -> Bool {
        guard now >= end else { return false }
        guard total >= target else { return true }
        self = HTTPProgressWindow(total: total, bytesMin: bytesMin, now: now, span: span)
        return false
    }
}
