// SPDX-License-Identifier: Apache-2.0

// Subscriptions that end when nobody uses them: readers that are gone without a word leave nothing behind that grows. The time of the last use is kept in memory, and
// written down with the definition whenever it is a quarter of the limit ahead of what is written, so that a restart does not begin the wait anew.

import ApusModel
import Logging
import Synchronization

/// When subscriptions are next looked at.
struct IdleWatch {
    var timer: (deadline: Duration, token: UInt64)?
}

extension Engine {
    /// Sees to it that idle subscriptions are found, where there are some that end by that.
    func watchForIdleSubscriptions() {
        let limits = definitions.subscriptions.values.compactMap(\.settings.expiresAfter)
        guard let limit = limits.min(), !isStopped else { return }
        let deadline = context.clock.now + limit / 4
        idleWatch.withLock { watch in
            if let timer = watch.timer {
                if timer.deadline <= deadline { return }
                context.timers.cancel(timer.token)
            }
            let token = context.timers.schedule(at: deadline) { [weak self] in
                guard let self else { return }
                idleWatch.withLock { $0.timer = nil }
                tendIdleSubscriptions()
                watchForIdleSubscriptions()
            }
            watch.timer = (deadline, token)
        }
    }

    private func tendIdleSubscriptions() {
        let now = context.clock.now
        for shared in catalog.withLock({ $0.shared.values.sorted { $0.name < $1.name } }) {
            guard let use = shared.use(now: now) else { continue }
            if use.idle >= use.limit {
                expire(shared)
            } else {
                let used = context.clock.wall.advanced(by: .zero - use.idle)
                let written = use.written.map { $0.duration(to: used) } ?? use.limit
                if written >= use.limit / 4 { note(used, of: shared) }
            }
        }
    }

    private func expire(_ shared: SharedSubscription) {
        let (name, id) = (shared.name, shared.id)
        change { [self] () throws(BrokerError) -> Decision<Bool> in
            // Somebody may have come back while other changes were made.
            guard let definition = definitions.subscriptions[name], definition.id == id,
                let use = shared.use(now: context.clock.now), use.idle >= use.limit
            else { return .nothing(false) }
            return Decision(changes: [.subscriptionDeleted(name)]) { [self] () throws(BrokerError) in
                closeSubscription(definition)
                return true
            }
        } completion: { [context] result in
            // What could not be written down is tried again with the next look.
            guard case .success(true) = result else { return }
            context.logger.info(
                "a subscription was deleted because nobody has used it for as long as it was to last",
                metadata: ["subscription": "\(name)"])
        }
    }

    private func note(_ used: Timestamp, of shared: SharedSubscription) {
        let (name, id) = (shared.name, shared.id)
        change { [self] () throws(BrokerError) -> Decision<Void> in
            guard var definition = definitions.subscriptions[name], definition.id == id else {
                return .nothing(())
            }
            definition.used = used
            return Decision(changes: [.subscription(definition)]) { () throws(BrokerError) in
                shared.state.withLock { $0.definition.used = used }
            }
        } completion: { _ in
        }
    }
}

extension SharedSubscription {
    /// When it was last used, as its definition says: after a start, which nobody could have used it before, its readers have time to come back.
    static func lastUse(_ definition: SubscriptionDefinition, in context: EngineContext) -> Duration {
        let now = context.clock.now
        guard let limit = definition.settings.expiresAfter else { return now }
        let away = max(.zero, (definition.used ?? definition.created).duration(to: context.clock.wall))
        return now - min(away, limit - min(limit, Defaults.expiryGrace))
    }

    func noteUse(_ state: inout State) {
        if state.definition.settings.expiresAfter != nil { state.lastUse = context.clock.now }
    }

    /// How long nobody has used it, how long that may last, and the use that is written down; nil for one that lasts.
    func use(now: Duration) -> (idle: Duration, limit: Duration, written: Timestamp?)? {
        state.withLock { state in
            guard let limit = state.definition.settings.expiresAfter, !state.isClosed else { return nil }
            // Who waits uses it.
            if !state.waiters.isEmpty || !state.watchers.isEmpty { state.lastUse = now }
            return (now - state.lastUse, limit, state.definition.used)
        }
    }
}
