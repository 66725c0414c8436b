// SPDX-License-Identifier: Apache-2.0

// What is exported and where to: the values, and how they are read from OpenTelemetry's environment variables. Header values are
// secrets, so a header never shows its own.

internal import JSONText

/// What there is to export.
public enum TelemetrySignal: String, Sendable, Hashable, CaseIterable {
    /// Spans.
    case traces
    /// The metrics of `/metrics`.
    case metrics
    /// Log lines.
    case logs
}

/// A header of requests to the collector. Its value is a secret: neither printing nor reflecting shows it.
public struct ExportHeader: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    /// The name, as it was given.
    public let name: String
    /// The value.
    public let value: String

    /// A header.
    public init(name: String, value: String) {
        (self.name, self.value) = (name, value)
    }

    public var description: String { "\(name): ***" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["name": name]) }
}

/// What telemetry says of where it comes from: one attribute of the resource.
public struct ResourceAttribute: Sendable, Hashable {
    /// The name, such as `service.name`.
    public var name: String
    /// The value.
    public var value: String

    /// An attribute.
    public init(_ name: String, _ value: String) {
        (self.name, self.value) = (name, value)
    }
}

/// What is exported to a collector, and how. The defaults are those of OpenTelemetry's specification where it has any.
public struct ExportSettings: Sendable, Hashable {
    /// Where each signal goes, as whole URLs; a signal without one is not exported.
    public var endpoints: [TelemetrySignal: String]
    /// Sent with each request.
    public var headers: [ExportHeader] = []
    /// What is said of the server, beside what it knows itself (`service.version`, `service.instance.id`, `telemetry.sdk.*`).
    public var resource: [ResourceAttribute] = []
    /// Which of the traces that begin here are recorded.
    public var sampling = TraceSampling.always
    /// A file with certificates of authorities (PEM) that the collector is verified with, beside the system's.
    public var trustFile: String?
    /// How long one request may take.
    public var timeout = Duration.seconds(10)
    /// How often metrics are sent.
    public var metricInterval = Duration.seconds(60)
    /// How long spans and lines are gathered before they are sent, unless a batch is full earlier.
    public var gatherInterval = Duration.seconds(5)
    /// How many spans, and how many lines, wait at most; what comes then is dropped and counted.
    public var queueMax = 8192
    /// How many go in one request.
    public var batchMax = 512

    /// Exports to these places.
    public init(endpoints: [TelemetrySignal: String]) { self.endpoints = endpoints }

    /// Whether anything is exported.
    public var isOn: Bool { !endpoints.isEmpty }
}

// MARK: - The environment

extension ExportSettings {
    /// Why settings cannot be used. Tells names of variables and never the values of headers.
    public struct Objection: Error, Sendable, Hashable, CustomStringConvertible {
        /// What is wrong, and with which variable.
        public let description: String

        /// An objection in these words.
        public init(_ description: String) { self.description = description }
    }

