// SPDX-License-Identifier: Apache-2.0

// Amazon SQS, as much of it as consuming needs, in its JSON protocol (`AmazonSQS`, AWS JSON 1.0; SQS API reference).

internal import JSONText

/// Calls to SQS.
struct SQSService: Sendable {
    /// What one batch call takes.
    static let batchMax = 10
    /// The longest wait for messages, in seconds.
    static let waitMax = 20
    /// The longest that a message can be kept from others, in seconds.
    static let visibilityMax = 43_200

    /// Asks SQS; the bytes of its answer.
    private let send: @Sendable (AWSClient.Request) async throws(AWSError) -> [UInt8]

    init(client: AWSClient) {
        send = { (request) async throws(AWSError) in try await client.send(request) }
    }

    /// Calls that something else answers than AWS.
    init(answeredBy send: @escaping @Sendable (AWSClient.Request) async throws(AWSError) -> [UInt8]) {
        self.send = send
    }

    /// A message that was handed out.
    struct Message: Sendable {
        var id: String
        var receipt: String
        var body: String
        /// How often it was handed out, this time counted.
        var receiveCount: Int
        /// When it was sent, in milliseconds since 1970.
        var sentAt: Int64?
        /// What it is in order with (FIFO).
        var group: String?
        /// Attributes of the sender's, those of type String.
        var attributes: [String: String]
    }

    /// Why one entry of a batch was not done.
    struct EntryFailure: Sendable {
        var index: Int
        var code: String
        var message: String
        var isSendersFault: Bool
    }

    private func call(
        _ action: String, _ body: JSONValue, timeout: Duration = .seconds(30)
    ) async throws(AWSError) -> JSONValue {
        let answer = try await send(
            AWSClient.Request(
                service: "sqs", target: "AmazonSQS.\(action)", contentType: "application/x-amz-json-1.0",
                body: body.serialized(), timeout: timeout))
        guard !answer.isEmpty else { return .object(JSONObject()) }
        do { return try JSONValue(parsing: answer) } catch {
            throw AWSError(
                kind: .unexpected, message: "SQS answered \(action) with what is not JSON: \(error)")
        }
    }

    // MARK: Queues

    /// Makes a queue, or finds the one that is there with other settings and changes those; its URL.
    func createQueue(_ name: String, _ attributes: [String: String]) async throws(AWSError) -> String {
        do {
            let answer = try await call(
                "CreateQueue", ["QueueName": .string(name), "Attributes": Self.object(attributes)])
            if let url = answer["QueueUrl"]?.string { return url }
        } catch
            where error.code?.contains("QueueNameExists") == true
            || error.code?.contains("QueueAlreadyExists") == true
        {
            let answer = try await call("GetQueueUrl", ["QueueName": .string(name)])
            if let url = answer["QueueUrl"]?.string {
                try await setAttributes(url, attributes.filter { $0.key != "FifoQueue" })
                return url
            }
        }
        throw AWSError(kind: .unexpected, message: "SQS gave no URL for queue '\(name)'")
    }

    /// The URL of a queue; nil when there is none.
    func queueURL(_ name: String) async throws(AWSError) -> String? {
        do {
            return try await call("GetQueueUrl", ["QueueName": .string(name)])["QueueUrl"]?.string
        } catch
            where error.code?.contains("DoesNotExist") == true || error.code?.contains("NonExistent") == true
        {
            return nil
        }
    }

    /// Changes a queue.
    func setAttributes(_ url: String, _ attributes: [String: String]) async throws(AWSError) {
        _ = try await call(
            "SetQueueAttributes", ["QueueUrl": .string(url), "Attributes": Self.object(attributes)])
    }

    /// The ARN of a queue.
    func arn(of url: String) async throws(AWSError) -> String {
        let answer = try await call(
            "GetQueueAttributes", ["QueueUrl": .string(url), "AttributeNames": ["QueueArn"]])
        guard let arn = answer["Attributes"]?["QueueArn"]?.string else {
            throw AWSError(kind: .unexpected, message: "SQS gave no ARN for '\(url)'")
        }
        return arn
    }

    /// Deletes a queue; nothing happens when there is none.
    func deleteQueue(_ url: String) async throws(AWSError) {
        do {
            _ = try await call("DeleteQueue", ["QueueUrl": .string(url)])
        } catch
            where error.code?.contains("DoesNotExist") == true || error.code?.contains("NonExistent") == true
        {}
    }

