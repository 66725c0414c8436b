// SPDX-License-Identifier: Apache-2.0

// What a server tells of how it is set: every option of `dev` and `serve` with the value that counts and where that is from. The parser does not say whether a value was given or is its
// own, so the words of the command line are looked at. Of secrets it is told where they are from, and nothing of themselves.

internal import ApusModel
internal import ApusNetwork
internal import ApusStorage
internal import ApusTelemetry
internal import ApusTransport

/// What a process was given: its command line, and its environment.
struct GivenOptions {
    /// The words of the command line.
    var arguments: [String]
    /// The environment.
    var variables: [String: String]

    /// Where the value of an option is from.
    ///
    /// - Parameter environment: tells the variables that say the same as the option.
    func origin(
        _ option: String, environment: (String) -> Bool = { _ in false }
    ) -> ServerSetting.Origin {
        let names = ["--\(option)", "--no-\(option)"]
        if arguments.contains(where: { word in names.contains { word == $0 || word.hasPrefix($0 + "=") } }) {
            return .flag
        }
        return variables.contains { !$0.value.isEmpty && environment($0.key) } ? .environment : .default
    }
}

extension ServeFlags {
    /// Every setting of a server that these flags amount to, in the order of the documentation.
    func settings(
        of options: ServeOptions, given: GivenOptions, isDevelopment: Bool
    ) -> [ServerSetting] {
        func setting(
            _ name: String, _ value: String?, environment: (String) -> Bool = { _ in false }
        ) -> ServerSetting {
            ServerSetting(name, value, given.origin(name, environment: environment))
        }
        func list(_ values: [String]) -> String? { values.isEmpty ? nil : values.joined(separator: ", ") }
        func word(_ isOn: Bool) -> String { isOn ? "on" : "off" }
        // Relative values are ignored.
        let isData = { (name: String) in
            isDevelopment && name == "XDG_DATA_HOME" && given.variables[name]?.hasPrefix("/") == true
        }
        let hasSecrets = given.variables.keys.contains { $0.hasPrefix("APUS_SECRET_") }
        let (journey, export) = (options.journey, options.export)
        return [
            setting("data", options.dataDirectory, environment: isData),
            setting("listen", list(options.listen.map(\.description))),
            setting("kafka-listen", list(options.kafkaListen.map(\.description))),
            setting("kafka-advertise", options.kafkaAdvertise?.description),
            setting("kafka", word(!options.kafkaListen.isEmpty)),
            setting("host-name", list(options.hostNames)),
            setting("origin", list(options.origins)),
            setting("token-file", tokenFile ?? options.token.map { _ in "APUS_TOKEN" }) {
                $0 == "APUS_TOKEN"
            },
            setting("insecure", word(options.insecure)),
            setting("log-format", options.logFormat.rawValue),
            setting("log-level", options.logLevel.rawValue),
            setting("auto-create-topics", word(options.autoCreateTopics)),
            setting("durability", options.durability),
            setting("port-file", options.portFile),
            setting("journal-size", SizeText.exact(options.journalBytes)),
            setting("journey-age", journey.map { DurationText.format($0.age) }),
            setting("journey-size", journey.map { SizeText.exact($0.bytes) }),
            setting("journey-one-in", journey.map { String($0.oneIn) }),
            setting("journey", word(journey != nil)),
            setting("allow-private-webhooks", word(options.allowPrivateWebhooks)),
            setting("webhook-origin", options.webhookOrigin),
            setting("webhook-ca", options.webhookTrustFile),
            setting("bridges", options.bridgesFile),
            setting("secrets", options.secretsDirectory ?? (hasSecrets ? "APUS_SECRET_…" : nil)) {
                $0.hasPrefix("APUS_SECRET_")
            },
            setting("disk-alarm", options.diskAlarm.text),
            setting("disk-refuse", options.diskRefuse.text),
            setting("look-interval", DurationText.format(options.lookInterval)),
            setting("otlp-endpoint", export.flatMap { list($0.maskedEndpoints) }) {
                $0.hasPrefix("OTEL_EXPORTER_OTLP_") && $0.hasSuffix("ENDPOINT")
            },
            setting("otlp-headers", export.flatMap { list($0.headers.map(\.name)) }) {
                $0 == "OTEL_EXPORTER_OTLP_HEADERS"
            },
            setting("otlp-signals", export.flatMap { list($0.endpoints.keys.map(\.rawValue).sorted()) }) {
                $0 == "OTEL_SDK_DISABLED" || $0.hasPrefix("OTEL_") && $0.hasSuffix("S_EXPORTER")
            },
            setting("trace-ratio", export?.sampling.text) { $0.hasPrefix("OTEL_TRACES_SAMPLER") },
        ]
    }
}

extension SpaceThreshold {
    /// As its option takes it, such as `2GiB,10%`.
    fileprivate var text: String {
        let share = part.map { part in
            let percent = part * 100
            return (percent == percent.rounded() ? String(Int(percent)) : String(percent)) + "%"
        }
        let parts = [bytes.map { SizeText.exact(Int($0)) }, share].compactMap { $0 }
        return parts.isEmpty ? "none" : parts.joined(separator: ",")
    }
}

extension ExportSettings {
    /// Each signal with where it goes, without what could be a credential.
    fileprivate var maskedEndpoints: [String] {
        endpoints.map { "\($0.key.rawValue) \(SecretMask.url($0.value))" }.sorted()
    }
}

extension TraceSampling {
    fileprivate var text: String {
        switch self {
        case .never: "0"
        case .always: "1"
        case .ratio(let ratio): String(ratio)
        }
    }
}
