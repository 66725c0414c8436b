// SPDX-License-Identifier: Apache-2.0

import ApusTelemetry
import JSONText
import Logging
import Testing

@Suite struct RecentLogTests {
    private func logger(_ log: RecentLog, _ level: Logger.Level = .info) -> Logger {
        Logger(label: "apus") { log.handler(label: $0, level: level) }
    }

    @Test func `the last lines are kept in order, as JSON, from their level on`() throws {
        let log = RecentLog(linesMax: 3)
        let logger = logger(log, .notice)
        for number in 0..<200 { logger.notice("line \(number)", metadata: ["n": "\(number)"]) }
        logger.info("not kept")
        let lines = try log.last(10).map { try JSONValue(parsing: Array($0.utf8)) }
        #expect(lines.map { $0["message"]?.string } == ["line 197", "line 198", "line 199"])
        #expect(lines.last?["metadata"]?["n"] == "199" && lines.last?["level"] == "notice")
        #expect(log.last(1).count == 1 && log.last(0).isEmpty)
    }

    @Test func `however long lines are, they take no more than their room, and the last is always there`() {
        let log = RecentLog(linesMax: 1000, bytesMax: 2000)
        let logger = logger(log)
        for number in 0..<50 {
            logger.info("\(number) \(String(repeating: "x", count: number * 20))")
            let kept = log.last(1000)
            #expect(kept.last?.contains("\"\(number) ") == true)
            #expect(kept.count == 1 || kept.reduce(0) { $0 + $1.utf8.count } <= 2000)
        }
    }
}
