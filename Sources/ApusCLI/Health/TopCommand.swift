// SPDX-License-Identifier: Apache-2.0

// `apus top`: subscriptions by their load, live. On a terminal it redraws in place and heeds keys; elsewhere it prints one picture after the other.

internal import ApusClient
internal import ApusModel
internal import ArgumentParser
internal import JSONText
internal import Synchronization

/// `apus top`.
struct TopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top", abstract: "Watch subscriptions by their load: who is behind, how fast, how busy.",
        discussion: """
            EXAMPLES
              apus top                                   q ends it, / filters, b o a d f u n sort
              apus top --sort failed --filter billing
              apus top --once                            one picture, for scripts and screenshots
              apus top --json | jq -c '.load.subscriptions[0]'
            """)

    @Option(help: "backlog, age, arrival, service, failed, utilisation or name.")
    var sort: TopOrder = .backlog

    @Option(help: "Only subscriptions with this in their name.")
    var filter: String = ""

    @Option(
        help: ArgumentHelp("How often to look again (default 2s).", valueName: "duration"),
        transform: Parse.duration)
    var interval: Duration = .seconds(2)

    @Option(help: "How many subscriptions to show where there is no terminal.")
    var limit: Int = 20

    @Flag(help: "Show one picture and end.")
    var once = false

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard (1...Defaults.pageLimitMax).contains(limit) else {
            throw ValidationError("--limit is from 1 to \(Defaults.pageLimitMax)")
        }
        guard interval >= .milliseconds(100) else { throw ValidationError("--interval is at least 100ms") }
    }

    func run() async throws {
        let configuration = try await global.clientConfiguration()
        let command = self
        let isLive =
            global.console.isOutputTerminal && !global.json && !once && Session.current.input.isTerminal
        try await StopSignal.cancelling {
            do {
                try await ApusClient.run(configuration) { client in
                    if command.once {
                        try await command.show(
                            client, TopControls(order: command.sort, filter: command.filter), [])
                    } else {
                        try await command.watch(client, isLive: isLive)
                    }
                }
            } catch let error as ApusClientError {
                throw Failure(error)
            }
        }
    }

    /// What the loop and the stream of samples share.
    private final class Board: Sendable {
        let samples = Mutex<[JSONValue]>([])
        let controls: Mutex<TopControls>

        init(_ controls: TopControls) { self.controls = Mutex(controls) }

        func note(_ sample: JSONValue) {
            samples.withLock { $0 = $0.suffix(1) + [sample] }
        }
    }

    private func watch(_ client: ApusClient, isLive: Bool) async throws {
        let board = Board(TopControls(order: sort, filter: filter))
        let keys = isLive ? TerminalKeys() : nil
        defer { keys?.restore() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await client.activity { sample in
                    board.note(sample)
                    return true
                }
                throw ApusClientError(.unavailable, what: "the server ended the stream of activity")
            }
            group.addTask { try await refresh(client, board, keys) }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func refresh(_ client: ApusClient, _ board: Board, _ keys: TerminalKeys?) async throws {
        let clock = ContinuousClock()
        while true {
            let controls = board.controls.withLock { $0 }
            try await show(client, controls, board.samples.withLock { $0 }, keys)
            let due = clock.now + interval
            // Keys are looked for ten times a second: quick enough for fingers, and nothing for the processor.
            repeat {
                try await clock.sleep(for: keys == nil ? interval : .milliseconds(100))
                guard let keys else { break }
                let hasChanged = board.controls.withLock { controls in
                    keys.pressed().reduce(false) { controls.press($1) || $0 }
                }
                if board.controls.withLock(\.isOver) { return }
                if hasChanged { break }
            } while clock.now < due
        }
    }

    private func show(
        _ client: ApusClient, _ controls: TopControls, _ samples: [JSONValue], _ keys: TerminalKeys? = nil
    ) async throws {
        let height = keys.map { _ in TerminalKeys.height() ?? 24 }
        let load = try await client.bottlenecks(
            by: controls.order.rawValue, limit: height.map { max(1, $0 - 5) } ?? limit,
            search: controls.filter.isEmpty ? nil : controls.filter)
        let alarms = try await client.alarms()["alarms"]?.array ?? []
        // Before the first sample has come, the status says the same.
        let known = samples.isEmpty ? [try await client.status()] : samples
        let screen = TopScreen(load: load, samples: known, alarms: alarms, controls: controls)
        let console = global.console
        if global.json {
            var object = JSONObject()
            object["sample"] = known.last
            object["alarms"] = .array(alarms)
            object["load"] = load
            return console.print(JSONValue.object(object).description)
        }
        let lines = screen.lines(on: console, height: height)
        guard keys != nil else {
            for line in lines { console.print(line) }
            return once ? () : console.print("")
        }
        // Each line is cleared behind its text and everything below the last, so that nothing flickers.
        let text = "\u{1B}[H" + lines.map { $0 + "\u{1B}[K" }.joined(separator: "\r\n") + "\u{1B}[J"
        console.write(Array(text.utf8))
    }
}

extension TopOrder: ExpressibleByArgument {}
