// SPDX-License-Identifier: Apache-2.0

// A topic of an outside broker as a target of the engine. One attempt is one call of the transport; when to try again, and when to give up, is the engine's business. What
// is decided here is whether a refusal is about an event, which then goes to the dead letters, or about the broker, which everything waits for.

import ApusBus
import ApusModel
public import ApusTransport
import CloudEvents

/// Delivers to topics of outside brokers.
public struct BusTarget: Target {
    private let connections: Connections

    /// Delivers by these connections.
    public init(connections: Connections) { self.connections = connections }

    public func objection(to settings: PushSettings) -> String? { nil }

    public func deliver(_ deliveries: [Delivery], to settings: PushSettings) async -> Outcome {
        let outcomes = await deliverEach(deliveries, to: settings)
        return outcomes.first { $0 != .delivered } ?? .delivered
    }

    public func deliverEach(_ deliveries: [Delivery], to settings: PushSettings) async -> [Outcome] {
        guard case .bus(let connection, let topic) = settings.destination else {
            let outcome = Outcome.refused(status: nil, reason: "\(settings.url) is no topic of a broker")
            return Array(repeating: outcome, count: deliveries.count)
        }
        let deadline = ContinuousClock.now + settings.timeout
        let send = Sending(connections: connections, connection: connection, topic: topic, deadline: deadline)
        var record = BusRecording(connections, connection, topic)
        var outcomes = [Outcome](repeating: .delivered, count: deliveries.count)
        var events: [CloudEvent] = []
        var places: [Int] = []
        for (index, delivery) in deliveries.enumerated() {
            if let event = BridgeHops.crossing(delivery) {
                events.append(event)
                places.append(index)
            } else {
                outcomes[index] = .refused(status: nil, reason: BridgeHops.objection)
            }
        }
        for ((place, event), end) in zip(zip(places, events), await send.ends(of: events)) {
            outcomes[place] = record.conclude(end, event, deliveries[place].witness)
        }
        return outcomes
    }
}

/// What an event carries so that one that goes in a circle, over however many brokers and servers, is stopped.
enum BridgeHops {
    /// The extension attribute that counts the bridges which an event has crossed.
    static let attribute = "apushops"

    static let objection =
        "the event has crossed \(Defaults.bridgeHopsMax) bridges: it goes in a circle"

    /// The event as it leaves: one more bridge crossed, and its key beside it. Nil when there were too many.
    static func crossing(_ delivery: Delivery) -> CloudEvent? {
        var event = delivery.event
        let hops = max(0, event.extensions[attribute]?.asInteger ?? 0)
        guard hops < Defaults.bridgeHopsMax else { return nil }
        // An event with more attributes than fit cannot get another; it was taken with them, and goes on without the count.
        try? event.extensions.set(attribute, to: .integer(hops + 1))
        if let key = delivery.key, event.extensions[.partitionKey] == nil {
            try? event.extensions.set("partitionkey", to: .string(key))
        }
        return event
    }
}

/// One attempt with events for one topic.
private struct Sending: Sendable {
    var connections: Connections
    var connection: ResourceName
    var topic: String
    var deadline: ContinuousClock.Instant

    func ends(of events: [CloudEvent]) async -> [SendingEnd] {
        guard !events.isEmpty else { return [] }
        let call = (sent: connections.wall, instant: ContinuousClock.now)
        let result = await within(deadline) { await publish(events) }
        func end(_ outcome: Outcome, _ answer: SendingEnd.Answer) -> SendingEnd {
            SendingEnd(
                outcome: outcome, answer: answer, sent: call.sent,
                duration: call.instant.duration(to: .now))
        }
        func all(_ outcome: Outcome, _ answer: SendingEnd.Answer) -> [SendingEnd] {
            Array(repeating: end(outcome, answer), count: events.count)
        }
        switch result {
        case nil:
            let reason = "connection '\(connection)' did not answer in time"
            return all(.retry(after: nil, status: nil, reason: reason), .none)
        case .receipts(let receipts):
            guard receipts.count == events.count else { return all(.delivered, .none) }
            return receipts.map { end(.delivered, .receipt($0)) }
        case .unreachable(let error): return all(outcome(of: error), .none)
        case .refused(.partial(let results)) where results.count == events.count:
            var ends: [SendingEnd] = []
            for (event, result) in zip(events, results) {
                switch result {
                case .success(let receipt): ends.append(end(.delivered, .receipt(receipt)))
                case .failure(let failure) where failure.isRetryable:
                    let outcome = Outcome.retry(after: nil, status: nil, reason: failure.reason)
                    ends.append(end(outcome, .error("unavailable", failure.reason)))
                case .failure(let failure) where events.count == 1:
                    let outcome = refusal(failure.reason)
                    ends.append(end(outcome, .error("refused", failure.reason)))
                case .failure:
                    // By itself it gets an error of its own, which says whether it is to blame.
                    ends += await self.ends(of: [event])
                }
            }
            return ends
        case .refused(let error) where error.isAboutEvent && events.count > 1:
            // One of them may be to blame, and must not take the others along.
            var ends: [SendingEnd] = []
            for event in events { ends += await self.ends(of: [event]) }
            return ends
        case .refused(let error):
            return all(outcome(of: error), error.word.map { .error($0, "\(error)") } ?? .none)
        }
    }

    private enum Call: Sendable {
        case receipts([Receipt])
        /// There is no connection: nothing was sent.
        case unreachable(BusError)
        case refused(BusError)
    }

    private func publish(_ events: [CloudEvent]) async -> Call {
        let transport: any BusTransport
        do throws(BusError) { transport = try await connections.transport(connection) } catch {
            connections.note(connection, error)
            return .unreachable(error)
        }
        do throws(BusError) {
            let receipts = try await transport.publish(events, to: topic)
            connections.note(connection, nil)
            return .receipts(receipts)
        } catch {
            connections.note(connection, error)
            return .refused(error)
        }
    }

    private func outcome(of error: BusError) -> Outcome {
        switch error {
        case .invalid(let words), .refused(let words): return refusal(words)
        case _ where error.isAboutEvent: return .refused(status: nil, reason: "\(error)")
        default: return .retry(after: nil, status: nil, reason: "\(error)")
        }
    }

    /// Why an event is refused, in words that may quote it: the log leaves them out, the journey and the dead letter have them.
    private func refusal(_ words: String) -> Outcome {
        .refused(status: nil, reason: "it is refused: \(OutsideWords.marked(words))")
    }
}

extension BusError {
    /// Whether it says that this event will never be taken, whoever mends the broker or the connection. A wrong password or a topic that is missing is somebody's to mend, and
    /// events wait for that.
    var isAboutEvent: Bool {
        switch self {
        case .invalid, .refused, .tooLarge, .missing: true
        case .partial, .unauthorized, .unknown, .trimmed, .unavailable, .undecided, .closed: false
        }
    }

    /// What kind of error it is, in a word or two, for people who look into an attempt; nil where nobody has said anything.
    fileprivate var word: String? {
        switch self {
        case .missing: "unsupported"
        case .invalid: "invalid"
        case .refused: "refused"
        case .unauthorized: "unauthorized"
        case .unknown: "unknown"
        case .tooLarge: "too large"
        case .trimmed: "trimmed"
        case .unavailable, .partial: "unavailable"
        case .undecided: "undecided"
        case .closed: nil
        }
    }
}
