// SPDX-License-Identifier: Apache-2.0

// `apus publish`: one event from the command line or from a pipe, or a file of them.

internal import ApusClient
internal import ApusModel
internal import ArgumentParser
internal import JSONText
internal import Synchronization

/// `apus publish`.
struct PublishCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "publish", abstract: "Publish an event, or a file of events.",
        discussion: """
            EXAMPLES
              apus publish orders '{"id": 1}'
              apus publish orders '{"id": 1}' --type order.placed --key customer-7
              echo hello | apus publish greetings -
              apus publish orders '{"id": 1}' --delay 10m
              apus publish orders --file events.ndjson
              apus publish orders --file events.ndjson --skip 120500        go on after a failure

            Lines of a file that are CloudEvents in the JSON format are published as they are, others become the data of
            events. The order of each key is kept. A failure after the request was sent may mean that events were stored and
            are sent again: consumers tell them by their id.
            """)

    @Argument(help: "The topic.")
    var topic: String

    @Argument(help: "The data; - or nothing reads standard input.")
    var data: String?

    @Option(help: "A file with an event in each line (- for standard input).", completion: .file())
    var file: String?

    @Option(help: "The event's id (default: a fresh one).")
    var id: String?

    @Option(help: "The event's type.")
    var type: String = EventTemplate().type

    @Option(help: "The event's source.")
    var source: String = EventTemplate().source

    @Option(help: "The event's subject.")
    var subject: String?

    @Option(help: "The key: events with the same one stay in order.")
    var key: String?

    @Option(help: "The data's media type (default: application/json if it is JSON, otherwise text/plain).")
    var contentType: String?

    @Option(
        name: .customLong("extension"),
        help: ArgumentHelp("An extension attribute; repeatable.", valueName: "name=value"),
        transform: Parse.attribute)
    var extensions: [EventAttribute] = []

    @Option(help: "With --file: leave out so many events at the beginning.")
    var skip: Int = 0

    @Option(help: "With --file: how many requests are under way at the same time, 1 to 64.")
    var inFlight: Int = Defaults.publishInFlight

    @Option(
        help: ArgumentHelp(
            "How long to go on trying when the server cannot (default 30s).", valueName: "duration"),
        transform: Parse.duration)
    var retryFor: Duration?

    @Option(help: ArgumentHelp("Publish it so much later.", valueName: "duration"), transform: Parse.duration)
    var delay: Duration?

    @Option(help: ArgumentHelp("Publish it at this time.", valueName: "time"))
    var at: String?

    @Option(
        help: ArgumentHelp("Hand it out no later than this after publishing.", valueName: "duration"),
        transform: Parse.duration)
    var ttl: Duration?

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard delay == nil || at == nil else { throw ValidationError("--delay and --at exclude each other") }
        guard file == nil || (delay == nil && at == nil) else {
            throw ValidationError("--delay and --at go with a single event")
        }
        guard file == nil || (data == nil && id == nil) else {
            throw ValidationError("--file cannot be combined with data or --id")
        }
        guard skip >= 0, file != nil || skip == 0 else { throw ValidationError("--skip goes with --file") }
        guard (1...64).contains(inFlight) else { throw ValidationError("--in-flight is 1 to 64") }
        guard !type.isEmpty, !source.isEmpty, id != "" else {
            throw ValidationError("an event's id, type and source cannot be empty")
        }
    }

    func run() async throws {
        if let file {
            try await publishFile(file)
        } else {
            try await publishOne()
        }
    }

    private var template: EventTemplate {
        var template = EventTemplate()
        template.id = id
        template.type = type
        template.source = source
        template.subject = subject
        template.key = key
        template.contentType = contentType
        template.extensions = extensions
        return template
    }

    // MARK: One event

    private func publishOne() async throws {
        let event = try template.event(data: try await oneData())
        if delay != nil || at != nil { return try await publishLater(event) }
        let receipt = try await global.withClient { client in
            let retries = PublishRetries(retryFor: retryFor, hasContact: false)
            var backoff = retries.backoff
            while true {
                do throws(ApusClientError) {
                    return try await client.publish(event, to: topic, ttl: ttl.map(DurationText.format))
                } catch {
                    guard retries.allow(error), await backoff.pause() else { throw error }
                }
            }
        }
        global.show(receipt.json) {
            let place = "\(receipt.topic), partition \(receipt.partition), offset \(receipt.offset)"
            return [receipt.isDuplicate ? "published before to \(place)" : "published to \(place)"]
        }
    }

    private func publishLater(_ event: [UInt8]) async throws {
        // Not tried again: what was lost may wait already, and would wait twice.
        let waiting = try await global.withClient { client in
            try await client.publishLater(
                event, to: topic, delay: delay.map(DurationText.format), at: at,
                ttl: ttl.map(DurationText.format))
        }
        global.show(waiting.json) {
            ["it is due at \(waiting.due); cancel it with 'apus delayed cancel \(waiting.id)'"]
        }
    }

    private func oneData() async throws -> [UInt8] {
        if let data, data != "-" { return Array(data.utf8) }
        let input = Session.current.input
        guard data == "-" || !input.isTerminal else {
            throw Failure(
                "nothing to publish", why: "there is no data on the command line and none on standard input",
                fix: "apus publish \(topic) '{\"id\": 1}'", status: .usage)
        }
        var bytes = try await input.readAll(limit: Defaults.bodyBytesMax)
        // The line feed that echo and here-documents add is not meant.
        if bytes.last == 0x0A { bytes.removeLast() }
        return bytes
    }

    // MARK: A file

    private func publishFile(_ file: String) async throws {
        let settings = PublishSettings(
            topic: topic, template: template, skip: skip, inFlight: inFlight, retryFor: retryFor,
            ttl: ttl.map(DurationText.format))
        let console = global.console
        let json = global.json
        try await StopSignal.whileHandled { stop in
            try await InputSource.withFile(file) { input in
                let progress = Mutex(PublishProgress(console: console, byteCount: input.byteCount))
                defer { progress.withLock { $0.finish() } }
                let totals = try await global.withClient(connections: inFlight) { client in
                    var run = PublishRun(client: client, settings: settings) { number, receipt in
                        if json { console.print(Self.receiptLine(number, receipt)) }
                    } onProgress: { totals in
                        progress.withLock { $0.update(totals) }
                    } isStopRequested: {
                        stop.isRequested
                    }
                    return try await run.run(input)
                }
                let elapsed = progress.withLock {
                    $0.finish()
                    return $0.elapsed
                }
                global.show(Self.summary(totals, elapsed)) {
                    let rate = PublishProgress.rate(totals.acknowledged, elapsed)
                    let count = Decimal.grouped(totals.acknowledged)
                    return ["published \(count) events to \(topic) in \(Decimal.brief(elapsed)) (\(rate))"]
                }
            }
        }
    }

    private static func receiptLine(_ number: Int, _ receipt: Receipt) -> String {
        var object = JSONObject()
        object["number"] = .number(JSONNumber(number))
        for member in receipt.json.object?.members ?? [] { object[member.name] = member.value }
        return JSONValue.object(object).description
    }

    private static func summary(_ totals: PublishTotals, _ elapsed: Duration) -> JSONValue {
        [
            "published": .number(JSONNumber(totals.acknowledged)), "read": .number(JSONNumber(totals.read)),
            "milliseconds": .number(JSONNumber(elapsed.milliseconds)),
        ]
    }
}
