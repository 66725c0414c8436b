// SPDX-License-Identifier: Apache-2.0

// The last lines of the log, kept in memory for whoever looks for what is wrong and has no hand on the log itself: `apus doctor --bundle`, the dashboard.

public import Logging
internal import Synchronization

/// The last log lines of a process, as JSON.
///
/// Invariant: no more than `linesMax` lines, and of more than one no more than `bytesMax` bytes.
public final class RecentLog: Sendable {
    private struct Lines {
        var lines: [String] = []
        /// The oldest, where the ring is full; lines are in order from there on.
        var first = 0
        var bytes = 0
    }

    private let linesMax: Int
    private let bytesMax: Int
    private let state = Mutex(Lines())

    /// Keeps at most so many lines, and bytes.
    public init(linesMax: Int = 1000, bytesMax: Int = 256 << 10) {
        self.linesMax = max(1, linesMax)
        self.bytesMax = bytesMax
    }

    /// A handler that keeps lines of the logger called `label`, from `level` on; to be used beside one that writes them.
    public func handler(label: String, level: Logger.Level) -> any LogHandler {
        JSONLogHandler(label: label, level: level, output: LogOutput { [self] in keep($0) })
    }

    private func keep(_ line: String) {
        let line = line.hasSuffix("\n") ? String(line.dropLast()) : line
        state.withLock { state in
            state.lines.append(line)
            state.bytes += line.utf8.count
            while state.lines.count - state.first > 1,
                state.lines.count - state.first > linesMax || state.bytes > bytesMax
            {
                state.bytes -= state.lines[state.first].utf8.count
                state.lines[state.first] = ""
                state.first += 1
            }
            // Taken out together, because each by itself would move all others.
            if state.first > 64, state.first > state.lines.count / 2 {
                state.lines.removeFirst(state.first)
                state.first = 0
            }
        }
    }

    /// The last lines, at most `count`, the oldest first: each an object in JSON with `time`, `level`, `logger`, `message` and perhaps `metadata`.
    public func last(_ count: Int) -> [String] {
        state.withLock { Array($0.lines[$0.first...].suffix(max(0, count))) }
    }
}
