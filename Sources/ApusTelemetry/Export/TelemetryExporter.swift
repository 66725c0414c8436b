// SPDX-License-Identifier: Apache-2.0

// The export of spans, metrics and log lines to an OpenTelemetry collector: queues in front, and for each signal one task that takes a batch, has it sent, and
// decides by the answer. What sends is handed in; here are no sockets. Its own log lines are not exported, or a collector that is away would be told of that.

internal import JSONText
public import Logging
import Synchronization
import Tracing

/// One request to a collector: a body of JSON.
public struct ExportRequest: Sendable {
    /// Where it goes.
    public let url: String
    /// Headers beside those that say what the body is.
    public let headers: [ExportHeader]
    /// The body.
    public let body: [UInt8]
    /// How long it may take.
    public let timeout: Duration
}

/// Exports what a process tells of itself.
public final class TelemetryExporter: Sendable {
    /// Makes one request; returns within its timeout.
    public typealias Send = @Sendable (ExportRequest) async -> ExportAnswer

    /// The label of loggers whose lines are not exported.
    static let label = "apus.telemetry"

    /// What is exported, and where to.
    public let settings: ExportSettings
    private let registry: PrometheusRegistry
    private let resource: ExportResource
    private let policy: RetryPolicy
    private let spans: TelemetryQueue<FinishedSpan>
    private let lines: TelemetryQueue<LogEntry>
    private let counts: ExportCounts
    private let start = WallTime.now
    private let state = Mutex(State())

    private struct State {
        var isFinishing = false
        /// What waits for its time, to be woken when everything ends.
        var naps: [UInt64: Task<Void, Never>] = [:]
        var napCount: UInt64 = 0
        var failing: Set<TelemetrySignal> = []
    }

    /// An exporter that sends nothing yet.
    ///
    /// - Parameters:
    ///   - version: of the program.
    ///   - instance: tells this process from others of its kind.
    ///   - host: the machine's name, if it is known.
    public convenience init(
        _ settings: ExportSettings, registry: PrometheusRegistry, version: String, instance: String,
        host: String?
    ) {
        self.init(
            settings, registry: registry, version: version, instance: instance, host: host,
            policy: RetryPolicy())
    }

    init(
        _ settings: ExportSettings, registry: PrometheusRegistry, version: String, instance: String,
        host: String?, policy: RetryPolicy
    ) {
        (self.settings, self.registry, self.policy) = (settings, registry, policy)
        resource = ExportResource(settings.resource, version: version, instance: instance, host: host)
        counts = ExportCounts(registry)
        spans = TelemetryQueue(
            capacity: settings.queueMax, batch: settings.batchMax,
            dropped: counts.dropped(.traces, .queueFull))
        lines = TelemetryQueue(
            capacity: settings.queueMax, batch: settings.batchMax, dropped: counts.dropped(.logs, .queueFull))
    }

    /// Counts exports as zero where nothing is exported, so that what is asked for is there.
    public static func registerMetrics(in registry: PrometheusRegistry) { _ = ExportCounts(registry) }

    // MARK: What comes in

    /// Takes spans for this exporter; nil where traces are not exported.
    public var spanSink: (any SpanSink)? {
        settings.endpoints[.traces] == nil ? nil : ExportSpanSink(queue: spans)
    }

    /// Takes the lines of one logger; nil where logs, or those of this logger, are not exported.
    public func logHandler(label: String, level: Logger.Level) -> (any LogHandler)? {
        guard settings.endpoints[.logs] != nil, !label.hasPrefix(Self.label) else { return nil }
        return ExportLogHandler(label: label, level: level, queue: lines)
    }

    // MARK: Life

