// SPDX-License-Identifier: Apache-2.0

// Order, shares and priorities in a simulated history. Which subscriptions have them is decided by a chance of its own, so that histories without them stay
// what they were.

import ApusEngine
import ApusModel
import ApusStorage

extension BrokerRun {
    /// Gives a subscription an order, shares or priorities, or none of them.
    func arrange(_ settings: inout SubscriptionSettings) {
        guard options.usesOrder, settings.kind == .shared else { return }
        let key: EventKey? = [nil, .key, .key, .attribute("type")][orderRandom.below(4)]
        settings.ordering = key.map {
            OrderingSettings(by: $0, onDeadLetter: orderRandom.oneIn(3) ? .block : .proceed)
        }
        if orderRandom.oneIn(3) {
            settings.fairness = FairnessSettings(
                by: orderRandom.oneIn(2) ? .key : .attribute("type"),
                weights: orderRandom.oneIn(2) ? [:] : ["k1": 3, "t2": 1 + orderRandom.below(1000)])
        }
        if orderRandom.oneIn(3) { settings.priority = "priority" }
    }

    /// Changes of order, instead of those of something else.
    func someOrderChange(of settings: SubscriptionSettings) -> SubscriptionChanges? {
        guard options.usesOrder, settings.kind == .shared, orderRandom.oneIn(3) else { return nil }
        var changed = settings
        (changed.ordering, changed.fairness, changed.priority) = (nil, nil, nil)
        if !orderRandom.oneIn(3) { arrange(&changed) }
        var changes = SubscriptionChanges()
        changes.ordering = .some(changed.ordering)
        changes.fairness = .some(changed.fairness)
        changes.priority = .some(changed.priority)
        return changes
    }

    /// The priority of an event to be published; nil for none.
    func somePriority() -> String? {
        guard options.usesOrder, orderRandom.oneIn(2) else { return nil }
        return orderRandom.oneIn(10) ? "urgent" : "\(orderRandom.below(12))"
    }

    /// Nobody gets an event while one ahead of it with the same key is neither done nor dead-lettered.
    func checkOrder(_ seen: SeenDelivery, _ subscription: SubscriptionModel, _ what: String) {
        guard let since = subscription.orderedSince, since < seen.step, !subscription.topic.wasCut,
            let ordering = subscription.settings.ordering?.by, let required = subscription.requiredFrom,
            let log = subscription.topic.log(seen.place.partition), let truth = truth.log(log),
            let key = truth.records[seen.place.offset].flatMap({ $0.value(of: ordering) })
        else { return }
        let number = seen.place.partition
        let start = max(
            number < required.count ? required[number] : .zero,
            number < subscription.orderedFrom.count ? subscription.orderedFrom[number] : .zero)
        for record in truth.records.values
        where record.offset >= start && record.offset < seen.place.offset && record.value(of: ordering) == key
        {
            let place = Place(partition: number, offset: record.offset)
            // It was dealt with before it was left out, or nobody had asked for it.
            guard truth.gone[record.offset] == nil,
                record.recipient.map({ $0 == subscription.name.description }) ?? true, !isHidden(record),
                subscription.filters.mustMatch(record.type, since: record.step),
                !subscription.finished.contains(place)
            else { continue }
            let burials = self.truth.burials(
                of: subscription.origin(place), by: subscription.name, in: subscription.createdAt..<Int.max)
            if burials > 0 {
                guard isBlocked(by: place, of: subscription, since: since) else { continue }
                violate("I11: \(what) comes although its key waits for the dead letter of \(record.offset)")
                return
            }
            violate("I11: \(what) comes before offset \(record.offset) of its key '\(key)' is done")
            return
        }
        let others = subscription.places.filter { place, model in
            place.partition == number && place.offset < seen.place.offset
                && model.leasedUntil.map { $0 > clock.now } ?? false
                && truth.records[place.offset].flatMap { $0.value(of: ordering) } == key
        }
        if let other = others.keys.min() {
            violate("I11: \(what) comes while offset \(other.offset) of its key '\(key)' is leased")
        }
    }

    /// Whether the key of an event has to wait for its dead letter: nobody may have dealt with that.
    private func isBlocked(by place: Place, of subscription: SubscriptionModel, since: Int) -> Bool {
        guard subscription.settings.ordering?.onDeadLetter == .block, subscription.replays == 0,
            letterMoves == 0,
            truth.burials(of: subscription.origin(place), by: subscription.name, in: since + 1..<Int.max) > 0
        else { return false }
        let letters = letters(of: place, subscription)
        return !letters.isEmpty && letters.allSatisfy { !touchedLetters.contains($0) }
    }

    /// How many dead letters that the event's key waits for somebody may have redriven.
    func redrives(of place: Place, _ subscription: SubscriptionModel) -> Int {
        guard subscription.mayBlock else { return 0 }
        return letters(of: place, subscription).count { touchedLetters.contains($0) }
    }

    /// The dead letters of an event, by id.
    private func letters(of place: Place, _ subscription: SubscriptionModel) -> [String] {
        let origin = subscription.origin(place)
        return topics.filter(\.holdsDeadLetters).flatMap { topic in
            (0..<topic.settings.partitions).flatMap { partition in
                (topic.log(partition).flatMap { truth.log($0) }?.records.values ?? [:].values)
                    .filter { $0.origin == origin && $0.buriedBy == subscription.name.description }
                    .map { "\(topic.name)/\(partition)/\($0.offset)" }
            }
        }
    }

    /// Deals with the dead letters that keys wait for, so that everything can be drained.
    func letGo() {
        for subscription in subscriptions
        where subscription.certainty == .certain && subscription.settings.ordering?.onDeadLetter == .block {
            var selection = DeadLetterSelection()
            selection.subscription = subscription.name
            moveLetters(selection, isRedrive: orderRandom.oneIn(2))
        }
    }

    /// What is handed out while nobody knows which life of the events it belongs to says nothing about order.
    func exempt(_ place: Place, of subscription: SubscriptionModel) {
        subscription.finished.insert(place)
        subscription.hasUnclearDeliveries = true
    }

    /// A replay came to its end: order holds from the beginning again when that is where it went and nothing was handed out meanwhile, and
    /// otherwise for what comes from now on.
    func endReplay(_ subscription: SubscriptionModel, isFromStart: Bool) {
        guard isFromStart, !subscription.hasUnclearDeliveries, subscription.openReplays == 0 else {
            subscription.orderedFrom = bounds(of: subscription.topic).map(\.end)
            return
        }
        (subscription.finished, subscription.orderedFrom) = ([], [])
    }
}

extension TrueRecord {
    /// What a subscription that orders by `key` tells the record apart by.
    fileprivate func value(of key: EventKey) -> String? {
        switch key {
        case .key: self.key
        case .attribute(let name): headers["ce_\(name)"]
        }
    }
}
