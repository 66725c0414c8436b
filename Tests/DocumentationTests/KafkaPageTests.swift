// SPDX-License-Identifier: Apache-2.0

// The page for Kafka users says what the program does: limits stand in `Defaults`, versions in the codec's table.

import ApusKafkaCodec
import ApusModel
import Testing

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

@Suite struct KafkaPageTests {
    private func rows() throws -> [(name: String, text: String)] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = try String(contentsOf: root.appending(path: "docs/kafka.md"), encoding: .utf8)
        return page.split(separator: "\n").filter { $0.hasPrefix("| ") }.map { line in
            let cells = line.split(separator: "|", maxSplits: 1)
            let name = cells[0].drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()
            return (String(name), cells.count > 1 ? String(cells[1]) : "")
        }
    }

    private func row(_ name: String) throws -> String {
        let row = try rows().first { $0.name == name }
        return try #require(row, "no row '\(name)'").text
    }

    @Test func `limits are the program's`() throws {
        func number(_ name: String) throws -> String { try row(name).replacing(",", with: "") }
        #expect(try number("`max.message.bytes`").contains("\(Defaults.batchBytesMax) bytes"))
        #expect(try number("one request").contains("\(Defaults.kafkaRequestBytesMax) bytes"))
        #expect(
            try number("all large requests at the same time").contains(
                "\(Defaults.kafkaRequestsBytesMax) bytes"))
        #expect(try number("one answer to a fetch").contains("\(Defaults.kafkaFetchBytesMax) bytes"))
        #expect(
            try number("all answers to fetches at the same time").contains(
                "\(Defaults.kafkaFetchesBytesMax) bytes"))
        #expect(
            try number("a connection without a request").contains(
                "\(Defaults.kafkaIdleTimeout.milliseconds / 1000) s"))
        #expect(try number("a fetch that waits").contains("\(Defaults.waitMax.milliseconds / 1000) s"))
        #expect(
            try row("`group.initial.rebalance.delay.ms` is 3 s").contains(
                "\(Double(Defaults.groupInitialRebalanceDelay.milliseconds) / 1000) s"))
    }

    @Test func `versions are the codec's`() throws {
        func range(_ api: APIKey) -> String {
            "\(SupportedVersions[api].min) to \(SupportedVersions[api].max)"
        }
        #expect(try row("Produce").contains(range(.produce)))
        #expect(try row("Fetch").contains(range(.fetch)))
        #expect(try row("ListOffsets").contains(range(.listOffsets)))
        #expect(try row("Metadata").contains(range(.metadata)))
        #expect(
            try row("OffsetCommit, OffsetFetch").contains("\(range(.offsetCommit)), \(range(.offsetFetch))"))
        #expect(
            try row("InitProducerId, AddPartitionsToTxn, AddOffsetsToTxn, EndTxn, TxnOffsetCommit").contains(
                "\(range(.initProducerID)), \(range(.addPartitionsToTxn)) (of which clients are offered \(SupportedVersions[.addPartitionsToTxn].advertisedMax)), \(range(.addOffsetsToTxn)), \(range(.endTxn)), \(range(.txnOffsetCommit))"
            ))
        let groups: [APIKey] = [.joinGroup, .syncGroup, .heartbeat, .leaveGroup]
        #expect(
            try row("JoinGroup, SyncGroup, Heartbeat, LeaveGroup").contains(
                groups.map(range).joined(separator: ", ")))
        let share: [APIKey] = [.shareGroupHeartbeat, .shareGroupDescribe, .shareFetch, .shareAcknowledge]
        #expect(
            try row("ShareGroupHeartbeat, ShareGroupDescribe, ShareFetch, ShareAcknowledge").contains(
                share.map(range).joined(separator: ", ")))
    }

    @Test func `configs of share groups have the program's defaults`() throws {
        func value(_ name: String) throws -> String { try row("`\(name)`").replacing(",", with: "") }
        #expect(
            try value("share.record.lock.duration.ms").contains(
                " \(Defaults.shareRecordLock.milliseconds);"))
        #expect(try value("share.delivery.count.limit").contains(" \(Defaults.shareDeliveriesMax);"))
        #expect(
            try value("share.partition.max.record.locks").contains(
                " \(Defaults.sharePartitionLocksMax);"))
    }

    @Test func `the port is the default`() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        for name in ["README.md", "docs/kafka.md"] {
            let page = try String(contentsOf: root.appending(path: name), encoding: .utf8)
            #expect(page.contains("\(Defaults.host):\(Defaults.kafkaPort)"))
        }
    }
}