    /// Exports until ``finish()`` is called and what was there then has been sent once, or until the task is cancelled.
    ///
    /// - Parameters:
    ///   - refresh: brings gauges up to date before metrics are read.
    ///   - send: makes the requests.
    public func run(refresh: @escaping @Sendable () -> Void, send: @escaping Send) async {
        let logger = RateLimitedLogger(Logger(label: Self.label), linesMax: 1)
        await withDiscardingTaskGroup { group in
            if let url = settings.endpoints[.traces] {
                group.addTask { await self.drain(self.spans, .traces, url, logger, send, OTLPTraces.encode) }
            }
            if let url = settings.endpoints[.logs] {
                group.addTask { await self.drain(self.lines, .logs, url, logger, send, OTLPLogs.encode) }
            }
            group.addTask { await self.tick() }
            if let url = settings.endpoints[.metrics] {
                group.addTask {
                    repeat {
                        await self.nap(self.settings.metricInterval)
                        refresh()
                        await self.sendMetrics(to: url, logger, send)
                    } while !self.isFinishing
                }
            }
        }
    }

    /// Has everything that waits sent once more, and ``run(refresh:send:)`` return.
    public func finish() {
        let naps = state.withLock { state in
            state.isFinishing = true
            defer { state.naps = [:] }
            return state.naps
        }
        for nap in naps.values { nap.cancel() }
        spans.finish()
        lines.finish()
    }

    private var isFinishing: Bool { state.withLock(\.isFinishing) }

    /// Wakes those who gather.
    private func tick() async {
        while !isFinishing {
            await nap(settings.gatherInterval)
            spans.wake()
            lines.wake()
        }
    }

    /// Waits, but not beyond ``finish()``.
    private func nap(_ duration: Duration) async {
        let nap = Task<Void, Never> { try? await Task.sleep(for: duration) }
        let number = state.withLock { state -> UInt64? in
            guard !state.isFinishing else { return nil }
            state.napCount += 1
            state.naps[state.napCount] = nap
            return state.napCount
        }
        guard let number else { return nap.cancel() }
        await withTaskCancellationHandler {
            await nap.value
        } onCancel: {
            nap.cancel()
        }
        state.withLock { $0.naps[number] = nil }
    }

    // MARK: What goes out

    private func drain<Element>(
        _ queue: TelemetryQueue<Element>, _ signal: TelemetrySignal, _ url: String,
        _ logger: RateLimitedLogger, _ send: Send, _ encode: ([Element], ExportResource) -> [UInt8]
    ) async {
        for await _ in queue.bell {
            await empty(queue, signal, url, logger, send, encode)
        }
        await empty(queue, signal, url, logger, send, encode)
    }

    private func empty<Element>(
        _ queue: TelemetryQueue<Element>, _ signal: TelemetrySignal, _ url: String,
        _ logger: RateLimitedLogger, _ send: Send, _ encode: ([Element], ExportResource) -> [UInt8]
    ) async {
        while !Task.isCancelled {
            let batch = queue.take()
            guard !batch.isEmpty else { return }
            await deliver(encode(batch, resource), count: batch.count, signal, url, logger, send)
        }
    }

    private func sendMetrics(to url: String, _ logger: RateLimitedLogger, _ send: Send) async {
        for body in OTLPMetrics.encode(registry, of: resource, since: start, now: .now) {
            await deliver(body, count: 1, .metrics, url, logger, send)
        }
    }

    /// Has one batch sent, as often as it takes or makes sense.
    private func deliver(
        _ body: [UInt8], count: Int, _ signal: TelemetrySignal, _ url: String, _ logger: RateLimitedLogger,
        _ send: Send
    ) async {
        let request = ExportRequest(
            url: url, headers: settings.headers, body: body, timeout: settings.timeout)
        var attempt = 1
        while true {
            let answer = await send(request)
            switch policy.verdict(answer, attempt: attempt, jitter: .random(in: 0..<1)) {
            case .done: return conclude(answer, count, signal, logger)
            case .again(let wait) where !isFinishing && !Task.isCancelled:
                note(
                    signal, isFailing: true,
                    "the collector could not be reached or is busy, which will be tried again", answer, logger
                )
                await nap(wait)
                attempt += 1
            case .again:
                return counts.dropped(signal, .gaveUp).increment(by: UInt64(count))
            case .givenUp:
                counts.dropped(signal, .gaveUp).increment(by: UInt64(count))
                return note(
                    signal, isFailing: true, "the collector did not take telemetry, which is dropped", answer,
                    logger)
            }
        }
    }

