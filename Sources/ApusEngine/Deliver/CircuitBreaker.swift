// SPDX-License-Identifier: Apache-2.0

// Whether events are sent to a target that may be down. Retries by themselves would use up the attempts of every event in the topic while a
// target is away for an hour; so after some failures in a row the subscription stops handing out, and finds out with single events, at
// growing intervals, whether the target is back. A value without clock and chance; both come as parameters.
//
//     closed ──(failures in a row)──▶ open ──(its pause is over)──▶ probing
//        ▲                             ▲                              │
//        └──────── any answer ─────────┴────────── failure ◀──────────┘

package import ApusModel
package import ApusTransport

/// The circuit between a subscription and its target.
package struct CircuitBreaker: Sendable, Hashable {
    /// Why nothing is sent now, as far as a restart must know.
    package struct Pause: Sendable, Hashable {
        /// When the circuit opened.
        package var since: Timestamp
        /// When the target is probed next.
        package var probe: Timestamp
        /// How many pauses there were since then, this one included.
        package var rounds: Int

        package init(since: Timestamp, probe: Timestamp, rounds: Int) {
            self.since = since
            self.probe = probe
            self.rounds = rounds
        }
    }

    /// Where the circuit stands.
    package enum Phase: Sendable, Hashable {
        /// Events are sent; so many attempts in a row have failed.
        case closed(failures: Int)
        /// Nothing is sent until `due`, on the monotonic clock.
        case open(Pause, due: Duration)
        /// One event is under way.
        case probing(Pause)
    }

    /// What may be sent now.
    package enum Admission: Sendable, Hashable {
        /// As much as there is room for.
        case free
        /// One event.
        case probe
        /// Nothing until then; nil for until the probe has ended.
        case wait(until: Duration?)
    }

    /// Where the circuit stands.
    package private(set) var phase = Phase.closed(failures: 0)

    /// A closed circuit.
    package init() {}

    /// The circuit as an earlier life left it.
    package init(restoring pause: Pause?, due: (Timestamp) -> Duration) {
        if let pause { phase = .open(pause, due: due(pause.probe)) }
    }

    /// What may be sent now.
    package func admission(now: Duration) -> Admission {
        switch phase {
        case .closed: .free
        case .open(_, let due): due > now ? .wait(until: due) : .probe
        case .probing: .wait(until: nil)
        }
    }

    /// What a restart must know; nil when the circuit is closed.
    package var pause: Pause? {
        switch phase {
        case .closed: nil
        case .open(let pause, _), .probing(let pause): pause
        }
    }

    /// Somebody says that the target may be back: it is probed now, not at the end of the pause. True when there was a pause to end.
    package mutating func endPause(now: Duration, wall: Timestamp) -> Bool {
        guard case .open(var pause, let due) = phase, due > now else { return false }
        pause.probe = wall
        phase = .open(pause, due: now)
        return true
    }

    /// The probe is on its way.
    package mutating func beginProbe() {
        if case .open(let pause, _) = phase { phase = .probing(pause) }
    }

    /// The probe did not come to be an attempt; another one may be sent.
    package mutating func loseProbe(now: Duration) {
        if case .probing(let pause) = phase { phase = .open(pause, due: now) }
    }

    /// The target answered, whatever it thinks of the event: it works. True when that closes the circuit.
    package mutating func answered() -> Bool {
        defer { phase = .closed(failures: 0) }
        if case .closed = phase { return false }
        return true
    }

    /// An attempt failed in a way that says something about the target. True when there is another pause to write down.
    ///
    /// - Parameters:
    ///   - asked: how long the target itself wishes to be left alone.
    ///   - chance: a random duration from zero to its argument, so that targets that failed together are not probed together.
    package mutating func failed(
        _ settings: PushSettings.Breaker, asked: Duration?, now: Duration, wall: Timestamp,
        chance: (Duration) -> Duration
    ) -> Bool {
        switch phase {
        case .closed(let failures):
            phase = .closed(failures: failures + 1)
            guard settings.failures > 0, failures + 1 >= settings.failures else { return false }
        case .open:
            // An attempt from before; the pause stays as it is.
            return false
        case .probing: break
        }
        leaveAlone(settings, asked: asked, now: now, wall: wall, chance: chance)
        return true
    }

    /// Opens the circuit, or begins the next pause.
    package mutating func leaveAlone(
        _ settings: PushSettings.Breaker, asked: Duration?, now: Duration, wall: Timestamp,
        chance: (Duration) -> Duration
    ) {
        let rounds = min((pause?.rounds ?? 0) + 1, 64)
        var ceiling = settings.initial
        for _ in 1..<rounds where ceiling < settings.max { ceiling += ceiling }
        ceiling = min(ceiling, settings.max)
        // At least half of it: an open circuit must leave its target alone.
        var wait = ceiling / 2 + chance(ceiling / 2)
        if let asked { wait = max(wait, min(asked, .seconds(86_400))) }
        let next = Pause(since: pause?.since ?? wall, probe: wall.advanced(by: wait), rounds: rounds)
        phase = .open(next, due: now + wait)
    }
}
