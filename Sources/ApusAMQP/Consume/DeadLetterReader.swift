// SPDX-License-Identifier: Apache-2.0

// Looks at dead letters without taking them: they are got, kept unacknowledged while they are read, and given back in their order.

internal import ApusAMQPCodec
internal import ApusBus
internal import CloudEvents

/// Reads what a subscription has given up.
enum DeadLetterReader {
    static func read(
        _ subscription: Subscription, limit: Int, on connection: AMQPConnection
    ) async throws(AMQPFailure) -> [DeadLetter] {
        let queue = subscription.deadLetterTopic
        let channel = try await connection.openChannel()
        var letters: [DeadLetter] = []
        do throws(AMQPFailure) {
            let declared = try await channel.call(.queueDeclare(Queue.Declare(queue: queue, passive: true)))
            guard case .queueDeclareOk(let ok) = declared.method else { return [] }
            // As many as there are: those that are given back are not looked at again.
            var left = Int(ok.messageCount)
            while letters.count < limit, left > 0 {
                let message = try await channel.call(.basicGet(Basic.Get(queue: queue)))
                guard case .basicGetOk = message.method else { break }
                left -= 1
                if let letter = letter(message, of: subscription) { letters.append(letter) }
            }
        } catch {
            guard case .closed(.notFound, _) = error else { throw error }
            return []
        }
        _ = await channel.send([.basicNack(Basic.Nack(deliveryTag: 0, multiple: true, requeue: true))])
        await channel.close()
        return letters
    }

    /// A message as a dead letter, nil when another subscription gave it up.
    private static func letter(_ message: AMQPMessage, of subscription: Subscription) -> DeadLetter? {
        let headers = message.properties.headers ?? FieldTable()
        let event = AMQPEventBinding.decode(message, topic: subscription.topic).event
        if let owner = headers[ApusHeader.subscription.description]?.text {
            guard owner == subscription.name else { return nil }
            return DeadLetter(
                event: event, reason: headers[ApusHeader.reason.description]?.text ?? "",
                attempts: headers[ApusHeader.attempts.description]?.integer.map { Int(clamping: $0) })
        }
        // The broker gave it up by itself, and says from which queue and why.
        if let queue = headers["x-first-death-queue"]?.text, queue != subscription.name { return nil }
        let reason = headers["x-first-death-reason"]?.text
        let attempts = Attempts.before(message)
        switch reason {
        case "delivery_limit":
            return DeadLetter(
                event: event, reason: "the broker's delivery limit was reached", attempts: attempts)
        case let reason?:
            return DeadLetter(event: event, reason: "the broker gave it up: \(reason)", attempts: attempts)
        case nil: return DeadLetter(event: event, reason: "published to the dead letters by somebody else")
        }
    }
}

/// How often an event was handed out.
enum Attempts {
    /// How often before this delivery: what copies carry along, and what the broker counts of this copy.
    static func before(_ message: AMQPMessage) -> Int {
        let headers = message.properties.headers
        let carried = headers?[ApusHeader.attempts.description]?.integer ?? 0
        let counted = headers?["x-delivery-count"]?.integer
        // Classic queues do not count; they say at least whether it is the first time.
        var again: Int64 = 0
        if case .basicDeliver(let deliver) = message.method, deliver.redelivered { again = 1 }
        return Int(clamping: max(0, min(carried, 1 << 31)) + max(0, counted ?? again))
    }
}
