// SPDX-License-Identifier: Apache-2.0

// `apus-sim`: histories of the store and of the whole broker, each from one seed. What fails is printed with the command that shows it
// again.

import ArgumentParser
import Glibc

/// Which part is simulated.
enum Subject: String, CaseIterable, ExpressibleByArgument {
    case storage, compaction, broker
}

@main
struct SimulatorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apus-sim",
        abstract: "Runs the store and the broker through random workloads, crashes and faults.",
        discussion: """
            One seed decides everything that happens in a history. `apus-sim --seeds 2000` runs many seeds of both \
            simulations; `apus-sim --seed 42 --only broker --verbose` shows one again.
            """)

    @Option(help: "Run this seed alone.")
    var seed: UInt64?

    @Option(help: "Run this many seeds.")
    var seeds: UInt64 = 1000

    @Option(help: "The first of many seeds.")
    var from: UInt64 = 1

    @Option(help: "Stop after this many seconds, whatever is left.")
    var seconds: Double?

    @Option(
        help:
            "Run one simulation only: storage, compaction (the store, with segments written anew) or broker.")
    var only: Subject?

    @Option(help: "How many seeds run at the same time.")
    var jobs: Int = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))

    @Flag(help: "Print what happens in the history of one seed.")
    var verbose = false

    @Flag(help: "Let the disk lie about syncs, to see whether that is noticed.")
    var liar = false

    func validate() throws {
        guard jobs > 0, jobs <= 1024 else { throw ValidationError("--jobs is 1 to 1024") }
        guard seed != nil || !verbose else {
            throw ValidationError("--verbose shows one seed: name it with --seed")
        }
    }

    func run() throws {
        repeatWithFixedHashes()
        let subjects = only.map { [$0] } ?? Subject.allCases
        if let seed {
            let histories = subjects.map { $0.history(of: seed, isVerbose: verbose, isLying: liar) }
            for history in histories { print(history.text) }
            if histories.contains(where: { !$0.isSound }) { throw ExitCode.failure }
            return
        }
        let campaign = Campaign(subjects: subjects, seeds: from..<from + seeds, isLying: liar, limit: seconds)
        guard campaign.run(jobs: jobs) else { throw ExitCode.failure }
    }

    /// The order in which sets and dictionaries are gone through is part of a history, so it must be the same in every process. That is
    /// decided before a process begins: this one begins again if need be.
    private func repeatWithFixedHashes() {
        guard getenv("SWIFT_DETERMINISTIC_HASHING") == nil else { return }
        setenv("SWIFT_DETERMINISTIC_HASHING", "1", 1)
        var arguments = CommandLine.arguments.map { strdup($0) } + [nil]
        execv("/proc/self/exe", &arguments)
        // Where a process cannot begin again the histories are as good, but other ones.
    }
}
