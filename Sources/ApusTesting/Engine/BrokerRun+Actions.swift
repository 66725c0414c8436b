// SPDX-License-Identifier: Apache-2.0

// What happens in a simulated broker's history. Each seed likes some actions more than others, and some not at all: histories that do
// everything all the time are all alike.

import ApusEngine
import ApusModel
import ApusStorage
import CloudEvents

/// One kind of step.
enum Action: Int, CaseIterable {
    case publish, turn, commit, maintain, receive, settle, answerTarget, passTime, passLongTime, jump
    case administer, moveLetters, replay, useCursor, crash, changeFaults, delay, cancel

    /// How often it happens, of a few hundred.
    private var weight: Int {
        switch self {
        case .publish: 50
        case .turn: 60
        case .commit: 60
        case .maintain: 12
        case .receive, .settle, .answerTarget: 30
        case .passTime: 20
        case .administer: 12
        case .delay: 15
        case .cancel: 4
        case .passLongTime, .crash, .changeFaults, .moveLetters, .useCursor: 4
        case .jump, .replay: 2
        }
    }

    /// Whether a history without it comes to nothing.
    private var isNecessary: Bool {
        switch self {
        case .publish, .turn, .commit, .administer: true
        default: false
        }
    }

    static func weights(_ random: inout SplitMix64) -> [Int] {
        allCases.map { action in
            let factor = [0, 1, 1, 2, 4][random.below(5)]
            return action.weight * (action.isNecessary ? max(1, factor) : factor)
        }
    }
}

/// What was published.
struct PublishedEvent {
    enum Fate { case pending, acknowledged, refused, unknown }

    let number: Int
    let topic: TopicModel
    let event: CloudEvent
    let key: String?
    var fate = Fate.pending
}

extension BrokerRun {
    /// One step, chosen by chance.
    func act() {
        var choice = random.below(weights.reduce(0, +))
        for action in Action.allCases {
            choice -= weights[action.rawValue]
            if choice < 0 {
                mix(action.rawValue)
                return perform(action)
            }
        }
    }

    private func perform(_ action: Action) {
        switch action {
        case .publish: publishSome()
        case .turn: turn()
        case .commit: commit()
        case .maintain: _ = store?.maintenanceStep()
        case .receive: receiveSome()
        case .settle: settleSome()
        case .answerTarget: answerTarget()
        case .passTime: clock.advance(by: .milliseconds(random.below(5_000)))
        case .passLongTime: clock.advance(by: .seconds(10 + random.below(600)))
        case .jump:
            hasJumped = true
            latestWall = max(latestWall, clock.wall)
            clock.jump(by: .seconds(random.below(20_000) - 10_000))
        case .administer: administer()
        case .moveLetters: moveLetters()
        case .replay: replaySome()
        case .useCursor: useCursor()
        case .crash: crash(isPowerCut: random.oneIn(2))
        case .changeFaults: changeFaults()
        case .delay: delaySome()
        case .cancel: cancelSome()
        }
    }

    func turn() {
        for _ in 0...random.below(3) {
            engine?.turn()
            settleCalls()
        }
    }

    func commit() {
        for _ in 0...random.below(3) {
            guard commitOnce() == .progress else { return }
            settleCalls()
        }
    }

    func commitOnce() -> CommitOutcome? {
        let outcome = store?.commitStep()
        takeAttempts()
        if outcome == .idle { (idleAt, idleStep) = (clock.now, step) }
        return outcome
    }

    private func changeFaults() {
        var faults = DiskFaults()
        if random.oneIn(2) {
            faults.sync = [0, 5, 30][random.below(3)]
            faults.write = [0, 10, 50][random.below(3)]
            faults.read = [0, 0, 100][random.below(3)]
            faults.crash = [0, 0, 300][random.below(3)]
        }
        disk.setFaults(faults)
        disk.setCapacity(random.oneIn(3) ? Int64(random.below(800_000)) : 8 << 20)
        if random.oneIn(3) { disk.crash(after: UInt64(random.below(60))) }
        note("faults \(faults)")
    }

    // MARK: Publishing

