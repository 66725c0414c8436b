// SPDX-License-Identifier: Apache-2.0

// What one reader holds. Each lease has a number, which is its place in a table and how often that place was used: looking it up is no search.

/// The leases of one reader, by numbers of its own.
struct HeldLeases: Sendable {
    /// A lease.
    struct Lease: Sendable, Equatable {
        /// The event's, with the nonce that the subscription knows.
        var token: LeaseToken
        /// When it ends, unless it is extended.
        var deadline: Duration
    }

    private struct Slot: Sendable {
        var lease: Lease?
        /// Of its present or next lease; never 0, so that no lease has the number 0.
        var use: UInt32 = 1
    }

    private var slots: [Slot] = []
    private var free: [Int] = []
    /// How many are held.
    var count: Int { slots.count - free.count }

    /// Takes a lease down.
    ///
    /// - Returns: its number, which no other has had, as long as a place was not used four thousand million times.
    mutating func add(_ lease: Lease) -> UInt64 {
        let place: Int
        if let last = free.popLast() {
            place = last
        } else {
            place = slots.count
            slots.append(Slot())
        }
        slots[place].lease = lease
        return UInt64(slots[place].use) << 32 | UInt64(place)
    }

    /// The lease with a number; nil when it is not held any more, or never was.
    subscript(_ number: UInt64) -> Lease? { place(of: number).flatMap { slots[$0].lease } }

    /// Holds a lease until `deadline`, if it is held.
    mutating func extend(_ number: UInt64, until deadline: Duration) {
        guard let place = place(of: number) else { return }
        slots[place].lease?.deadline = deadline
    }

    /// Holds a lease no longer.
    ///
    /// - Returns: the lease, if it was held.
    @discardableResult
    mutating func remove(_ number: UInt64) -> Lease? {
        guard let place = place(of: number), let lease = slots[place].lease else { return nil }
        clear(place)
        return lease
    }

    /// Holds nothing any longer whose time is over.
    mutating func removeAll(until now: Duration) {
        for place in slots.indices {
            if let lease = slots[place].lease, lease.deadline <= now { clear(place) }
        }
    }

    /// All leases.
    var leases: some Sequence<Lease> { slots.lazy.compactMap(\.lease) }

    private mutating func clear(_ place: Int) {
        slots[place].lease = nil
        slots[place].use = max(1, slots[place].use &+ 1)
        free.append(place)
    }

    private func place(of number: UInt64) -> Int? {
        let place = Int(truncatingIfNeeded: number & 0xFFFF_FFFF)
        guard place < slots.count, UInt64(slots[place].use) == number >> 32 else { return nil }
        return place
    }
}