    /// What OpenTelemetry's environment variables ask for.
    ///
    /// - Parameters:
    ///   - variables: the environment.
    ///   - endpoint: the base URL of the collector, in place of `OTEL_EXPORTER_OTLP_ENDPOINT`.
    /// - Throws: ``Objection`` when a variable has no meaning that can be followed.
    public init(environment variables: [String: String], endpoint: String? = nil) throws(Objection) {
        // The specification has an empty variable count as one that is not set.
        let set = variables.filter { $0.key.hasPrefix("OTEL_") && !$0.value.isEmpty }
        self.init(endpoints: Self.endpoints(set, base: endpoint))
        guard isOn else { return }
        if set["OTEL_EXPORTER_OTLP_PROTOCOL"] == "grpc" {
            throw Objection(
                "OTEL_EXPORTER_OTLP_PROTOCOL is grpc, which is not spoken: use http/json, and the collector's HTTP port (4318)"
            )
        }
        headers = try Self.pairs(set, "OTEL_EXPORTER_OTLP_HEADERS").map {
            ExportHeader(name: $0.0, value: $0.1)
        }
        resource = try Self.pairs(set, "OTEL_RESOURCE_ATTRIBUTES").map { ResourceAttribute($0.0, $0.1) }
        if let name = set["OTEL_SERVICE_NAME"] {
            resource.removeAll { $0.name == "service.name" }
            resource.append(ResourceAttribute("service.name", name))
        }
        trustFile = set["OTEL_EXPORTER_OTLP_CERTIFICATE"]
        sampling = try Self.sampling(set)
        timeout = try Self.milliseconds(set, "OTEL_EXPORTER_OTLP_TIMEOUT") ?? timeout
        metricInterval = try Self.milliseconds(set, "OTEL_METRIC_EXPORT_INTERVAL") ?? metricInterval
        gatherInterval = try Self.milliseconds(set, "OTEL_BSP_SCHEDULE_DELAY") ?? gatherInterval
    }

    private static func endpoints(
        _ variables: [String: String], base: String?
    ) -> [TelemetrySignal: String] {
        guard variables["OTEL_SDK_DISABLED"]?.lowercased() != "true" else { return [:] }
        let base = base ?? variables["OTEL_EXPORTER_OTLP_ENDPOINT"]
        var endpoints: [TelemetrySignal: String] = [:]
        for signal in TelemetrySignal.allCases {
            let name = signal.rawValue.uppercased()
            guard variables["OTEL_\(name)_EXPORTER"] != "none" else { continue }
            // That of one signal is used as it is; the common one gets the signal's own path.
            if let own = variables["OTEL_EXPORTER_OTLP_\(name)_ENDPOINT"] {
                endpoints[signal] = own
            } else if let base {
                endpoints[signal] = (base.hasSuffix("/") ? base : base + "/") + "v1/\(signal.rawValue)"
            }
        }
        return endpoints
    }

    private static func sampling(_ variables: [String: String]) throws(Objection) -> TraceSampling {
        let argument = variables["OTEL_TRACES_SAMPLER_ARG"]
        switch variables["OTEL_TRACES_SAMPLER"] {
        case nil, "always_on", "parentbased_always_on": return .always
        case "always_off", "parentbased_always_off": return .never
        case "traceidratio", "parentbased_traceidratio":
            guard let argument else { return .always }
            guard let ratio = Double(argument), (0...1).contains(ratio) else {
                throw Objection("OTEL_TRACES_SAMPLER_ARG is '\(argument)' and must be a number from 0 to 1")
            }
            return .ratio(ratio)
        case let other?:
            throw Objection(
                "OTEL_TRACES_SAMPLER is '\(other)': use always_on, always_off, traceidratio or one of them behind parentbased_"
            )
        }
    }

    private static func milliseconds(
        _ variables: [String: String], _ name: String
    ) throws(Objection) -> Duration? {
        guard let text = variables[name] else { return nil }
        guard let value = Int64(text), value > 0 else {
            throw Objection("\(name) is '\(text)' and must be a number of milliseconds")
        }
        return .milliseconds(value)
    }

    /// `name=value,name=value`, with values percent-encoded where need be (W3C Baggage, without properties).
    private static func pairs(
        _ variables: [String: String], _ variable: String
    ) throws(Objection) -> [(String, String)] {
        var pairs: [(String, String)] = []
        for part in (variables[variable] ?? "").split(separator: ",") {
            guard let equals = part.firstIndex(of: "="), let name = decoded(part[..<equals]), !name.isEmpty,
                let value = decoded(part[part.index(after: equals)...])
            else { throw Objection("\(variable) must be name=value, several of them with commas between") }
            pairs.append((name, value))
        }
        return pairs
    }

    private static func decoded(_ text: Substring) -> String? {
        guard let text = PercentEncoding.decoded(text) else { return nil }
        return String(text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }
}
