// SPDX-License-Identifier: Apache-2.0

// Between who ends a span or writes a line and who sends it: an array with a bound behind a lock. Putting something in is a lock and a word; when the
// bound is reached what comes is dropped and counted, so that a collector that is away costs memory up to the bound and nothing else.

import Synchronization

/// Values that wait to be sent.
///
/// Invariant: at most `capacity` wait, and each value is either taken once or counted as dropped.
final class TelemetryQueue<Element: Sendable>: Sendable {
    private let capacity: Int
    private let batch: Int
    private let waiting = Mutex<[Element]>([])
    private let dropped: PrometheusCounter
    /// Says that a batch is full, or that nothing more comes.
    let bell: AsyncStream<Void>
    private let ring: AsyncStream<Void>.Continuation

    init(capacity: Int, batch: Int, dropped: PrometheusCounter) {
        (self.capacity, self.batch, self.dropped) = (capacity, batch, dropped)
        (bell, ring) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Puts a value in, or drops it.
    func add(_ element: Element) {
        let count = waiting.withLock { waiting -> Int? in
            guard waiting.count < capacity else { return nil }
            waiting.append(element)
            return waiting.count
        }
        guard let count else { return dropped.increment() }
        if count % batch == 0 { ring.yield() }
    }

    /// The oldest values, at most a batch of them.
    func take() -> [Element] {
        waiting.withLock { waiting in
            let taken = Array(waiting.prefix(batch))
            waiting.removeFirst(taken.count)
            return taken
        }
    }

    /// Has whoever waits look now.
    func wake() { ring.yield() }

    /// Ends ``bell`` when everything before has been looked at.
    func finish() { ring.finish() }
}
