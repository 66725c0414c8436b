// SPDX-License-Identifier: Apache-2.0

// `apus get`: a range of a partition.

internal import ApusClient
internal import ApusModel
internal import ArgumentParser
internal import JSONText

/// `apus get`.
struct GetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Read events of a partition.",
        discussion: """
            EXAMPLES
              apus get orders                            the first 100
              apus get orders --from 42 --limit 1        the event at offset 42
              apus get orders --from 1h --limit 5000 --json > orders.ndjson
              apus get orders --from latest --wait 10s   the next one
            """)

    @Argument(help: "The topic.")
    var topic: String

    @Option(help: "The partition.")
    var partition: Int = 0

    @Option(
        help: ArgumentHelp(
            "Where to begin: earliest, latest, an offset, a time, or a duration back (1h).",
            valueName: "position"),
        transform: Parse.position)
    var from: Position = .earliest

    @Option(help: "The most events.")
    var limit: Int = Defaults.pageLimit

    @Option(
        help: ArgumentHelp("How long to wait for the first event, up to 30s.", valueName: "duration"),
        transform: Parse.duration)
    var wait: Duration = .zero

    @Option(
        help: ArgumentHelp("Only events that match this pattern.", valueName: "json"),
        transform: Parse.pattern)
    var pattern: JSONValue?

    @OptionGroup var output: EventOutputOptions
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard partition >= 0, limit > 0 else {
            throw ValidationError("--partition is 0 or more, --limit 1 or more")
        }
        guard wait <= Defaults.waitMax else { throw ValidationError("--wait is at most 30s") }
    }

    func run() async throws {
        let printer = EventPrinter(format: output.format(json: global.json), console: global.console)
        try await global.withClient { client in
            var position = from
            var left = limit
            var wait = wait
            while left > 0 {
                let result = try await client.read(
                    topic, partition: partition, from: position, limit: min(left, Defaults.pageLimitMax),
                    wait: wait,
                    pattern: pattern)
                for stored in result.events { printer.show(stored, topic: topic) }
                left -= result.events.count
                // A page can be empty in the middle of a partition, when nothing in it matches the pattern.
                guard result.next < result.end, Position.offset(result.next) != position else { break }
                position = .offset(result.next)
                wait = .zero
            }
            if left == limit { global.console.note("no events") }
        }
    }
}
