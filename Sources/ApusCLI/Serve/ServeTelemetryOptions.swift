// SPDX-License-Identifier: Apache-2.0

// What a server exports to an OpenTelemetry collector, as options, and as OpenTelemetry's own environment variables.

internal import ApusTelemetry
internal import ApusWebhookTransport
internal import ArgumentParser

/// What a server exports.
struct ServeTelemetryOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Export traces, metrics and logs to this OpenTelemetry collector, by OTLP over HTTP (env OTEL_EXPORTER_OTLP_ENDPOINT; default: nothing is exported).",
            valueName: "url"))
    var otlpEndpoint: String?

    @Option(
        help: ArgumentHelp(
            "A file with a header on each line, 'name: value', that the collector wants (env OTEL_EXPORTER_OTLP_HEADERS).",
            valueName: "file"),
        completion: .file())
    var otlpHeaders: String?

    @Option(
        help: ArgumentHelp(
            "Which of traces, metrics and logs are exported, with commas between (default all three).",
            valueName: "signals"),
        transform: Parse.signals)
    var otlpSignals: Set<TelemetrySignal>?

    @Option(
        help: ArgumentHelp(
            "Of the traces that begin here, the share that is recorded, from 0 to 1 (env OTEL_TRACES_SAMPLER_ARG; default 1).",
            valueName: "ratio"))
    var traceRatio: Double?

    func validate() throws {
        if let traceRatio, !(0...1).contains(traceRatio) {
            throw ValidationError("--trace-ratio is a number from 0 to 1")
        }
    }

    private static let headerBytesMax = 64 << 10

    /// What flags and environment amount to; nil for nothing.
    func settings(_ variables: [String: String]) async throws -> ExportSettings? {
        var settings: ExportSettings
        do throws(ExportSettings.Objection) {
            settings = try ExportSettings(environment: variables, endpoint: otlpEndpoint)
        } catch {
            throw Failure("telemetry cannot be exported as asked", why: error.description, status: .usage)
        }
        if let otlpSignals {
            settings.endpoints = settings.endpoints.filter { otlpSignals.contains($0.key) }
        }
        guard settings.isOn else { return nil }
        for (signal, url) in settings.endpoints {
            // The URL itself is not repeated: it may hold a token.
            guard let objection = HTTPPoster.objection(to: url) else { continue }
            throw Failure("\(signal.rawValue) cannot be exported", why: objection, status: .usage)
        }
        if let traceRatio { settings.sampling = traceRatio == 1 ? .always : .ratio(traceRatio) }
        if let otlpHeaders { settings.headers = try await Self.headers(in: otlpHeaders) }
        guard settings.headers.allSatisfy(Self.isHeader) else {
            throw Failure(
                "a header for the collector cannot be sent",
                why: "names are letters, digits and dashes, values printable ASCII", status: .usage)
        }
        return settings
    }

    private static func headers(in file: String) async throws -> [ExportHeader] {
        let bytes = try await InputSource.withFile(file) { try await $0.readAll(limit: headerBytesMax) }
        var headers: [ExportHeader] = []
        for (index, line) in String(decoding: bytes, as: UTF8.self).split(separator: "\n").enumerated() {
            let line = String(line).trimmed()
            if line.isEmpty || line.hasPrefix("#") { continue }
            guard let colon = line.firstIndex(of: ":") else {
                throw Failure(
                    "\(file) holds no header in line \(index + 1)", why: "a header is 'name: value'",
                    status: .usage)
            }
            headers.append(
                ExportHeader(
                    name: String(line[..<colon]).trimmed(),
                    value: String(line[line.index(after: colon)...]).trimmed()))
        }
        return headers
    }

    private static func isHeader(_ header: ExportHeader) -> Bool {
        !header.name.isEmpty
            && header.name.utf8.allSatisfy {
                $0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7A || (0x30...0x39).contains($0) || $0 == 0x2D
                    || $0 == 0x5F
            }
            && header.value.utf8.allSatisfy { (0x20...0x7E).contains($0) }
    }

    /// The values of headers that the environment names: what nothing that leaves may hold.
    static func secrets(_ variables: [String: String]) -> [String] {
        let named = variables.filter {
            $0.key.hasPrefix("OTEL_EXPORTER_OTLP_") && $0.key.hasSuffix("HEADERS")
        }
        return named.values.flatMap { list in
            list.split(separator: ",").flatMap { part -> [String] in
                let value = part.split(separator: "=", maxSplits: 1).dropFirst().first.map(String.init) ?? ""
                // `Bearer` and the like stand before what is secret.
                return [value]
                    + value.split(whereSeparator: { " %".contains($0) }).map(String.init).filter {
                        $0.count > 7
                    }
            }
        }.filter { !$0.isEmpty }
    }
}

extension Parse {
    /// `traces`, `metrics` and `logs`, with commas between; `none` for none.
    static func signals(_ text: String) throws -> Set<TelemetrySignal> {
        if text == "none" { return [] }
        var signals: Set<TelemetrySignal> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let signal = TelemetrySignal(rawValue: String(part)) else {
                throw ValidationError("'\(part)' is not exported; write traces, metrics or logs, or none")
            }
            signals.insert(signal)
        }
        return signals
    }
}
