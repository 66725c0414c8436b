// SPDX-License-Identifier: Apache-2.0

// Subscriptions of a server: a shared subscription called `group.topic` each.

import ApusBus
import ApusClient
import ApusModel
import CloudEvents
import JSONText

extension ServerBus {
    func subscribe(_ subscription: Subscription) async throws(BusError) -> any Receiver {
        try capabilities.requireTopic(subscription)
        let topic = try name(subscription.topic)
        let name = try name(subscription.name)
        guard (1...10_000).contains(subscription.prefetch) else {
            throw .invalid("prefetch is 1 to 10,000, not \(subscription.prefetch)")
        }
        try await ensureTopic(topic)
        var settings = JSONObject()
        settings["topic"] = .string(topic)
        settings["kind"] = "shared"
        settings["pattern"] = try combined(subscription) ?? .null
        settings["lease"] = .string(DurationText.format(subscription.lease))
        settings["max_attempts"] = .number(JSONNumber(Int64(subscription.attemptsMax)))
        settings["dead_letter"] = .string(try self.name(subscription.deadLetterTopic))
        settings["ordering"] = subscription.ordering == .byKey ? ["by": "key"] : .null
        // Should this program end without a word, the server deletes it.
        if subscription.isTemporary {
            settings["expires_after"] = .string(DurationText.format(Defaults.temporarySubscriptionIdleMax))
        }
        // Where it began cannot be changed, so it is said only to one that is new.
        let isNew = try await isUnknown(name)
        if isNew { settings["start"] = subscription.start == .earliest ? "earliest" : "latest" }
        if subscription.isTemporary { enterTemporary(name) }
        do throws(BusError) {
            _ = try await call { () async throws(ApusClientError) in
                try await client.putSubscription(name, settings)
            }
        } catch {
            if subscription.isTemporary { _ = leaveTemporary(name) }
            throw error
        }
        return ServerReceiver(self, subscription, name)
    }

    private func isUnknown(_ name: String) async throws(BusError) -> Bool {
        do {
            _ = try await call { () async throws(ApusClientError) in try await client.subscription(name) }
            return false
        } catch {
            if case .unknown = error { return true }
            throw error
        }
    }

    /// A pattern, and what types add to it.
    private func combined(_ subscription: Subscription) throws(BusError) -> JSONValue? {
        let pattern = try pattern(subscription.pattern)
        guard let types = subscription.types else { return pattern }
        let typed: JSONValue = ["type": .array(types.sorted().map { .string($0) })]
        return pattern.map { ["$and": [typed, $0]] } ?? typed
    }

    func unsubscribe(_ subscription: Subscription) async throws(BusError) {
        let name = try name(subscription.name)
        try await ignoringUnknown { () async throws(BusError) in
            try await call { () async throws(ApusClientError) in try await client.deleteSubscription(name) }
        }
    }

    func deadLetters(of subscription: Subscription, limit: Int) async throws(BusError) -> [DeadLetter] {
        let selection = DeadLetterSelection(
            topic: try name(subscription.deadLetterTopic), subscription: try name(subscription.name))
        var found: [DeadLetter] = []
        var after: String?
        repeat {
            let page: Page<DeadLetterInfo>
            do {
                page = try await call { () async throws(ApusClientError) in
                    try await client.deadLetters(
                        selection, limit: min(max(limit - found.count, 1), 1_000), after: after)
                }
            } catch {
                // Nothing was given up yet.
                if case .unknown = error { return [] }
                throw error
            }
            for letter in page.elements where found.count < limit {
                guard let event = try? CloudEventJSONFormat.decode(letter.event.bytes) else { continue }
                found.append(DeadLetter(event: event, reason: letter.reason, attempts: letter.attempts))
            }
            after = page.next
        } while after != nil && found.count < limit
        return found
    }
}
