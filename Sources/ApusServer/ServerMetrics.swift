// SPDX-License-Identifier: Apache-2.0

// What is measured when somebody looks: gauges of the store, the process and each subscription. Counters and histograms are kept where things
// happen; these would cost work on hot paths and are cheap to read.

import ApusEngine
import ApusHTTPGateway
import ApusHTTPServer
import ApusKafkaGateway
import ApusModel
import ApusStorage
import ApusTelemetry
import Synchronization

/// The exposition of one server.
final class ServerMetrics: Sendable {
    /// Subscriptions shown one by one; with more, the totals still hold all.
    private static let subscriptionsMax = 2000

    private let engine: Engine
    private let registry: PrometheusRegistry
    private let groups: GroupMetrics
    private let bridges: BridgeMetrics
    private let shown = Mutex<Set<ResourceName>>([])

    init(
        engine: Engine, groups: (any GroupObserver)?, bridges: any BridgeControl, registry: PrometheusRegistry
    ) {
        self.engine = engine
        self.registry = registry
        self.bridges = BridgeMetrics(bridges: bridges, registry: registry)
        self.groups = GroupMetrics(engine: engine, observer: groups, registry: registry)
    }

    /// The exposition now.
    func text(_ format: PrometheusFormat) -> [UInt8] {
        refresh()
        return Array(registry.text(format).utf8)
    }

    /// Brings what is measured only when somebody looks up to date.
    func refresh() {
        readStatus()
        readSubscriptions()
        groups.read()
        bridges.read()
    }

    private func set(_ name: String, _ help: String, _ value: Double, _ labels: PrometheusLabels = .none) {
        registry.gauge(name, help: help, labels: labels).set(value)
    }

    private func readStatus() {
        let status = engine.status()
        let store = status.store
        set("apus_topics", "Topics.", Double(status.topics))
        set("apus_partitions", "Partitions of all topics.", Double(status.partitions))
        set("apus_subscriptions", "Subscriptions.", Double(status.subscriptions))
        set("apus_rules", "Rules.", Double(status.rules))
        set(
            "apus_dead_letters_waiting", "Dead letters that nobody has dealt with.",
            Double(status.deadLettersWaiting))
        set("apus_ready", "1 while publishes are accepted.", engine.unavailability == nil ? 1 : 0)
        set("apus_recovery_duration_seconds", "How long recovery took at start.", status.recovery.seconds)
        set("apus_store_bytes", "Bytes kept in segments.", Double(store.storedBytes))
        set("apus_store_pending_bytes", "Bytes accepted and not yet in segments.", Double(store.pendingBytes))
        set("apus_store_open_files", "Open segment and index files.", Double(store.openFiles))
        set("apus_store_quarantined_batches", "Batches that failed verification.", Double(store.quarantined))
        if let free = store.freeBytes {
            set("apus_disk_free_bytes", "Bytes free on the data disk.", Double(free))
        }
        set(
            "apus_disk_refuse_below_bytes", "Below this many free bytes publishes are refused.",
            Double(store.refusesBelow))
        readAlarms()
        if let resident = ProcessMemory.residentBytes {
            set("process_resident_memory_bytes", "Resident memory.", Double(resident))
        }
    }

    private func readAlarms() {
        var counts: [Alarm.Kind: Int] = [:]
        for alarm in engine.alarms() { counts[alarm.kind, default: 0] += 1 }
        for kind in Alarm.Kind.allCases {
            set(
                "apus_alarms", "Alarms that are raised, by kind.", Double(counts[kind] ?? 0),
                ["alarm": kind.rawValue])
        }
    }

    private func readPush(_ push: PushDescription, _ labels: PrometheusLabels) {
        set(
            "apus_subscription_circuit_open",
            "Whether a failing target is left alone (1) or delivered to (0).",
            push.circuit == .closed ? 0 : 1, labels)
        set(
            "apus_subscription_attempts_under_way", "Events on their way to the target now.",
            Double(push.underWay), labels)
    }

