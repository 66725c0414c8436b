// SPDX-License-Identifier: Apache-2.0

// One event to the receiver of a subscription, to see what it says. It goes beside everything else: no lease, no attempt that counts, no note in a
// journey; so it tells of the way there and of the receiver, whatever waits, is paused, or is left alone.

public import ApusModel
import ApusTransport
public import CloudEvents
import Synchronization

extension Engine {
    public func testPush(
        _ name: ResourceName, _ event: CloudEvent?
    ) async throws(BrokerError) -> PushTest {
        let shared = try requireShared(name)
        guard let push = shared.state.withLock({ $0.definition.settings.push }) else {
            throw .conflict("subscription '\(name)' does not push: consumers receive from it")
        }
        guard
            shared.isTested.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing)
                .exchanged
        else { throw .conflict("a test of subscription '\(name)' is under way: its answer comes first") }
        defer { shared.isTested.store(false, ordering: .releasing) }
        let (began, start) = (context.clock.wall, context.clock.now)
        let sent = if let event { event } else { try testEvent(of: name, shared.topic.name, at: began) }
        let witness = AttemptWitness(wantsSuccesses: true)
        let outcome = await attempt(sent, of: shared, to: push, witness)
        return PushTest(
            event: sent, outcome: outcome, began: began, duration: context.clock.now - start,
            exchange: witness.exchange)
    }

    /// What its receiver's operator sees says who sends it and that it means nothing.
    private func testEvent(
        of name: ResourceName, _ topic: ResourceName, at time: Timestamp
    ) throws(BrokerError) -> CloudEvent {
        let id = "test-" + String(context.entropy.next(), radix: 16)
        let text = """
            {"message":"A test: nothing has happened.","subscription":"\(name)","topic":"\(topic)"}
            """
        do {
            return try CloudEvent(
                id: id, source: "/v1/subscriptions/\(name)", type: PushTest.eventType,
                time: CloudEventTimestamp(millisecondsSinceEpoch: time.rawValue),
                dataContentType: "application/json", data: CloudEventData(text: text))
        } catch { throw .invalid("\(error)") }
    }

    private func attempt(
        _ event: CloudEvent, of shared: SharedSubscription, to push: PushSettings, _ witness: AttemptWitness
    ) async -> Outcome {
        // Nothing is sent to a receiver that has not agreed; so the question comes first, as it does for deliveries.
        if push.handshake {
            let permission = await answer(
                within: push.timeout, else: Permission.withheld(reason: Self.silence)
            ) {
                [dispatcher = context.dispatcher] in
                dispatcher.requestPermission(push, completion: $0)
            }
            if case .withheld(let reason) = permission { return .refused(status: nil, reason: reason) }
        }
        var delivery = Delivery(
            subscription: shared.name, topic: shared.topic.name, partition: 0, offset: .zero, attempt: 1,
            attemptsMax: 1, event: event, key: event.placementKey)
        delivery.isTest = true
        delivery.witness = witness
        let sent = delivery
        return await answer(
            within: push.timeout, else: .retry(after: nil, status: nil, reason: Self.silence)
        ) { [dispatcher = context.dispatcher] in
            dispatcher.dispatch([sent], to: push, completion: $0)
        }
    }

    private static let silence = "there was no outcome in time"
    /// Targets keep to the timeout; this is for one that is stopping, which says nothing any more.
    private static let margin = Duration.seconds(1)

    /// What `ask` is told, or `otherwise` when that takes too long.
    private func answer<Value: Sendable>(
        within timeout: Duration, else otherwise: Value, _ ask: (@escaping @Sendable (Value) -> Void) -> Void
    ) async -> Value {
        await withUnsafeContinuation { continuation in
            let first = FirstAnswer(continuation)
            let timer = context.timers.schedule(at: context.clock.now + timeout + Self.margin) {
                first.tell(otherwise)
            }
            ask { [timers = context.timers] value in
                timers.cancel(timer)
                first.tell(value)
            }
        }
    }
}

/// Takes the first of several answers.
private final class FirstAnswer<Value: Sendable>: Sendable {
    private let continuation: Mutex<UnsafeContinuation<Value, Never>?>

    init(_ continuation: UnsafeContinuation<Value, Never>) { self.continuation = Mutex(continuation) }

    func tell(_ value: Value) {
        continuation.withLock { continuation in
            defer { continuation = nil }
            return continuation
        }?.resume(returning: value)
    }
}
