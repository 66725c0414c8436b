// SPDX-License-Identifier: Apache-2.0

// Requests that need a connection of their own. A connection costs several times what a request on an open one does, and when an event is for
// thousands of targets that were not connected to yet, all of them are wanted at once: the event loops would do nothing else for a second,
// while targets that are connected wait. So connections are begun at a pace. Who waits takes turns by topic, and a request gives up waiting
// when a connection to its target becomes free meanwhile.

internal import ApusModel
internal import NIOCore

/// Requests that wait for a connection to be begun, and the pace of that.
struct ConnectQueue<Key: Hashable & Sendable, Request: Sendable>: Sendable {
    /// Requests of one topic take turns with each other; those whose targets are known to accept connections do not stand behind others.
    private struct Lane: Hashable {
        var topic: String
        var isKnown: Bool
    }

    private struct Waiting {
        var request: Request
        var key: Key
        var since: NIODeadline
    }

    /// How many connections are begun at once when none was begun for a while.
    static var burst: Int { Defaults.webhookConnectsBurst }

    private let perSecond: Int
    private var waiting: [UInt64: Waiting] = [:]
    private var turns = TurnQueue<Lane, UInt64>()
    private var byKey = [Key: CircularBuffer<UInt64>]()
    private var lastID: UInt64 = 0
    /// When as many were begun as may be by then.
    private var spentUntil = NIODeadline.uptimeNanoseconds(0)

    /// - Parameter perSecond: how many connections are begun in a second.
    init(perSecond: Int) { self.perSecond = max(1, perSecond) }

    var isEmpty: Bool { waiting.isEmpty }

    private var interval: TimeAmount { .nanoseconds(1_000_000_000 / Int64(perSecond)) }

    /// Whether a connection may be begun now by somebody who does not wait; that is noted.
    mutating func admit(now: NIODeadline) -> Bool {
        guard waiting.isEmpty else { return false }
        return spend(now)
    }

    mutating func append(_ request: Request, key: Key, topic: String, isKnown: Bool, now: NIODeadline) {
        lastID += 1
        waiting[lastID] = Waiting(request: request, key: key, since: now)
        turns.append(lastID, lane: Lane(topic: topic, isKnown: isKnown))
        byKey[key, default: CircularBuffer()].append(lastID)
    }

    /// The next request that a connection may be begun for, and how long it has waited.
    mutating func next(now: NIODeadline) -> (request: Request, waited: TimeAmount)? {
        guard !waiting.isEmpty, spend(now) else { return nil }
        while let id = turns.popFirst() {
            // Who was served in another way is still in the queue.
            guard let found = waiting.removeValue(forKey: id) else { continue }
            forget(id, found.key)
            return (found.request, now - found.since)
        }
        return nil
    }

    /// A request that waits for a connection that can be had now, and how long it has waited.
    mutating func take(for key: Key, now: NIODeadline) -> (request: Request, waited: TimeAmount)? {
        guard let id = byKey[key]?.first, let found = waiting.removeValue(forKey: id) else { return nil }
        forget(id, key)
        if waiting.isEmpty { turns = TurnQueue() }
        return (found.request, now - found.since)
    }

    /// When the next connection may be begun.
    var due: NIODeadline { spentUntil - interval * (Self.burst - 1) }

    /// Everybody who waits; nobody does any more.
    mutating func removeAll() -> [Request] {
        defer { (waiting, turns, byKey) = ([:], TurnQueue(), [:]) }
        return waiting.sorted { $0.key < $1.key }.map(\.value.request)
    }

    private mutating func spend(_ now: NIODeadline) -> Bool {
        guard due <= now else { return false }
        spentUntil = max(spentUntil, now) + interval
        return true
    }

    private mutating func forget(_ id: UInt64, _ key: Key) {
        guard let index = byKey[key]?.firstIndex(of: id) else { return }
        byKey[key]?.remove(at: index)
        if byKey[key]?.isEmpty ?? true { byKey[key] = nil }
    }
}
