// SPDX-License-Identifier: Apache-2.0

// Publishing to a topic that has its events judged by schemas: all pass, or the publish is refused as a whole, or what is not accepted goes to
// the quarantine topic first and the rest goes its way.

import ApusModel
import CloudEvents

extension Engine {
    /// Publishes what the topic's schemas accept.
    func publishScreened(
        _ events: [CloudEvent], to topic: Topic, by schemaGuard: SchemaGuard, key: String?,
        completion: @escaping PublishCompletion
    ) {
        let objections: Objections
        do throws(BrokerError) { objections = try schemaGuard.objections(to: events) } catch {
            return completion(.failure(error))
        }
        guard objections.count > 0 else {
            return publishAccepted(
                events, to: topic, key: key, completion: noting(objections.warned, of: topic, completion))
        }
        guard let name = schemaGuard.settings.quarantine else {
            return completion(.failure(.violations(objections.refusal(topic.name, of: events.count))))
        }
        let refused = Set(objections.told.map(\.index))
        let accepted = events.indices.filter { !refused.contains($0) }
        quarantine(events, objections.told, of: topic, in: name, key: key) { [weak self] result in
            guard case .success(let receipts) = result, !accepted.isEmpty else { return completion(result) }
            guard let self else { return completion(.failure(.unavailable(.stopping))) }
            publishAccepted(accepted.map { events[$0] }, to: topic, key: key) { result in
                completion(
                    result.merged(
                        accepted, with: zip(objections.told.map(\.index), receipts), of: events.count))
            }
        }
    }

    /// Whether events that are to be published later would be accepted now. They are refused if not, quarantine or none: who delays an event is there
    /// to be told.
    func screen(_ events: [CloudEvent], for topic: Topic) throws(BrokerError) {
        guard let schemaGuard = topic.schemaGuard else { return }
        let objections = try schemaGuard.objections(to: events)
        guard objections.count > 0 else { return }
        throw .violations(objections.refusal(topic.name, of: events.count))
    }
}

extension Result<[PublishReceipt], BrokerError> {
    /// The outcome of a whole publish, from that of the events at `places` and the receipts of the others.
    fileprivate func merged(
        _ places: [Int], with others: some Sequence<(Int, PublishReceipt)>, of count: Int
    ) -> Self {
        func all<Reason: Error>(
            _ own: [Result<PublishReceipt, Reason>]
        ) -> [Result<PublishReceipt, Reason>] {
            var outcomes = [Result<PublishReceipt, Reason>?](repeating: nil, count: count)
            for (place, outcome) in zip(places, own) { outcomes[place] = outcome }
            for (place, receipt) in others { outcomes[place] = .success(receipt) }
            return outcomes.compactMap(\.self)
        }
        switch self {
        case .success(let receipts):
            return .success(all(receipts.map { Result<_, Never>.success($0) }).map { $0.get() })
        case .failure(.partial(let results)): return .failure(.partial(all(results)))
        case .failure(let error): return .failure(error)
        }
    }
}
