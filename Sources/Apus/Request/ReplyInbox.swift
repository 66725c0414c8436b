// SPDX-License-Identifier: Apache-2.0

// Answers that come in, and those who wait for them.

import ApusBus
import CloudEvents
import Synchronization

/// One bus's receivers of answers, opened when they are first needed.
final class ReplyInbox: Sendable {
    typealias Answer = Result<CloudEvent, RequestError>

    private enum Line: Sendable {
        case opening(Signal)
        case open(any Receiver, Task<Void, Never>)
    }

    /// Somebody who waits. The same id may be asked by again when it is answered, so what comes late for one is told by its number from what is for another.
    private struct Waiter {
        var number: UInt64
        var told: CheckedContinuation<Answer, Never>
    }

    private struct State {
        var lines: [String: Line] = [:]
        /// By the id of the request: at most one for each.
        var waiting: [String: Waiter] = [:]
        var nextWaiter: UInt64 = 0
        var isClosed = false
    }

    /// Who asks, in the answers and as a group. Short, because it becomes part of a queue's name, which is bounded (80 characters on AWS).
    let name = "asker-" + String(UInt64.random(in: .min ... .max), radix: 36)
    private let state = Mutex(State())

    /// Where answers to requests on a topic go.
    func topic(for topic: String) -> String { topic + ".replies" }

    // MARK: Receiving

    /// Sees to it that answers are received.
    func open(_ bus: Bus, topic: String) async throws(BusError) {
        let replies = self.topic(for: topic)
        while true {
            enum Step { case ready, mine(Signal), wait(Signal), closed }
            let step = state.withLock { state -> Step in
                if state.isClosed { return .closed }
                switch state.lines[replies] {
                case .open: return .ready
                case .opening(let signal): return .wait(signal)
                case nil:
                    let signal = Signal()
                    state.lines[replies] = .opening(signal)
                    return .mine(signal)
                }
            }
            switch step {
            case .ready: return
            case .closed: throw .closed
            case .wait(let signal):
                await signal.wait()
                if Task.isCancelled { throw .undecided("cancelled before the request was published") }
            case .mine(let signal):
                defer { signal.fire() }
                do throws(BusError) {
                    let receiver = try await bus.transport.subscribe(subscription(replies, bus))
                    let isOpen = state.withLock { state in
                        guard !state.isClosed else { return false }
                        // Begun under the lock: however soon it ends, the line is noted before it notes its end.
                        let task = Task { await self.receive(receiver, replies, bus) }
                        state.lines[replies] = .open(receiver, task)
                        return true
                    }
                    guard isOpen else {
                        await receiver.close()
                        throw .closed
                    }
                } catch {
                    state.withLock { $0.lines[replies] = nil }
                    throw error
                }
                return
            }
        }
    }

    /// Its own answers only, where the broker can tell; else all answers come, and those of others are passed over.
    private func subscription(_ topic: String, _ bus: Bus) -> Subscription {
        let pattern =
            bus.capabilities.features.contains(.filterByContent)
            ? #"{"\#(ApusAttribute.replyFor)":["\#(name)"]}"# : nil
        return Subscription(
            group: name, topic: topic, pattern: pattern, prefetch: 256, start: .latest, isTemporary: true)
    }

    private func receive(_ receiver: any Receiver, _ topic: String, _ bus: Bus) async {
        while !Task.isCancelled {
            do throws(BusError) {
                let events = try await receiver.receive(limit: 256, wait: TopicRun.receiveWait)
                for event in events { deliver(event.event) }
                _ = try await receiver.settle(events.map { Settlement($0.token, .acknowledge) })
            } catch {
                guard error.isRetryable else { break }
                do { try await bus.clock.sleep(for: .seconds(1)) } catch { break }
            }
        }
        // The next request opens another, when this one is out of its way.
        let signal = Signal()
        state.withLock { $0.lines[topic] = .opening(signal) }
        await receiver.close()
        state.withLock { $0.lines[topic] = nil }
        signal.fire()
    }

    private func deliver(_ event: CloudEvent) {
        guard let request = event.extensions[.causationID] else { return }
        let waiting = state.withLock { $0.waiting.removeValue(forKey: request) }
        waiting?.told.resume(returning: .success(event))
    }

    // MARK: Waiting

    /// Publishes, and waits for the answer. Answers are known by the id of the request, so a second request by an id that waits is refused.
    func answer(
        to request: String, within limit: Duration, _ clock: any BusClock,
        publish: @escaping @Sendable () async throws(BusError) -> Void
    ) async -> Answer {
        let number = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        return await withTaskGroup(of: Void.self) { tasks in
            let answer = await withTaskCancellationHandler {
                await withCheckedContinuation { (continuation: CheckedContinuation<Answer, Never>) in
                    if let refusal = wait(for: request, Waiter(number: number, told: continuation)) {
                        return continuation.resume(returning: .failure(.bus(refusal)))
                    }
                    tasks.addTask {
                        do throws(BusError) { try await publish() } catch {
                            return self.give(.failure(.bus(error)), to: request, number)
                        }
                        // Ends early with the group, when the answer is there, or when the asker is cancelled.
                        try? await clock.sleep(for: limit)
                        self.give(.failure(.timedOut(limit)), to: request, number)
                    }
                }
            } onCancel: {
                self.give(.failure(.timedOut(limit)), to: request, number)
            }
            tasks.cancelAll()
            return answer
        }
    }

    /// Notes who waits for the answer to a request; why that cannot be, otherwise.
    private func wait(for request: String, _ waiter: Waiter) -> BusError? {
        state.withLock { state in
            if state.isClosed { return .closed }
            guard state.waiting[request] == nil else {
                return .invalid(
                    "a request with the id '\(request.prefix(200))' waits for its answer already: give each its own, or none to have one made"
                )
            }
            state.waiting[request] = waiter
            return nil
        }
    }

    private func give(_ answer: Answer, to request: String, _ number: UInt64) {
        let waiting = state.withLock { state -> Waiter? in
            guard state.waiting[request]?.number == number else { return nil }
            return state.waiting.removeValue(forKey: request)
        }
        waiting?.told.resume(returning: answer)
    }

    // MARK: The end

    func close() async {
        let (lines, waiting) = state.withLock { state in
            state.isClosed = true
            defer { (state.lines, state.waiting) = ([:], [:]) }
            return (Array(state.lines.values), Array(state.waiting.values))
        }
        for waiter in waiting { waiter.told.resume(returning: .failure(.bus(.closed))) }
        for case .open(let receiver, let task) in lines {
            task.cancel()
            await receiver.close()
        }
    }
}
