// SPDX-License-Identifier: Apache-2.0

// Ranges of offsets with what became of them, and ranges of what was handed out.

import ApusEngine
import ApusKafkaCodec
import ApusModel
import Testing

@testable import ApusKafkaGateway

@Suite struct ShareAcknowledgementTests {
    private func verdicts(
        _ ranges: (Int64, Int64, [Int8])..., lease: Duration? = nil
    ) throws(KafkaErrorCode) -> [OffsetVerdict] {
        try ShareAcknowledgement.verdicts(
            ranges.map { ShareAcknowledgement(first: $0.0, last: $0.1, types: $0.2) }, renewingFor: lease)
    }

    @Test func `types are for each offset or for all`() throws {
        let release = Verdict.release(delay: .zero, counted: true)
        let reject = Verdict.reject(reason: ShareAcknowledgement.rejection)
        #expect(
            try verdicts((3, 6, [0, 1, 2, 3]), (9, 10, [2])) == [
                OffsetVerdict(Offset(3), .acknowledge), OffsetVerdict(Offset(4), .acknowledge),
                OffsetVerdict(Offset(5), release),
                OffsetVerdict(Offset(6), reject), OffsetVerdict(Offset(9), release),
                OffsetVerdict(Offset(10), release),
            ])
        #expect(
            try verdicts((0, 0, [4]), lease: .seconds(7)) == [OffsetVerdict(Offset(0), .extend(.seconds(7)))])
        #expect(try verdicts() == [])
    }

    @Test func `what contradicts itself is refused`() {
        let wrong: [[(Int64, Int64, [Int8])]] = [
            [(5, 4, [1])], [(0, 1, [1, 1, 1])], [(0, 3, [1, 1])], [(0, 0, [])], [(0, 0, [5])], [(0, 0, [-1])],
            [(0, 0, [4])], [(0, 5, [1]), (5, 6, [1])], [(7, 8, [1]), (0, 1, [1])], [(-3, -1, [1])],
            [(0, .max, [1])], [(.min, .max, [1])],
        ]
        for ranges in wrong {
            #expect(throws: KafkaErrorCode.invalidRequest, "\(ranges)") {
                try ShareAcknowledgement.verdicts(
                    ranges.map { ShareAcknowledgement(first: $0.0, last: $0.1, types: $0.2) },
                    renewingFor: nil)
            }
        }
    }

    @Test func `more than anybody has is nothing that could be settled`() {
        let max = Int64(ShareAcknowledgement.recordsMax)
        #expect(throws: KafkaErrorCode.invalidRecordState) { try verdicts((0, .max - 1, [1])) }
        #expect(throws: KafkaErrorCode.invalidRecordState) {
            try verdicts((0, max - 1, [1]), (max, max, [1]))
        }
        #expect(throws: Never.self) { try verdicts((0, max - 1, [1])) }
    }

    @Test func `events that follow one another are a range if they were handed out as often`() {
        func event(_ offset: Int64, _ attempt: Int) -> AcquiredEvent {
            AcquiredEvent(partition: 0, offset: Offset(offset), attempt: attempt)
        }
        let events = [event(3, 1), event(4, 1), event(5, 2), event(7, 2), event(8, 70_000), event(9, 70_000)]
        func ranges(_ lengthMax: Int) -> [[Int64]] {
            AcquiredRanges.of(events, lengthMax: lengthMax).map {
                [$0.firstOffset, $0.lastOffset, Int64($0.deliveryCount)]
            }
        }
        #expect(ranges(0) == [[3, 4, 1], [5, 5, 2], [7, 7, 2], [8, 9, 32_767]])
        #expect(
            ranges(1) == [[3, 3, 1], [4, 4, 1], [5, 5, 2], [7, 7, 2], [8, 8, 32_767], [9, 9, 32_767]])
    }
}

@Suite struct ShareReadingTests {
    private func batch(_ offsets: ClosedRange<Int64>, bytes: Int = 10) throws -> RecordBatch {
        var builder = RecordBatchBuilder(capacity: 256)
        for _ in offsets {
            builder.append(
                timestamp: Timestamp(milliseconds: 0), key: nil, value: Array(repeating: 0, count: bytes))
        }
        let built = builder.finish()
        var batch = try #require(built)
        batch.baseOffset = Offset(offsets.lowerBound)
        return batch
    }

    private func reading(_ offsets: [Int64]) -> ShareReading {
        ShareReading(
            events: offsets.map { AcquiredEvent(partition: 0, offset: Offset($0), attempt: 1) })
    }

    /// Batches from the one that holds the offset on, at least one.
    private static func source(_ batches: [RecordBatch]) -> (Offset, Int) -> [RecordBatch] {
        { offset, limit in
            var left = limit
            var result: [RecordBatch] = []
            for batch in batches.drop(while: { $0.nextOffset <= offset }) {
                left -= batch.length
                if left < 0, !result.isEmpty { break }
                result.append(batch)
            }
            return result
        }
    }

    @Test func `batches without an acquired event stay out`() throws {
        let batches = [try batch(0...4), try batch(5...9), try batch(10...14), try batch(20...24)]
        var reading = reading([3, 11, 12, 20])
        var room = 1 << 20
        try reading.read(isFirst: true, room: &room, from: Self.source(batches))
        #expect(reading.batches.map(\.baseOffset.rawValue) == [0, 10, 20])
        #expect(room == (1 << 20) - reading.bytes)
        #expect(reading.takeBack().isEmpty && reading.events.count == 4)
    }

    @Test func `what there is no room for is taken back, but for the first batch of an answer`() throws {
        let batches = [
            try batch(0...1, bytes: 500), try batch(2...3, bytes: 500), try batch(4...5, bytes: 500),
        ]
        let cases = [(true, 10, 2), (false, 10, 0), (true, 2500, 4), (false, 1 << 20, 6)]
        for (isFirst, space, expected) in cases {
            var reading = reading([0, 1, 2, 3, 4, 5])
            var room = space
            try reading.read(isFirst: isFirst, room: &room, from: Self.source(batches))
            let back = reading.takeBack()
            #expect(reading.events.count == expected && back.count == 6 - expected)
            #expect(reading.batches.count == expected / 2)
        }
    }

    @Test func `an event that is gone holds up nothing`() throws {
        let batches = [try batch(0...1), try batch(8...9)]
        var reading = reading([1, 4, 8])
        var room = 1 << 20
        try reading.read(isFirst: true, room: &room, from: Self.source(batches))
        #expect(reading.batches.count == 2 && reading.takeBack().isEmpty)
        var last = self.reading([12])
        try last.read(isFirst: true, room: &room, from: Self.source(batches))
        #expect(last.batches.isEmpty && last.takeBack().count == 1)
    }
}
