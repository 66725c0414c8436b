// SPDX-License-Identifier: Apache-2.0

// A queue that answers what a test tells it to, and notes what it was asked.

import ApusBus
import AsyncHTTPClient
import JSONText
import Synchronization

@testable import ApusAWS

/// A FIFO queue by script, with a clock that the test moves.
final class ScriptedSQS: Sendable {
    /// One entry of a change of visibility.
    struct Change: Equatable {
        var receipt: String
        var seconds: Int

        init(_ receipt: String, _ seconds: Int) { (self.receipt, self.seconds) = (receipt, seconds) }
    }

    private struct State {
        var now = ContinuousClock.now
        var messages: [(receipt: String, group: String)] = []
        var changes: [Change] = []
        var deleted: [String] = []
        /// What cannot be changed or deleted, and whether that is said to be the caller's fault.
        var failing: [String: Bool] = [:]
        var isAway = false
    }

    static let lease = 30

    private let state = Mutex(State())

    /// Offers messages, each by its receipt, whose first letter is its group.
    func offer(_ receipts: String...) {
        state.withLock { $0.messages += receipts.map { ($0, String($0.prefix(1))) } }
    }

    /// Has entries about a message fail from now on.
    func fail(_ receipt: String, isSendersFault: Bool = true) {
        state.withLock { $0.failing[receipt] = isSendersFault }
    }

    /// Whether whole calls fail.
    func isAway(_ isAway: Bool) { state.withLock { $0.isAway = isAway } }

    func advance(by seconds: Int) { state.withLock { $0.now += .seconds(seconds) } }

    /// The changes of visibility since the last call.
    func changes() -> [Change] {
        state.withLock { state in
            defer { state.changes = [] }
            return state.changes
        }
    }

    var deleted: [String] { state.withLock(\.deleted) }

    /// Gives `body` a receiver on the queue.
    func receiving(_ body: (SQSReceiver) async throws -> Void) async throws {
        let service = SQSService { (request) async throws(AWSError) in try self.answer(request) }
        let transport = AWSTransport(
            capabilities: .aws(isFIFO: true), sqs: service, fanOut: NoFanOut(), isFIFO: true,
            http: HTTPClient(eventLoopGroupProvider: .singleton))
        let receiver = SQSReceiver(
            subscription: Subscription(
                group: "billing", topic: "orders", ordering: .byKey, lease: .seconds(Self.lease)),
            queue: SubscriptionQueue(url: "queue", deadLetters: "dead"), transport: transport,
            now: { self.state.withLock(\.now) })
        do { try await body(receiver) } catch {
            await transport.close()
            throw error
        }
        await transport.close()
    }

    private func answer(_ request: AWSClient.Request) throws(AWSError) -> [UInt8] {
        let answer = state.withLock { state -> JSONValue? in
            guard !state.isAway, let body = try? JSONValue(parsing: request.body) else { return nil }
            let entries = body["Entries"]?.array ?? []
            switch request.target {
            case "AmazonSQS.ReceiveMessage":
                defer { state.messages = [] }
                return ["Messages": .array(state.messages.map { Self.message($0.receipt, $0.group) })]
            case "AmazonSQS.ChangeMessageVisibilityBatch":
                state.changes += entries.map {
                    Change(
                        $0["ReceiptHandle"]?.string ?? "", Int($0["VisibilityTimeout"]?.int64 ?? -1))
                }
            case "AmazonSQS.DeleteMessageBatch":
                let receipts = entries.compactMap { $0["ReceiptHandle"]?.string }
                state.deleted += receipts.filter { state.failing[$0] == nil }
            default: return nil
            }
            return [
                "Failed": .array(
                    entries.compactMap { entry -> JSONValue? in
                        guard let isSendersFault = state.failing[entry["ReceiptHandle"]?.string ?? ""] else {
                            return nil
                        }
                        return [
                            "Id": entry["Id"] ?? "", "Code": "ReceiptHandleIsInvalid",
                            "SenderFault": .bool(isSendersFault),
                        ]
                    })
            ]
        }
        guard let answer else { throw AWSError(kind: .unreachable, message: "away") }
        return answer.serialized()
    }

    private static func message(_ receipt: String, _ group: String) -> JSONValue {
        [
            "MessageId": .string(receipt), "ReceiptHandle": .string(receipt), "Body": "hello",
            "Attributes": ["ApproximateReceiveCount": "1", "MessageGroupId": .string(group)],
        ]
    }
}

/// Nothing is published and nothing bound.
private struct NoFanOut: FanOut {
    var batchMax: Int { 10 }
    var bytesMax: Int { 1_000 }

    func publish(_ messages: [OutgoingMessage], to topic: String) async throws(BusError) -> [PublishOutcome] {
        throw .closed
    }
    func bind(_ subscription: Subscription, queue: String) async throws(BusError) -> String { "" }
    func unbind(_ subscription: Subscription, queue: String) async throws(BusError) {}
}

extension SQSReceiver {
    /// The receipts of what is there now.
    func receiveNow() async throws -> [String] {
        try await receive(limit: 10, wait: .zero).map {
            if case .text(let receipt) = $0.token { receipt } else { "" }
        }
    }

    func settle(_ receipt: String, _ verdict: Settlement.Verdict = .acknowledge) async throws -> SettleResult?
    {
        try await settle([Settlement(.text(receipt), verdict)]).first
    }
}