    // MARK: Messages

    /// Up to ten messages; waits for the first, at most `wait` seconds.
    func receive(
        _ url: String, limit: Int, wait: Int, visibility: Int
    ) async throws(AWSError) -> [Message] {
        let answer = try await call(
            "ReceiveMessage",
            [
                "QueueUrl": .string(url),
                "MaxNumberOfMessages": .number(JSONNumber(Int64(min(limit, Self.batchMax)))),
                "WaitTimeSeconds": .number(JSONNumber(Int64(min(wait, Self.waitMax)))),
                "VisibilityTimeout": .number(JSONNumber(Int64(min(visibility, Self.visibilityMax)))),
                "AttributeNames": ["ApproximateReceiveCount", "SentTimestamp", "MessageGroupId"],
                "MessageAttributeNames": ["All"],
            ], timeout: .seconds(wait + 30))
        return (answer["Messages"]?.array ?? []).compactMap(Self.message)
    }

    private static func message(_ value: JSONValue) -> Message? {
        guard let id = value["MessageId"]?.string, let receipt = value["ReceiptHandle"]?.string,
            let body = value["Body"]?.string
        else { return nil }
        var attributes: [String: String] = [:]
        for member in value["MessageAttributes"]?.object?.members ?? [] {
            attributes[member.name] = member.value["StringValue"]?.string
        }
        let system = value["Attributes"]
        return Message(
            id: id, receipt: receipt, body: body,
            receiveCount: system?["ApproximateReceiveCount"]?.string.flatMap { Int($0) } ?? 1,
            sentAt: system?["SentTimestamp"]?.string.flatMap { Int64($0) },
            group: system?["MessageGroupId"]?.string, attributes: attributes)
    }

    /// Deletes messages, at most ten; those that could not be.
    func delete(_ url: String, receipts: [String]) async throws(AWSError) -> [EntryFailure] {
        let entries = receipts.enumerated().map { index, receipt -> JSONValue in
            ["Id": .string("\(index)"), "ReceiptHandle": .string(receipt)]
        }
        return Self.failures(
            try await call("DeleteMessageBatch", ["QueueUrl": .string(url), "Entries": .array(entries)]))
    }

    /// Says for how long, from now, messages are kept from others, at most ten; those that could not be.
    func changeVisibility(
        _ url: String, _ changes: [(receipt: String, seconds: Int)]
    ) async throws(AWSError) -> [EntryFailure] {
        let entries = changes.enumerated().map { index, change -> JSONValue in
            [
                "Id": .string("\(index)"), "ReceiptHandle": .string(change.receipt),
                "VisibilityTimeout": .number(
                    JSONNumber(Int64(min(max(change.seconds, 0), Self.visibilityMax)))),
            ]
        }
        return Self.failures(
            try await call(
                "ChangeMessageVisibilityBatch", ["QueueUrl": .string(url), "Entries": .array(entries)]))
    }

    /// Sends one message; for a FIFO queue with its group and its identity.
    func send(
        _ url: String, body: String, attributes: [String: String], group: String?, deduplicationID: String?
    ) async throws(AWSError) {
        var request = JSONObject()
        request["QueueUrl"] = .string(url)
        request["MessageBody"] = .string(body)
        var values = JSONObject()
        for (name, value) in attributes.sorted(by: { $0.key < $1.key }) {
            values[name] = ["DataType": "String", "StringValue": .string(value)]
        }
        if !attributes.isEmpty { request["MessageAttributes"] = .object(values) }
        if let group { request["MessageGroupId"] = .string(group) }
        if let deduplicationID { request["MessageDeduplicationId"] = .string(deduplicationID) }
        _ = try await call("SendMessage", .object(request))
    }

    private static func failures(_ answer: JSONValue) -> [EntryFailure] {
        (answer["Failed"]?.array ?? []).compactMap { entry in
            guard let index = entry["Id"]?.string.flatMap({ Int($0) }) else { return nil }
            return EntryFailure(
                index: index, code: entry["Code"]?.string ?? "Unknown",
                message: entry["Message"]?.string ?? "",
                isSendersFault: entry["SenderFault"]?.bool ?? true)
        }
    }

    private static func object(_ values: [String: String]) -> JSONValue {
        var object = JSONObject()
        for (name, value) in values.sorted(by: { $0.key < $1.key }) { object[name] = .string(value) }
        return .object(object)
    }
}
