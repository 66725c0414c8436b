// SPDX-License-Identifier: Apache-2.0

// `apus subscription ack`, `release`, `reject` and `extend`: the verdicts on leased events.

internal import ApusClient
internal import ArgumentParser
internal import JSONText

/// What all verdicts name.
struct LeaseArguments: ParsableArguments {
    @Argument(help: "The subscription.") var name: String
    @Argument(help: "Leases, as 'apus receive' printed them.") var leases: [String]
    @OptionGroup var global: GlobalOptions

    /// Sends a verdict and shows what became of it.
    func settle(
        _ verdict: (ApusClient) async throws(ApusClientError) -> [SettleResult]
    ) async throws {
        let results = try await global.withClient(verdict)
        for result in results {
            global.show(result.json) {
                ["\(Console.printable(result.lease))  \(result.isOK ? "ok" : "expired")"]
            }
        }
        try SettleReport.check(results)
    }
}

/// `apus subscription ack`.
struct AckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ack", abstract: "Acknowledge leased events: they are done.",
        discussion: """
            EXAMPLES
              apus subscription ack billing LEASE
            """)

    @OptionGroup var arguments: LeaseArguments

    func run() async throws {
        try await arguments.settle { client throws(ApusClientError) in
            try await client.acknowledge(arguments.leases, of: arguments.name)
        }
    }
}

/// `apus subscription release`.
struct ReleaseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "release", abstract: "Give leased events back: they come again.",
        discussion: """
            EXAMPLES
              apus subscription release billing LEASE --delay 1m
            """)

    @Option(help: ArgumentHelp("How long they wait.", valueName: "duration"), transform: Parse.duration)
    var delay: Duration?

    @Flag(help: "The attempt does not count.") var uncounted = false
    @OptionGroup var arguments: LeaseArguments

    func run() async throws {
        try await arguments.settle { client throws(ApusClientError) in
            try await client.release(arguments.leases, of: arguments.name, delay: delay, counted: !uncounted)
        }
    }
}

/// `apus subscription reject`.
struct RejectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reject", abstract: "Make leased events dead letters, now.",
        discussion: """
            EXAMPLES
              apus subscription reject billing LEASE --reason 'no such customer'
            """)

    @Option(help: "Why.") var reason: String?
    @OptionGroup var arguments: LeaseArguments

    func run() async throws {
        try await arguments.settle { client throws(ApusClientError) in
            try await client.reject(arguments.leases, of: arguments.name, reason: reason)
        }
    }
}

/// `apus subscription extend`.
struct ExtendCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "extend", abstract: "Keep leased events longer.",
        discussion: """
            EXAMPLES
              apus subscription extend billing LEASE --lease 5m
            """)

    @Option(help: ArgumentHelp("How long from now.", valueName: "duration"), transform: Parse.duration)
    var lease: Duration

    @OptionGroup var arguments: LeaseArguments

    func run() async throws {
        try await arguments.settle { client throws(ApusClientError) in
            try await client.extend(arguments.leases, of: arguments.name, lease: lease)
        }
    }
}
