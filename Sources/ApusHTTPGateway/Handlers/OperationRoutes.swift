// SPDX-License-Identifier: Apache-2.0

// What operators and machines ask: health, metrics, status, verification, and the description of the API itself.

internal import ApusEngine
internal import ApusHTTPCodec
internal import ApusModel
internal import ApusStorage
internal import ApusTelemetry
internal import JSONText
internal import NIOCore

/// Routes for operators.
enum OperationRoutes {
    static let all: [Route] = [live, ready, metrics, openAPI, status, diagnosis, verify]

    private static let live = Route(
        method: .get, path: PathTemplate("/health/live"), operation: "live",
        summary: "Answers while the process does.", chapter: .operations,
        successes: [.json(.ok, "It does.", .health)], handler: .answer { _, _ in healthy })

    private static let ready = Route(
        method: .get, path: PathTemplate("/health/ready"), operation: "ready",
        summary: "Whether publishes would be taken now.", chapter: .operations,
        successes: [.json(.ok, "They would.", .health)],
        handler: .answer { context, _ throws(Problem) in
            if context.calls.isDraining { throw Problem(.unavailable(.stopping)) }
            if let reason = context.broker.unavailability { throw Problem(.unavailable(reason)) }
            return healthy
        })

    private static let healthy = Answer.json { writer in writer.object { $0.member("status", "ok") } }

    private static let metrics = Route(
        method: .get, path: PathTemplate("/metrics"), operation: "metrics",
        summary: "Metrics, as Prometheus text or, where 'Accept' names it, as OpenMetrics with exemplars.",
        chapter: .operations,
        successes: [
            Success(
                status: .ok, about: "All metrics.",
                content: [
                    .init(mediaType: "text/plain", schema: .string()),
                    .init(mediaType: "application/openmetrics-text", schema: .string()),
                ])
        ],
        handler: .answer { context, call in
            context.metrics.waiting(context.calls.waiting)
            let format: PrometheusFormat =
                Accept(call.head).names("application/openmetrics-text") ? .openMetrics : .text
            return Answer(
                status: .ok, headers: HTTPHeaderBlock(contentType: format.contentType),
                body: ByteBuffer(bytes: context.configuration.metricsText(format)))
        })

    private static let openAPI = Route(
        method: .get, path: PathTemplate("/openapi.json"), operation: "openAPI",
        summary: "This description of the API.", chapter: .operations,
        successes: [.json(.ok, "An OpenAPI 3.1 document.", .object(ObjectSchema().allowingOthers()))],
        handler: .answer { context, _ in
            Answer(status: .ok, headers: Answer.jsonHeaders, body: ByteBuffer(bytes: context.openAPI))
        })

    // MARK: Status

    private static let status = Route(
        method: .get, path: PathTemplate("/v1/status"), operation: "status",
        summary: "Version, uptime, durability figures, disk and counts.", chapter: .operations,
        successes: [.json(.ok, "The status.", .status)],
        handler: .answer { context, _ in
            let status = context.broker.status()
            let unavailability = context.broker.unavailability.map { BrokerError.unavailable($0).description }
            return .json { writer in
                writer.object { writer in
                    writer.member("version", context.configuration.version)
                    writer.member("uptime", context.uptime)
                    writer.member("ready", unavailability == nil && !context.calls.isDraining)
                    writer.member("unavailable", unavailability)
                    writer.counts(status)
                    writer.store(status)
                    writer.listeners(context.configuration.figures().listeners)
                    writer.topicDefaults(context.configuration.topicDefaults)
                }
            }
        })

    private static let diagnosis = Route(
        method: .get, path: PathTemplate("/v1/diagnosis"), operation: "diagnosis",
        summary: "What needs somebody's attention: stuck subscriptions, dead letters, disk.",
        chapter: .operations,
        successes: [.json(.ok, "The findings, the gravest first.", .diagnosis)],
        handler: .answer { context, _ throws(Problem) in
            let findings = try Diagnosis.findings(context)
            return .json { $0.diagnosis(findings) }
        })

    private static let verify = Route(
        method: .post, path: PathTemplate("/v1/verify"), operation: "verify",
        summary: "Checks the checksums of everything stored.", chapter: .operations,
        successes: [.json(.ok, "What was checked, and what is damaged.", .verification)],
        problems: [.corrupt],
        handler: .answer { context, call async throws(Problem) in
            try context.calls.beginWaiting(call.ticket)
            let report = try await context.ask { broker async throws(BrokerError) in
                try await broker.verify { _ in }
            }
            return .json { writer in
                writer.object { writer in
                    writer.member("batches", report.batches)
                    writer.member("bytes", report.bytes)
                    writer.member("damage", list: report.damage) { $0.string($1) }
                }
            }
        })
}

extension GatewayContext {
    /// How long the gateway has been running, in whole seconds.
    fileprivate var uptime: Duration { .seconds(started.duration(to: .now).components.seconds) }
}

extension JSONWriter {
    fileprivate mutating func counts(_ status: BrokerStatus) {
        member("topics", status.topics)
        member("partitions", status.partitions)
        member("subscriptions", status.subscriptions)
        member("rules", status.rules)
        member("dead_letters", status.deadLettersWaiting)
        member("recovery", status.recovery)
    }

    fileprivate mutating func listeners(_ listeners: [ListenerFigures]) {
        member("listeners", list: listeners) { writer, listener in
            writer.object { writer in
                writer.member("service", listener.service)
                writer.member("address", listener.address)
                writer.member("loopback", listener.isLoopback)
                writer.member("token", listener.needsToken)
            }
        }
    }

    fileprivate mutating func topicDefaults(_ settings: TopicSettings) {
        key("topic_defaults")
        object { writer in
            writer.member("partitions", settings.partitions)
            writer.member("durability", settings.durability.text)
            writer.member("retention", settings.retentionAge.map(DurationText.format))
        }
    }

    fileprivate mutating func store(_ status: BrokerStatus) {
        let store = status.store
        key("durability")
        object { writer in
            writer.member("flushes", store.flushes)
            writer.member("flushed_bytes", store.flushedBytes)
            writer.member("flushed_batches", store.flushedBatches)
            writer.member("pending_bytes", store.pendingBytes)
        }
        key("disk")
        object { writer in
            writer.key("free_bytes")
            if let free = store.freeBytes { writer.integer(free) } else { writer.null() }
            writer.member("stored_bytes", store.storedBytes)
            writer.member("quarantined", store.quarantined)
            writer.member("open_files", store.openFiles)
            writer.member("level", store.space.rawValue)
            writer.key("total_bytes")
            if let total = store.totalBytes { writer.integer(total) } else { writer.null() }
            writer.member("alarm_below", store.alarmsBelow)
            writer.member("refuse_below", store.refusesBelow)
        }
    }
}
