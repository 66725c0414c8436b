// SPDX-License-Identifier: Apache-2.0

// Amazon EventBridge, as much of it as publishing and routing into queues needs, in its JSON protocol (`AWSEvents`, AWS JSON 1.1; EventBridge API
// reference).

internal import JSONText

/// Calls to EventBridge.
struct EventBridgeService: Sendable {
    /// What one call publishes.
    static let batchMax = 10
    /// The most bytes that one call publishes, all told.
    static let bytesMax = 1_000_000

    let client: AWSClient

    /// One event of a batch.
    struct Entry: Sendable {
        var source: String
        var detailType: String
        /// A JSON object.
        var detail: String
    }

    /// What became of one event of a batch.
    typealias Outcome = SNSService.Outcome

    private func call(_ action: String, _ body: JSONValue) async throws(AWSError) -> JSONValue {
        let answer = try await client.send(
            AWSClient.Request(
                service: "events", target: "AWSEvents.\(action)", contentType: "application/x-amz-json-1.1",
                body: body.serialized()))
        guard !answer.isEmpty else { return .object(JSONObject()) }
        do { return try JSONValue(parsing: answer) } catch {
            throw AWSError(
                kind: .unexpected, message: "EventBridge answered \(action) with what is not JSON: \(error)")
        }
    }

    /// Makes a bus; nothing happens when it is there.
    func createBus(_ name: String) async throws(AWSError) {
        guard name != "default" else { return }
        do {
            _ = try await call("CreateEventBus", ["Name": .string(name)])
        } catch  where error.code == "ResourceAlreadyExistsException" {}
    }

    /// Publishes up to ten events; one outcome for each, in order.
    func put(_ bus: String, _ entries: [Entry]) async throws(AWSError) -> [Outcome] {
        let values = entries.map { entry -> JSONValue in
            [
                "EventBusName": .string(bus), "Source": .string(entry.source),
                "DetailType": .string(entry.detailType), "Detail": .string(entry.detail),
            ]
        }
        let answer = try await call("PutEvents", ["Entries": .array(values)])
        let results = answer["Entries"]?.array ?? []
        return entries.indices.map { index in
            guard results.indices.contains(index) else {
                return .failed(
                    code: "Unknown", message: "EventBridge did not say what became of it",
                    isSendersFault: false)
            }
            if let id = results[index]["EventId"]?.string { return .published(id: id) }
            let code = results[index]["ErrorCode"]?.string ?? "Unknown"
            return .failed(
                code: code, message: results[index]["ErrorMessage"]?.string ?? "",
                isSendersFault: code != "ThrottlingException" && code != "InternalFailure"
                    && code != "InternalException")
        }
    }

    /// Makes or replaces a rule with a queue as its target; the rule's ARN.
    func putRule(
        _ name: String, bus: String, pattern: String, queue: String, group: String?
    ) async throws(AWSError) -> String {
        let rule = try await call(
            "PutRule",
            [
                "Name": .string(name), "EventBusName": .string(bus), "EventPattern": .string(pattern),
                "State": "ENABLED",
            ])
        var target: JSONObject = JSONObject()
        target["Id"] = "queue"
        target["Arn"] = .string(queue)
        if let group { target["SqsParameters"] = ["MessageGroupId": .string(group)] }
        let answer = try await call(
            "PutTargets",
            ["Rule": .string(name), "EventBusName": .string(bus), "Targets": .array([.object(target)])])
        if let failure = answer["FailedEntries"]?.array?.first {
            throw AWSError(
                kind: .service(code: failure["ErrorCode"]?.string ?? "Unknown", status: 400),
                message: failure["ErrorMessage"]?.string ?? "the rule's target was refused")
        }
        guard let arn = rule["RuleArn"]?.string else {
            throw AWSError(kind: .unexpected, message: "EventBridge gave no ARN for rule '\(name)'")
        }
        return arn
    }

    /// Deletes a rule and its target; nothing happens when there is none.
    func deleteRule(_ name: String, bus: String) async throws(AWSError) {
        do {
            _ = try await call(
                "RemoveTargets",
                ["Rule": .string(name), "EventBusName": .string(bus), "Ids": ["queue"]])
            _ = try await call("DeleteRule", ["Name": .string(name), "EventBusName": .string(bus)])
        } catch  where error.code == "ResourceNotFoundException" {}
    }
}
