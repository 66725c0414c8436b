// SPDX-License-Identifier: Apache-2.0

// `apus subscription retry`: no longer wait for the next attempt.

internal import ApusClient
internal import ArgumentParser
internal import JSONText

/// `apus subscription retry`.
struct RetryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry", abstract: "Retry now what waits for its next attempt.",
        discussion: """
            EXAMPLES
              apus subscription retry hooks
              apus subscription retry hooks --event orders/0/4711
              apus subscription retry hooks --since 1h

            All that waits, or with --event only those, with --since what came to its topic since then; attempts stay counted. A receiver that is left alone after failures is probed at once.
            """)

    @Argument(help: "The subscription.") var name: String

    @Option(
        name: .customLong("event"), parsing: .singleValue,
        help: ArgumentHelp("Only this event; may be repeated.", valueName: "topic/partition/offset"))
    var events: [String] = []

    @Option(
        help: ArgumentHelp(
            "Only events that came at or after this: a time (RFC 3339) or how long ago.", valueName: "time"))
    var since: String?

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard events.isEmpty || since == nil else {
            throw ValidationError("--event says which are meant: leave out --since")
        }
    }

    func run() async throws {
        let (retried, isProbed) = try await global.withClient { client in
            try await client.retryNow(name, events: events.isEmpty ? nil : events, since: since)
        }
        global.show([
            "subscription": .string(name), "retried": .number(JSONNumber(retried)), "probed": .bool(isProbed),
        ]) {
            let events = retried == 1 ? "1 event" : "\(retried) events"
            return switch (retried, isProbed) {
            case (0, false):
                ["nothing waits for a retry: events that are ready or handed out are on their way already"]
            case (0, true):
                ["the receiver of subscription \(name), which was left alone, is tried with one event now"]
            case (_, false): ["subscription \(name) retries \(events) now"]
            case (_, true):
                ["subscription \(name) tries its receiver, which was left alone, and then retries \(events)"]
            }
        }
    }
}
