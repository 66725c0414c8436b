// SPDX-License-Identifier: Apache-2.0

// Fetch sessions (KIP-227): what a request means, and what an answer may leave out.

import ApusKafkaCodec
import Testing

@testable import ApusKafkaGateway

@Suite struct FetchSessionTests {
    private let sessions = FetchSessions()

    private func request(id: Int32, epoch: Int32, _ offsets: [Int64], forgotten: [Int32] = []) -> FetchRequest
    {
        FetchRequest { request in
            request.sessionID = id
            request.sessionEpoch = epoch
            request.topics = [
                FetchRequest.Topic { topic in
                    topic.topic = "t"
                    topic.partitions = offsets.enumerated().map { number, offset in
                        FetchRequest.Topic.Partition {
                            $0.partition = Int32(number)
                            $0.fetchOffset = offset
                        }
                    }
                }
            ]
            request.forgottenTopicsData = [
                FetchRequest.ForgottenTopic {
                    $0.topic = "t"
                    $0.partitions = forgotten
                }
            ]
        }
    }

    private func key(_ partition: Int32) -> FetchKey {
        FetchKey(topic: "t", topicID: .zero, partition: partition)
    }

    private func news(_ end: Int64) -> FetchNews {
        FetchNews(highWatermark: end, stableOffset: end, logStart: 0, error: .noError)
    }

    @Test func `a session remembers what was asked, and takes changes`() throws {
        let begun = try sessions.open(request(id: 0, epoch: 0, [0, 0, 0]))
        #expect(begun.session != 0 && !begun.isIncremental)
        let next = try sessions.open(request(id: begun.session, epoch: 1, [5], forgotten: [2]))
        #expect(next.isIncremental)
        let wishes = next.partitions.sorted { $0.key.partition < $1.key.partition }
        #expect(wishes.map(\.key) == [key(0), key(1)])
        #expect(wishes.map(\.wish.offset) == [5, 0])
    }

    @Test func `partitions take turns at being the first`() throws {
        let id = try sessions.open(request(id: 0, epoch: 0, [0, 0, 0])).session
        let firsts = try (1...3).map {
            try sessions.open(request(id: id, epoch: $0, [])).partitions[0].key.partition
        }
        #expect(Set(firsts) == [0, 1, 2])
    }

    @Test func `a session that there is not, and an epoch that is not next, are told`() throws {
        #expect(throws: KafkaErrorCode.fetchSessionIDNotFound) {
            try sessions.open(request(id: 9, epoch: 1, []))
        }
        let id = try sessions.open(request(id: 0, epoch: 0, [0])).session
        #expect(throws: KafkaErrorCode.invalidFetchSessionEpoch) {
            try sessions.open(request(id: id, epoch: 2, []))
        }
        // Without a session from now on.
        #expect(try sessions.open(request(id: id, epoch: -1, [0])).session == 0)
        #expect(throws: KafkaErrorCode.fetchSessionIDNotFound) {
            try sessions.open(request(id: id, epoch: 1, []))
        }
    }

    @Test func `an incremental answer leaves out what is known`() throws {
        let id = try sessions.open(request(id: 0, epoch: 0, [0, 0])).session
        let entries = [(key(0), news(1), false), (key(1), news(1), false)]
        #expect(sessions.news(of: id, entries, all: true) == [true, true])
        #expect(sessions.news(of: id, entries, all: false) == [false, false])
        let later = [(key(0), news(2), false), (key(1), news(1), true)]
        #expect(sessions.news(of: id, later, all: false) == [true, true])
    }

    @Test func `sessions are bounded, and those in use stay`() throws {
        for _ in 0..<FetchSessions.sessionsMax {
            #expect(try sessions.open(request(id: 0, epoch: 0, [0])).session != 0)
        }
        #expect(try sessions.open(request(id: 0, epoch: 0, [0])).session == 0)
    }
}
