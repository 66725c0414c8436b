// SPDX-License-Identifier: Apache-2.0

// Retries that somebody asks for, in a simulated history: what waits for its next attempt comes before its time, and nothing else changes: attempts are
// counted on, order holds, and no event is lost or made up. They are decided by a chance of their own.

import ApusEngine
import ApusModel
import ApusStorage

extension BrokerRun {
    /// Has what waits in a subscription, or some of it, retried now.
    func retrySome() {
        guard retryRandom.oneIn(40) else { return }
        let candidates = subscriptions.filter { $0.certainty == .certain && $0.isShared }
        guard !candidates.isEmpty else { return }
        let model = candidates[retryRandom.below(candidates.count)]
        let (name, topic) = (model.name, model.topic.name)
        // Among those that are named are some that are done, or with a consumer: these are passed over.
        let known = model.places.keys.sorted().filter { _ in retryRandom.oneIn(2) }
        let chosen: RetryChoice
        switch retryRandom.below(4) {
        case 0:
            chosen = .since(clock.wall.advanced(by: .seconds(-Int64(retryRandom.below(600)))))
            note("retry what came lately of \(name)")
        case 1:
            chosen = .all
            note("retry everything of \(name)")
        default:
            chosen = .events(
                known.map { EventPlace(topic: topic, partition: $0.partition, offset: $0.offset) })
            note("retry \(known.count) events of \(name)")
        }
        model.openRetries += 1
        mayComeAtOnce(model)
        call { engine throws(BrokerError) in
            try await engine.retryNow(name, chosen)
        } then: { [self] answer in
            note("retried events of \(name): \(answer)")
            model.openRetries -= 1
            // What was to wait since the question may have been hastened as well, or not.
            mayComeAtOnce(model)
        }
    }

    private func mayComeAtOnce(_ model: SubscriptionModel) {
        model.retries += 1
        for place in model.places.keys { model.places[place]?.notBefore = nil }
    }
}
