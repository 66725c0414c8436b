// SPDX-License-Identifier: Apache-2.0

// Log lines, held against exact text.

import ApusTelemetry
import Logging
import Synchronization
import Testing

/// Keeps the lines it is given.
final class LineList: Sendable {
    private let list = Mutex<[String]>([])
    var lines: [String] { list.withLock { $0 } }

    var output: LogOutput { LogOutput { line in self.list.withLock { $0.append(line) } } }

    var colouredOutput: LogOutput {
        LogOutput(showsColour: true) { line in self.list.withLock { $0.append(line) } }
    }
}

private struct DiskFull: Error, CustomStringConvertible {
    let description = "no space left"
}

/// 2026-11-23T09:05:07.042Z and a fraction that is cut off.
private let morning = WallTime(nanosecondsSinceEpoch: 1_795_424_707_042_999_999)

@Suite struct LogHandlerTests {
    private let lines = LineList()

    private func human() -> Logger {
        Logger(label: "apus") { HumanLogHandler(label: $0, output: lines.output) { morning } }
    }

    private func json() -> Logger {
        Logger(label: "apus") { JSONLogHandler(label: $0, output: lines.output) { morning } }
    }

    @Test func `a line for people has time, level, message and sorted metadata`() {
        human().info("listening", metadata: ["port": "7000", "address": "127.0.0.1"])
        #expect(lines.lines == ["2026-11-23T09:05:07.042Z INFO     listening address=127.0.0.1 port=7000\n"])
    }

    @Test func `values that are not bare words are quoted, nested ones bracketed`() {
        human().warning(
            "odd", metadata: ["a": "x y", "b": "", "c": ["1", "2=3"], "d": ["k": "v", "j": "\u{e9}"]])
        #expect(
            lines.lines == [
                "2026-11-23T09:05:07.042Z WARNING  odd a=\"x y\" b=\"\" c=[1, \"2=3\"] d={j=\u{e9}, k=v}\n"
            ])
    }

    @Test func `control characters leave neither handler`() {
        let hostile = "a\nb\u{1b}[2Jc\u{85}\u{2028}\t\"\\"
        human().error("\(hostile)")
        json().error("\(hostile)")
        #expect(
            lines.lines == [
                "2026-11-23T09:05:07.042Z ERROR    a\\nb\\u001b[2Jc\\u0085\\u2028\\t\"\\\n",
                "{\"time\":\"2026-11-23T09:05:07.042Z\",\"level\":\"error\",\"logger\":\"apus\","
                    + "\"message\":\"a\\nb\\u001b[2Jc\\u0085\\u2028\\t\\\"\\\\\"}\n",
            ])
    }

    @Test func `levels are coloured where colours show`() {
        let logger = Logger(label: "apus") {
            HumanLogHandler(label: $0, output: lines.colouredOutput) { morning }
        }
        logger.critical("down")
        #expect(lines.lines == ["2026-11-23T09:05:07.042Z \u{1b}[1;31mCRITICAL\u{1b}[0m down\n"])
    }

    @Test func `a JSON line nests its metadata and sorts it`() {
        json().notice(
            "moved", metadata: ["z": ["b": "2", "a": ["x", "y"]], "count": .stringConvertible(3)])
        #expect(
            lines.lines == [
                "{\"time\":\"2026-11-23T09:05:07.042Z\",\"level\":\"notice\",\"logger\":\"apus\","
                    + "\"message\":\"moved\",\"metadata\":{\"count\":\"3\",\"z\":{\"a\":[\"x\",\"y\"],"
                    + "\"b\":\"2\"}}}\n"
            ])
    }

    @Test func `metadata of the call wins over the context's, and that over the logger's`() {
        let provider = Logger.MetadataProvider { ["b": "context", "c": "context"] }
        var logger = Logger(label: "apus") { label in
            var handler = HumanLogHandler(label: label, output: lines.output) { morning }
            handler.metadataProvider = provider
            return handler
        }
        for key in ["a", "b", "c"] { logger[metadataKey: key] = "logger" }
        logger.info("who", metadata: ["c": "call"])
        #expect(lines.lines.first?.hasSuffix(" who a=logger b=context c=call\n") == true)
    }

    @Test func `an error stands in the metadata`() {
        human().error("cannot append", error: DiskFull())
        #expect(lines.lines.first?.hasSuffix(" cannot append error=\"no space left\"\n") == true)
    }

    @Test func `lines below the level are not written`() {
        human().debug("details")
        #expect(lines.lines.isEmpty)
    }

    @Test func `a format makes its handler`() {
        #expect(LogFormat.human.handler(label: "a", level: .info) is HumanLogHandler)
        #expect(LogFormat.json.handler(label: "a", level: .debug).logLevel == .debug)
    }
}

@Suite struct WallTimeTests {
    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (951_782_399_999, "2000-02-28T23:59:59.999Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"),
        (951_868_800_000, "2000-03-01T00:00:00.000Z"),
        (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        (1_735_689_599_000, "2024-12-31T23:59:59.000Z"),
    ])
    func `times are written in the Gregorian calendar`(milliseconds: Int64, text: String) {
        #expect(WallTime(nanosecondsSinceEpoch: milliseconds * 1_000_000).rfc3339 == text)
    }

    @Test func `time goes on`() {
        #expect(WallTime.now.nanosecondsSinceEpoch > 1_700_000_000_000_000_000)
    }
}
