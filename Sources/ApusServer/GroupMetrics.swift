// SPDX-License-Identifier: Apache-2.0

// Gauges of consumer groups and transactions, read when somebody looks. Groups are as many as clients like, so only so many are shown one by one.

import ApusEngine
import ApusModel
import ApusTelemetry
import Synchronization

/// What is shown of consumer groups and transactions.
final class GroupMetrics: Sendable {
    /// Groups shown one by one, the first ones by name; with more, their number still tells of all.
    static let groupsMax = 1000

    private let engine: Engine
    private let observer: (any GroupObserver)?
    private let registry: PrometheusRegistry
    /// The topics shown of each group.
    private let shown = Mutex<[String: Set<String>]>([:])

    init(engine: Engine, observer: (any GroupObserver)?, registry: PrometheusRegistry) {
        self.engine = engine
        self.observer = observer
        self.registry = registry
    }

    func read() {
        readTransactions()
        var names = Set(observer?.groupNames() ?? [])
        names.formUnion((try? engine.groupsWithOffsets()) ?? [])
        registry.gauge("apus_groups", help: "Consumer groups with members or positions.").set(
            Double(names.count))
        var present: [String: Set<String>] = [:]
        for name in names.sorted().prefix(GroupMetrics.groupsMax) { present[name] = readGroup(name) }
        forget(present)
    }

    /// Shows a group; the topics that were shown of it.
    private func readGroup(_ name: String) -> Set<String> {
        registry.gauge(
            "apus_group_members", help: "Members of a consumer group.", labels: ["group": name]
        ).set(Double(observer?.membership(of: name)?.members.count ?? 0))
        var lags: [String: Int64] = [:]
        for progress in (try? engine.progress(ofGroup: name)) ?? [] {
            guard let lag = progress.lag else { continue }
            lags[progress.place.topic.description, default: 0] += lag
        }
        for (topic, lag) in lags {
            registry.gauge(
                "apus_group_lag", help: "Events between a group's committed positions and the ends.",
                labels: ["group": name, "topic": topic]
            ).set(Double(lag))
        }
        return Set(lags.keys)
    }

    /// Series of what is gone would keep their last value for ever.
    private func forget(_ present: [String: Set<String>]) {
        let before = shown.withLock { shown in
            defer { shown = present }
            return shown
        }
        for (group, topics) in before {
            guard let left = present[group] else {
                registry.removeSeries(carrying: ["group": group])
                continue
            }
            for topic in topics.subtracting(left) {
                registry.removeSeries(carrying: ["group": group, "topic": topic])
            }
        }
    }

    private func readTransactions() {
        guard let standing = engine.transactionStanding else { return }
        registry.gauge(
            "apus_transactions_open", help: "Transactions that are under way and not decided."
        ).set(Double(standing.open))
        registry.gauge(
            "apus_transactions_ending", help: "Transactions that are decided and not known everywhere."
        ).set(Double(standing.ending))
        let age = standing.oldest.map { max(.zero, $0.duration(to: engine.now)).seconds } ?? 0
        registry.gauge(
            "apus_transaction_oldest_open_age_seconds",
            help:
                "Age of the oldest transaction that is not decided: readers of committed events wait for it."
        ).set(age)
    }
}
