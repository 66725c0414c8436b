// SPDX-License-Identifier: Apache-2.0

// What goes on, once a second for everybody who watches: the first stream that asks in a second gathers, the others get the same bytes. Nobody watches,
// nothing is gathered. With many subscriptions gathering takes its time; then it is done more rarely, so that watching never costs more than about a
// hundredth of one core.
//
// Invariant: `kept` is in order of number and has at most `keptMax` samples; one stream gathers at a time.

internal import ApusEngine
internal import ApusModel
internal import JSONText
internal import Synchronization

/// Gathers samples for streams, and keeps those of the last two minutes for whoever comes later.
final class ActivitySampler: Sendable {
    /// One look at the server.
    struct Sample: Sendable {
        /// Which one it is, from 1.
        var number: UInt64
        /// When it was taken.
        var time: Timestamp
        /// What was seen, as JSON.
        var json: [UInt8]
    }

    private struct State {
        var kept: [Sample] = []
        var streams = 0
        var due: ContinuousClock.Instant?
        var number: UInt64 = 0
        var isGathering = false
    }

    /// How soon a stream asks again at the earliest: while somebody else gathers, it need not wait long.
    private static let patience = Duration.milliseconds(20)
    /// How long samples are kept, and how many they are then at most.
    private static let keptAge = Duration.seconds(120)
    private static let keptMax = 120
    /// Gathering may take this part of the time between two samples.
    private static let effort = 0.01

    private let streamsMax: Int
    private let state = Mutex(State())

    init(streamsMax: Int) { self.streamsMax = streamsMax }

    /// Counts a stream until ``leave()``.
    ///
    /// - Throws: ``Problem`` when there are too many.
    func enter() throws(Problem) {
        let isFull = state.withLock { state in
            guard state.streams < streamsMax else { return true }
            state.streams += 1
            return false
        }
        guard isFull else { return }
        throw Problem(
            .unavailable, "\(streamsMax) streams of activity are open already: that is the limit",
            hint: "close pages that nobody looks at, or read GET /metrics")
    }

    /// A stream is over.
    func leave() { state.withLock { $0.streams -= 1 } }

    /// The samples after number `last`, the newest taken now if it is time for one; and when to ask again.
    func samples(
        after last: UInt64, _ context: GatewayContext
    ) -> (samples: [Sample], next: ContinuousClock.Instant) {
        let now = ContinuousClock.now
        if let due = beginGathering(at: now) {
            // Without the lock: others get what is kept meanwhile.
            let (time, json) = (context.now, ActivityJSON.sample(context))
            finishGathering(time, json, begun: now, due: due)
        }
        return state.withLock { state in
            (
                state.kept.filter { $0.number > last },
                max(state.due ?? now, .now.advanced(by: Self.patience))
            )
        }
    }

    /// When the sample was due that is to be taken now; nil if none is, or somebody takes it already.
    private func beginGathering(at now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        state.withLock { state in
            let due = state.due ?? now
            guard !state.isGathering, now >= due else { return nil }
            state.isGathering = true
            return due
        }
    }

    private func finishGathering(
        _ time: Timestamp, _ json: [UInt8], begun: ContinuousClock.Instant, due: ContinuousClock.Instant
    ) {
        let pause = max(Defaults.activityInterval, begun.duration(to: .now) / Self.effort)
        // Whole steps from the last one, so that samples are evenly spaced; from now on after a pause.
        let isLate = due.advanced(by: pause) <= begun
        state.withLock { state in
            state.number += 1
            let oldest = time.advanced(by: .zero - Self.keptAge)
            state.kept.removeAll { $0.time < oldest }
            state.kept =
                state.kept.suffix(Self.keptMax - 1) + [Sample(number: state.number, time: time, json: json)]
            state.due = (isLate ? begun : due).advanced(by: pause)
            state.isGathering = false
        }
    }
}
