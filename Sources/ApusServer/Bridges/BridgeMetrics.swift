// SPDX-License-Identifier: Apache-2.0

// Gauges of connections and feeds, read when somebody looks.

import ApusEngine
import ApusModel
import ApusTelemetry
import Synchronization

/// How bridges stand, as gauges.
final class BridgeMetrics: Sendable {
    private let bridges: any BridgeControl
    private let registry: PrometheusRegistry
    private let shown = Mutex<Set<String>>([])

    init(bridges: any BridgeControl, registry: PrometheusRegistry) {
        self.bridges = bridges
        self.registry = registry
    }

    func read() {
        var present: Set<String> = []
        for connection in bridges.connections() {
            let name = connection.stored.name.description
            present.insert("connection \(name)")
            let isFailing = if case .failing = connection.state { true } else { false }
            registry.gauge(
                "apus_connection_failing",
                help: "Whether a connection to an outside broker fails (1) or not (0).",
                labels: ["connection": name]
            ).set(isFailing ? 1 : 0)
        }
        for feed in bridges.feeds() {
            let name = feed.stored.name.description
            present.insert("feed \(name)")
            registry.gauge(
                "apus_feed_running", help: "Whether a feed takes events (1) or not (0).",
                labels: ["feed": name]
            ).set(feed.state == .running ? 1 : 0)
            guard let lag = feed.lag else { continue }
            registry.gauge(
                "apus_feed_lag_seconds", help: "How long the last event of a feed had waited at its source.",
                labels: ["feed": name]
            ).set(lag.seconds)
        }
        // Series of what is gone would keep their last value for ever.
        let gone = shown.withLock { shown in
            defer { shown = present }
            return shown.subtracting(present)
        }
        for entry in gone {
            let parts = entry.split(separator: " ", maxSplits: 1)
            guard parts.count == 2 else { continue }
            registry.removeSeries(
                carrying: parts[0] == "feed" ? ["feed": String(parts[1])] : ["connection": String(parts[1])])
        }
    }
}
