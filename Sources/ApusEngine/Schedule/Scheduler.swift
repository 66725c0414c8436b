// SPDX-License-Identifier: Apache-2.0

// Events that wait for their time. Accepting one is an append to the log of the time at which it is due (a bucket). The worker reads what is
// due soon into a window in memory, copies what is due to its topic, and notes in the ledger that it is done: copy first, note then. Where
// copies may be that no note knows of, the ledger says before they are made, so a restart looks there, and makes none twice.
//
// This file holds the state and the turn; accepting, reading ahead, firing, the ledger and questions are in files beside it.

import ApusModel
import ApusSchedule
import ApusStorage
import Logging
import Synchronization

/// What a topic named by identity is now.
enum TopicStanding {
    case open(Topic)
    /// It could not be opened, which is tried again.
    case closed
    case gone
}

/// Everything that waits for its time.
final class Scheduler: Follower {
    /// How far ahead of their time events are read into memory, in milliseconds, if there is room.
    static let horizon: Int64 = 600_000
    /// What is waited for at once: a clock that is set is noticed within this.
    static let waitMax = Duration.seconds(5)
    /// Bytes looked through in one turn.
    static let scanBytes = 1 << 20

    /// A bucket with what is known of it.
    struct Tracked {
        let bucket: ScheduleBucket
        var done = OffsetBits()
        /// Everything before this offset that is due before `covered` is in the window, or done.
        var followed: Int64 = 0
        /// How far the pass under way has come.
        var passed: Int64 = 0
    }

    struct State {
        var buckets: [Int: Tracked] = [:]
        /// Numbers that the ledger has and whose logs are not open.
        var unopened: [Int: ScheduleSpan] = [:]
        var lastNumber = 0
        var window: ScheduleWindow
        /// Everything before it is in the window, or done.
        var covered = ScheduleKey.first
        /// Where `covered` will be when the pass that reads ahead has ended.
        var target: ScheduleKey?
        /// Being copied, or being cancelled.
        var busy: Set<ScheduleKey> = []
        var round: Round?
        var stalled: [(until: Duration, event: WaitingEvent)] = []
        var ledger = Ledger()
        var recurring: [LogID: Recurring] = [:]
        var timer: UInt64?
        var scanRetryAt: Duration?
        var isClosed = false
    }

    /// What accepting needs, apart from the rest: it happens on event loops.
    struct Front {
        var clock = ScheduleClock()
        var buckets: [ScheduleSpan: ScheduleBucket] = [:]
        /// Who waits for a bucket to be made.
        var waiters: [ScheduleSpan: [@Sendable (LogError?) -> Void]] = [:]
    }

    let context: EngineContext
    var lane: ResourceName? { nil }
    let isQueued = Atomic(false)
    let state: Mutex<State>
    let front = Mutex(Front())
    let claim: LogClaim
    /// How many wait, about: offsets of appends that failed are counted until their bucket is over.
    let waiting = Atomic<Int64>(0)
    let standing: @Sendable (LogID) -> TopicStanding
    let topic: @Sendable (ResourceName) -> Topic?
    let fired = Count("apus_scheduled_events_total")

    init(
        context: EngineContext, standing: @escaping @Sendable (LogID) -> TopicStanding,
        topic: @escaping @Sendable (ResourceName) -> Topic?
    ) throws(LogError) {
        self.context = context
        self.standing = standing
        self.topic = topic
        state = Mutex(State(window: ScheduleWindow(bytesMax: context.options.scheduleWindowBytes)))
        claim = try context.store.claim(
            ScheduleBucket.ledgerLog, LogConfiguration(segmentBytesMax: 8 << 20, isEssential: true)
        ) { _ in }
        try recover()
    }

    func start() { context.followers.enqueue(self) }

    func close() {
        state.withLock { state in
            state.isClosed = true
            if let timer = state.timer { context.timers.cancel(timer) }
        }
    }

    /// The time that due times are held against, in milliseconds since 1970.
    var time: Int64 {
        front.withLock {
            $0.clock.time(monotonic: context.clock.now.milliseconds, wall: context.clock.wall.rawValue)
        }
    }

    // MARK: Turns

    func turn(now: Duration) {
        let time = self.time
        let hasMore = state.withLock { state in
            guard !state.isClosed else { return false }
            unstall(now, &state)
            let hasMore = readAhead(time, now, &state)
            fire(time, &state)
            removeBuckets(time, &state)
            writeLedger(time, &state)
            rearm(time, now, &state)
            return hasMore
        }
        if hasMore { context.followers.enqueue(self) }
    }

    private func unstall(_ now: Duration, _ state: inout State) {
        guard !state.stalled.isEmpty else { return }
        let ready = state.stalled.filter { $0.until <= now }
        guard !ready.isEmpty else { return }
        state.stalled.removeAll { $0.until <= now }
        for (_, event) in ready {
            state.busy.remove(event.key)
            take(event, &state)
        }
    }

    private func rearm(_ time: Int64, _ now: Duration, _ state: inout State) {
        if let timer = state.timer { context.timers.cancel(timer) }
        state.timer = nil
        var due: Int64?
        func consider(_ moment: Int64?) {
            guard let moment else { return }
            due = min(due ?? moment, moment)
        }
        if state.round == nil { consider(state.window.first?.due) }
        consider(state.recurring.values.compactMap(\.next).min())
        if !state.buckets.isEmpty { consider(time + Scheduler.waitMax.milliseconds) }
        if !state.ledger.copying.isEmpty { consider(time + Scheduler.closeAfter) }
        var pause = due.map { Duration.milliseconds(max($0 - time, 0)) }
        // A round that is under way ends with a turn of its own.
        if state.round != nil || state.ledger.isWriting { pause = pause.map { max($0, .milliseconds(20)) } }
        for until in state.stalled.map(\.until)
            + [state.ledger.retryAt, state.scanRetryAt].compactMap({ $0 })
        {
            pause = min(pause ?? .seconds(3600), max(until - now, .zero))
        }
        guard let pause else { return }
        state.timer = context.timers.schedule(at: now + min(pause, Scheduler.waitMax)) { [weak self] in
            guard let self else { return }
            self.context.followers.enqueue(self)
        }
    }

    /// Forgets the logs of times that are over and in which nothing waits.
    private func removeBuckets(_ time: Int64, _ state: inout State) {
        for (number, tracked) in state.buckets.sorted(by: { $0.key < $1.key }) {
            let span = tracked.bucket.span
            guard span.end < time - 60_000, tracked.bucket.isQuiet, state.covered > .at(span.end),
                !state.window.holds(number),
                tracked.followed >= tracked.bucket.signal.end.rawValue,
                !state.busy.contains(where: { $0.bucket == number }), state.ledger.done[number] == nil
            else { continue }
            let isForgotten = front.withLock { front in
                // An append may have begun and ended meanwhile.
                guard tracked.bucket.isQuiet, tracked.followed >= tracked.bucket.signal.end.rawValue else {
                    return false
                }
                if front.buckets[span] === tracked.bucket { front.buckets[span] = nil }
                return true
            }
            guard isForgotten else { continue }
            state.buckets[number] = nil
            let length = tracked.bucket.signal.end.rawValue
            waiting.subtract(max(0, length - tracked.done.count), ordering: .relaxed)
            state.ledger.removed.append(tracked.bucket)
        }
    }
}
