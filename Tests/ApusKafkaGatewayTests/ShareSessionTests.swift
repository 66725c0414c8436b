// SPDX-License-Identifier: Apache-2.0

// Share sessions (KIP-932): epochs, what they have, and how they end.

import ApusEngine
import ApusKafkaCodec
import Testing

@testable import ApusKafkaGateway

@Suite struct ShareSessionTests {
    private final class Connection {}

    private let key = ShareMemberKey(group: "g", member: "m")
    private let connection = Connection()
    private let topic = KafkaUUID(high: 1, low: 2)

    private func place(_ number: Int32) -> SharePartition {
        SharePartition(topicID: topic, partition: number)
    }

    private func request(
        _ epoch: Int32, adds: [Int32] = [], forgets: [Int32] = [], acknowledges: Bool = false
    ) -> ShareSessions.Request {
        ShareSessions.Request(
            key: key, epoch: epoch, connection: ObjectIdentifier(connection), added: adds.map(place),
            forgotten: forgets.map(place), hasAcknowledgements: acknowledges)
    }

    @Test func `a session takes its requests in turn`() throws {
        var sessions = ShareSessions()
        #expect(throws: KafkaErrorCode.shareSessionNotFound) {
            try sessions.openForFetch(request(1), nonce: 7)
        }
        let begun = try sessions.openForFetch(request(0, adds: [0, 1]), nonce: 7)
        #expect(begun.isFull && begun.holder.nonce == 7)
        #expect(Set(begun.partitions) == [place(0), place(1)])
        let next = try sessions.openForFetch(request(1, adds: [2], forgets: [0]), nonce: 8)
        #expect(!next.isFull && next.holder == begun.holder)
        #expect(Set(next.partitions) == [place(1), place(2)])
        #expect(throws: KafkaErrorCode.invalidShareSessionEpoch) {
            try sessions.openForFetch(request(1), nonce: 9)
        }
        // An acknowledgement is a turn like any other.
        _ = try sessions.openForAcknowledgement(request(2))
        #expect(throws: KafkaErrorCode.invalidShareSessionEpoch) {
            try sessions.openForAcknowledgement(request(2))
        }
        _ = try sessions.openForFetch(request(3), nonce: 9)
    }

    @Test func `who begins has nothing to acknowledge`() {
        var sessions = ShareSessions()
        #expect(throws: KafkaErrorCode.invalidRequest) {
            try sessions.openForFetch(request(0, acknowledges: true), nonce: 7)
        }
        #expect(throws: KafkaErrorCode.invalidShareSessionEpoch) {
            try sessions.openForAcknowledgement(request(0))
        }
        #expect(sessions.sessions.isEmpty)
    }

    @Test func `a member that begins anew keeps what it has`() throws {
        var sessions = ShareSessions()
        let first = try sessions.openForFetch(request(0, adds: [0]), nonce: 7)
        let second = try sessions.openForFetch(request(0, adds: [5]), nonce: 8)
        #expect(second.holder == first.holder && second.partitions == [place(5)])
        let end = sessions.end(key)
        let ended = try #require(end)
        #expect(ended.holder == first.holder && ended.topics == [topic])
        // The next one is somebody else.
        #expect(try sessions.openForFetch(request(0), nonce: 9).holder.nonce == 9)
    }

    @Test func `a connection that was left behind ends nothing`() throws {
        var sessions = ShareSessions()
        let other = Connection()
        _ = try sessions.openForFetch(request(0, adds: [0]), nonce: 7)
        let missed = sessions.end(key, connection: ObjectIdentifier(other))
        #expect(missed == nil)
        let ended = sessions.end(key, connection: ObjectIdentifier(connection))
        #expect(ended != nil)
        #expect(throws: KafkaErrorCode.shareSessionNotFound) {
            try sessions.openForFetch(request(-1), nonce: 7)
        }
    }

    @Test func `partitions take turns at being the first`() throws {
        var sessions = ShareSessions()
        _ = try sessions.openForFetch(request(0, adds: [0, 1, 2]), nonce: 7)
        let firsts = try (1...3).map {
            try sessions.openForFetch(request($0), nonce: 7).partitions[0].partition
        }
        #expect(Set(firsts) == [0, 1, 2])
    }

    @Test func `sessions and their partitions are bounded`() throws {
        var sessions = ShareSessions()
        var begin = request(0)
        for number in 0..<ShareSessions.sessionsMax {
            begin.key.member = "\(number)"
            _ = try sessions.openForFetch(begin, nonce: UInt64(number))
        }
        #expect(throws: KafkaErrorCode.shareSessionLimitReached) {
            try sessions.openForFetch(request(0), nonce: 7)
        }
        begin.added = (0...Int32(ShareSessions.partitionsMax)).map(place)
        #expect(throws: KafkaErrorCode.invalidRequest) { try sessions.openForFetch(begin, nonce: 7) }
        _ = sessions.end(begin.key)
        _ = try sessions.openForFetch(request(0), nonce: 7)
    }
}
