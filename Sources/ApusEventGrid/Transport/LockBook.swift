// SPDX-License-Identifier: Apache-2.0

// What is locked for us, and until when we want it. The service locks an event for as long as its subscription says (60 to 300 s), whatever was asked for,
// and gives it back after one of five delays. What the library promises is finer: leases of any length, and retries after any wait. So locks are renewed as
// long as an event is wanted, and an event is given back at the moment at which it is not wanted any more. Pure: the time goes in, what to do comes out.

internal import ApusBus
internal import CloudEvents

/// What is locked for one receiver.
struct LockBook: Sendable {
    typealias Instant = ContinuousClock.Instant

    /// What an event is locked for.
    enum Purpose: Sendable, Hashable {
        /// It came and nobody has asked for it yet.
        case ready
        /// Somebody has it.
        case handedOut
        /// It is to be handed out again later: the rest of a wait for which the service has no delay.
        case waiting
    }

    /// One locked event.
    struct Lock: Sendable {
        var event: ReceivedEvent
        var purpose: Purpose
        /// Until when it is wanted; then it is given back.
        var until: Instant
        /// With which delay it is then given back.
        var release = ReleaseDelay.none
        /// When the service gives it to others, unless renewed.
        var lockEnd: Instant
    }

    /// What is to be done at some moment.
    struct Work: Sendable, Equatable {
        var renew: [String] = []
        var release: [ReleaseDelay: [String]] = [:]

        var isEmpty: Bool { renew.isEmpty && release.isEmpty }
    }

    /// The most events that wait here for their retry; others get the next longer delay of the service.
    static let waitingMax = 1_000

    /// How long the service locks an event.
    let lock: Duration
    private(set) var locks: [String: Lock] = [:]
    private var order: [String] = []
    private var waitingCount = 0

    init(lock: Duration) { self.lock = lock }

    /// How many are ready or handed out.
    var occupied: Int { locks.count - waitingCount }

    /// What came, for whoever asks first. If nobody does, it goes back before its lock ends.
    mutating func add(_ event: ReceivedEvent, _ token: String, now: Instant) {
        locks[token] = Lock(
            event: event, purpose: .ready, until: now + lock / 2, lockEnd: now + lock)
        order.append(token)
    }

    /// Hands out up to `limit`, in the order in which they came, each for `lease`.
    mutating func handOut(_ limit: Int, lease: Duration, now: Instant) -> [ReceivedEvent] {
        var events: [ReceivedEvent] = []
        var used = 0
        for token in order {
            guard events.count < limit else { break }
            used += 1
            guard var lock = locks[token], lock.purpose == .ready, lock.until > now else { continue }
            lock.purpose = .handedOut
            lock.until = now + lease
            locks[token] = lock
            events.append(lock.event)
        }
        order.removeFirst(used)
        return events
    }

    /// Takes out what was handed out under `token`, if it is still ours.
    mutating func take(_ token: String, now: Instant) -> Lock? {
        guard let lock = locks[token], lock.purpose == .handedOut else { return nil }
        locks[token] = nil
        return lock.until > now && lock.lockEnd > now ? lock : nil
    }

    /// Puts back what was taken out and could not be settled.
    mutating func putBack(_ lock: Lock, _ token: String) {
        locks[token] = lock
        if lock.purpose == .waiting { waitingCount += 1 }
    }

    /// Keeps what was taken out here until its wait is so short that the service has a delay for the rest; false when too many wait already.
    mutating func wait(_ lock: Lock, _ token: String, after: Duration, now: Instant) -> Bool {
        guard waitingCount < Self.waitingMax else { return false }
        var lock = lock
        lock.purpose = .waiting
        lock.release = .within(after)
        lock.until = now + (after - lock.release.duration)
        locks[token] = lock
        waitingCount += 1
        return true
    }

    /// Wants what is handed out for longer.
    mutating func extend(_ token: String, by duration: Duration, now: Instant) {
        guard var lock = locks[token], lock.purpose == .handedOut, lock.until > now else { return }
        lock.until = max(lock.until, now + duration)
        locks[token] = lock
    }

    /// When there will be something to do.
    var nextWork: Instant? {
        locks.values.lazy.map { min($0.until, renewal($0) ?? $0.until) }.min()
    }

    /// When a lock has to be renewed, if it is wanted beyond its end.
    private func renewal(_ lock: Lock) -> Instant? {
        lock.until > lock.lockEnd ? lock.lockEnd - self.lock / 2 : nil
    }

    /// What is due. What is to be given back is forgotten.
    mutating func work(now: Instant) -> Work {
        var work = Work()
        for (token, lock) in locks {
            if lock.until <= now {
                work.release[lock.release, default: []].append(token)
            } else if let renewal = renewal(lock), renewal <= now {
                work.renew.append(token)
            }
        }
        for token in work.release.values.joined() { forget(token) }
        return work
    }

    /// Locks that were renewed.
    mutating func renewed(_ tokens: some Sequence<String>, now: Instant) {
        for token in tokens { locks[token]?.lockEnd = now + lock }
    }

    /// A lock that is gone.
    mutating func forget(_ token: String) {
        if locks.removeValue(forKey: token)?.purpose == .waiting { waitingCount -= 1 }
    }

    /// Everything goes back: what waits, with a delay that is no shorter than the rest of its wait.
    mutating func clear(now: Instant) -> Work {
        var work = Work()
        for (token, lock) in locks {
            let rest = lock.purpose == .waiting ? now.duration(to: lock.until) + lock.release.duration : .zero
            work.release[.covering(rest), default: []].append(token)
        }
        locks = [:]
        order = []
        waitingCount = 0
        return work
    }
}
