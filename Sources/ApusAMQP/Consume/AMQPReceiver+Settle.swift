// SPDX-License-Identifier: Apache-2.0

// Verdicts. Acknowledging and giving back are the broker's own. A delayed retry and a dead letter with a reason are copies: published, confirmed, and
// only then is the event itself acknowledged, so that it is never nowhere; who dies in between leaves it twice.
//
// One frame may acknowledge all up to a number, and means what it was computed from: that all before it are settled, in frames ahead of it. So frames are
// handed to the event loop under the lock under which they were computed, and reach the broker in that order, however many settle at the same time.

internal import ApusAMQPCodec
internal import ApusBus
internal import CloudEvents
internal import Logging
internal import NIOCore
internal import Synchronization

extension AMQPReceiver {
    /// What becomes of the events of one call.
    private struct Plan {
        /// Of the session that they are from; nil when there is none.
        var session: UInt64?
        var results: [SettleResult]
        var acknowledged: [UInt64] = []
        var givenBack: [UInt64] = []
        var copies: [(index: Int, tag: UInt64, copy: Copy)] = []
    }

    /// A copy that is to be made before an event is acknowledged.
    private struct Copy {
        enum Purpose {
            case retry(after: Duration)
            case deadLetter(reason: String)
        }

        var purpose: Purpose
        var message: AMQPMessage
    }

    func settle(_ settlements: [Settlement]) async throws(BusError) -> [SettleResult] {
        var plan = Plan(results: [])
        let isSent = await withCheckedContinuation { continuation in
            plan = state.withLock { state in
                let plan = self.plan(settlements, state.session)
                state.send(plan.acknowledged, plan.givenBack) { continuation.resume(returning: $0) }
                return plan
            }
        }
        if !isSent {
            plan.results = Array(repeating: SettleResult.expired, count: settlements.count)
        } else if !plan.copies.isEmpty {
            await makeCopies(&plan)
        }
        return plan.results
    }

    private func plan(_ settlements: [Settlement], _ session: Session?) -> Plan {
        var plan = Plan(results: Array(repeating: .expired, count: settlements.count))
        guard let session else { return plan }
        plan.session = session.number
        var seen = Set<UInt64>()
        for (index, settlement) in settlements.enumerated() {
            guard case .number(let tag, session.number) = settlement.token,
                let message = session.unsettled[tag],
                seen.insert(tag).inserted
            else { continue }
            plan.results[index] = .settled
            switch settlement.verdict {
            case .acknowledge: plan.acknowledged.append(tag)
            case .release: plan.givenBack.append(tag)
            case .deadLetter(let reason):
                plan.copies.append((index, tag, Copy(purpose: .deadLetter(reason: reason), message: message)))
            case .retry(let delay, let reason):
                let purpose: Copy.Purpose? =
                    if Attempts.before(message) + 1 >= subscription.attemptsMax {
                        .deadLetter(reason: reason)
                    } else if delay > .zero || subscription.isTemporary {
                        // A classic queue does not count; a copy does.
                        .retry(after: delay)
                    } else {
                        nil
                    }
                if let purpose {
                    plan.copies.append((index, tag, Copy(purpose: purpose, message: message)))
                } else {
                    plan.givenBack.append(tag)
                }
            }
        }
        return plan
    }

    /// Publishes copies and then acknowledges what was copied; what was not goes back.
    private func makeCopies(_ plan: inout Plan) async {
        let outcomes: [PublishOutcome]
        do throws(BusError) {
            outcomes = try await publish(plan.copies.map(\.copy))
        } catch {
            transport.configuration.logger.warning(
                "events go back: they could not be copied",
                metadata: ["reason": "\(error)", "queue": "\(queue)"])
            outcomes = Array(repeating: .notSent(.ended), count: plan.copies.count)
        }
        var acknowledged: [UInt64] = []
        var givenBack: [UInt64] = []
        for (copy, outcome) in zip(plan.copies, outcomes) {
            if outcome == .confirmed {
                acknowledged.append(copy.tag)
            } else {
                givenBack.append(copy.tag)
                plan.results[copy.index] = .expired
            }
        }
        let session = plan.session
        // If the channel is gone by now, the copies are there and the events come again: at least once.
        _ = await withCheckedContinuation { continuation in
            state.withLock { state in
                guard state.session?.number == session else { return continuation.resume(returning: false) }
                state.send(acknowledged, givenBack) { continuation.resume(returning: $0) }
            }
        }
    }