    private func readSubscriptions() {
        guard
            let descriptions = try? engine.subscriptions(of: nil, Page(limit: ServerMetrics.subscriptionsMax))
        else {
            return
        }
        let now = engine.now
        for description in descriptions {
            let labels: PrometheusLabels = [
                "subscription": description.name.description, "topic": description.settings.topic.description,
            ]
            set(
                "apus_subscription_backlog",
                "Events neither settled nor handed out (with a pattern: at most).",
                Double(description.backlog), labels)
            set("apus_subscription_in_flight", "Events leased now.", Double(description.inFlight), labels)
            set(
                "apus_subscription_waiting", "Events waiting for a retry.", Double(description.waiting),
                labels)
            if let push = description.push { readPush(push, labels) }
            let acknowledged = Double(description.acknowledged + description.committed)
            registry.counter(
                "apus_subscription_acknowledged_total",
                help: "Events acknowledged, or passed by a cursor's commits.", labels: labels
            ) { acknowledged }
            set(
                "apus_subscription_paused", "Whether it is paused (1) or not (0).",
                description.settings.isPaused ? 1 : 0, labels)
            set(
                "apus_subscription_slow", "Whether its consumers count as slow (1) or not (0).",
                description.load?.slowSince == nil ? 0 : 1, labels)
            let age = description.oldestUnsettled.map { max(.zero, $0.duration(to: now)).seconds } ?? 0
            set(
                "apus_subscription_oldest_unsettled_age_seconds",
                "Age of the oldest event that is not settled.", age,
                labels)
        }
        forget(Set(descriptions.map(\.name)))
    }

    /// Series of subscriptions that are gone would keep their last value for ever.
    private func forget(_ present: Set<ResourceName>) {
        let gone = shown.withLock { shown in
            defer { shown = present }
            return shown.subtracting(present)
        }
        for name in gone { registry.removeSeries(carrying: ["subscription": name.description]) }
    }

    /// Counts flushes of the journal.
    static func flushObserver(in registry: PrometheusRegistry) -> FlushObserver {
        let durations = registry.histogram(
            "apus_journal_flush_duration_seconds", help: "How long a flush of the journal took.",
            buckets: .latency)
        let batches = registry.histogram(
            "apus_journal_flush_batches", help: "Batches that shared a flush of the journal.",
            buckets: .counts)
        let bytes = registry.counter(
            "apus_journal_flushed_bytes_total", help: "Bytes that flushes of the journal made durable.")
        return { duration, count, byteCount in
            durations.observe(duration.seconds)
            batches.observe(Double(count))
            bytes.increment(by: UInt64(max(0, byteCount)))
        }
    }

    /// How long events waited until they were handed out.
    static func deliveryDelays(in registry: PrometheusRegistry) -> PrometheusHistogram {
        registry.histogram(
            "apus_delivery_delay_seconds",
            help: "From the timestamp of an event until it is first handed out to a subscription.",
            buckets: .delay)
    }

    /// Adds what only the Kafka gateway knows.
    static func register(_ gateway: KafkaGateway, in registry: PrometheusRegistry) {
        registry.gauge("apus_kafka_connections", help: "Open connections of Kafka clients.") {
            [weak gateway] in
            Double(gateway?.statistics?.connectionsOpen ?? 0)
        }
        registry.counter("apus_kafka_requests_total", help: "Requests of Kafka clients.") { [weak gateway] in
            Double(gateway?.statistics?.requests ?? 0)
        }
        registry.counter(
            "apus_kafka_refused_total", help: "Requests of Kafka clients that ended their connection."
        ) { [weak gateway] in Double(gateway?.statistics?.requestsRefused ?? 0) }
        registry.counter("apus_kafka_received_bytes_total", help: "Bytes received from Kafka clients.") {
            [weak gateway] in
            Double(gateway?.statistics?.bytesReceived ?? 0)
        }
        registry.counter("apus_kafka_sent_bytes_total", help: "Bytes sent to Kafka clients.") {
            [weak gateway] in
            Double(gateway?.statistics?.bytesSent ?? 0)
        }
    }

    /// Adds what only the HTTP server knows.
    static func register(_ gateway: HTTPGateway, in registry: PrometheusRegistry) {
        registry.gauge("apus_http_connections", help: "Open HTTP connections.") { [weak gateway] in
            Double(gateway?.statistics?.connectionsOpen ?? 0)
        }
        registry.counter("apus_http_received_bytes_total", help: "Bytes received over HTTP.") {
            [weak gateway] in
            Double(gateway?.statistics?.bytesReceived ?? 0)
        }
        registry.counter("apus_http_sent_bytes_total", help: "Bytes sent over HTTP.") { [weak gateway] in
            Double(gateway?.statistics?.bytesSent ?? 0)
        }
    }
}

/// What the process uses.
enum ProcessMemory {
    /// Resident bytes, where the system tells (Linux).
    static var residentBytes: Int? {
        guard let file = fopen("/proc/self/statm", "r") else { return nil }
        defer { fclose(file) }
        var buffer = [CChar](repeating: 0, count: 128)
        guard fgets(&buffer, Int32(buffer.count), file) != nil else { return nil }
        let text = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let fields = text.split(separator: " ")
        guard fields.count > 1, let pages = Int(fields[1]) else { return nil }
        return pages * sysconf(Int32(_SC_PAGESIZE))
    }
}

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif
