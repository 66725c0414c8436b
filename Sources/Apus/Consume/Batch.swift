// SPDX-License-Identifier: Apache-2.0

// Handlers that take many events at a time: a list is gathered until it is long enough or has waited long enough, and is handled as one.

/// One event of a batch.
public struct BatchItem<E: Event>: Sendable {
    /// The event.
    public var event: E
    /// Its circumstances.
    public var context: EventContext
}

/// Thrown by a batch handler: some events of the batch failed, the others are done.
public struct BatchFailure: Error, Sendable {
    /// Why, by place in the batch.
    public var failures: [Int: any Error]

    /// Some events of the batch failed, by place in the batch.
    public init(_ failures: [Int: any Error]) { self.failures = failures }
}

extension Handle {
    /// What is done with many events.
    struct Batch: Sendable {
        var size: Int
        var linger: Duration
        /// How long the handler may take.
        var limit: Duration?
        /// Handles events; one outcome for each, in order: nil for done. None at all when all of them are.
        var run: @Sendable ([EventContext]) async -> [(any Error)?]
    }

    /// Handles up to `size` events at a time, as soon as there are so many or the first has waited for `linger`.
    ///
    /// Returning acknowledges all of them. Throwing has each retried by itself, by the policy; ``BatchFailure`` says which failed. An event whose data
    /// cannot be read goes where ``ConsumerOptions/unknown`` says and not into a batch. Middleware and upcasters do not apply, and what the handler publishes
    /// names no cause by itself: a batch has many.
    ///
    /// - Parameters:
    ///   - type: the kind of event.
    ///   - size: how many at most, at least 1; the consumer's prefetch grows to twice of it.
    ///   - linger: how long the first event waits for others.
    ///   - handler: handles them.
    public init<E: Event>(
        batchesOf type: E.Type, size: Int, linger: Duration = .milliseconds(50),
        _ handler: @escaping @Sendable ([BatchItem<E>]) async throws -> Void
    ) {
        self.init(
            type,
            .batch(
                Batch(
                    size: max(1, size), linger: max(linger, .zero),
                    run: { contexts in await Self.run(contexts, handler) })))
    }

    private static func run<E: Event>(
        _ contexts: [EventContext], _ handler: ([BatchItem<E>]) async throws -> Void
    ) async -> [(any Error)?] {
        var items: [BatchItem<E>] = []
        items.reserveCapacity(contexts.count)
        var unreadable: [Int: any Error] = [:]
        for (place, context) in contexts.enumerated() {
            do {
                items.append(
                    BatchItem(event: try context.storage.received.event.decoded(), context: context))
            } catch {
                unreadable[place] = error
            }
        }
        var failed: (any Error)?
        if !items.isEmpty { do { try await handler(items) } catch { failed = error } }
        guard failed != nil || !unreadable.isEmpty else { return [] }
        let places = contexts.indices.filter { unreadable[$0] == nil }
        var outcomes = contexts.indices.map { unreadable[$0] }
        switch failed {
        case nil: break
        case let failure as BatchFailure:
            for (index, error) in failure.failures where places.indices.contains(index) {
                outcomes[places[index]] = error
            }
        case let error?:
            for place in places { outcomes[place] = error }
        }
        return outcomes
    }
}