    private func conclude(
        _ answer: ExportAnswer, _ count: Int, _ signal: TelemetrySignal, _ logger: RateLimitedLogger
    ) {
        var rejected = 0
        if case .answered(_, _, let body) = answer, !body.isEmpty {
            rejected = min(count, PartialSuccess.rejected(body))
        }
        counts.exported(signal).increment(by: UInt64(count - rejected))
        counts.dropped(signal, .refused).increment(by: UInt64(rejected))
        note(signal, isFailing: false, "the collector takes telemetry again", answer, logger)
    }

    /// Tells of the first failure and of the first success after it; what fails meanwhile is counted.
    private func note(
        _ signal: TelemetrySignal, isFailing: Bool, _ message: String, _ answer: ExportAnswer,
        _ logger: RateLimitedLogger
    ) {
        let isNew = state.withLock { state in
            isFailing ? state.failing.insert(signal).inserted : state.failing.remove(signal) != nil
        }
        guard isNew else { return }
        var metadata: Logger.Metadata = ["signal": .string(signal.rawValue)]
        switch answer {
        // What the collector says is left out: it may repeat the headers that it did not like.
        case .answered(let status, _, _): metadata["status"] = .stringConvertible(status)
        case .failed(let reason): metadata["reason"] = .string(reason)
        }
        logger.log(
            isFailing ? .warning : .notice, kind: "\(signal)-\(isFailing)",
            Logger.Message(stringLiteral: message),
            metadata: metadata)
    }
}

/// Why telemetry was dropped.
enum ExportDrop: String, CaseIterable {
    case queueFull = "queue_full"
    case refused
    case gaveUp = "gave_up"
}

/// What the exporter counts.
struct ExportCounts: Sendable {
    private let registry: PrometheusRegistry

    init(_ registry: PrometheusRegistry) {
        self.registry = registry
        for signal in TelemetrySignal.allCases {
            _ = exported(signal)
            for reason in ExportDrop.allCases { _ = dropped(signal, reason) }
        }
    }

    func exported(_ signal: TelemetrySignal) -> PrometheusCounter {
        registry.counter(
            "apus_telemetry_exported_total",
            help: "Spans, log lines and requests with metrics that a collector has taken.",
            labels: ["signal": signal.rawValue])
    }

    func dropped(_ signal: TelemetrySignal, _ reason: ExportDrop) -> PrometheusCounter {
        registry.counter(
            "apus_telemetry_dropped_total",
            help: "Spans, log lines and requests with metrics that were not exported, by reason.",
            labels: ["signal": signal.rawValue, "reason": reason.rawValue])
    }
}

/// Puts spans into the queue of an exporter.
struct ExportSpanSink: SpanSink {
    let queue: TelemetryQueue<FinishedSpan>
    var wantsSpans: Bool { true }

    func receive(_ span: FinishedSpan) { queue.add(span) }
}

/// What a collector says of a request that it took in part.
enum PartialSuccess {
    /// How many spans, points or lines it did not take.
    static func rejected(_ body: [UInt8]) -> Int {
        guard let answer = try? JSONValue(parsing: body), let partial = answer["partialSuccess"] else {
            return 0
        }
        for name in ["rejectedSpans", "rejectedLogRecords", "rejectedDataPoints"] {
            // A number of 64 bits is text, and collectors have been seen to send it as a number.
            if let value = partial[name] {
                return max(0, value.string.flatMap { Int($0) } ?? Int(value.int64 ?? 0))
            }
        }
        return 0
    }
}
