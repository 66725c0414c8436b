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
        var open: [@Sendable (Outcome) -> Void] = []
        var permissions: [String] = []
        var permission = Permission.granted(ratePerSecond: nil)
        var requests = 0
        var script: Script
    }

    private let state: Mutex<State>

    /// A target that answers as `script` says; by default it takes everything.
    public init(_ script: @escaping Script = { _ in .delivered }) { state = Mutex(State(script: script)) }

    public func dispatch(
        _ deliveries: [Delivery], to settings: PushSettings, completion: @escaping @Sendable (Outcome) -> Void
    ) {
        let outcome = state.withLock { state -> Outcome? in
            state.requests += 1
            state.deliveries += deliveries
            let outcome = deliveries.first.map(state.script) ?? .delivered
            if outcome == nil { state.open.append(completion) }
            return outcome
        }
        if let outcome { completion(outcome) }
    }

    /// Events for an outside broker end each by itself, as the script says of it; those that it leaves open have been taken.
    public func dispatchEach(
        _ deliveries: [Delivery], to settings: PushSettings,
        completion: @escaping @Sendable ([Outcome]) -> Void
    ) {
        guard settings.connection != nil else {
            let count = deliveries.count
            return dispatch(deliveries, to: settings) {
                completion(Array(repeating: $0, count: count))
            }
        }
        completion(
            state.withLock { state in
                state.requests += 1
                state.deliveries += deliveries
                return deliveries.map { state.script($0) ?? .delivered }
            })
    }

    public func requestPermission(
        _ settings: PushSettings, completion: @escaping @Sendable (Permission) -> Void
    ) {
        completion(
            state.withLock { state in
                state.permissions.append(settings.url)
                return state.permission
            })
    }

    public func objection(to settings: PushSettings) -> String? {
        settings.connection != nil || settings.url.hasPrefix("http") ? nil : "only http and https"
    }

    /// Every attempt so far, in order.
    public var deliveries: [Delivery] { state.withLock(\.deliveries) }

    /// How many requests there were; one of a batch has several deliveries.
    public var requests: Int { state.withLock(\.requests) }

    /// The addresses that were asked for their consent, in order.
    public var permissionsAsked: [String] { state.withLock(\.permissions) }

    /// Answers so when it is asked for its consent, from now on.
    public func permit(_ permission: Permission) { state.withLock { $0.permission = permission } }

    /// Answers differently from now on.
    public func rewrite(_ script: @escaping Script) { state.withLock { $0.script = script } }

    /// Ends every attempt that was left open.
    public func finishOpen(with outcome: Outcome) {
        let open = state.withLock { state in
            defer { state.open = [] }
            return state.open
        }
        for completion in open { completion(outcome) }
    }
}
