// SPDX-License-Identifier: Apache-2.0

// The log's lines about events that were given up. Each tells the whole story of one, so that nobody has to put it together from several; a target that
// is away for an hour gives up a thousand a second, so each subscription and rule has a few lines in an interval, and the next one says how many more
// there were. What is left out stands in the dead letters, in the journeys of events and in the metrics.

import ApusModel
import ApusStorage
import Logging
import Synchronization

/// Why an event was given up.
struct FailureStory: Sendable {
    /// Where the event is: `orders/0/17`.
    var place: String
    /// The event's `id`; nil where it cannot be read.
    var id: String?
    /// How often it was tried.
    var attempts: Int
    /// The last answer's status code.
    var status: Int?
    /// What went wrong the last time. What a receiver said of it is left out of the line: it may repeat the event.
    var reason: String
    /// The topic that has its dead letter.
    var deadLetter: ResourceName
}

/// Tells stories of failures, a few of each teller in an interval.
///
/// Invariant: within ``Defaults/failureLogInterval`` no more than ``Defaults/failureLogLines`` lines of one subscription or rule are written. So many tellers are
/// told apart that their memory is small; further ones are counted together.
final class FailureLog: Sendable {
    private struct Window {
        var end: Duration
        var lines = 0
        var suppressed = 0
    }

    private static let tellersMax = 1000
    private let logger: Logger
    private let windows = Mutex<[String: Window]>([:])

    init(logger: Logger) { self.logger = logger }

    /// Writes the line of a failure, or counts it. The story is made only when it is written.
    ///
    /// - Parameters:
    ///   - kind: what gave the event up: `subscription` or `rule`.
    ///   - name: its name.
    ///   - now: the moment on the monotonic clock.
    func write(_ kind: String, _ name: ResourceName, now: Duration, _ story: () -> FailureStory) {
        guard let suppressed = take("\(kind) \(name)", now) else { return }
        let story = story()
        var metadata: Logger.Metadata = [
            kind: "\(name)", "event": "\(story.place)", "attempts": "\(story.attempts)",
            "reason": "\(OutsideWords.removed(from: story.reason))", "dead_letter": "\(story.deadLetter)",
        ]
        if let id = story.id { metadata["id"] = "\(id.prefix(FailureLog.idLengthMax))" }
        if let status = story.status { metadata["status"] = "\(status)" }
        if suppressed > 0 { metadata["suppressed"] = "\(suppressed)" }
        logger.warning("an event was given up", metadata: metadata)
    }

    private static let idLengthMax = 200

    /// How many lines were left out before this one; nil when it is left out, too.
    private func take(_ teller: String, _ now: Duration) -> Int? {
        windows.withLock { windows in
            if windows[teller] == nil, windows.count >= FailureLog.tellersMax {
                windows = windows.filter { now < $0.value.end || $0.value.suppressed > 0 }
            }
            let teller = windows[teller] != nil || windows.count < FailureLog.tellersMax ? teller : ""
            var window = windows[teller] ?? Window(end: now + Defaults.failureLogInterval)
            defer { windows[teller] = window }
            var before = 0
            if now >= window.end {
                before = window.suppressed
                window = Window(end: now + Defaults.failureLogInterval)
            }
            guard window.lines < Defaults.failureLogLines else {
                window.suppressed += 1
                return nil
            }
            window.lines += 1
            return before
        }
    }
}

extension RecordView {
    /// The event's `id` as its record has it.
    var eventID: String? { header(RecordView.idHeader) }

    private static let idHeader = Array("ce_id".utf8)
}
