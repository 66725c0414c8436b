// SPDX-License-Identifier: Apache-2.0

// One open subscription: the engine's consumer, in the library's words.

package import ApusBus
import ApusEngine
import ApusModel
import CloudEvents
import Synchronization

/// One open subscription.
package final class EmbeddedReceiver: Receiver {
    private let bus: EmbeddedBus
    private let subscription: Subscription
    private let name: ResourceName
    private let consumer: Consumer
    private let isClosed = Atomic(false)

    init(_ bus: EmbeddedBus, _ subscription: Subscription, _ name: ResourceName) {
        self.bus = bus
        self.subscription = subscription
        self.name = name
        consumer = Consumer(
            bus.engine, name, prefetch: subscription.prefetch, lease: subscription.lease)
    }

    package func receive(limit: Int, wait: Duration) async throws(BusError) -> [ReceivedEvent] {
        let taken: [Consumer.Delivery]?
        do throws(BrokerError) {
            taken = try await consumer.receive(limit: max(1, limit), wait: wait)
        } catch { throw BusError(error) }
        guard var deliveries = consume taken else { throw .closed }
        return received(&deliveries)
    }

    /// Not in the function that waits: there each event would be copied once more. And part by part into their places, to which whole ones would be copied.
    private func received(_ deliveries: inout [Consumer.Delivery]) -> [ReceivedEvent] {
        let blank = ReceivedEvent(
            event: CloudEventKafkaUpdate.beginning, topic: subscription.topic,
            token: .number(0, session: 0))
        var received = [ReceivedEvent](repeating: blank, count: deliveries.count)
        var places = received.mutableSpan
        for index in deliveries.indices {
            places[index].event = StoredEventBox.takeEvent(of: &deliveries[index].box)
            places[index].attempt = deliveries[index].attempt
            places[index].token = .number(deliveries[index].number, session: 0)
            let box = deliveries[index].box
            places[index].partition = box.value.partition
            places[index].offset = box.value.offset.rawValue
            places[index].publishedAt = CloudEventTimestamp(
                millisecondsSinceEpoch: box.value.timestamp.rawValue)
        }
        return received
    }

    package func settle(_ settlements: [ApusBus.Settlement]) async throws(BusError) -> [ApusBus.SettleResult]
    {
        guard !settlements.isEmpty else { return [] }
        var verdicts: [Consumer.Settlement] = []
        verdicts.reserveCapacity(settlements.count)
        for settlement in settlements {
            // A token of another transport is none of ours, as one that has ended.
            guard case .number(let number, session: 0) = settlement.token else {
                verdicts.append(Consumer.Settlement(number: 0, verdict: .acknowledge))
                continue
            }
            switch settlement.verdict {
            case .acknowledge: verdicts.append(Consumer.Settlement(number: number, verdict: .acknowledge))
            case .retry(let delay, let reason):
                guard delay <= Defaults.leaseMax else {
                    throw .invalid("a retry waits for \(Defaults.leaseMax) at most, not \(delay)")
                }
                verdicts.append(
                    Consumer.Settlement(
                        number: number, verdict: .release(delay: max(.zero, delay), counted: true),
                        reason: reason))
            case .release:
                verdicts.append(
                    Consumer.Settlement(number: number, verdict: .release(delay: .zero, counted: false)))
            case .deadLetter(let reason):
                verdicts.append(Consumer.Settlement(number: number, verdict: .reject(reason: reason)))
            }
        }
        do throws(BrokerError) {
            return try await consumer.settle(verdicts).map { $0 == .ok ? .settled : .expired }
        } catch { throw BusError(error) }
    }

    package func extend(_ tokens: [DeliveryToken], by duration: Duration) async throws(BusError) {
        guard (.zero...Defaults.leaseMax).contains(duration) else {
            throw .invalid("a lease is extended by \(Defaults.leaseMax) at most, not \(duration)")
        }
        let numbers = tokens.compactMap {
            if case .number(let number, session: 0) = $0 { number } else { nil }
        }
        do throws(BrokerError) { try await consumer.extend(numbers, by: duration) } catch {
            throw BusError(error)
        }
    }

    package func close() async {
        guard !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
        consumer.close()
        let isLast = bus.state.withLock { state in
            state.receivers[ObjectIdentifier(self)] = nil
            return subscription.isTemporary && state.leave(name)
        }
        // Where this fails it is deleted when the bus is opened next.
        if isLast { try? await bus.engine.deleteSubscription(name) }
    }

    /// Whether it was closed.
    var isOver: Bool { isClosed.load(ordering: .acquiring) }

    /// As ``Consumer/isAtRest``.
    var isAtRest: Bool { consumer.isAtRest }

    /// Forgets that it holds an event, whose lease goes on until its end.
    package func abandon(_ token: DeliveryToken) {
        if case .number(let number, session: 0) = token { consumer.abandon(number) }
    }
}
