// SPDX-License-Identifier: Apache-2.0

// Calls of the broker's clients in a simulation: begun in one step, answered in a later one or never.

import ApusEngine
import ApusModel
import CloudEvents
import Synchronization

/// How a call ended.
enum Answer<Value> {
    case done(Value)
    /// The broker said no.
    case refused(BrokerError)
    /// The process ended first, or its disk did: nobody was told.
    case lost
}

/// A call without an answer yet.
struct PendingCall {
    var task: Task<Void, Never>?
    /// Told whether the answer is lost.
    let end: (_ isLost: Bool) -> Void
}

/// Where calls say that they have an answer, in the order in which they got it.
final class CallBoard: Sendable {
    private let ended = Mutex<[Int]>([])

    func add(_ call: Int) { ended.withLock { $0.append(call) } }

    func take() -> [Int] {
        ended.withLock { ended in
            defer { ended = [] }
            return ended
        }
    }
}

/// An answer that is still to come.
private final class Promise<Value: Sendable>: Sendable {
    private let result = Mutex<Result<Value, BrokerError>?>(nil)

    func keep(_ answer: Result<Value, BrokerError>) { result.withLock { $0 = answer } }

    var answer: Answer<Value> {
        switch result.withLock({ $0 }) {
        case .success(let value): .done(value)
        case .failure(.unavailable(.stopping)), nil: .lost
        case .failure(let error): .refused(error)
        }
    }
}

extension BrokerRun {
    private func begin<Value: Sendable>(_ end: @escaping (Answer<Value>) -> Void) -> (Int, Promise<Value>) {
        let promise = Promise<Value>()
        lastCall += 1
        calls[lastCall] = PendingCall(task: nil) { isLost in end(isLost ? .lost : promise.answer) }
        return (lastCall, promise)
    }

    /// Makes an async call of the broker; `end` comes when its answer is there.
    func call<Value: Sendable>(
        _ body: @escaping @Sendable (Engine) async throws(BrokerError) -> Value,
        then end: @escaping (Answer<Value>) -> Void
    ) {
        guard let engine else { return end(.lost) }
        let (id, promise) = begin(end)
        let board = board
        calls[id]?.task = Task(executorPreference: executor) {
            do throws(BrokerError) { promise.keep(.success(try await body(engine))) } catch {
                promise.keep(.failure(error))
            }
            board.add(id)
        }
    }

    /// Publishes.
    func publish(
        _ events: [CloudEvent], to topic: ResourceName, key: String?,
        then end: @escaping (Answer<[PublishReceipt]>) -> Void
    ) {
        guard let engine else { return end(.lost) }
        let (id, promise) = begin(end)
        let board = board
        engine.publish(events, to: topic, key: key, by: { PublishSource(channel: "simulation") }) { result in
            promise.keep(result)
            board.add(id)
        }
    }

    /// Appends a whole batch.
    func append(
        _ batch: RecordBatch, to topic: ResourceName, partition: Int,
        then end: @escaping (Answer<Result<BatchReceipt, BatchError>>) -> Void
    ) {
        guard let engine else { return end(.lost) }
        let (id, promise) = begin(end)
        let board = board
        engine.append(
            batch, to: topic, partition: partition, by: { PublishSource(channel: "simulation") }
        ) { result in
            if case .failure(.broker(.unavailable(.stopping))) = result {
                promise.keep(.failure(.unavailable(.stopping)))
            } else {
                promise.keep(.success(result))
            }
            board.add(id)
        }
    }

    /// Ends a transaction.
    func appendMarker(
        of producerID: Int64, epoch: Int16, isCommit: Bool, to topic: ResourceName, partition: Int,
        then end: @escaping (Answer<Result<Offset, BatchError>>) -> Void
    ) {
        guard let engine else { return end(.lost) }
        let (id, promise) = begin(end)
        let board = board
        engine.appendMarker(
            topic, partition: partition, producerID: producerID, epoch: epoch, isCommit: isCommit
        ) { result in
            if case .failure(.broker(.unavailable(.stopping))) = result {
                promise.keep(.failure(.unavailable(.stopping)))
            } else {
                promise.keep(.success(result))
            }
            board.add(id)
        }
    }

    /// Publishes later.
    func schedule(
        _ events: [DelayedEvent], to topic: ResourceName, key: String?,
        then end: @escaping (Answer<[ScheduleReceipt]>) -> Void
    ) {
        guard let engine else { return end(.lost) }
        let (id, promise) = begin(end)
        let board = board
        engine.schedule(events, to: topic, key: key) { result in
            promise.keep(result)
            board.add(id)
        }
    }

    /// Lets tasks run, hands answers to those who asked, and takes over what the engine began to push.
    func settleCalls() {
        executor.drain()
        for id in board.take() {
            mix(id)
            calls.removeValue(forKey: id)?.end(false)
        }
        takeAttempts()
    }
}
