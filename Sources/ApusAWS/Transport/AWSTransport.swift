// SPDX-License-Identifier: Apache-2.0

// `aws://` and `eventbridge://`: topics are SNS topics, or sources on an EventBridge bus; subscriptions are SQS queues with a redrive policy. Retry is the
// queue's visibility timeout, dead letters are a queue. Queues, topics and bindings come into being when they are needed.

internal import ApusBus
internal import AsyncHTTPClient
internal import CloudEvents
internal import Crypto
internal import JSONText
internal import Synchronization

/// A broker that AWS runs.
final class AWSTransport: BusTransport {
    let capabilities: Capabilities
    let sqs: SQSService
    let isFIFO: Bool
    private let fanOut: any FanOut
    private let http: HTTPClient
    private let closed = Atomic(false)

    /// Whether ``close()`` was called.
    var isClosed: Bool { closed.load(ordering: .acquiring) }

    init(
        capabilities: Capabilities, sqs: SQSService, fanOut: any FanOut, isFIFO: Bool, http: HTTPClient
    ) {
        self.capabilities = capabilities
        self.sqs = sqs
        self.fanOut = fanOut
        self.isFIFO = isFIFO
        self.http = http
    }

    func close() async {
        closed.store(true, ordering: .releasing)
        // The only error is that it is closed already.
        try? await http.shutdown()
    }

    // MARK: Publish

    func publish(_ events: [CloudEvent], to topic: String) async throws(BusError) -> [Receipt] {
        guard !isClosed else { throw .closed }
        var messages: [OutgoingMessage] = []
        for event in events {
            let text = AWSMessage.text(event)
            guard text.utf8.count <= fanOut.bytesMax else {
                throw .tooLarge(bytes: text.utf8.count, limit: fanOut.bytesMax)
            }
            messages.append(outgoing(event, text))
        }
        var outcomes: [Result<Receipt, BusError.Failure>] = []
        for batch in Self.batches(messages, count: fanOut.batchMax, bytes: fanOut.bytesMax) {
            do {
                outcomes += try await fanOut.publish(Array(batch), to: topic).map { outcome(of: $0, topic) }
            } catch {
                // Nothing was published at all: the reason is the whole call's.
                guard !outcomes.isEmpty else { throw error }
                let failure = BusError.Failure(reason: "\(error)", isRetryable: error.isRetryable)
                outcomes += Array(repeating: .failure(failure), count: messages.count - outcomes.count)
                break
            }
        }
        var receipts: [Receipt] = []
        for outcome in outcomes {
            guard case .success(let receipt) = outcome else { throw .partial(outcomes) }
            receipts.append(receipt)
        }
        return receipts
    }

    private func outgoing(_ event: CloudEvent, _ text: String) -> OutgoingMessage {
        var message = OutgoingMessage(type: event.type, text: text)
        if isFIFO {
            let identity = SignatureV4.hash(Array("\(event.source)\u{0}\(event.id)".utf8))
            message.deduplicationID = identity
            message.group = AWSGroup.id(event.extensions[.partitionKey] ?? event.id)
        }
        return message
    }

    private func outcome(of outcome: PublishOutcome, _ topic: String) -> Result<Receipt, BusError.Failure> {
        switch outcome {
        case .published(let id): .success(Receipt(topic: topic, brokerID: id, durability: .replicated))
        case .failed(let code, let message, let isSendersFault):
            .failure(BusError.Failure(reason: "\(code): \(message)", isRetryable: !isSendersFault))
        }
    }

    /// Slices of at most so many messages and bytes.
    static func batches(
        _ messages: [OutgoingMessage], count: Int, bytes: Int
    ) -> [ArraySlice<OutgoingMessage>] {
        var batches: [ArraySlice<OutgoingMessage>] = []
        var start = 0
        var size = 0
        for (index, message) in messages.enumerated() {
            let next = message.text.utf8.count
            if index > start, index - start == count || size + next > bytes {
                batches.append(messages[start..<index])
                (start, size) = (index, 0)
            }
            size += next
        }
        if start < messages.count { batches.append(messages[start...]) }
        return batches
    }

    // MARK: Consume

    func subscribe(_ subscription: Subscription) async throws(BusError) -> any Receiver {
        guard !isClosed else { throw .closed }
        if subscription.ordering == .byKey { try capabilities.require(.orderByKey) }
        if subscription.start == .earliest { try capabilities.require(.replay) }
        let queue =
            if let name = subscription.queue {
                try await foundQueue(name, subscription)
            } else {
                try await makeQueue(subscription)
            }
        return SQSReceiver(subscription: subscription, queue: queue, transport: self)
    }

