// SPDX-License-Identifier: Apache-2.0

// The spans of events that consumers pull: from when one is handed out until its lease ends, by a verdict or by itself. Pushes have theirs in
// TargetDispatcher; this is the same for those who ask. Only events of recorded traces have one, so where nothing is exported the table stays empty.

import ApusModel
import CloudEvents
import Tracing

/// The spans of the leases that are out, by the events that they hold.
///
/// Invariant: each entry is of a lease that was handed out and of whose end nobody has told yet; a lease that ends in any other way than by a verdict or by time
/// is found by ``SharedSubscription/endWithdrawn(_:)``, or when its event is handed out again.
struct LeaseTraces {
    private struct Entry {
        var nonce: UInt64
        var span: any Span
    }

    private var open: [Position: Entry] = [:]

    var isEmpty: Bool { open.isEmpty }

    /// Begins the span of a lease, child of the event's last hop, if the event's trace is recorded.
    mutating func begin(
        _ handout: SharedSubscription.Handout, _ subscription: ResourceName, by tracer: any Tracer
    ) {
        let stored = handout.stored
        let parent = TraceHop(stored)
        if let parent, !parent.isSampled { return }
        let context = parent?.context(by: tracer) ?? .topLevel
        let span: any Span = tracer.startSpan("deliver \(subscription)", context: context, ofKind: .producer)
        guard span.isRecording else { return }
        span.updateAttributes { attributes in
            attributes["messaging.system"] = "apus"
            attributes["messaging.operation.name"] = "deliver"
            attributes["messaging.operation.type"] = "send"
            attributes["messaging.destination.name"] = "\(stored.topic)"
            attributes["messaging.destination.partition.id"] = "\(stored.partition)"
            attributes["messaging.message.id"] = stored.event.id
            attributes["apus.offset"] = stored.offset.rawValue
            attributes["apus.subscription"] = "\(subscription)"
            attributes["apus.attempt"] = handout.attempt
        }
        let entry = Entry(nonce: handout.token.nonce, span: span)
        let former = open.updateValue(entry, forKey: handout.token.position)
        former.map { LeaseTraces.end($0.span, "withdrawn", nil) }
    }

    /// Ends the span of the lease that holds an event, if it has one.
    ///
    /// - Parameters:
    ///   - outcome: what became of it, in the words of journeys; `withdrawn` where the server took it back.
    ///   - failure: why that is a failure; nil when it is none.
    mutating func end(_ position: Position, _ outcome: String, failure: String? = nil) {
        guard !open.isEmpty, let entry = open.removeValue(forKey: position) else { return }
        LeaseTraces.end(entry.span, outcome, failure)
    }

    /// Ends the span of a lease by a verdict on it; none for one that only lasts longer.
    mutating func end(_ position: Position, by verdict: Verdict, because given: String?) {
        guard !open.isEmpty else { return }
        switch verdict {
        case .acknowledge: end(position, AttemptResult.delivered.text)
        case .release(_, let counted):
            // What is given back untouched has not failed.
            let reason = counted ? given ?? "released by the consumer" : nil
            end(position, AttemptResult.released.text, failure: reason)
        case .reject(let reason): end(position, AttemptResult.rejected.text, failure: reason)
        case .extend: break
        }
    }

    /// Forgets the span of a lease that nobody was given.
    mutating func drop(_ position: Position) { if !open.isEmpty { open[position] = nil } }

    /// Ends the spans of leases that do not hold their event any more.
    mutating func endWithdrawn(_ isHeld: (Position, _ nonce: UInt64) -> Bool) {
        for (position, entry) in open where !isHeld(position, entry.nonce) {
            end(position, "withdrawn")
        }
    }

    private static func end(_ span: any Span, _ outcome: String, _ failure: String?) {
        span.attributes["apus.outcome"] = outcome
        if let failure { span.setStatus(SpanStatus(code: .error, message: failure)) }
        span.end()
    }
}

extension SharedSubscription {
    /// Begins the spans of what is being handed out to somebody who pulls.
    func traceLeases(_ handouts: [Handout], _ state: inout State) {
        guard context.options.tracesEvents, state.definition.settings.push == nil else { return }
        let tracer = context.options.tracer ?? InstrumentationSystem.tracer
        for handout in handouts { state.leaseTraces.begin(handout, name, by: tracer) }
    }

    /// Ends the spans of leases that were taken back: by a replay, or by the end of the subscription.
    func endWithdrawn(_ state: inout State) {
        guard !state.leaseTraces.isEmpty else { return }
        let delivery = state.delivery
        let isClosed = state.isClosed
        state.leaseTraces.endWithdrawn { position, nonce in
            !isClosed && delivery.leasedItem(position, nonce: nonce) != nil
        }
    }
}
