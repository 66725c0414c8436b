// SPDX-License-Identifier: Apache-2.0

// The text forms that people read and type: durations, sizes, tables, events on a line.

import ApusCLI
import ApusClient
import ApusModel
import JSONText
import Synchronization
import Testing

@Suite struct TextTests {
    @Test(arguments: [
        ("250ms", 250), ("30s", 30_000), ("5m", 300_000), ("12h", 43_200_000), ("7d", 604_800_000), ("0s", 0),
    ])
    func `durations are read and written in the same words`(text: String, milliseconds: Int) {
        #expect(DurationText.parse(text) == .milliseconds(milliseconds))
        #expect(DurationText.format(.milliseconds(milliseconds)) == text)
    }

    @Test(arguments: [
        "", "5", "s", "-5s", "1.5s", "5 s", "5w", "5sm", "99999999999999999999d", "9223372036854775807d",
    ])
    func `what is not a duration is refused`(text: String) {
        #expect(DurationText.parse(text) == nil)
    }

    @Test(arguments: [
        "earliest", "latest", "42", "1h", "2026-11-23T21:00:00Z", "2026-11-23T21:00:00.5+02:00",
    ])
    func `positions are passed on as they were typed`(text: String) {
        #expect(Position(text)?.description == text)
    }

    @Test(arguments: ["", "first", "-1", "yesterday", "2026-11-23", "2026-11-23 21:00:00Z"])
    func `what is not a position is refused`(text: String) {
        #expect(Position(text) == nil)
    }

    @Test(arguments: [
        ("100", 100), ("1K", 1024), ("256MiB", 256 << 20), ("2G", 2 << 30), ("3B", 3),
    ])
    func `sizes are numbers of bytes or of units`(text: String, bytes: Int) {
        #expect(SizeText.parse(text) == bytes)
    }

    @Test(arguments: ["", "MiB", "-1", "1.5G", "1MB", "9999999999999TiB"])
    func `what is not a size is refused`(text: String) {
        #expect(SizeText.parse(text) == nil)
    }

    @Test func `numbers are written for people`() {
        #expect(Decimal.grouped(0) == "0")
        #expect(Decimal.grouped(999) == "999")
        #expect(Decimal.grouped(-1_234_567) == "-1,234,567")
        #expect(Decimal.format(1.005, digits: 1) == "1.0")
        #expect(Decimal.format(0.05, digits: 2) == "0.05")
        #expect(SizeText.format(1023) == "1023 B")
        #expect(SizeText.format(1536) == "1.5 KiB")
        #expect(Decimal.brief(.microseconds(130)) == "130 us")
        #expect(Decimal.brief(.milliseconds(12)) == "12.00 ms")
        #expect(Decimal.brief(.milliseconds(250)) == "250 ms")
        #expect(Decimal.brief(.seconds(75)) == "1 min 15 s")
        #expect(Decimal.brief(.seconds(7260)) == "2 h 1 min")
    }

    @Test func `tables are aligned and have no blanks at the end of lines`() {
        var table = Table(("NAME", .left), ("EVENTS", .right), ("KEEPS", .left))
        table.add("orders", "12,345", "7d")
        table.add("a", "1", "")
        #expect(
            table.lines(on: .plain) == [
                "NAME    EVENTS  KEEPS",
                "orders  12,345  7d",
                "a            1",
            ])
    }

    @Test func `control characters never reach the terminal`() {
        var table = Table(("NAME", .left))
        table.add("evil\u{1B}[31m")
        #expect(table.lines(on: .plain)[1] == "evil\u{FFFD}[31m")
    }

    @Test func `properties are indented, and patterns stay on a line`() throws {
        let json = try JSONValue(
            parsing:
                #"{"name":"vip","pattern":{"type":["a"]},"retry":{"initial":"1s"},"push":null,"t":[{"p":0,"q":1}]}"#
        )
        #expect(
            Properties.lines(json) == [
                "name     vip",
                #"pattern  {"type":["a"]}"#,
                "retry:",
                "  initial  1s",
                "push     -",
                "t:",
                "  - p  0",
                "    q  1",
            ])
    }

    @Test func `an event on a line says when, where, what and the data`() throws {
        let line = EventPrinter(format: .human, console: .plain).line(try Self.stored(), topic: "")
        #expect(
            line == #"21:00:00.250  orders/0@42  order.placed  subject=o-1  key=c7  {"id":1,"total":12.50}"#)
    }

    @Test func `long data is cut to the width of the terminal`() throws {
        let console = Console(width: 82) { _, _ in }
        let line = EventPrinter(format: .human, console: console).line(try Self.stored(), topic: "")
        #expect(line.count == 82)
        #expect(line.hasSuffix("…"))
    }

    @Test func `data alone keeps numbers as they were written`() throws {
        let written = Written()
        let console = Console { written.append($1, to: $0) }
        EventPrinter(format: .data, console: console).show(try Self.stored(), topic: "")
        #expect(written.text(.output) == "{\"id\":1,\"total\":12.50}\n")
    }

    @Test(arguments: zip(["", "AA==", "AP8=", "aMO8Cg=="], [[], [0], [0, 255], [104, 195, 188, 10]]))
    func `data alone are the bytes that were published`(base64: String, bytes: [UInt8]) throws {
        let written = Mutex<[UInt8]>([])
        let console = Console { _, more in written.withLock { $0 += more } }
        let json =
            #"{"topic":"t","partition":0,"offset":1,"time":"x","key":null,"event":{"data_base64":"\#(base64)"}}"#
        let event = try StoredEvent(JSONValue(parsing: json))
        EventPrinter(format: .data, console: console).show(event, topic: "")
        #expect(written.withLock { $0 } == bytes + [0x0A])
    }

    private static func stored() throws -> StoredEvent {
        try StoredEvent(
            JSONValue(
                parsing: #"""
                    {"topic":"orders","partition":0,"offset":42,"time":"2026-11-23T21:00:00.25Z","key":"c7","event":{
                    "specversion":"1.0","id":"1","source":"/s","type":"order.placed","subject":"o-1",
                    "datacontenttype":"application/json","data":{"id":1,"total":12.50}}}
                    """#))
    }
}

@Suite struct SuggestionTests {
    @Test(arguments: [
        ("tpoic", "topic"), ("topci", "topic"), ("publsh", "publish"), ("stat", "status"),
        ("PUBLISH", "publish"),
    ])
    func `a typing error gets the word that was meant`(typed: String, meant: String) {
        #expect(Suggestions.nearest(to: typed, among: ["publish", "status", "tail", "topic"]) == meant)
    }

    @Test func `a word that is like none gets no suggestion`() {
        #expect(Suggestions.nearest(to: "frobnicate", among: ["publish", "status", "tail", "topic"]) == nil)
        #expect(Suggestions.nearest(to: "x", among: []) == nil)
    }

    @Test func `a swap of neighbours is one mistake`() {
        #expect(Suggestions.distance("tial", "tail") == 1)
        #expect(Suggestions.distance("", "abc") == 3)
        #expect(Suggestions.distance("same", "same") == 0)
    }
}
