// SPDX-License-Identifier: Apache-2.0

// Subscriptions: a shared subscription of the engine each, called `group.topic`.

public import ApusBus
import ApusEngine
import ApusModel
import ApusRules
import JSONText
import Synchronization

extension EmbeddedBus {
    public func subscribe(_ subscription: Subscription) async throws(BusError) -> any Receiver {
        try capabilities.requireTopic(subscription)
        let topic = try openName(subscription.topic)
        let name = try openName(subscription.name)
        let settings = try settings(of: subscription, topic)
        try await ensureTopic(topic)
        let receiver = EmbeddedReceiver(self, subscription, name)
        // Before it is made: whoever closes now must not delete it from under this one.
        if subscription.isTemporary { state.withLock { $0.temporary[name, default: 0] += 1 } }
        do throws(BusError) { try await put(name, settings) } catch {
            if subscription.isTemporary { _ = state.withLock { $0.leave(name) } }
            throw error
        }
        let isClosed = state.withLock { state in
            if !state.isClosed { state.receivers[ObjectIdentifier(receiver)] = receiver }
            return state.isClosed
        }
        guard !isClosed else { throw .closed }
        return receiver
    }

    public func unsubscribe(_ subscription: Subscription) async throws(BusError) {
        let name = try openName(subscription.name)
        do throws(BrokerError) { try await engine.deleteSubscription(name) } catch {
            if case .unknownSubscription = error { return }
            throw BusError(error)
        }
    }

    public func deadLetters(
        of subscription: Subscription, limit: Int
    ) async throws(BusError) -> [ApusBus.DeadLetter] {
        var selection = DeadLetterSelection()
        selection.topic = try openName(subscription.deadLetterTopic)
        selection.subscription = try openName(subscription.name)
        var found: [ApusBus.DeadLetter] = []
        var page = Page(limit: min(max(limit, 1), 1000))
        while found.count < limit {
            let letters: [ApusEngine.DeadLetter]
            do throws(BrokerError) { letters = try await engine.deadLetters(selection, page) } catch {
                // Nothing was given up yet.
                if case .unknownTopic = error { return [] }
                throw BusError(error)
            }
            found += letters.prefix(limit - found.count).map {
                ApusBus.DeadLetter(event: $0.stored.event, reason: $0.reason, attempts: $0.attempts)
            }
            guard let last = letters.last else { break }
            page.after = last.id
        }
        return found
    }

    /// Temporary subscriptions of a process that ended before it could delete them.
    func forgetTemporary() async throws(BusError) {
        var page = Page(limit: 1000)
        do throws(BrokerError) {
            while true {
                let subscriptions = try engine.subscriptions(of: nil, page)
                guard let last = subscriptions.last else { return }
                for subscription in subscriptions where subscription.settings.isTemporary {
                    try await engine.deleteSubscription(subscription.name)
                }
                page.after = last.name.description
            }
        } catch { throw BusError(error) }
    }

    // MARK: Settings

    private func settings(
        of subscription: Subscription, _ topic: ResourceName
    ) throws(BusError) -> SubscriptionSettings {
        guard (1...10_000).contains(subscription.prefetch) else {
            throw .invalid("prefetch is 1 to 10,000, not \(subscription.prefetch)")
        }
        var settings = SubscriptionSettings(
            topic: topic, start: subscription.start == .earliest ? .earliest : .latest,
            pattern: try pattern(subscription.pattern, types: subscription.types),
            lease: subscription.lease, inFlightMax: Defaults.embeddedInFlightMax,
            attemptsMax: subscription.attemptsMax,
            deadLetter: try EmbeddedBus.name(subscription.deadLetterTopic),
            ordering: subscription.ordering == .byKey ? OrderingSettings() : nil)
        settings.isTemporary = subscription.isTemporary
        return settings
    }

    /// A pattern, and what `types` adds to it.
    func pattern(_ text: String?, types: Set<String>? = nil) throws(BusError) -> Pattern? {
        var pattern: Pattern?
        do throws(PatternError) {
            // By itself first, so that an error says where it is in what was written.
            if let text { pattern = try Pattern(parsing: text) }
            guard let types else { return pattern }
            var writer = JSONWriter()
            writer.beginObject()
            writer.key("type")
            writer.beginArray()
            for type in types.sorted() { writer.string(type) }
            writer.endArray()
            writer.endObject()
            let typed = String(decoding: writer.bytes, as: UTF8.self)
            return try Pattern(parsing: text.map { #"{"$and": [\#(typed), \#($0)]}"# } ?? typed)
        } catch {
            throw .invalid("the pattern cannot be used: \(error)")
        }
    }

    /// Makes the subscription, or changes the one that there is.
    private func put(_ name: ResourceName, _ wanted: SubscriptionSettings) async throws(BusError) {
        do throws(BrokerError) {
            guard let existing = try? engine.subscription(name).settings else {
                do throws(BrokerError) {
                    _ = try await engine.createSubscription(name, wanted)
                    return
                } catch {
                    // Somebody else has made it meanwhile.
                    guard case .conflict = error else { throw error }
                }
                return try await change(name, try engine.subscription(name).settings, to: wanted)
            }
            try await change(name, existing, to: wanted)
        } catch { throw BusError(error) }
    }

    private func change(
        _ name: ResourceName, _ existing: SubscriptionSettings, to wanted: SubscriptionSettings
    ) async throws(BrokerError) {
        guard existing.topic == wanted.topic, existing.kind == .shared, existing.push == nil,
            existing.isTemporary == wanted.isTemporary
        else {
            throw .conflict(
                "subscription '\(name)' exists already, and is another one: name the group otherwise")
        }
        var changes = SubscriptionChanges()
        if existing.pattern != wanted.pattern { changes.pattern = .some(wanted.pattern) }
        if existing.lease != wanted.lease { changes.lease = wanted.lease }
        if existing.inFlightMax != wanted.inFlightMax { changes.inFlightMax = wanted.inFlightMax }
        if existing.attemptsMax != wanted.attemptsMax { changes.attemptsMax = wanted.attemptsMax }
        if existing.deadLetter != wanted.deadLetter { changes.deadLetter = wanted.deadLetter }
        if existing.ordering != wanted.ordering { changes.ordering = .some(wanted.ordering) }
        guard changes != SubscriptionChanges() else { return }
        _ = try await engine.alterSubscription(name, changes)
    }
}

extension EmbeddedBus.State {
    /// One receiver of a temporary subscription less; whether it was the last.
    mutating func leave(_ name: ResourceName) -> Bool {
        let left = (temporary[name] ?? 1) - 1
        temporary[name] = left > 0 ? left : nil
        return left <= 0
    }
}
