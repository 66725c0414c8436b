// SPDX-License-Identifier: Apache-2.0

// What clients put into the bytes of other messages, and control records.

import ApusKafkaCodec
import NIOCore
import TestThreads
import Testing

@Suite struct EmbeddedTests {
    /// A subscription of version 1 as kafka-python's range assignor has it, by hand.
    private static let subscription = bytes(
        "0001",  // version
        "00000002 0001 61 0002 6262",  // topics a, bb
        "ffffffff",  // no user data
        "00000001 0001 61 00000002 00000000 00000007"  // a 0 and 7 are owned
    )

    @Test func `a subscription says what a consumer wants and has`() throws {
        let subscription = try ConsumerSubscription(reading: Self.subscription)
        #expect(subscription.topics == ["a", "bb"])
        #expect(subscription.userData == nil)
        #expect(subscription.ownedPartitions.map(\.topic) == ["a"])
        #expect(subscription.ownedPartitions.map(\.partitions) == [[0, 7]])
        #expect(subscription.generationID == -1)
        #expect(try subscription.bytes(version: 1) == Self.subscription)
    }

    @Test func `a newer version is read as the newest that is known`() throws {
        var newer = try ConsumerSubscription(reading: Self.subscription).bytes(version: 3)
        let known = try ConsumerSubscription(reading: newer)
        newer.setInteger(Int16(9), at: newer.readerIndex)
        newer.writeString("and more")
        #expect(try ConsumerSubscription(reading: newer) == known)
    }

    @Test(arguments: Int16(0)...3)
    func `subscriptions and assignments are read as they were written`(version: Int16) throws {
        for seed in seedsToTry(block: 0, of: 200) {
            var filler = RandomFiller(version: version, isFlexible: false, seed: seed)
            var subscription = ConsumerSubscription()
            try subscription.code(with: &filler)
            let said = try subscription.bytes(version: version)
            #expect(try ConsumerSubscription(reading: said) == subscription)
            var assignment = ConsumerAssignment()
            try assignment.code(with: &filler)
            let got = try assignment.bytes(version: version)
            #expect(try ConsumerAssignment(reading: got) == assignment)
            for length in placesToTry(0..<said.readableBytes) {
                let cut = said.getSlice(at: 0, length: length) ?? ByteBuffer()
                #expect(throws: KafkaCodecError.self) { try ConsumerSubscription(reading: cut) }
            }
        }
    }

    @Test func `a subscription of a version below zero is refused`() {
        #expect(throws: KafkaCodecError(.invalidVersion(-1), in: "version", at: 0)) {
            try ConsumerSubscription(reading: bytes("ffff 00000000 ffffffff"))
        }
        #expect(throws: KafkaCodecError(.invalidVersion(4), in: "version", at: 0)) {
            try ConsumerAssignment().bytes(version: 4)
        }
    }

    @Test func `markers say how a transaction ended`() throws {
        let marker = TransactionMarker(isCommit: true, coordinatorEpoch: 5)
        #expect(marker.key == bytes("0000 0001"))
        #expect(marker.value == bytes("0000 00000005"))
        #expect(try TransactionMarker(key: marker.key, value: marker.value) == marker)
        let abort = try TransactionMarker(key: bytes("0000 0000"), value: bytes("0001 00000009 00"))
        #expect(abort == TransactionMarker(isCommit: false, coordinatorEpoch: 9))
    }

    @Test func `other control records are no markers`() {
        #expect(throws: KafkaCodecError(.notATransactionMarker(type: 2), in: "controlType", at: 2)) {
            try TransactionMarker(key: bytes("0000 0002"), value: bytes("0000"))
        }
        #expect(throws: KafkaCodecError(.truncated(needed: 4, left: 3), in: "controlType", at: 0)) {
            try TransactionMarker(key: bytes("0000 00"), value: bytes("0000"))
        }
        #expect(throws: KafkaCodecError(.invalidVersion(-1), in: "controlType", at: 0)) {
            try TransactionMarker(key: bytes("ffff 0000"), value: bytes("0000"))
        }
    }
}
