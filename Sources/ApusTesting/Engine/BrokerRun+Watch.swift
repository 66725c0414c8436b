// SPDX-License-Identifier: Apache-2.0

// Histories that are watched: the journey of events is noted, in a log that is often too small or cannot be written, and the catalogue counts what
// comes. Neither may change anything of what a broker promises, which the other invariants say; what the two tell must be true. Decided by a chance
// of their own.

import ApusCatalog
import ApusEngine
import ApusModel
import ApusStorage
import CloudEvents

extension BrokerRun {
    /// Whether somebody is watching, and how closely.
    func watch(_ options: inout EngineOptions) {
        guard isWatched else { return }
        options.catalogsEvents = true
        var journey = JourneyOptions()
        journey.bufferBytes = [300, 4 << 10, 1 << 20][watchRandom.below(3)]
        journey.bytesMax = [16 << 10, 256 << 20][watchRandom.below(2)]
        journey.ageMax = [.seconds(60), .seconds(86_400)][watchRandom.below(2)]
        journey.perSecond = [0, 3, 1_000][watchRandom.below(3)]
        journey.oneIn = [0, 1, 3][watchRandom.below(3)]
        options.journey = journey
    }

    /// Asks for the way of an event, or for the attempts of a subscription, while everything goes on.
    func watchSome() {
        guard isWatched, watchRandom.oneIn(20) else { return }
        checkSightings()
        if watchRandom.oneIn(2) { askForJourney() } else { askForAttempts() }
    }

    private func askForJourney() {
        let candidates = topics.filter { $0.certainty == .certain }
        guard !candidates.isEmpty else { return }
        let topic = candidates[watchRandom.below(candidates.count)]
        let partition = watchRandom.below(topic.settings.partitions)
        guard let log = topic.log(partition), let records = truth.log(log)?.ordered, !records.isEmpty else {
            return
        }
        let record = records[watchRandom.below(records.count)]
        let place = EventPlace(topic: topic.name, partition: partition, offset: record.offset)
        let explains = watchRandom.oneIn(2)
        note("ask for the journey of \(place)")
        call { engine throws(BrokerError) in
            try await engine.journey(of: place, explaining: explains).stored.event.id
        } then: { [self] answer in
            guard case .done(let id) = answer, topic.certainty == .certain, !topic.wasCut else { return }
            if let expected = record.id, id != expected {
                violate("I19: the journey of \(place) is that of \(id), not of \(expected)")
            }
        }
    }

    private func askForAttempts() {
        let candidates = subscriptions.filter { $0.certainty == .certain && $0.isShared }
        guard !candidates.isEmpty else { return }
        askForAttempts(of: candidates[watchRandom.below(candidates.count)])
    }

    /// What is noted of deliveries has happened: each that a consumer has ended is of an event that was handed out to it. What is pushed may fail before
    /// it reaches the target.
    private func askForAttempts(of model: SubscriptionModel) {
        let name = model.name
        call { engine throws(BrokerError) in
            try await engine.attempts(AttemptSearch(of: name), before: nil, limit: 200).attempts
        } then: { [self] answer in
            guard case .done(let attempts) = answer, model.certainty == .certain, !model.topic.wasCut,
                model.settings.push == nil
            else { return }
            // What was too late for an attempt was handed to nobody, and whose lease ran out may never have heard of it.
            for (place, _, noted) in attempts where noted.outcome != .late && noted.outcome != .expired {
                guard let place, place.topic == model.topic.name else {
                    violate("I19: \(name) has an attempt at an event that is not in its topic")
                    continue
                }
                let known = Place(partition: place.partition, offset: place.offset)
                if !model.handedOut.contains(known) || noted.number < 1 {
                    violate(
                        "I19: \(name) has attempt \(noted.number) (\(noted.outcome)) at \(place), which was never handed out"
                    )
                }
            }
        }
    }

    // MARK: The catalogue

    /// What the catalogue says that it saw is no more than what was appended.
    func checkSightings() {
        guard isWatched, let catalog = try? engine?.eventCatalog() else { return }
        for topic in topics {
            guard let seen = catalog.sightings[topic.name], seen.topic == topic.id?.description else {
                continue
            }
            let appended = appended(to: topic)
            for (type, sighting) in seen.types where sighting.seen.count > appended[type] ?? 0 {
                violate(
                    "I18: \(sighting.seen.count) events of type \(type) were seen in \(topic.name), and \(appended[type] ?? 0) appended"
                )
            }
            let all = seen.types.values.reduce(seen.others) { $0 + $1.seen.count }
            if all > appended.values.reduce(0, +) {
                violate("I18: \(all) events were seen in \(topic.name), and \(appended) appended")
            }
        }
    }

    /// When nothing happens any more, all is seen that could be.
    func checkSeen() {
        checkSightings()
        guard isWatched, let catalog = try? engine?.eventCatalog() else { return }
        for topic in topics where topic.certainty == .certain && isWhole(topic) {
            let appended = appended(to: topic)
            let seen = catalog.sightings[topic.name]
            // Of a flood a sample is enough.
            guard seen?.passedOver ?? 0 == 0, !appended.isEmpty else { continue }
            let counts = seen?.topic == topic.id?.description ? seen?.types.mapValues(\.seen.count) : nil
            if counts ?? [:] != appended {
                violate("I18: of \(appended) in \(topic.name), \(counts ?? [:]) were seen")
            }
        }
        for model in subscriptions where model.certainty == .certain && model.isShared {
            askForAttempts(of: model)
        }
        work(for: .zero)
    }

    /// Events that were appended to a topic, by type, without those that nobody has published there.
    private func appended(to topic: TopicModel) -> [String: Int64] {
        (0..<topic.settings.partitions).reduce(into: [:]) { sum, partition in
            guard let log = topic.log(partition), let counts = truth.log(log)?.counts else { return }
            sum.merge(counts, uniquingKeysWith: +)
        }
    }

    /// Whether everything that was ever appended to a topic is still there to be looked at.
    private func isWhole(_ topic: TopicModel) -> Bool {
        guard !topic.wasCut, !topic.settings.cleanup.compacts, !topic.holdsDeadLetters else { return false }
        return (0..<topic.settings.partitions).allSatisfy { partition in
            guard let log = topic.log(partition), let truth = truth.log(log) else { return false }
            return truth.trimmedTo == .zero && truth.gone.isEmpty && !truth.mayBeDamaged
                && !truth.batches.contains { $0.batch.producerID >= 0 }
        }
    }
}
