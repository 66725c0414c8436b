// SPDX-License-Identifier: Apache-2.0

// `apus replay`: a part of a topic's history to one address, by a subscription that ends with it. What happens to the events on the way
// (retries, dead letters) is what happens to those of every subscription, and the server goes on by itself when this command is stopped.

internal import ApusClient
internal import ApusModel
internal import ArgumentParser
internal import JSONText

/// `apus replay`.
struct ReplayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay", abstract: "Deliver a part of a topic's history to one address.",
        discussion: """
            EXAMPLES
              apus replay orders --from 1h --push https://example.org/hook
              apus replay orders --from 2026-11-23T20:00:00Z --to 2026-11-23T21:00:00Z --push https://example.org/hook
              apus replay orders --from 1d --pattern '{"type": ["order.placed"]}' --push https://example.org/hook

            Other subscriptions notice nothing. The one that does the work is deleted when all is delivered; where some events
            could not be, it stays with its dead letters. To have a subscription get events once more, see
            'apus subscription replay'.
            """)

    @Argument(help: "The topic.") var topic: String

    @Option(
        help: ArgumentHelp(
            "Where to begin: earliest, an offset, a time, or a duration back (1h).", valueName: "position"),
        transform: Parse.position)
    var from: Position

    @Option(
        help: ArgumentHelp("Where to end (default: now).", valueName: "position"), transform: Parse.position)
    var to: Position = .latest

    @OptionGroup var options: SubscriptionSettingsOptions

    @Option(help: "The name of the subscription (default: replay-, and a number).") var name: String?

    @Flag(help: "Do not wait until all is delivered.") var detach = false
    @OptionGroup var global: GlobalOptions

    private static let interval: Duration = .milliseconds(200)

    func validate() throws {
        guard options.push != nil || options.pushBus != nil else {
            throw ValidationError("say where to with --push URL or --push-bus CONNECTION/TOPIC")
        }
    }

    func run() async throws {
        let name = name ?? "replay-" + String(UInt64.random(in: 0..<(1 << 40)), radix: 36)
        var settings = try await options.settings(push: nil)
        settings["topic"] = .string(topic)
        settings["kind"] = "shared"
        settings["start"] = .string(from.description)
        settings["end"] = .string(to.description)
        let request = settings
        let last = try await global.withClient { client in
            let made = try await client.putSubscription(name, request)
            guard made.created else {
                throw Failure(
                    "subscription \(name) exists already", why: "a replay has one of its own",
                    fix: "give it another --name", status: .failure)
            }
            return detach ? made.value : try await follow(name, client)
        }
        if detach {
            return global.show(last.json) {
                ["replaying by subscription \(name); see 'apus subscription show \(name)'"]
            }
        }
        let lost = last.deadLettered ?? 0
        let delivered = last.json["acknowledged"]?.int64 ?? 0
        global.show([
            "delivered": .number(JSONNumber(delivered)), "dead_lettered": .number(JSONNumber(lost)),
        ]) { ["delivered \(Decimal.grouped(delivered)) events, dead-lettered \(Decimal.grouped(lost))"] }
        guard lost == 0 else {
            throw Failure(
                "\(Decimal.grouped(lost)) events could not be delivered",
                why: last.json["last_failure"]?.string ?? "see their dead letters",
                fix: "apus dead-letter list --subscription \(name)", status: .failure)
        }
    }

    /// Waits until the subscription has reached its end, and takes it away if nothing was given up.
    private func follow(_ name: String, _ client: ApusClient) async throws -> SubscriptionInfo {
        let isShown = global.console.isErrorTerminal && !global.json
        var state = try await client.subscription(name)
        let total = (state.backlog ?? 0) + (state.inFlight ?? 0)
        while !state.isComplete {
            try await Task.sleep(for: Self.interval)
            state = try await client.subscription(name)
            guard isShown else { continue }
            let left = (state.backlog ?? 0) + (state.inFlight ?? 0)
            global.console.noteWithoutNewline(
                "\r\u{1B}[K\(Decimal.percent(max(0, total - left), of: total)) done, "
                    + "\(Decimal.grouped(state.waiting ?? 0)) wait for a retry")
        }
        if isShown { global.console.noteWithoutNewline("\r\u{1B}[K") }
        if state.deadLettered ?? 0 == 0 { try await client.deleteSubscription(name) }
        return state
    }
}
