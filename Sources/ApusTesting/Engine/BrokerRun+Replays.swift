// SPDX-License-Identifier: Apache-2.0

// Bounded replays and subscriptions with an end, in a simulated history. What lies in the range comes at least once more, what was looked at stays
// looked at, and nothing comes from beyond an end. They are decided by a chance of their own.

import ApusEngine
import ApusModel
import ApusStorage

/// A bounded replay that was asked for.
struct ReplayModel {
    let number: Int
    let range: Range<Offset>
    /// When it was asked for.
    let step: Int
    /// Events that came again because of it: each does once.
    var seen: Set<Place> = []
    /// Events that were acknowledged, and have to come again.
    var owed: Set<Place> = []

    func contains(_ place: Place) -> Bool { range.contains(place.offset) }
}

extension BrokerRun {
    // MARK: What happens

    /// Gives a subscription an end, or none.
    func end(_ settings: inout SubscriptionSettings) {
        guard options.usesReplays, settings.kind == .shared, replayRandom.oneIn(6) else { return }
        settings.end =
            replayRandom.oneIn(2) ? .latest : .offset(Offset(Int64(replayRandom.below(12))))
    }

    /// Replays a part of the past now and then.
    func replayPart() {
        guard options.usesReplays, replayRandom.oneIn(50) else { return }
        let candidates = subscriptions.filter { $0.certainty == .certain && $0.isShared }
        guard !candidates.isEmpty else { return }
        let model = candidates[replayRandom.below(candidates.count)]
        let ends = bounds(of: model.topic).map(\.end)
        guard let last = ends.max(), last > .zero else { return }
        let from = Offset(Int64(replayRandom.below(Int(last.rawValue))))
        let to = from.advanced(by: 1 + Int64(replayRandom.below(12)))
        replayPart(of: model, from..<to, ends: ends)
    }

    private func replayPart(of model: SubscriptionModel, _ range: Range<Offset>, ends: [Offset]) {
        let (name, number) = (model.name, (model.parts.last?.number ?? 0) + 1)
        note("replay \(name) from \(range.lowerBound) to \(range.upperBound)")
        model.parts.append(ReplayModel(number: number, range: range, step: step))
        model.replays += 1
        // What it began after may come as well.
        model.allowedFrom = []
        let acknowledged = model.places.filter { place, known in
            known.isAcknowledged && range.contains(place.offset) && place.partition < ends.count
                && place.offset < ends[place.partition]
        }.map(\.key)
        let (era, before) = (model.era, looked(at: model))
        call { engine throws(BrokerError) in
            try await engine.replay(name, from: .offset(range.lowerBound), to: .offset(range.upperBound))
        } then: { [self] answer in
            note("replayed part of \(name): \(answer)")
            guard let index = model.parts.firstIndex(where: { $0.number == number }) else { return }
            switch answer {
            case .done: break
            case .refused(.conflict):
                model.parts.remove(at: index)
                return
            case .refused, .lost: return
            }
            guard era == model.era, model.certainty == .certain, !model.topic.wasCut else { return }
            let (starts, after) = (bounds(of: model.topic).map(\.start), looked(at: model))
            for (partition, offset) in before where after[partition] ?? .zero < offset {
                violate("I15: a replay of part of \(name) moved it back to \(partition)/\(after)")
            }
            let seen = model.parts[index].seen
            for place in acknowledged
            where place.partition < starts.count && place.offset >= starts[place.partition]
                && !seen.contains(place)
            {
                model.parts[index].owed.insert(place)
            }
        }
    }

    /// Where the subscription looks for what is new, by partition.
    private func looked(at model: SubscriptionModel) -> [Int: Offset] {
        let positions = (try? engine?.subscription(model.name))?.positions ?? []
        return Dictionary(positions.map { ($0.partition, $0.next) }) { first, _ in first }
    }

    // MARK: What must hold

    /// Takes a delivery that a bounded replay explains for what it is: the event begins anew.
    func takeReplayed(_ seen: SeenDelivery, _ model: inout PlaceModel, of subscription: SubscriptionModel) {
        let place = seen.place
        // Attempts are counted before anybody is handed anything, so this need not be the first.
        guard seen.attempt <= model.attempts || model.isAcknowledged || model.isPushed,
            let index = subscription.parts.firstIndex(where: {
                $0.contains(place) && !$0.seen.contains(place)
            })
        else { return }
        subscription.parts[index].seen.insert(place)
        // It may be under way and is not, if somebody still has it.
        let leasedUntil = model.isDone ? nil : model.leasedUntil
        model = PlaceModel(leasedUntil: leasedUntil, isDone: model.isDone)
    }

    /// Whatever comes is not owed any more.
    func settleDebts(_ place: Place, of subscription: SubscriptionModel) {
        for index in subscription.parts.indices { subscription.parts[index].owed.remove(place) }
    }

    /// Whether nothing from there on is for the subscription.
    func isBeyondEnd(_ place: Place, of subscription: SubscriptionModel) -> Bool {
        guard subscription.settings.end != nil, let end = subscription.allowedUntil else { return false }
        return place.partition >= end.count || place.offset >= end[place.partition]
    }

    /// Nothing that was to come again is missing, and what has an end has come to it.
    func checkReplays() {
        for model in subscriptions where model.certainty == .certain && model.isShared && !model.topic.wasCut
        {
            for part in model.parts {
                for place in part.owed.sorted() {
                    guard let log = model.topic.log(place.partition),
                        let record = truth.log(log)?.records[place.offset],
                        truth.log(log)?.gone[place.offset] == nil,
                        model.filters.mustMatch(record.type, since: record.step),
                        truth.burials(
                            of: model.origin(place), by: model.name, in: part.step..<Int.max) == 0
                    else { continue }
                    violate("I15: \(model.name) \(place.partition)/\(place.offset) did not come again")
                }
            }
            guard model.settings.end != nil, let found = try? engine?.subscription(model.name) else {
                continue
            }
            if !found.isComplete || found.replaying != 0 {
                violate(
                    "I15: \(model.name) does not come to its end: "
                        + "\(found.positions.map { "\($0.cursor)-\($0.next)-\($0.end)" }), \(found.replaying) to replay"
                )
            }
        }
    }
}
