// SPDX-License-Identifier: Apache-2.0

// The end of a transaction as a partition's log has it: the one record of a control batch, whose key says whether
// the transaction was committed and whose value says which incarnation of the coordinator decided so.

public import NIOCore

/// The end of a transaction.
public struct TransactionMarker: Sendable, Hashable {
    /// True when the transaction was committed, false when it was aborted.
    public var isCommit: Bool
    /// The incarnation of the coordinator that decided it.
    public var coordinatorEpoch: Int32

    /// An end of a transaction.
    public init(isCommit: Bool, coordinatorEpoch: Int32) {
        self.isCommit = isCommit
        self.coordinatorEpoch = coordinatorEpoch
    }

    /// Reads key and value of a control record. What newer versions add at the end is passed over.
    ///
    /// - Throws: `KafkaCodecError`: `notATransactionMarker` when the record says something else (a change of leaders,
    ///   for one), others when it says nothing.
    public init(key: ByteBuffer, value: ByteBuffer) throws(KafkaCodecError) {
        let type: Int16 = try Self.read(key, "controlType")
        guard type == 0 || type == 1 else {
            throw KafkaCodecError(.notATransactionMarker(type: type), in: "controlType", at: 2)
        }
        isCommit = type == 1
        coordinatorEpoch = try Self.read(value, "coordinatorEpoch")
    }

    /// The key of the control record.
    public var key: ByteBuffer {
        var key = ByteBuffer()
        key.writeMultipleIntegers(Int16(0), Int16(isCommit ? 1 : 0))
        return key
    }

    /// The value of the control record.
    public var value: ByteBuffer {
        var value = ByteBuffer()
        value.writeMultipleIntegers(Int16(0), coordinatorEpoch)
        return value
    }

    /// The integer after the version.
    private static func read<Value: FixedWidthInteger>(
        _ bytes: ByteBuffer, _ name: String
    ) throws(KafkaCodecError) -> Value {
        var rest = bytes
        guard let (version, value) = rest.readMultipleIntegers(as: (Int16, Value).self) else {
            let needed = 2 + MemoryLayout<Value>.size
            throw KafkaCodecError(.truncated(needed: needed, left: rest.readableBytes), in: name, at: 0)
        }
        guard version >= 0 else { throw KafkaCodecError(.invalidVersion(version), in: name, at: 0) }
        return value
    }
}
