// SPDX-License-Identifier: Apache-2.0

// `apus tail`: events of any topics as they arrive.

internal import ApusClient
internal import ArgumentParser
internal import JSONText

/// What `tail`, `get` and `receive` print.
struct EventOutputOptions: ParsableArguments {
    @Flag(help: "Print the data of each event and nothing else.")
    var dataOnly = false

    func format(json: Bool) -> EventFormat { json ? .json : dataOnly ? .data : .human }
}

/// `apus tail`.
struct TailCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tail", abstract: "Show events as they arrive.",
        discussion: """
            EXAMPLES
              apus tail                                  all topics, from now on
              apus tail orders --from 1h                 one topic, beginning an hour ago
              apus tail 'eu.*' --pattern '{"type": ["order.placed"]}'
              apus tail orders --from earliest --count 10 --json | jq .event.data

            A connection that breaks is made again, and the tail goes on where it stopped. Ctrl-C ends it.
            """)

    @Argument(help: "Topics, or patterns with *; all if there are none.")
    var topics: [String] = []

    @Option(
        help: ArgumentHelp(
            "Where to begin: earliest, latest, an offset, a time, or a duration back (1h).",
            valueName: "position"),
        transform: Parse.position)
    var from: Position = .latest

    @Option(
        help: ArgumentHelp("Only events that match this pattern.", valueName: "json"),
        transform: Parse.pattern)
    var pattern: JSONValue?

    @Option(help: "End after so many events.")
    var count: Int?

    @OptionGroup var output: EventOutputOptions
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard count.map({ $0 > 0 }) ?? true else { throw ValidationError("--count is at least 1") }
    }

    func run() async throws {
        let request = TailRequest(topics: topics, from: from, pattern: pattern)
        let printer = EventPrinter(format: output.format(json: global.json), console: global.console)
        let configuration = try await global.clientConfiguration()
        let (console, count) = (global.console, count)
        try await StopSignal.cancelling {
            do {
                try await ApusClient.run(configuration) { client in
                    try await Self.follow(client.tail(request), printer, console, count: count)
                }
            } catch let error as ApusClientError {
                throw Failure(error)
            }
        }
    }

    private static func follow(
        _ tail: Tail, _ printer: EventPrinter, _ console: Console, count: Int?
    ) async throws {
        var shown = 0
        var hasConnected = false
        for try await message in tail {
            switch message {
            case .event(let stored):
                hasConnected = true
                printer.show(stored, topic: "")
                shown += 1
                if shown == count { return }
            case .trimmed(let notice):
                hasConnected = true
                console.note("some events were no longer kept when their turn came: \(notice)")
            case .disconnected(let error):
                // A server that was never there is an error; one that went away is waited for.
                guard hasConnected || error.kind != .unreachable else { throw error }
                console.note("\(error); trying again")
            }
        }
    }
}
