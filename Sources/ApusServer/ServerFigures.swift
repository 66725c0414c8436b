// SPDX-License-Identifier: Apache-2.0

// What the gateway shows of the process: histograms that others fill, connections, memory, and where the server listens.

import ApusHTTPGateway
import ApusHTTPServer
import ApusKafkaGateway
import ApusNetwork
import ApusTelemetry
import Synchronization

/// Answers what the process says of itself.
final class ServerFigures: Sendable {
    private struct Parts {
        var listeners: [ListenerFigures] = []
        weak var http: HTTPGateway?
        weak var kafka: KafkaGateway?
    }

    private let acknowledgements: PrometheusHistogram
    private let flushes: PrometheusHistogram
    private let deliveryDelays: PrometheusHistogram
    private let needsToken: Bool
    private let parts = Mutex(Parts())

    init(registry: PrometheusRegistry, configuration: ServerConfiguration) {
        // The registry gives the same handles to those who fill them.
        acknowledgements = registry.histogram(
            "apus_publish_ack_duration_seconds",
            help: MetricHelp.texts["apus_publish_ack_duration_seconds"] ?? "")
        flushes = registry.histogram(
            "apus_journal_flush_duration_seconds", help: "How long a flush of the journal took.")
        deliveryDelays = ServerMetrics.deliveryDelays(in: registry)
        needsToken = configuration.token != nil
    }

    /// Takes note of what listens now.
    func attach(_ addresses: ServerAddresses, _ http: HTTPGateway, _ kafka: KafkaGateway?) {
        let listeners =
            addresses.http.map { listener("http", $0) } + addresses.kafka.map { listener("kafka", $0) }
        parts.withLock { parts in
            parts.listeners = listeners
            parts.http = http
            parts.kafka = kafka
        }
    }

    private func listener(_ service: String, _ address: ListenAddress) -> ListenerFigures {
        ListenerFigures(
            service: service, address: address.description, isLoopback: address.isLoopback,
            needsToken: needsToken)
    }

    /// What the process says of itself now.
    func now() -> ProcessFigures {
        let (listeners, http, kafka) = parts.withLock { ($0.listeners, $0.http, $0.kafka) }
        var figures = ProcessFigures()
        figures.publishAcknowledgements = HistogramFigures(acknowledgements)
        figures.flushes = HistogramFigures(flushes)
        figures.deliveryDelays = HistogramFigures(deliveryDelays)
        figures.residentBytes = ProcessMemory.residentBytes ?? 0
        figures.httpConnections = http?.statistics?.connectionsOpen ?? 0
        figures.kafkaConnections = kafka?.statistics?.connectionsOpen ?? 0
        figures.listeners = listeners
        return figures
    }
}

extension HistogramFigures {
    fileprivate init(_ histogram: PrometheusHistogram) {
        self.init(
            upperBounds: histogram.buckets.upperBounds,
            cumulativeCounts: histogram.snapshot().cumulativeCounts)
    }
}
