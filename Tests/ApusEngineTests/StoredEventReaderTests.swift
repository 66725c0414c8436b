// SPDX-License-Identifier: Apache-2.0

// Records read one after another, and what a glance decides of them: both are shortcuts, and come to what the long way comes to.

import ApusModel
import ApusRules
import CloudEvents
import TestThreads
import Testing

@testable import ApusEngine

@Suite(.ownThread) struct StoredEventReaderTests {
    private typealias Header = Record.Header

    private static func headers(
        id: String, type: String = "a.b", source: String = "/s", more: [Header] = []
    ) -> [Header] {
        [("ce_specversion", "1.0"), ("ce_id", id), ("ce_source", source), ("ce_type", type)].map {
            Header(name: $0.0, value: Array($0.1.utf8))
        } + more
    }

    private static func header(_ name: String, _ value: String?) -> Header {
        Header(name: name, value: value.map { Array($0.utf8) })
    }

    /// Records that differ in all that can be different: whole events, broken ones, none, structured ones, headers of others.
    private static var records: [[Header]] {
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        return [
            headers(id: "1"), headers(id: "2"),
            headers(id: "3", more: [header("ce_subject", "x"), header("ce_time", "2026-01-01T00:00:00Z")]),
            headers(id: "4"), headers(id: "5", type: "c.d"),
            headers(
                id: "6", more: [header("content-type", "application/json"), header("ce_partitionkey", "k")]),
            headers(id: "7", more: [header("other", "1"), header("nothing", nil)]),
            headers(id: "8", more: [header("traceparent", parent)]),
            headers(id: "9", more: [header("ce_id", "twice")]), headers(id: "10"),
            headers(id: "11", more: [header("ce_type", "c.d")]), headers(id: "", type: "a.b"), [],
            headers(id: "12"), [header("content-type", "application/json")],
            [header("content-type", "application/cloudevents+json")], headers(id: "13", source: "no uri"),
            headers(id: "14", more: [header(LineageHeader.recipient, "audit")]), headers(id: "15"),
            headers(id: "16", more: [header("ce_type", nil)]), [header("ce_type", "a.b")],
        ]
    }

    private static func batch() throws -> RecordBatch {
        var builder = RecordBatchBuilder()
        for (number, headers) in records.enumerated() {
            builder.append(
                timestamp: Timestamp(milliseconds: Int64(number)), key: number % 2 == 0 ? nil : [0x6B],
                value: number % 3 == 0 ? nil : Array("{\"n\":\(number)}".utf8), headers: headers)
        }
        let batch = builder.finish()
        return try #require(batch)
    }

    @Test func `a record read after others is what it is by itself`() throws {
        let topic = try ResourceName("topic")
        var reader = StoredEventReader(topic: topic, partition: 3)
        var count = 0
        try Self.batch().forEachRecord { record in
            #expect(reader.read(record) == StoredEvent(record: record, topic: topic, partition: 3))
            count += 1
            return true
        }
        #expect(count == Self.records.count)
    }

    @Test(arguments: [
        #"{"type":["a.b"]}"#, #"{"type":["a.b","c.d"]}"#, #"{"type":["a.b"],"data":{"n":[1]}}"#,
        #"{"$or":[{"type":["a.b"]},{"type":["c.d"],"source":["/t"]}]}"#, #"{"type":[{"prefix":"a."}]}"#,
        #"{"id":["2"]}"#, #"{"type":["apus.record"]}"#,
    ]) func `what the type alone decides is what the whole pattern decides`(_ text: String) throws {
        let pattern = try Pattern(parsing: text)
        var filter = EventFilter(pattern)
        let (audit, billing) = (try ResourceName("audit"), try ResourceName("billing"))
        // Twice: the second time types are remembered.
        for _ in 0..<2 {
            try Self.batch().forEachRecord { record in
                var matcher = RecordMatcher([(0, pattern)])
                var isMatch = false
                matcher.forEachMatch(record) { _ in isMatch = true }
                #expect(filter.matches(record) == isMatch)
                #expect(filter.matches(record, for: audit) == isMatch)
                #expect(filter.matches(record, for: billing) == (isMatch && record.isFor(billing)))
                return true
            }
        }
    }
}
