// SPDX-License-Identifier: Apache-2.0

// Which events were handled. Brokers deliver at least once; an inbox makes of a repeat what it should be: nothing.

import DequeModule
import Synchronization

/// Remembers which events a group has handled, so that repeats are acknowledged unhandled.
///
/// The library calls it around a handler, outside any transaction of the handler's: ``begin(_:)`` before, ``complete(_:)`` once it has returned, ``abandon(_:)``
/// when it has thrown. So what comes again after `complete` is skipped, and a crash between the handler's return and `complete` makes a repeat, wherever the inbox
/// lives. Effects happen exactly once if the handler writes the event's source and id under a unique key in the transaction of its effects, and returns without
/// them if they are there.
///
/// An inbox that outlives the process has to see to what a crash leaves: ``InboxEntry/underWay`` has the event given back after a second, at the cost of no attempt
/// where the broker can do that, and so on for as long as that is said: nobody handles it. So let what was begun and not completed count as ``InboxEntry/new`` once whoever
/// began is gone, for example by an end that is written with it, or write nothing in `begin`.
public protocol Inbox: Sendable {
    /// Begins with an event, unless that has been done. Throwing has the event retried by the consumer's policy, unhandled.
    func begin(_ key: InboxKey) async throws -> InboxEntry
    /// Notes that an event was handled. Throwing changes nothing for the event, which is acknowledged; a repeat of it is handled again.
    func complete(_ key: InboxKey) async throws
    /// Takes back that handling began: it failed, and will be tried again, or was given up.
    func abandon(_ key: InboxKey) async throws
}

/// What identifies an event for one group.
public struct InboxKey: Sendable, Hashable {
    /// Who handles it.
    public var group: String
    /// The source of the event.
    public var source: String
    /// Its identity within the source.
    public var id: String

    /// What identifies an event for one group.
    public init(group: String, source: String, id: String) {
        self.group = group
        self.source = source
        self.id = id
    }
}

extension InboxKey {
    /// What identifies the event that is being handled, for the group of its consumer.
    public init(_ context: EventContext) {
        self.init(group: context.group, source: context.event.source, id: context.event.id)
    }
}

/// What an inbox knows of an event.
public enum InboxEntry: Sendable, Hashable {
    /// Nothing: it is to be handled.
    case new
    /// It is being handled at this moment; it is to come again in a second, the attempt counted.
    case underWay
    /// It was handled.
    case handled
}

/// An inbox in memory: enough against repeats while the process lives, not across its end.
public final class MemoryInbox: Inbox {
    private struct Note {
        var key: InboxKey
        var until: Duration
    }

    private struct State {
        /// True when handled, false while under way.
        var known: [InboxKey: Bool] = [:]
        /// What was handled, the oldest first.
        var handled: Deque<Note> = []
    }

    private let state = Mutex(State())
    private let countMax: Int
    private let ageMax: Duration
    private let clock: any BusClock

    /// An inbox in memory.
    ///
    /// - Parameters:
    ///   - countMax: how many handled events are remembered at most.
    ///   - ageMax: for how long.
    ///   - clock: time.
    public init(
        countMax: Int = 100_000, ageMax: Duration = .seconds(3600), clock: any BusClock = SystemBusClock()
    ) {
        self.countMax = max(1, countMax)
        self.ageMax = ageMax
        self.clock = clock
    }

    public func begin(_ key: InboxKey) -> InboxEntry {
        let now = clock.uptime
        return state.withLock { state in
            while let oldest = state.handled.first, oldest.until <= now || state.handled.count > countMax {
                state.known[oldest.key] = nil
                state.handled.removeFirst()
            }
            switch state.known[key] {
            case true: return .handled
            case false: return .underWay
            case nil:
                state.known[key] = false
                return .new
            }
        }
    }

    public func complete(_ key: InboxKey) {
        let until = clock.uptime + ageMax
        state.withLock { state in
            guard state.known.updateValue(true, forKey: key) != true else { return }
            state.handled.append(Note(key: key, until: until))
            if state.handled.count > countMax, let oldest = state.handled.popFirst() {
                state.known[oldest.key] = nil
            }
        }
    }

    public func abandon(_ key: InboxKey) {
        state.withLock { state in
            if state.known[key] == false { state.known[key] = nil }
        }
    }
}
