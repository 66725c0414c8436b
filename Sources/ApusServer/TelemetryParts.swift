// SPDX-License-Identifier: Apache-2.0

// The export of telemetry as a part of the server: the exporter of `ApusTelemetry`, the client that makes its requests, and when it begins and ends.

import ApusModel
import ApusTelemetry
import ApusWebhookTransport
import Logging
import NIOPosix
import ServiceLifecycle

/// Exports what a server tells of itself, where that was asked for.
struct TelemetryParts: Sendable {
    private let exporter: TelemetryExporter

    /// Nil where nothing is exported.
    init?(_ configuration: ServerConfiguration, _ registry: PrometheusRegistry) {
        guard let settings = configuration.export, settings.isOn else { return nil }
        var generator = SystemRandomNumberGenerator()
        exporter = TelemetryExporter(
            settings, registry: registry, version: ApusVersion.current,
            instance: LogID.random(using: &generator).description, host: HostName.own)
    }

    /// What spans are made by.
    var tracer: ApusTracer {
        ApusTracer(sink: exporter.spanSink ?? NoSpanSink(), sampling: exporter.settings.sampling)
    }

    /// Whether events become spans.
    var tracesEvents: Bool { exporter.spanSink != nil }

    /// A handler that writes lines and exports them.
    func handler(_ written: any LogHandler, label: String, level: Logger.Level) -> any LogHandler {
        guard let exported = exporter.logHandler(label: label, level: level) else { return written }
        return MultiplexLogHandler([written, exported])
    }

    /// Exports until the server has stopped otherwise.
    func service(patience: Duration, refresh: @escaping @Sendable () -> Void) -> any Service {
        TelemetryService(exporter: exporter, patience: patience, refresh: refresh)
    }
}

/// Runs the export; on shutdown what waits is sent once.
private struct TelemetryService: Service {
    var exporter: TelemetryExporter
    var patience: Duration
    var refresh: @Sendable () -> Void

    func run() async throws {
        let settings = exporter.settings
        let poster = HTTPPoster(
            userAgent: "Apus/\(ApusVersion.current)", trustFile: settings.trustFile,
            group: MultiThreadedEventLoopGroup.singleton)
        await withGracefulShutdownHandler {
            await exporter.run(refresh: refresh) { request in
                var headers = [(name: "content-type", value: "application/json")]
                headers += request.headers.map { ($0.name, $0.value) }
                let answer = await poster.post(
                    request.body, to: request.url, headers: headers, timeout: min(request.timeout, patience))
                switch answer {
                case .answered(let status, let retryAfter, let excerpt):
                    return .answered(status: status, retryAfter: retryAfter, body: excerpt)
                case .failed(let reason): return .failed(reason: reason)
                }
            }
        } onGracefulShutdown: {
            exporter.finish()
        }
        await poster.close()
    }
}