    /// A queue that somebody else made, as it is; only where its dead letters go is made.
    private func foundQueue(
        _ name: String, _ subscription: Subscription
    ) async throws(BusError) -> SubscriptionQueue {
        let deadName = try AWSNames.queue(subscription.deadLetterTopic, isFIFO: isFIFO)
        do throws(AWSError) {
            if let url = try await sqs.queueURL(name) {
                let fifo = isFIFO ? ["FifoQueue": "true"] : [:]
                let longest = ["MessageRetentionPeriod": "1209600"]
                let dead = try await sqs.createQueue(deadName, fifo.merging(longest) { $1 })
                return SubscriptionQueue(url: url, deadLetters: dead)
            }
        } catch { throw error.busError("queue '\(name)'") }
        throw .unknown("queue '\(name)'")
    }

    func unsubscribe(_ subscription: Subscription) async throws(BusError) {
        guard subscription.queue == nil else {
            throw .invalid("queue '\(subscription.topic)' is somebody else's, and theirs to delete")
        }
        let name = try AWSNames.queue(subscription.name, isFIFO: isFIFO)
        do throws(AWSError) {
            guard let url = try await sqs.queueURL(name) else { return }
            let arn = try await sqs.arn(of: url)
            do throws(BusError) { try await fanOut.unbind(subscription, queue: arn) } catch {
                throw AWSError(kind: .unexpected, message: "\(error)")
            }
            try await sqs.deleteQueue(url)
        } catch { throw error.busError("subscription '\(subscription.name)'") }
    }

    private func makeQueue(_ subscription: Subscription) async throws(BusError) -> SubscriptionQueue {
        let name = try AWSNames.queue(subscription.name, isFIFO: isFIFO)
        let deadName = try AWSNames.queue(subscription.deadLetterTopic, isFIFO: isFIFO)
        let queue: SubscriptionQueue
        let arn: String
        do throws(AWSError) {
            let fifo = isFIFO ? ["FifoQueue": "true"] : [:]
            let longest = ["MessageRetentionPeriod": "1209600"]
            let dead = try await sqs.createQueue(deadName, fifo.merging(longest) { $1 })
            let redrive: JSONValue = [
                "deadLetterTargetArn": .string(try await sqs.arn(of: dead)),
                "maxReceiveCount": .number(JSONNumber(Int64(min(max(subscription.attemptsMax, 1), 1_000)))),
            ]
            let settings = [
                "RedrivePolicy": "\(redrive)",
                "VisibilityTimeout": "\(SubscriptionQueue.seconds(subscription.lease))",
            ]
            let url = try await sqs.createQueue(name, fifo.merging(settings) { $1 })
            arn = try await sqs.arn(of: url)
            queue = SubscriptionQueue(url: url, deadLetters: dead)
        } catch { throw error.busError("queue of subscription '\(subscription.name)'") }
        let sender = try await fanOut.bind(subscription, queue: arn)
        do {
            try await sqs.setAttributes(queue.url, ["Policy": Self.policy(queue: arn, sender: sender)])
        } catch {
            throw error.busError("policy of queue '\(name)'")
        }
        return queue
    }

    /// Lets one topic or rule send to a queue.
    private static func policy(queue: String, sender: String) -> String {
        let services: JSONValue = ["sns.amazonaws.com", "events.amazonaws.com"]
        let statement: JSONValue = [
            "Effect": "Allow", "Principal": ["Service": services], "Action": "sqs:SendMessage",
            "Resource": .string(queue), "Condition": ["ArnEquals": ["aws:SourceArn": .string(sender)]],
        ]
        return "\(["Version": "2012-10-17", "Statement": [statement]] as JSONValue)"
    }

    func deadLetters(of subscription: Subscription, limit: Int) async throws(BusError) -> [DeadLetter] {
        let name = try AWSNames.queue(subscription.deadLetterTopic, isFIFO: isFIFO)
        do {
            guard let url = try await sqs.queueURL(name) else { return [] }
            return try await DeadLetterReader(sqs: sqs, queue: url).read(limit: limit)
        } catch { throw error.busError("dead letters of '\(subscription.name)'") }
    }
}

/// Groups of messages that stay in order (FIFO).
enum AWSGroup {
    /// 1 to 128 printable ASCII characters: a key that is something else goes by its hash.
    static func id(_ key: String) -> String {
        let isPlain = !key.isEmpty && key.utf8.count <= 128 && key.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
        return isPlain ? key : SignatureV4.hash(Array(key.utf8))
    }
}