    private func publishSome() {
        let topics = topics.filter { $0.certainty != .gone && !$0.holdsDeadLetters }
        guard !topics.isEmpty else { return }
        let topic = topics[random.below(topics.count)]
        if topic.settings.deduplication != nil, random.oneIn(4) { return republishSome(topic) }
        let key = eventKey(random.oneIn(2) ? nil : "k\(random.below(4))", for: topic)
        let count = random.oneIn(3) ? 1 + random.below(6) : 1
        let events = (0..<count).compactMap { _ in makeEvent(topic, key) }
        note("publish \(events.map(\.id)) key \(key ?? "-") to \(topic.name)")
        publish(events, to: topic.name, key: key) { [self] answer in
            note("published \(events.map(\.id)): \(answer)")
            take(answer, of: events.map(\.id), topic)
        }
    }

    /// Publishes events once more, whatever became of them or is still to.
    private func republishSome(_ topic: TopicModel) {
        let candidates = published.values.filter { $0.topic === topic && delayed[$0.event.id] == nil }
            .sorted { $0.number < $1.number }
        guard let first = candidates.isEmpty ? nil : candidates[random.below(candidates.count)] else {
            return
        }
        let id = first.event.id
        republished.insert(id)
        note("publish \(id) again to \(topic.name)")
        publish([first.event], to: topic.name, key: first.key) { [self] answer in
            note("published \(id) again: \(answer)")
            guard published[id]?.fate != .acknowledged else { return }
            if case .done = answer {
                take(answer, of: [id], topic)
            } else {
                // One of the two may be there.
                published[id]?.fate = .unknown
            }
        }
    }

    func makeEvent(_ topic: TopicModel, _ key: String?) -> CloudEvent? {
        nextEvent += 1
        let padding = random.oneIn(20) ? random.below(6_000) : random.below(200)
        let text = "{\"n\":\(nextEvent),\"pad\":\"\(String(repeating: "x", count: padding))\"}"
        guard
            var event = try? CloudEvent(
                id: "e\(nextEvent)", source: "/simulation", type: "t\(random.below(4))",
                dataContentType: "application/json", data: CloudEventData(text: text))
        else { return nil }
        if isTombstone(in: topic) { (event.data, event.dataContentType) = (nil, nil) }
        if let priority = somePriority() { try? event.extensions.set("priority", to: .string(priority)) }
        if random.oneIn(12) {
            let expiry = clock.wall.advanced(by: .milliseconds(random.below(60_000))).rawValue
            try? event.extensions.set(
                "expirytime", to: .timestamp(CloudEventTimestamp(millisecondsSinceEpoch: expiry)))
        }
        published[event.id] = PublishedEvent(number: nextEvent, topic: topic, event: event, key: key)
        return event
    }

    private func take(_ answer: Answer<[PublishReceipt]>, of ids: [String], _ topic: TopicModel) {
        switch answer {
        case .done(let receipts):
            if receipts.count != ids.count {
                violate("I1: \(ids.count) events got \(receipts.count) receipts")
            }
            for (id, receipt) in zip(ids, receipts) { acknowledge(id, receipt) }
        case .refused(.partial(let results)):
            for (id, result) in zip(ids, results) {
                switch result {
                case .success(let receipt): acknowledge(id, receipt)
                case .failure where published[id]?.fate != .acknowledged: published[id]?.fate = .unknown
                case .failure: break
                }
            }
        case .refused(.storage), .refused(.unavailable(.undecided)), .lost:
            for id in ids where published[id]?.fate != .acknowledged { published[id]?.fate = .unknown }
        case .refused:
            for id in ids where published[id]?.fate == .pending {
                published[id]?.fate = republished.contains(id) ? .unknown : .refused
            }
        }
    }

    func acknowledge(_ id: String, _ receipt: PublishReceipt) {
        report.published += 1
        mix(receipt.offset.rawValue)
        guard let published = published[id] else { return }
        self.published[id]?.fate = .acknowledged
        guard let log = published.topic.log(receipt.partition), published.topic.certainty == .certain else {
            return
        }
        guard let record = truth.log(log)?.records[receipt.offset] else {
            return violate("I1: \(id) was acknowledged at \(receipt) and is not there")
        }
        if record.id != id || record.key != published.key || record.value != published.event.data?.bytes ?? []
        {
            violate("I1: \(id) was acknowledged at \(receipt), where \(record.id ?? "something else") is")
        }
    }
}
