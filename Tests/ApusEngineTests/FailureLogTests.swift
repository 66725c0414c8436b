// SPDX-License-Identifier: Apache-2.0

// What the log tells of events that were given up.

import ApusModel
import Foundation
import Logging
import Synchronization
import Testing

@testable import ApusEngine

@Suite struct FailureLogTests {
    private let recorder = LineRecorder()

    private var log: FailureLog {
        FailureLog(logger: Logger(label: "test") { _ in recorder })
    }

    private func story(
        _ number: Int, id: String? = "e", status: Int? = 503, reason: String = "answered with status 503"
    ) throws -> FailureStory {
        FailureStory(
            place: "orders/0/\(number)", id: id, attempts: 5, status: status, reason: reason,
            deadLetter: try ResourceName("orders.dead-letter"))
    }

    @Test func `a line tells the whole story`() throws {
        let (name, story) = (try ResourceName("crm"), try story(17))
        log.write("subscription", name, now: .zero) { story }
        #expect(
            recorder.lines == [
                [
                    "subscription": "crm", "event": "orders/0/17", "id": "e", "attempts": "5",
                    "status": "503",
                    "reason": "answered with status 503", "dead_letter": "orders.dead-letter",
                ]
            ])
    }

    @Test func `what a receiver answered is not in the line`() throws {
        let name = try ResourceName("crm")
        let answer = OutsideWords.marked("cannot take {\"iban\": \u{201D}DE89\u{201D}}")
        let story = try story(1, reason: "answered with status 400: \(answer); redirects are not followed")
        log.write("subscription", name, now: .zero) { story }
        #expect(recorder.lines[0]["reason"] == "answered with status 400; redirects are not followed")
    }

    @Test func `an id that is long is cut off, and what is not known is left out`() throws {
        let (log, name) = (log, try ResourceName("crm"))
        let (long, bare) = (
            try story(1, id: String(repeating: "x", count: 5000)), try story(2, id: nil, status: nil)
        )
        log.write("subscription", name, now: .zero) { long }
        log.write("subscription", name, now: .zero) { bare }
        #expect(recorder.lines[0]["id"]?.count == 200)
        #expect(recorder.lines[1]["id"] == nil && recorder.lines[1]["status"] == nil)
    }

    @Test func `of many only some are told, and then how many were not`() throws {
        let (log, name, other) = (log, try ResourceName("crm"), try ResourceName("billing"))
        let story = try story(1)
        for _ in 0..<100 { log.write("subscription", name, now: .seconds(1)) { story } }
        #expect(recorder.lines.count == Defaults.failureLogLines)
        // Others have lines of their own.
        log.write("subscription", other, now: .seconds(1)) { story }
        log.write("rule", name, now: .seconds(1)) { story }
        #expect(recorder.lines.count == Defaults.failureLogLines + 2)
        log.write("subscription", name, now: .seconds(2) + Defaults.failureLogInterval) { story }
        #expect(recorder.lines.last?["suppressed"] == "\(100 - Defaults.failureLogLines)")
    }

    @Test func `a million tellers take no more memory than a thousand`() throws {
        let log = log
        let story = try story(1)
        for number in 0..<3000 {
            log.write("rule", try ResourceName("r\(number)"), now: .zero) { story }
        }
        // A thousand by themselves, and the others together.
        #expect(recorder.lines.count == 1000 + Defaults.failureLogLines)
    }

    @Test func `the page says how many lines there are`() throws {
        let page = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "docs/observability.md")
        let interval = Defaults.failureLogInterval.components.seconds
        #expect(
            try String(contentsOf: page, encoding: .utf8)
                .contains("\(Defaults.failureLogLines) lines in \(interval) s"))
    }
}

/// Keeps the metadata of lines.
private final class LineRecorder: LogHandler, Sendable {
    private let kept = Mutex<[[String: String]]>([])

    var lines: [[String: String]] { kept.withLock { $0 } }

    var logLevel: Logger.Level {
        get { .trace }
        set {}
    }
    var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }

    func log(event: LogEvent) {
        kept.withLock { $0.append((event.metadata ?? [:]).mapValues { "\($0)" }) }
    }
}
