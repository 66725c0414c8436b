// SPDX-License-Identifier: Apache-2.0

// One line that tells how far a file has come, for somebody who watches.

/// The progress line of `apus publish --file`.
struct PublishProgress {
    private let console: Console
    private let byteCount: Int?
    private let started = ContinuousClock.now
    private var lastShown: ContinuousClock.Instant?

    /// Nothing is shown before this: quick commands stay quiet.
    private static let quiet: Duration = .milliseconds(100)
    private static let interval: Duration = .milliseconds(100)

    /// Progress of an input of so many bytes, if that is known.
    init(console: Console, byteCount: Int?) {
        self.console = console
        self.byteCount = byteCount
    }

    /// The time since the beginning.
    var elapsed: Duration { ContinuousClock.now - started }

    /// Shows the line, if somebody watches and it is time to.
    mutating func update(_ totals: PublishTotals) {
        let now = ContinuousClock.now
        guard console.isErrorTerminal, now - started >= Self.quiet,
            lastShown.map({ now - $0 >= Self.interval }) ?? true
        else { return }
        lastShown = now
        console.noteWithoutNewline("\r\u{1B}[K" + Self.line(totals, of: byteCount, elapsed: now - started))
    }

    /// Takes the line away.
    func finish() {
        if lastShown != nil { console.noteWithoutNewline("\r\u{1B}[K") }
    }

    /// The line itself.
    static func line(_ totals: PublishTotals, of byteCount: Int?, elapsed: Duration) -> String {
        var parts = ["\(Decimal.grouped(totals.acknowledged)) events", rate(totals.acknowledged, elapsed)]
        if let byteCount, byteCount > 0, totals.acknowledged > 0, totals.read > 0 {
            // What is read and not acknowledged yet is still to come.
            let done = Double(totals.acknowledged + totals.skipped) / Double(totals.read)
            let share = min(1, done * Double(totals.bytesRead) / Double(byteCount))
            let left = elapsed * ((1 - share) / share)
            parts += ["\(Int(share * 100))%", "\(Decimal.brief(left)) left"]
        }
        return parts.joined(separator: "  ")
    }

    /// Events per second.
    static func rate(_ events: Int, _ elapsed: Duration) -> String {
        let seconds = max(
            0.001, Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18)
        return Decimal.grouped(Int(Double(events) / seconds)) + "/s"
    }
}
