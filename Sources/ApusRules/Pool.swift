// SPDX-License-Identifier: Apache-2.0

// Things that come and go, in one array: a number each, and the numbers of those that are gone are used again. Programs are made of such
// arrays and not of objects, so that copying one is copying memory and looking at one counts no references.

/// Values with numbers.
struct Pool<Value: Sendable>: Sendable {
    private(set) var values: [Value] = []
    private var free: [UInt32] = []

    /// How many are in use.
    var count: Int { values.count - free.count }

    /// One more than the greatest number ever in use.
    var end: Int { values.count }

    /// Keeps a value; its number is less than `UInt32.max`.
    mutating func insert(_ value: Value) -> UInt32 {
        if let number = free.popLast() {
            values[Int(number)] = value
            return number
        }
        values.append(value)
        return UInt32(values.count - 1)
    }

    /// Takes a value away, leaving `rest` in its place.
    mutating func remove(_ number: UInt32, leaving rest: Value) {
        values[Int(number)] = rest
        free.append(number)
    }

    subscript(number: UInt32) -> Value {
        @inline(__always) get { values[Int(number)] }
        @inline(__always) _modify { yield &values[Int(number)] }
    }
}
