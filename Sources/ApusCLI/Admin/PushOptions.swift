// SPDX-License-Identifier: Apache-2.0

// How events are delivered to an address, as options: the same for a push subscription and for a rule's webhooks.

internal import ApusModel
internal import ArgumentParser
internal import JSONText

/// How a push subscription consumes, beside its address.
struct PushOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("How long the receiver may take.", valueName: "duration"),
        transform: Parse.duration)
    var pushTimeout: Duration?

    @Option(help: "How many requests are under way at the same time.")
    var pushConcurrency: Int?

    @Option(help: "binary (attributes as headers), structured (the event as JSON) or batch (a JSON array).")
    var pushMode: String?

    @Option(help: "How many events a request has in batch mode.")
    var pushBatchEvents: Int?

    @Option(
        help: ArgumentHelp("How many bytes of data a request has in batch mode.", valueName: "size"),
        transform: Parse.size)
    var pushBatchBytes: Int?

    @Option(
        help: ArgumentHelp("How long the first event of a batch waits for others.", valueName: "duration"),
        transform: Parse.duration)
    var pushLinger: Duration?

    @Option(help: "How many events per second are sent at most (0 for no limit).")
    var pushRate: Int?

    @Option(
        help: ArgumentHelp("A header of every request; repeatable.", valueName: "name: value"),
        transform: PushHeaderOption.init(argument:))
    var pushHeader: [PushHeaderOption] = []

    @Option(
        help: ArgumentHelp(
            "Sign requests with this secret (whsec_...), or with that in a file (@FILE); repeatable, for a change of secrets.",
            valueName: "secret"))
    var pushSecret: [String] = []

    @Flag(inversion: .prefixedNo, help: "Ask the receiver for its consent before anything is sent to it.")
    var pushHandshake: Bool?

    @Option(help: "After how many failures in a row the receiver is left alone (0 for never).")
    var pushBreakerFailures: Int?

    @Option(
        help: ArgumentHelp("How long a failing receiver is left alone at first.", valueName: "duration"),
        transform: Parse.duration)
    var pushBreakerInitial: Duration?

    @Option(
        help: ArgumentHelp("The longest that a failing receiver is left alone.", valueName: "duration"),
        transform: Parse.duration)
    var pushBreakerMax: Duration?

    func validate() throws {
        if let mode = pushMode, !["binary", "structured", "batch"].contains(mode) {
            throw ValidationError("--push-mode is binary, structured or batch")
        }
    }

    /// Whether anything was said.
    var isEmpty: Bool { plain.members.isEmpty && pushSecret.isEmpty }

    /// The settings that were named, over `base`.
    ///
    /// - Throws: `Failure` if a file with a secret cannot be read.
    func applied(to base: JSONObject) async throws -> JSONObject {
        var settings = base
        for member in plain.members {
            guard let new = member.value.object, var old = settings[member.name]?.object,
                member.name != "headers"
            else {
                settings[member.name] = member.value
                continue
            }
            for part in new.members { old[part.name] = part.value }
            settings[member.name] = .object(old)
        }
        var secrets: [JSONValue] = []
        for secret in pushSecret { secrets.append(.string(try await Self.secret(secret))) }
        if !secrets.isEmpty { settings["secrets"] = .array(secrets) }
        return settings
    }

    private var plain: JSONObject {
        var settings = JSONObject()
        settings["timeout"] = pushTimeout.map { .string(DurationText.format($0)) }
        settings["concurrency"] = pushConcurrency.map { .number(JSONNumber($0)) }
        settings["mode"] = pushMode.map { .string($0) }
        var batch = JSONObject()
        batch["max_events"] = pushBatchEvents.map { .number(JSONNumber($0)) }
        batch["max_bytes"] = pushBatchBytes.map { .number(JSONNumber($0)) }
        batch["linger"] = pushLinger.map { .string(DurationText.format($0)) }
        if !batch.members.isEmpty { settings["batch"] = .object(batch) }
        settings["rate"] = pushRate.map { $0 == 0 ? .null : .number(JSONNumber($0)) }
        settings["handshake"] = pushHandshake.map { .bool($0) }
        var breaker = JSONObject()
        breaker["failures"] = pushBreakerFailures.map { .number(JSONNumber($0)) }
        breaker["initial"] = pushBreakerInitial.map { .string(DurationText.format($0)) }
        breaker["max"] = pushBreakerMax.map { .string(DurationText.format($0)) }
        if !breaker.members.isEmpty { settings["breaker"] = .object(breaker) }
        var headers = JSONObject()
        for header in pushHeader { headers[header.name] = .string(header.value) }
        if !headers.members.isEmpty { settings["headers"] = .object(headers) }
        return settings
    }

    /// What the command line of a process says, others on the machine can read; a file is for secrets that matter.
    private static func secret(_ text: String) async throws -> String {
        guard text.hasPrefix("@") else { return text }
        let bytes = try await InputSource.withFile(String(text.dropFirst())) {
            try await $0.readAll(limit: 4096)
        }
        return String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
    }
}

/// `name: value`.
struct PushHeaderOption: Sendable {
    var name: String
    var value: String

    init(argument: String) throws {
        guard let colon = argument.firstIndex(of: ":"), colon != argument.startIndex else {
            throw ValidationError("'\(argument)' is not a header; write it as 'name: value'")
        }
        name = String(argument[..<colon])
        value = String(argument[argument.index(after: colon)...].drop { $0 == " " })
    }
}
