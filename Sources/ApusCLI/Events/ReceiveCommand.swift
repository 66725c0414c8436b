// SPDX-License-Identifier: Apache-2.0

// `apus receive`: take events off a subscription, and settle them.

internal import ApusClient
internal import ApusModel
internal import ArgumentParser
internal import JSONText

/// `apus receive`, and `apus subscription receive`.
struct ReceiveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "receive", abstract: "Take events off a subscription.",
        discussion: """
            EXAMPLES
              apus receive billing --ack                 print one event and acknowledge it
              apus receive billing --max 10 --wait 20s
              apus receive billing --json | jq -r .lease | xargs apus subscription ack billing

            Without --ack the events are leased: settle them with 'apus subscription ack' (or release, reject) before the lease
            ends, or they come again.
            """)

    @Argument(help: "The subscription.")
    var subscription: String

    @Option(help: "The most events, 1 to 1000.")
    var max: Int = 1

    @Option(
        help: ArgumentHelp("How long to wait for the first event, up to 30s.", valueName: "duration"),
        transform: Parse.duration)
    var wait: Duration = .zero

    @Option(
        help: ArgumentHelp(
            "How long the lease lasts (default: the subscription's own).", valueName: "duration"),
        transform: Parse.duration)
    var lease: Duration?

    @Flag(help: "Acknowledge the events once they are printed.")
    var ack = false

    @OptionGroup var output: EventOutputOptions
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard (1...Defaults.pageLimitMax).contains(max) else { throw ValidationError("--max is 1 to 1000") }
        guard wait <= Defaults.waitMax else { throw ValidationError("--wait is at most 30s") }
    }

    func run() async throws {
        let printer = EventPrinter(format: output.format(json: global.json), console: global.console)
        try await global.withClient { client in
            let deliveries = try await client.receive(subscription, max: max, wait: wait, lease: lease)
            for delivery in deliveries {
                printer.show(delivery.stored, topic: "", prefix: ack ? nil : Self.lease(delivery))
            }
            guard !deliveries.isEmpty else {
                global.console.note("no events")
                return
            }
            guard ack else { return hint(deliveries) }
            let results = try await client.acknowledge(deliveries.map(\.lease), of: subscription)
            try SettleReport.check(results)
        }
    }

    private static func lease(_ delivery: Delivery) -> String {
        let most = delivery.attemptsMax.map { "/\($0)" } ?? ""
        return "\(Console.printable(delivery.lease))  attempt \(delivery.attempt)\(most)"
    }

    private func hint(_ deliveries: [Delivery]) {
        guard global.console.isErrorTerminal, !global.json, let first = deliveries.first else { return }
        global.console.note("settle with: apus subscription ack \(subscription) \(first.lease)")
    }
}

/// What became of verdicts.
enum SettleReport {
    /// Fails if a verdict came too late.
    static func check(_ results: [SettleResult]) throws(Failure) {
        let expired = results.count { !$0.isOK }
        guard expired > 0 else { return }
        throw Failure(
            "\(expired) of \(results.count) leases had expired",
            why: "they ended, or never were: those events go, or went, to somebody else",
            fix: "ask for longer leases, with --lease or 'apus subscription set --lease'")
    }
}
