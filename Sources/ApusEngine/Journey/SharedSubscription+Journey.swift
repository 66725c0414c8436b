// SPDX-License-Identifier: Apache-2.0

// What a subscription notes for the journeys of events: how attempts ended and when the next one is due, and where dead letters went. Failures are
// noted always, successes when the event is among those that are chosen.

import ApusModel
import ApusTransport

/// An attempt, as the engine saw it from outside.
struct AttemptSighting: Sendable {
    /// When it was begun, by both clocks.
    var began: Timestamp
    private var start: Duration
    /// How long it took; nil while it is under way.
    private(set) var duration: Duration?
    /// What the target tells of it.
    let witness: AttemptWitness

    init(began: Timestamp, start: Duration, wantsSuccesses: Bool) {
        (self.began, self.start) = (began, start)
        witness = AttemptWitness(wantsSuccesses: wantsSuccesses)
    }

    func ended(at now: Duration) -> AttemptSighting {
        var ended = self
        ended.duration = now - start
        return ended
    }
}

extension SharedSubscription {
    /// Begins to look on; nil where journeys are not noted.
    func beginSighting(_ handouts: [Handout]) -> AttemptSighting? {
        guard let journey = context.journey else { return nil }
        let wants = handouts.contains { handout in
            journey.wants(handout.token.position.partition, handout.token.position.offset)
        }
        return AttemptSighting(began: context.clock.wall, start: context.clock.now, wantsSuccesses: wants)
    }

    /// A push ended. Called after the state has taken it in: so it says when the next attempt is due.
    func noteAttempt(
        _ position: Position, _ attempts: Int, _ outcome: Outcome, _ seen: AttemptSighting?, _ state: State
    ) {
        guard let journey = context.journey else { return }
        var (result, status, because): (AttemptResult, Int?, String) = (.delivered, nil, "")
        switch outcome {
        case .delivered:
            guard seen?.witness.wantsSuccesses ?? false else { return }
            status = seen?.witness.exchange?.status
        case .retry(_, let code, let reason): (result, status, because) = (.failed, code, reason)
        case .refused(let code, let reason): (result, status, because) = (.refused, code, reason)
        }
        var note = note(result, attempts, because, position, state)
        (note.status, note.exchange) = (status, seen?.witness.exchange)
        note.began = note.exchange?.sent ?? seen?.began
        note.duration = note.exchange?.duration ?? seen?.duration
        add(note, position, journey)
    }

    /// An event was too old when its turn came.
    func noteLate(_ position: Position, _ attempts: Int, _ reason: String, _ state: State) {
        guard let journey = context.journey else { return }
        add(note(.late, attempts, reason, position, state), position, journey)
    }

    /// A consumer's lease ran out.
    func noteExpiry(_ position: Position, _ attempts: Int, _ state: State) {
        guard let journey = context.journey else { return }
        add(
            note(.expired, attempts, "the consumer's lease ran out", position, state), position, journey)
    }

    /// A consumer said what is to become of an event.
    func noteVerdict(_ settlement: Settlement, _ position: Position, _ attempts: Int, _ state: State) {
        guard let journey = context.journey else { return }
        switch settlement.verdict {
        case .acknowledge:
            guard journey.wants(position.partition, position.offset) else { return }
            add(note(.delivered, attempts, "", position, state), position, journey)
        case .release:
            let reason = settlement.reason ?? "released by the consumer"
            add(note(.released, attempts, reason, position, state), position, journey)
        case .reject(let reason): add(note(.rejected, attempts, reason, position, state), position, journey)
        case .extend: break
        }
    }

    /// Events were given up, and their copies are durable.
    func noteBurials(_ letters: [DeadLetterDraft], _ mark: BurialMark, _ state: State) {
        guard let journey = context.journey else { return }
        let target = state.definition.deadLetter
        for (index, letter) in letters.enumerated() {
            let offset = mark.end.advanced(by: Int64(index - letters.count))
            journey.add(
                JourneyStep(
                    topic: topic.id, partition: letter.position.partition, offset: letter.position.offset,
                    time: context.clock.wall,
                    note: .buried(
                        subscription: name, letter: "\(target)/\(mark.partition)/\(offset)",
                        reason: letter.reason)))
        }
    }

    private func note(
        _ outcome: AttemptResult, _ attempts: Int, _ reason: String, _ position: Position, _ state: State
    ) -> AttemptNote {
        var next: Timestamp?
        if outcome.isFailure, let item = state.delivery.items[position] {
            switch item.phase {
            case .waiting(_, let wall): next = wall
            case .ready: next = context.clock.wall
            case .leased, .closing, .blocked: break
            }
        }
        return AttemptNote(
            subscription: name, subscriptionID: id, number: attempts,
            numberMax: state.definition.settings.attemptsMax, outcome: outcome, reason: reason, next: next)
    }

    private func add(_ note: AttemptNote, _ position: Position, _ journey: JourneyLog) {
        journey.add(
            JourneyStep(
                topic: topic.id, partition: position.partition, offset: position.offset,
                time: context.clock.wall, note: .attempted(note)))
    }
}
