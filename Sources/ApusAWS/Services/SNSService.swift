// SPDX-License-Identifier: Apache-2.0

// Amazon SNS, as much of it as publishing and subscribing queues needs, in its query protocol (version 2010-03-31; SNS API reference).

/// Calls to SNS.
struct SNSService: Sendable {
    /// What one batch call takes.
    static let batchMax = 10
    /// The most bytes that one call publishes, all told.
    static let bytesMax = 262_144

    let client: AWSClient

    /// One message of a batch.
    struct Entry: Sendable {
        var message: String
        var group: String?
        var deduplicationID: String?
    }

    /// What became of one message of a batch.
    enum Outcome: Sendable {
        case published(id: String)
        case failed(code: String, message: String, isSendersFault: Bool)
    }

    private func call(
        _ action: String, _ parameters: [(String, String)]
    ) async throws(AWSError) -> AWSDocument {
        let all = [("Action", action), ("Version", "2010-03-31")] + parameters
        let form = all.map { "\(AWSPercentEncoding.encode($0.0))=\(AWSPercentEncoding.encode($0.1))" }
        let answer = try await client.send(
            AWSClient.Request(
                service: "sns", contentType: "application/x-www-form-urlencoded; charset=utf-8",
                body: Array(form.joined(separator: "&").utf8)))
        do { return try AWSDocument(answer) } catch {
            throw AWSError(
                kind: .unexpected, message: "SNS answered \(action) with what is not XML: \(error)")
        }
    }

    // MARK: Topics

    /// Makes a topic or finds the one that is there; its ARN.
    func createTopic(_ name: String, isFIFO: Bool) async throws(AWSError) -> String {
        var parameters = [("Name", name)]
        if isFIFO {
            parameters += [("Attributes.entry.1.key", "FifoTopic"), ("Attributes.entry.1.value", "true")]
        }
        guard let arn = try await call("CreateTopic", parameters).first("TopicArn") else {
            throw AWSError(kind: .unexpected, message: "SNS gave no ARN for topic '\(name)'")
        }
        return arn
    }

    /// Publishes up to ten messages; one outcome for each, in order.
    func publish(_ topic: String, _ entries: [Entry]) async throws(AWSError) -> [Outcome] {
        var parameters = [("TopicArn", topic)]
        for (index, entry) in entries.enumerated() {
            let prefix = "PublishBatchRequestEntries.member.\(index + 1)."
            parameters += [(prefix + "Id", "\(index)"), (prefix + "Message", entry.message)]
            if let group = entry.group { parameters.append((prefix + "MessageGroupId", group)) }
            if let id = entry.deduplicationID { parameters.append((prefix + "MessageDeduplicationId", id)) }
        }
        let answer = try await call("PublishBatch", parameters)
        var outcomes = [Outcome?](repeating: nil, count: entries.count)
        for group in answer.groups("member") {
            guard let index = group["Id"].flatMap({ Int($0) }), outcomes.indices.contains(index) else {
                continue
            }
            if let id = group["MessageId"] {
                outcomes[index] = .published(id: id)
            } else {
                outcomes[index] = .failed(
                    code: group["Code"] ?? "Unknown", message: group["Message"] ?? "",
                    isSendersFault: group["SenderFault"] == "true")
            }
        }
        return outcomes.map {
            $0
                ?? .failed(
                    code: "Unknown", message: "SNS did not say what became of it", isSendersFault: false)
        }
    }

    // MARK: Subscriptions

    /// Subscribes a queue with these attributes, or finds that it is subscribed and changes them; the subscription's ARN.
    func subscribe(
        _ topic: String, queue: String, _ attributes: [(name: String, value: String)]
    ) async throws(AWSError) -> String {
        var parameters = [
            ("TopicArn", topic), ("Protocol", "sqs"), ("Endpoint", queue), ("ReturnSubscriptionArn", "true"),
        ]
        for (index, attribute) in attributes.enumerated() {
            parameters.append(("Attributes.entry.\(index + 1).key", attribute.name))
            parameters.append(("Attributes.entry.\(index + 1).value", attribute.value))
        }
        do {
            if let arn = try await call("Subscribe", parameters).first("SubscriptionArn") {
                // A subscription that was there keeps its attributes, so they are set again.
                for attribute in attributes { try await setAttribute(arn, attribute) }
                return arn
            }
        } catch  where error.code == "InvalidParameter" && error.message.contains("already exists") {
            if let arn = try await subscription(of: topic, queue: queue) {
                for attribute in attributes { try await setAttribute(arn, attribute) }
                return arn
            }
            throw error
        }
        throw AWSError(kind: .unexpected, message: "SNS gave no ARN for the subscription of '\(queue)'")
    }

    private func setAttribute(
        _ arn: String, _ attribute: (name: String, value: String)
    ) async throws(AWSError) {
        _ = try await call(
            "SetSubscriptionAttributes",
            [
                ("SubscriptionArn", arn), ("AttributeName", attribute.name),
                ("AttributeValue", attribute.value),
            ])
    }

    /// The subscription of a queue to a topic; nil when there is none.
    func subscription(of topic: String, queue: String) async throws(AWSError) -> String? {
        var token: String?
        repeat {
            var parameters = [("TopicArn", topic)]
            if let token { parameters.append(("NextToken", token)) }
            let page = try await call("ListSubscriptionsByTopic", parameters)
            if let found = page.groups("member").first(where: { $0["Endpoint"] == queue }) {
                return found["SubscriptionArn"]
            }
            token = page.first("NextToken")
        } while token?.isEmpty == false
        return nil
    }

    /// Ends a subscription; nothing happens when there is none.
    func unsubscribe(_ arn: String) async throws(AWSError) {
        do {
            _ = try await call("Unsubscribe", [("SubscriptionArn", arn)])
        } catch  where error.code == "NotFound" {}
    }
}
