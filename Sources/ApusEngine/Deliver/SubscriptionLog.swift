// SPDX-License-Identifier: Apache-2.0

// The log of one subscription: changes go in, and when they have become much more than the state they make, the state goes in as one batch
// and what came before it is forgotten. Where nobody will ever read it, because the store ends with the engine, nothing is written.

import ApusModel
import ApusStorage
import Logging
import NIOCore

/// Writes a subscription's changes. Not thread-safe: the subscription's own lock guards it.
struct SubscriptionLog {
    let log: LogID
    private let claim: LogClaim
    private let context: EngineContext
    private var deltaBytes = 0
    private var snapshotBytes = 0
    private var lastSequence: Int64 = 0

    init(_ log: LogID, context: EngineContext) throws(LogError) {
        self.log = log
        self.context = context
        claim = try context.store.claim(log, LogConfiguration(segmentBytesMax: 8 << 20, isEssential: true)) {
            _ in
        }
    }

    /// Appends `changes` as one record; `completion` comes when they are durable, on the store's thread.
    mutating func append(
        _ changes: some Sequence<SubscriptionChange>, completion: @escaping AppendCompletion
    ) {
        guard context.options.writesSubscriptions else { return completion(.success(.zero)) }
        guard let batch = nextBatch(changes) else { return }
        deltaBytes += batch.length
        context.store.append(batch, holding: claim, completion: completion)
    }

    /// Whether it is time for `appendSnapshot`: changes are by far more than the state that they make.
    var wantsSnapshot: Bool { deltaBytes > max(context.options.snapshotBytes, 4 * snapshotBytes) }

    /// Appends the whole state and forgets what came before it; `completion` says whether it is durable.
    mutating func appendSnapshot(
        _ changes: [SubscriptionChange], completion: @escaping @Sendable (Bool) -> Void = { _ in }
    ) {
        guard context.options.writesSubscriptions else { return completion(true) }
        guard let batch = nextBatch(changes) else { return }
        deltaBytes = 0
        snapshotBytes = batch.length
        let (context, log) = (context, log)
        context.store.append(batch, holding: claim) { result in
            guard case .success(let base) = result else { return completion(false) }
            completion(true)
            context.inbox.post { context.forget(log, before: base) }
        }
    }

    /// Everything the log says, in order; `lost` is called where an append is missing because it failed.
    mutating func replay(lost: () -> Void = {}, _ body: (SubscriptionChange) -> Void) throws(LogError) {
        var damage: Offset?
        var last: Int64 = 0
        try context.replay(log) { record in
            guard let value = record.value, let changes = SubscriptionChange.decode(value) else {
                damage = damage ?? record.offset
                return
            }
            for change in changes {
                if case .sequence(let number) = change {
                    if number != last + 1 { lost() }
                    last = number
                }
                body(change)
            }
        }
        lastSequence = last
        if let damage {
            throw .corrupt(
                log: log, offset: damage, next: damage.advanced(by: 1),
                reason: "not a list of subscription changes")
        }
    }

    private mutating func nextBatch(_ changes: some Sequence<SubscriptionChange>) -> RecordBatch? {
        lastSequence += 1
        var value = ByteBuffer()
        SubscriptionChange.sequence(lastSequence).encode(into: &value)
        for change in changes { change.encode(into: &value) }
        var builder = RecordBatchBuilder(capacity: 128 + value.readableBytes)
        value.withUnsafeReadableBytes { builder.append(timestamp: context.clock.wall, key: nil, value: $0) }
        return builder.finish()
    }
}
