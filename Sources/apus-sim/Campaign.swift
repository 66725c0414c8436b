// SPDX-License-Identifier: Apache-2.0

// Many seeds, on several threads: histories share nothing.

import ApusStorage
import ApusTesting
import Glibc
import Synchronization

/// What came of one seed.
struct History {
    let text: String
    let isSound: Bool
    let simulated: Duration
}

extension Subject {
    func history(of seed: UInt64, isVerbose: Bool, isLying: Bool) -> History {
        switch self {
        case .storage, .compaction:
            var options = StorageSimulation.Options()
            options.rewrites = self == .compaction
            options.isVerbose = isVerbose
            options.liesAboutSync = isLying
            let report = StorageSimulation.run(seed: seed, options)
            return History(text: "\(self): \(report)", isSound: report.isSound, simulated: .zero)
        case .broker:
            var options = BrokerSimulation.Options()
            options.isVerbose = isVerbose
            options.liesAboutSync = isLying
            let report = BrokerSimulation.run(seed: seed, options)
            return History(
                text: "broker: \(report)", isSound: report.isSound, simulated: report.simulatedTime)
        }
    }
}

/// Many seeds of some simulations.
final class Campaign: Sendable {
    private struct State {
        var next: UInt64
        var done: UInt64 = 0
        var failed: UInt64 = 0
        var simulated = Duration.zero
        var lastProgress = ContinuousClock.now
    }

    private let subjects: [Subject]
    private let seeds: Range<UInt64>
    private let isLying: Bool
    private let begin: ContinuousClock.Instant
    private let deadline: ContinuousClock.Instant?
    private let state: Mutex<State>
    private let isTerminal = isatty(STDERR_FILENO) == 1
    /// After so many failures nobody needs more.
    private static let failuresMax: UInt64 = 20

    init(subjects: [Subject], seeds: Range<UInt64>, isLying: Bool, limit seconds: Double?) {
        self.subjects = subjects
        self.seeds = seeds
        self.isLying = isLying
        let begin = ContinuousClock.now
        self.begin = begin
        deadline = seconds.map { begin + .seconds($0) }
        state = Mutex(State(next: seeds.lowerBound))
    }

    /// Runs the seeds.
    ///
    /// - Returns: whether everything held.
    func run(jobs: Int) -> Bool {
        let threads = (0..<jobs).map { number in
            WorkerThread(name: "seeds-\(number)") { [self] in
                while let seed = take() { run(seed) }
            }
        }
        for thread in threads { thread.join() }
        return summarise()
    }

    private func take() -> UInt64? {
        state.withLock { state in
            guard state.next < seeds.upperBound, state.failed < Campaign.failuresMax,
                deadline.map({ ContinuousClock.now < $0 }) ?? true
            else { return nil }
            defer { state.next += 1 }
            return state.next
        }
    }

    private func run(_ seed: UInt64) {
        for subject in subjects {
            let history = subject.history(of: seed, isVerbose: false, isLying: isLying)
            if !history.isSound {
                let liar = isLying ? " --liar" : ""
                print("\(history.text)\n  again: apus-sim --only \(subject) --seed \(seed) --verbose\(liar)")
                fflush(nil)
            }
            state.withLock { state in
                state.failed += history.isSound ? 0 : 1
                state.simulated += history.simulated
            }
        }
        state.withLock { state in
            state.done += 1
            guard isTerminal, ContinuousClock.now - state.lastProgress > .milliseconds(500) else { return }
            state.lastProgress = .now
            show("\r\(state.done) of \(seeds.count) seeds, \(state.failed) failed")
        }
    }

    /// Progress is for people: to the terminal, not to what is kept.
    private func show(_ text: String) {
        var text = text
        text.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    private func summarise() -> Bool {
        let state = state.withLock { (done: $0.done, failed: $0.failed, simulated: $0.simulated) }
        let elapsed = begin.duration(to: .now)
        let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
        let rate = Int(Double(state.done) / max(seconds, 0.001))
        if isTerminal { show("\r") }
        print(
            "\(state.done) seeds of \(subjects.map(\.rawValue).joined(separator: " and ")) in \(Int(seconds.rounded())) s "
                + "(\(rate) seeds/s), \(state.simulated.components.seconds / 3600) simulated hours, \(state.failed) failed"
        )
        return state.failed == 0
    }
}
