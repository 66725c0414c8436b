// SPDX-License-Identifier: Apache-2.0

// From a request to typed handlers and back to an answer.

import Apus
import CloudEvents
import Synchronization
import Testing

@testable import ApusWebhook

struct Happened: Event {
    static let type = "test.happened", topic = "tests"
    var n: Int
}

struct Other: Event {
    static let type = "test.other", topic = "others"
    var n: Int
}

struct NotNow: Error {}

/// What handlers and closures have seen.
final class Seen: Sendable {
    private let ids = Mutex<[String]>([])

    func add(_ id: String) { ids.withLock { $0.append(id) } }
    var all: [String] { ids.withLock { $0 } }
    func count(_ id: String) -> Int { all.count { $0 == id } }
}

struct ReceiverTests {
    private func receiver(
        _ options: WebhookReceiver.Options = .init(), rejected: WebhookReceiver.Rejected? = nil
    ) throws -> WebhookReceiver {
        try WebhookReceiver(
            .init(from: try .standardWebhooks(secrets: [Requests.secret])), options: options,
            publishingTo: nil, fetch: nil, rejected: rejected, now: { Requests.now })
    }

    /// Runs a consumer of a webhook as long as `body` takes.
    private func running(
        _ receiver: WebhookReceiver, options: ConsumerOptions = .init(),
        @ConsumerBuilder _ parts: () -> [ConsumerPart], body: @Sendable () async throws -> Void
    ) async throws {
        let consumer = try Bus(transport: receiver).consumer(group: "g", options: options, parts)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await consumer.run() }
            // A request that comes before anybody handles is asked for again.
            while await receiver.respond(
                to: try Requests.signed([Requests.event("probe", type: "test.probe")])
            )
            .status == 503 { await Task.yield() }
            try await body()
            consumer.stop()
            try await tasks.waitForAll()
        }
    }

    private func send(_ events: [CloudEvent], to receiver: WebhookReceiver) async throws -> WebhookResponse {
        await receiver.respond(to: try Requests.signed(events))
    }

    private func expect(
        _ status: Int, of events: [CloudEvent], from receiver: WebhookReceiver,
        _ location: SourceLocation = #_sourceLocation
    ) async throws {
        let response = try await send(events, to: receiver)
        #expect(response.status == status, sourceLocation: location)
    }

    @Test func `what is handled is answered with success`() async throws {
        let receiver = try receiver()
        let seen = Seen()
        try await running(receiver) {
            Handle(Happened.self) { event, context in seen.add("\(context.id)-\(event.n)") }
        } body: {
            try await expect(204, of: [Requests.event()], from: receiver)
        }
        #expect(seen.all == ["1-1"])
    }

    @Test func `what fails is asked for again, after as long as the policy says`() async throws {
        let receiver = try receiver()
        try await running(receiver, options: .init(retry: .list([.milliseconds(6_500)]))) {
            Handle(Happened.self) { _, _ in throw NotNow() }
        } body: {
            let response = try await send([Requests.event()], to: receiver)
            #expect(response.status == 503)
            #expect(response.headers.contains { $0 == ("retry-after", "7") })
        }
    }

    @Test func `what is given up ends the sender's attempts, and says why`() async throws {
        let receiver = try receiver()
        try await running(receiver) {
            Handle(Happened.self) { _, _ in throw Reject("no\nway") }
        } body: {
            let response = try await send([Requests.event()], to: receiver)
            #expect(response.status == 400)
            #expect(String(decoding: response.body, as: UTF8.self) == "no way\n")
        }
    }

    @Test func `a handler whose attempts are used up gives up, by the sender's count`() async throws {
        let receiver = try receiver()
        try await running(receiver, options: .init(retry: .immediate(2))) {
            Handle(Happened.self) { _, _ in throw NotNow() }
        } body: {
            for (attempt, status) in [(1, 503), (2, 503), (3, 400)] {
                let request = try Requests.signed(
                    [Requests.event()], headers: [("apus-attempt", "\(attempt)")])
                #expect(await receiver.respond(to: request).status == status)
            }
        }
    }

    @Test func `a closure that takes what is given up has it answered as handled`() async throws {
        let seen = Seen()
        let receiver = try receiver { event, reason in
            if event.id == "2" { throw NotNow() }
            seen.add("\(event.id): \(reason)")
        }
        try await running(receiver) {
            Handle(Happened.self) { _, _ in throw Reject("no") }
        } body: {
            try await expect(204, of: [Requests.event("1")], from: receiver)
            try await expect(503, of: [Requests.event("2")], from: receiver)
        }
        #expect(seen.all == ["1: no"])
    }

    @Test func `of a batch the worst counts, and an inbox keeps the rest from being handled twice`()
        async throws
    {
        let receiver = try receiver()
        let seen = Seen()
        try await running(receiver, options: .init(retry: .immediate(5), inbox: MemoryInbox())) {
            Handle(Happened.self) { _, context in
                seen.add(context.id)
                if context.id == "2", seen.count("2") == 1 { throw NotNow() }
            }
        } body: {
            let batch = try ["1", "2", "3"].map { try Requests.event($0) }
            try await expect(503, of: batch, from: receiver)
            try await expect(204, of: batch, from: receiver)
        }
        #expect(seen.count("1") == 1 && seen.count("2") == 2 && seen.count("3") == 1)
    }

    @Test func `batches are handled as batches`() async throws {
        let receiver = try receiver()
        let seen = Seen()
        try await running(receiver) {
            Handle(batchesOf: Happened.self, size: 3, linger: .seconds(5)) { items in
                seen.add("\(items.count)")
            }
        } body: {
            let batch = try ["1", "2", "3"].map { try Requests.event($0) }
            try await expect(204, of: batch, from: receiver)
        }
        #expect(seen.all == ["3"])
    }

    @Test func `everybody who wants an event has a say`() async throws {
        let receiver = try receiver()
        let seen = Seen()
        try await running(receiver) {
            Handle(Happened.self) { _, _ in seen.add("first") }
            Handle(Other.self) { _, _ in seen.add("other") }
        } body: {
            let batch = [try Requests.event("1"), try Requests.event("2", type: "test.other")]
            try await expect(204, of: batch, from: receiver)
        }
        #expect(seen.all.sorted() == ["first", "other"])
    }

    @Test func `what nobody wants is taken, or refused if that is asked for`() async throws {
        for (rejects, status) in [(false, 204), (true, 400)] {
            let receiver = try receiver(.init(rejectsUnwanted: rejects))
            try await running(receiver) {
                Handle(Happened.self) { _, _ in }
            } body: {
                try await expect(status, of: [Requests.event("1", type: "test.odd")], from: receiver)
            }
        }
    }

    @Test func `while nobody handles, and when too many wait, the sender is asked to wait`() async throws {
        let receiver = try receiver(.init(eventsMax: 2))
        try await expect(503, of: [Requests.event()], from: receiver)
        try await running(receiver) {
            Handle(Happened.self) { _, _ in }
        } body: {
            let batch = try ["1", "2", "3"].map { try Requests.event($0) }
            try await expect(503, of: batch, from: receiver)
            try await expect(204, of: Array(batch.prefix(2)), from: receiver)
        }
    }

    @Test func `what takes longer than the sender waits is asked for again`() async throws {
        let receiver = try receiver(.init(patience: .milliseconds(20)))
        try await running(receiver) {
            Handle(Happened.self) { _, _ in try await Task.sleep(for: .milliseconds(300)) }
        } body: {
            try await expect(503, of: [Requests.event()], from: receiver)
        }
    }

    @Test func `who is not known is told so, and no handler hears of it`() async throws {
        let receiver = try receiver()
        let seen = Seen()
        try await running(receiver) {
            Handle(Happened.self) { _, _ in seen.add("heard") }
        } body: {
            let other = "whsec_" + Base64.encoded([UInt8](repeating: 7, count: 32))
            let request = try Requests.signed([Requests.event()], with: [other])
            #expect(await receiver.respond(to: request).status == 401)
        }
        #expect(seen.all.isEmpty)
    }

    @Test func `a webhook cannot do what brokers do, and says so by name`() async throws {
        let receiver = try receiver()
        await #expect(throws: BusError.self) { _ = try await receiver.publish([Requests.event()], to: "t") }
        await #expect(throws: BusError.unsupported(.orderByKey, transport: "webhook")) {
            var subscription = Subscription(group: "g", topic: "t")
            subscription.ordering = .byKey
            _ = try await receiver.subscribe(subscription)
        }
        await receiver.close()
        await #expect(throws: BusError.closed) {
            _ = try await receiver.subscribe(Subscription(group: "g", topic: "t"))
        }
    }

    @Test func `SNS needs somebody who fetches, and gets certificates once`() async throws {
        let sns = WebhookEndpoint(from: try .sns(topics: [SNSTests.topic]))
        #expect(throws: WebhookConfigurationError.self) { try WebhookReceiver(sns) }
    }
}
