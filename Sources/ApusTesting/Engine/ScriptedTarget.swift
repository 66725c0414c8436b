// SPDX-License-Identifier: Apache-2.0

// A target without a network: records every attempt, and answers when and how the test says.

public import ApusEngine
public import ApusTransport
import Synchronization

/// Takes deliveries and ends them as a script says.
public final class ScriptedTarget: DeliveryDispatcher {
    /// Decides how an attempt ends; nil leaves it open until ``finishOpen(with:)``.
    public typealias Script = @Sendable (Delivery) -> Outcome?

    private struct State {
        var deliveries: [Delivery] = []
        var open: [(Delivery, @Sendable (Outcome) -> Void)] = []
        var script: Script
    }

    private let state: Mutex<State>

    /// A target that answers as `script` says; by default it takes everything.
    public init(_ script: @escaping Script = { _ in .delivered }) { state = Mutex(State(script: script)) }

    public func dispatch(
        _ delivery: Delivery, to settings: PushSettings, completion: @escaping @Sendable (Outcome) -> Void
    ) {
        let outcome = state.withLock { state -> Outcome? in
            state.deliveries.append(delivery)
            let outcome = state.script(delivery)
            if outcome == nil { state.open.append((delivery, completion)) }
            return outcome
        }
        if let outcome { completion(outcome) }
    }

    public func objection(to settings: PushSettings) -> String? {
        settings.url.hasPrefix("http") ? nil : "only http and https"
    }

    /// Every attempt so far, in order.
    public var deliveries: [Delivery] { state.withLock(\.deliveries) }

    /// Answers differently from now on.
    public func rewrite(_ script: @escaping Script) { state.withLock { $0.script = script } }

    /// Ends every attempt that was left open.
    public func finishOpen(with outcome: Outcome) {
        let open = state.withLock { state in
            defer { state.open = [] }
            return state.open
        }
        for (_, completion) in open { completion(outcome) }
    }
}
