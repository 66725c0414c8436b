// SPDX-License-Identifier: Apache-2.0

// The waiting events of one key, in order, in a byte or two each: what is kept of an event is how far it lies behind the one before it, and
// its priority. The event itself is read again when its turn comes.

package import ApusModel

/// A queue of ascending offsets, each with a priority from 0 to 15.
package struct OffsetQueue: Sendable {
    /// Bytes that were read may stay in front, until they are half of all.
    private static let slackMax = 256

    private var bytes: [UInt8] = []
    private var head = 0
    /// How many there are.
    package private(set) var count = 0
    /// The first, with its priority.
    package private(set) var first: (offset: Offset, priority: UInt8)?
    /// The last that was added.
    package private(set) var last = Offset(-1)
    private let hasPriorities: Bool

    /// An empty queue; without priorities all are 0 and take up no room.
    package init(hasPriorities: Bool) { self.hasPriorities = hasPriorities }

    /// Whether there are none.
    package var isEmpty: Bool { count == 0 }

    /// Bytes beside the queue itself, for measurements.
    package var byteCount: Int { bytes.capacity }

    /// Adds `offset`, which has to be greater than all before it.
    package mutating func append(_ offset: Offset, priority: UInt8 = 0) {
        precondition(offset > last, "a queue of ascending offsets")
        defer { (last, count) = (offset, count + 1) }
        guard !isEmpty else {
            first = (offset, priority)
            return
        }
        let distance = UInt64(offset.rawValue - last.rawValue)
        write(hasPriorities ? distance << 4 | UInt64(priority & 15) : distance)
    }

    /// Takes the first.
    @discardableResult
    package mutating func popFirst() -> Offset? {
        guard let taken = first else { return nil }
        count -= 1
        guard count > 0 else {
            first = nil
            (bytes, head) = ([], 0)
            return taken.offset
        }
        let number = read()
        first =
            hasPriorities
            ? (taken.offset.advanced(by: Int64(number >> 4)), UInt8(number & 15))
            : (taken.offset.advanced(by: Int64(number)), 0)
        if head > OffsetQueue.slackMax, 2 * head > bytes.count {
            bytes.removeFirst(head)
            head = 0
        }
        return taken.offset
    }

    private mutating func write(_ number: UInt64) {
        var number = number
        while number >= 128 {
            bytes.append(UInt8(truncatingIfNeeded: number) | 128)
            number >>= 7
        }
        bytes.append(UInt8(number))
    }

    private mutating func read() -> UInt64 {
        var (number, shift): (UInt64, UInt64) = (0, 0)
        while true {
            let byte = bytes[head]
            head += 1
            number |= UInt64(byte & 127) << shift
            if byte < 128 { return number }
            shift += 7
        }
    }
}
