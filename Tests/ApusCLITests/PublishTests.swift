// SPDX-License-Identifier: Apache-2.0

// The parts of publishing: lines, events, lanes, and what is acknowledged.

import ApusCLI
import JSONText
import Testing

@Suite struct LineSplitterTests {
    @Test(arguments: 1...12)
    func `lines come out whole in whatever pieces they go in`(size: Int) throws {
        let input = Array("one\r\ntwo\n\n  \nthree".utf8)
        var splitter = LineSplitter(bytesMax: 100)
        var lines: [String] = []
        var start = 0
        while start < input.count {
            let piece = Array(input[start..<min(start + size, input.count)])
            lines += try splitter.split(piece).map { String(decoding: $0, as: UTF8.self) }
            start += size
        }
        lines += splitter.finish().map { String(decoding: $0, as: UTF8.self) }
        #expect(lines == ["one", "two", "three"])
    }

    @Test func `a line without end is refused before it fills the memory`() {
        var splitter = LineSplitter(bytesMax: 10)
        #expect(throws: Failure.self) { try splitter.split(Array("12345678901".utf8)) }
    }
}

@Suite struct EventTemplateTests {
    private func event(_ data: [UInt8], _ change: (inout EventTemplate) -> Void = { _ in }) throws -> String {
        var template = EventTemplate()
        template.id = "1"
        change(&template)
        return String(decoding: try template.event(data: data), as: UTF8.self)
    }

    @Test func `JSON goes in as it was written`() throws {
        #expect(
            try event(Array(#"{"a": 1.0}"#.utf8)) == #"""
                {"specversion":"1.0","id":"1","source":"/apus/cli","type":"apus.message","datacontenttype":"application/json","data":{"a": 1.0}}
                """#)
    }

    @Test func `text becomes a string, and bytes Base64`() throws {
        #expect(try event(Array("hello".utf8)).hasSuffix(#""datacontenttype":"text/plain","data":"hello"}"#))
        #expect(
            try event([0xFF, 0x00]).hasSuffix(
                #""datacontenttype":"application/octet-stream","data_base64":"/wA="}"#))
        #expect(try event(Array("1".utf8)) { $0.contentType = "text/plain" }.hasSuffix(#""data":"1"}"#))
    }

    @Test func `no data is no data`() throws {
        #expect(try event([]).hasSuffix(#""type":"apus.message"}"#))
    }

    @Test func `attributes are placed, the key as partitionkey`() throws {
        let text = try event([]) {
            $0.subject = "s"
            $0.key = "k"
            $0.extensions = [EventAttribute("tenant", "a\"b")].compactMap { $0 }
        }
        #expect(text.hasSuffix(#""subject":"s","partitionkey":"k","tenant":"a\"b"}"#))
    }

    @Test func `data that is not what its type says is refused`() {
        #expect(throws: Failure.self) {
            try event(Array("{".utf8)) { $0.contentType = "application/vnd.x+json; charset=utf-8" }
        }
    }

    @Test func `fresh identifiers are UUIDs and differ`() throws {
        let ids = try (0..<100).map { _ in
            try JSONValue(parsing: EventTemplate().event(data: []))["id"]?.string ?? ""
        }
        #expect(Set(ids).count == 100)
        #expect(ids.allSatisfy { $0.count == 36 && Array($0)[14] == "4" && "89ab".contains(Array($0)[19]) })
    }

    @Test(arguments: ["", "Tenant", "a-b", "id", "data"])
    func `names that an extension cannot have are refused`(name: String) {
        #expect(EventAttribute(name, "x") == nil)
    }
}

@Suite struct PublishLanesTests {
    private func outgoing(_ number: Int, bytes: Int = 10, key: String? = nil) -> OutgoingEvent {
        OutgoingEvent(number: number, bytes: [UInt8](repeating: 0, count: bytes), key: key)
    }

    @Test func `a key always takes the same lane, and no key the first`() {
        let lanes = PublishLanes(count: 4, eventsMax: 10, bytesMax: 1000)
        #expect(lanes.lane(for: nil) == 0)
        #expect(lanes.lane(for: "a") == lanes.lane(for: "a"))
        #expect(Set((0..<100).map { lanes.lane(for: "key-\($0)") }).count == 4)
    }

    @Test func `batches end at the limit of events and of bytes`() {
        var lanes = PublishLanes(count: 1, eventsMax: 2, bytesMax: 100)
        lanes.add(outgoing(0), to: 0)
        #expect(!lanes.isFull(0, for: outgoing(1)))
        #expect(lanes.isFull(0, for: outgoing(1, bytes: 95)))
        lanes.add(outgoing(1), to: 0)
        #expect(lanes.isFull(0, for: outgoing(2)))
        #expect(lanes.isReady(0))
    }

    @Test func `an event larger than a batch goes alone`() {
        let lanes = PublishLanes(count: 1, eventsMax: 2, bytesMax: 100)
        #expect(!lanes.isFull(0, for: outgoing(0, bytes: 500)))
    }

    @Test func `a lane has one batch out at a time`() {
        var lanes = PublishLanes(count: 2, eventsMax: 10, bytesMax: 1000)
        lanes.add(outgoing(0), to: 0)
        #expect(lanes.start(0).map(\.number) == [0])
        lanes.add(outgoing(1), to: 0)
        #expect(lanes.startable.isEmpty)
        lanes.finish(0)
        #expect(lanes.startable == [0])
    }

    @Test func `a run can be resumed after the events that are acknowledged without a gap`() {
        var acknowledged = AcknowledgedEvents(skipped: 10)
        acknowledged.insert([12, 13])
        #expect(acknowledged.prefix == 10)
        #expect(acknowledged.aheadCount == 2)
        acknowledged.insert([10, 11])
        #expect(acknowledged.prefix == 14)
        #expect(acknowledged.aheadCount == 0)
    }
}