    private func publish(_ copies: [Copy]) async throws(BusError) -> [PublishOutcome] {
        let publisher = transport.publisher
        let channel = try await publisher.ready(until: transport.patience)
        var outgoing: [Outgoing] = []
        for copy in copies {
            switch copy.purpose {
            case .deadLetter(let reason):
                let topic = subscription.deadLetterTopic
                try await publisher.ensure("dead letters \(topic)", on: channel) {
                    () throws(AMQPCodecError) in
                    try Topology.deadLetters(topic)
                }
                outgoing.append(try deadLetter(copy.message, reason, topic))
            case .retry(let delay):
                if delay > .zero { try await transport.ensureDelays(.queue(queue), on: channel) }
                outgoing.append(try retry(copy.message, delay))
            }
        }
        return try await publisher.publish(
            copies: outgoing, on: channel,
            until: .now() + TimeAmount(transport.configuration.publishTimeout))
    }

    private func retry(_ message: AMQPMessage, _ delay: Duration) throws(BusError) -> Outgoing {
        let delay = min(delay, DelayLadder.delayMax)
        // The default exchange routes to the queue of that name.
        let (exchange, key) = delay > .zero ? DelayLadder.route(delay, to: .queue(queue)) : ("", queue)
        let properties = try copied(message, [])
        return Outgoing(exchange: exchange, routingKey: key, properties: properties, body: message.body)
    }

    private func deadLetter(
        _ message: AMQPMessage, _ reason: String, _ topic: String
    ) throws(BusError) -> Outgoing {
        let type = AMQPEventBinding.decode(message, topic: subscription.topic).event.type
        let properties = try copied(
            message,
            [
                (ApusHeader.reason.description, .text(String(reason.prefix(4096)))),
                (ApusHeader.subscription.description, .text(subscription.name)),
            ])
        return Outgoing(
            exchange: topic, routingKey: RoutingKey.of(type: type), properties: properties, body: message.body
        )
    }

    /// The properties of a copy: those of the message, with the attempts that it has had.
    private func copied(
        _ message: AMQPMessage, _ more: [(String, FieldValue)]
    ) throws(BusError) -> BasicProperties {
        var properties = message.properties
        var headers = FieldTable(capacity: 512)
        message.properties.headers?.forEach { name, value in
            if !ApusHeader.isOfThisWay(name) { headers.append(name, raw: value) }
        }
        do throws(AMQPCodecError) {
            try headers.append(ApusHeader.attempts.description, .int64(Int64(Attempts.before(message) + 1)))
            for (name, value) in more { try headers.append(name, value) }
        } catch {
            throw .invalid("the event cannot be copied: \(error)")
        }
        properties.headers = headers
        properties.deliveryMode = 2
        // One that the sender set was for its own way; the broker would hold it against us.
        properties.expiration = nil
        properties.userID = nil
        return properties
    }
}

extension AMQPReceiver.State {
    /// Settles events of the session that there is, and hands the frames for that to its event loop. Under one lock, so that no frame overtakes one that was
    /// computed before it; `told` says whether the channel was there.
    fileprivate mutating func send(
        _ acknowledged: [UInt64], _ givenBack: [UInt64], _ told: @escaping @Sendable (Bool) -> Void
    ) {
        guard let channel = session?.channel else { return told(true) }
        var frames = (session?.unsettled.acknowledge(acknowledged) ?? []).map {
            AMQPMethod.basicAck(Basic.Ack(deliveryTag: $0.tag, multiple: $0.multiple))
        }
        for tag in givenBack where session?.unsettled.remove(tag) == true {
            frames.append(.basicNack(Basic.Nack(deliveryTag: tag, requeue: true)))
        }
        channel.send(frames, told)
    }
}
