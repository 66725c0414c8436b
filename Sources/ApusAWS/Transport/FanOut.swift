// SPDX-License-Identifier: Apache-2.0

// How events get from publishers to queues: through SNS topics with filter policies, or through an EventBridge bus with rules. Consuming is the same for
// both, from queues.

internal import ApusBus
internal import JSONText
internal import Synchronization

/// What became of one event: the same words for both services.
typealias PublishOutcome = SNSService.Outcome

/// A message to be published.
struct OutgoingMessage: Sendable {
    var type: String
    var text: String
    /// FIFO only: those of one group stay in order.
    var group: String?
    /// FIFO only: a repeated one within five minutes is not published again.
    var deduplicationID: String?
}

/// The way from publishers to queues.
protocol FanOut: Sendable {
    /// How many messages one call takes.
    var batchMax: Int { get }
    /// How many bytes one call takes.
    var bytesMax: Int { get }

    /// Publishes up to ``batchMax`` messages.
    func publish(_ messages: [OutgoingMessage], to topic: String) async throws(BusError) -> [PublishOutcome]

    /// Lets the events that a subscription wants flow into its queue; what sends to the queue, for its policy.
    func bind(_ subscription: Subscription, queue: String) async throws(BusError) -> String

    /// Ends that.
    func unbind(_ subscription: Subscription, queue: String) async throws(BusError)
}

/// Through SNS: a topic for each topic, a subscription with a filter policy for each queue.
final class SNSFanOut: FanOut {
    private let sns: SNSService
    private let isFIFO: Bool
    private let arns = Mutex<[String: String]>([:])

    init(sns: SNSService, isFIFO: Bool) {
        self.sns = sns
        self.isFIFO = isFIFO
    }

    var batchMax: Int { SNSService.batchMax }
    var bytesMax: Int { SNSService.bytesMax }

    private func arn(_ topic: String) async throws(BusError) -> String {
        if let arn = arns.withLock({ $0[topic] }) { return arn }
        let name = try AWSNames.topic(topic, isFIFO: isFIFO)
        do {
            let arn = try await sns.createTopic(name, isFIFO: isFIFO)
            arns.withLock { $0[topic] = arn }
            return arn
        } catch { throw error.busError("topic '\(topic)'") }
    }

    func publish(_ messages: [OutgoingMessage], to topic: String) async throws(BusError) -> [PublishOutcome] {
        let arn = try await arn(topic)
        do {
            return try await sns.publish(
                arn,
                messages.map {
                    SNSService.Entry(message: $0.text, group: $0.group, deduplicationID: $0.deduplicationID)
                })
        } catch {
            // Somebody has deleted the topic: the next attempt makes it anew.
            if error.code == "NotFound" { arns.withLock { $0[topic] = nil } }
            throw error.busError("topic '\(topic)'")
        }
    }

    func bind(_ subscription: Subscription, queue: String) async throws(BusError) -> String {
        let arn = try await arn(subscription.topic)
        var attributes = [(name: "RawMessageDelivery", value: "true")]
        if let policy = try FilterPolicy.text(subscription) {
            attributes += [("FilterPolicyScope", "MessageBody"), ("FilterPolicy", policy)]
        }
        do { _ = try await sns.subscribe(arn, queue: queue, attributes) } catch {
            throw FilterPolicy.refusal(error, of: subscription)
        }
        return arn
    }

    func unbind(_ subscription: Subscription, queue: String) async throws(BusError) {
        let arn = try await arn(subscription.topic)
        do {
            if let subscription = try await sns.subscription(of: arn, queue: queue) {
                try await sns.unsubscribe(subscription)
            }
        } catch { throw error.busError("subscription '\(subscription.name)'") }
    }
}

/// Through an EventBridge bus: the topic is the events' source, a rule for each queue.
struct EventBridgeFanOut: FanOut {
    var service: EventBridgeService
    var bus: String

    var batchMax: Int { EventBridgeService.batchMax }
    var bytesMax: Int { EventBridgeService.bytesMax }

    func publish(_ messages: [OutgoingMessage], to topic: String) async throws(BusError) -> [PublishOutcome] {
        guard !topic.isEmpty else { throw .invalid("the name of a topic cannot be empty") }
        do {
            return try await service.put(
                bus,
                messages.map { EventBridgeService.Entry(source: topic, detailType: $0.type, detail: $0.text) }
            )
        } catch { throw error.busError("bus '\(bus)'") }
    }

    func bind(_ subscription: Subscription, queue: String) async throws(BusError) -> String {
        var pattern: JSONObject = JSONObject()
        pattern["source"] = [.string(subscription.topic)]
        if let detail = try FilterPolicy.value(subscription) { pattern["detail"] = .object(detail) }
        do {
            return try await service.putRule(
                try Self.ruleName(subscription), bus: bus,
                pattern: String(decoding: JSONValue.object(pattern).serialized(), as: UTF8.self),
                queue: queue,
                group: nil)
        } catch let error as AWSError {
            throw FilterPolicy.refusal(error, of: subscription)
        } catch let error as BusError {
            throw error
        } catch { throw .unavailable("\(error)") }
    }

    func unbind(_ subscription: Subscription, queue: String) async throws(BusError) {
        let name = try Self.ruleName(subscription)
        do { try await service.deleteRule(name, bus: bus) } catch {
            throw error.busError("rule of subscription '\(subscription.name)'")
        }
    }

    private static func ruleName(_ subscription: Subscription) throws(BusError) -> String {
        let name = try AWSNames.queue(subscription.name, isFIFO: false)
        guard name.utf8.count <= 64 else {
            throw .invalid(
                "'\(name)' has \(name.utf8.count) characters; a rule of EventBridge has at most 64")
        }
        return name
    }
}

/// What a subscription wants, as SNS and EventBridge filter it.
enum FilterPolicy {
    /// Nil for everything.
    static func value(_ subscription: Subscription) throws(BusError) -> JSONObject? {
        var policy = JSONObject()
        if let pattern = subscription.pattern {
            let value: JSONValue
            do { value = try JSONValue(parsing: Array(pattern.utf8)) } catch {
                throw .invalid("the pattern is not JSON: \(error)")
            }
            guard let object = value.object else { throw .invalid("the pattern is not a JSON object") }
            policy = object
        }
        // A pattern that speaks of the type itself is left as it is: the receiver skips what has none of the types.
        if let types = subscription.types, policy["type"] == nil {
            policy["type"] = .array(types.sorted().map { .string($0) })
        }
        return policy.members.isEmpty ? nil : policy
    }

    /// What it means that a subscription could not be bound: its pattern may be one that AWS does not take.
    static func refusal(_ error: AWSError, of subscription: Subscription) -> BusError {
        switch error.code {
        case "InvalidParameter", "InvalidEventPatternException":
            .invalid("the pattern of subscription '\(subscription.name)': \(error.message)")
        default: error.busError("subscription '\(subscription.name)'")
        }
    }

    /// As text; nil for everything.
    static func text(_ subscription: Subscription) throws(BusError) -> String? {
        try value(subscription).map { String(decoding: JSONValue.object($0).serialized(), as: UTF8.self) }
    }
}
