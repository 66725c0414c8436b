// SPDX-License-Identifier: Apache-2.0

// `apus-bus-check URL`: holds a broker of any kind against the contract that all transports keep, promise by promise. Tests run it against the brokers that
// they start; whoever writes a transport, or wonders about a broker, can run it by hand.

import ApusBus
import ApusTesting
import ApusTransports
import ArgumentParser
import Logging

@main
struct BusCheck: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apus-bus-check",
        abstract: "Hold a broker against the contract of the library's transports.",
        discussion:
            "Topics, queues and groups that it makes begin with 'contract-'. Exits with 1 when a promise is broken."
    )

    @Argument(help: "The broker, such as memory: or aws://eu-central-1?endpoint=http://127.0.0.1:5000.")
    var url: String?

    @Flag(help: "Print what each kind of broker can do, as a table in Markdown, and check nothing.")
    var capabilities = false

    @Option(help: "Only promises whose words contain this text.")
    var only: String?

    @Option(help: "How many promises are checked at the same time.")
    var jobs = 4

    @Option(help: "How long to wait for what has to come, in seconds.")
    var patience = 60

    func validate() throws {
        if url == nil, !capabilities { throw ValidationError("which broker? A URL, or --capabilities") }
    }

    func run() async throws {
        if capabilities { return print([TransportScheme].every.capabilityTable) }
        guard let url else { return }
        let address = try BusURL(url)
        let open = { @Sendable () async throws -> any BusTransport in
            let options = ConnectionOptions(logger: Logger(label: "check") { _ in SwiftLogNoOpLogHandler() })
            return try await TransportScheme.connect(address, among: .every, options)
        }
        // What is in memory ends with its bus; all others have kept what they were told.
        let subject = BusContract.Subject(
            patience: .seconds(patience), reopen: address.scheme == "memory" ? nil : open, open: open)
        let promises = BusContract.all.filter { only.map($0.name.contains) ?? true }
        var (kept, broken, foreign) = (0, 0, 0)
        await withTaskGroup(of: (String, Outcome).self) { group in
            var waiting = promises.makeIterator()
            func start() {
                guard let promise = waiting.next() else { return }
                group.addTask { (promise.name, await Self.outcome(of: promise, subject)) }
            }
            for _ in 0..<max(1, jobs) { start() }
            for await (name, outcome) in group {
                switch outcome {
                case .kept: kept += 1
                case .foreign: foreign += 1
                case .broken(let reason):
                    broken += 1
                    print("BROKEN  \(name)\n        \(reason)")
                }
                if case .kept = outcome { print("kept    \(name)") }
                start()
            }
        }
        print("\(address): \(kept) promises kept, \(broken) broken, \(foreign) about what it does not offer")
        if broken > 0 { throw ExitCode(1) }
    }

    private enum Outcome {
        case kept
        /// About a feature that the broker does not have.
        case foreign
        case broken(String)
    }

    private static func outcome(
        of promise: BusContract.Promise, _ subject: BusContract.Subject
    ) async -> Outcome {
        do { return try await promise.run(subject) ? .kept : .foreign } catch { return .broken("\(error)") }
    }
}
