// SPDX-License-Identifier: Apache-2.0

// Outside topics as targets: what becomes of each event when a broker takes some, refuses some, or is not there.

import ApusBus
import ApusEngine
import ApusModel
import ApusTransport
import CloudEvents
import Logging
import Synchronization
import Testing

@testable import ApusBridges

@Suite struct BusTargetTests {
    private func deliveries(_ ids: String..., key: String? = nil, hops: Int32? = nil) throws -> [Delivery] {
        try ids.enumerated().map { index, id in
            var event = try CloudEvent(id: id, source: "/s", type: "t")
            if let hops { try event.extensions.set("apushops", to: .integer(hops)) }
            return Delivery(
                subscription: try ResourceName("s"), topic: try ResourceName("t"), partition: 0,
                offset: Offset(Int64(index)), attempt: 1, attemptsMax: 3, event: event, key: key)
        }
    }

    private func target(
        _ buses: ScriptedBus?..., url: String = "scripted:", secrets: Secrets = .none
    ) throws -> (BusTarget, Connections) {
        let connections = Connections(
            schemes: [.scripted(buses)], secrets: secrets, logger: Logger(label: "test")
        ) { Timestamp(milliseconds: 1) }
        connections.set(try ResourceName("c"), url: url)
        return (BusTarget(connections: connections), connections)
    }

    private func settings(_ connection: String = "c", timeout: Duration = .seconds(60)) throws -> PushSettings
    {
        PushSettings(connection: try ResourceName(connection), topic: "orders", timeout: timeout)
    }

    @Test func `a batch is one call, and its events keep their order, ids and keys`() async throws {
        let bus = ScriptedBus()
        let (target, _) = try target(bus)
        let outcomes = await target.deliverEach(try deliveries("a", "b", key: "k"), to: try settings())
        #expect(outcomes == [.delivered, .delivered])
        #expect(bus.calls.map { $0.map(\.id) } == [["a", "b"]] && bus.topics == ["orders"])
        #expect(bus.calls[0][0].extensions[.partitionKey] == "k")
        #expect(bus.calls[0][0].extensions["apushops"] == .integer(1))
    }

    @Test func `what a broker has taken of a batch is not sent again`() async throws {
        let bus = ScriptedBus { events, _ in
            guard events.count == 3 else { return .invalid("no") }
            return .partial([
                .success(Receipt(topic: "orders", durability: .memory)),
                .failure(BusError.Failure(reason: "later", isRetryable: true)),
                .failure(BusError.Failure(reason: "never", isRetryable: false)),
            ])
        }
        let (target, _) = try target(bus)
        let outcomes = await target.deliverEach(try deliveries("a", "b", "c"), to: try settings())
        #expect(
            outcomes == [
                .delivered, .retry(after: nil, status: nil, reason: "later"),
                .refused(status: nil, reason: "it is refused: \u{201C}no\u{201D}"),
            ])
        // The one that was refused was asked about once more, by itself.
        #expect(bus.calls.map { $0.map(\.id) } == [["a", "b", "c"], ["c"]])
    }

    @Test func `an event that the broker will never take does not take the others along`() async throws {
        let bus = ScriptedBus { events, _ in
            events.contains { $0.id == "large" } ? .tooLarge(bytes: 2, limit: 1) : nil
        }
        let (target, _) = try target(bus)
        let outcomes = await target.deliverEach(try deliveries("a", "large", "b"), to: try settings())
        #expect(outcomes[0] == .delivered && outcomes[2] == .delivered)
        #expect(outcomes[1] == .refused(status: nil, reason: "2 bytes are more than the limit of 1"))
    }

    @Test(arguments: [
        BusError.unavailable("x"), .undecided("x"), .unauthorized("x"), .unknown("topic 'x'"), .closed,
    ])
    func `what somebody has to mend is waited for, by all events`(_ error: BusError) async throws {
        let bus = ScriptedBus { _, _ in error }
        let (target, _) = try target(bus)
        let outcomes = await target.deliverEach(try deliveries("a", "b"), to: try settings())
        #expect(outcomes == Array(repeating: .retry(after: nil, status: nil, reason: "\(error)"), count: 2))
        #expect(bus.calls.count == 1)
    }

    @Test func `a connection that fails is shown as that until something goes well`() async throws {
        let bus = ScriptedBus { _, number in number == 0 ? .unavailable("down") : nil }
        let (target, connections) = try target(nil, bus)
        let name = try ResourceName("c")
        #expect(connections.standing(name) == .unused)
        for reason in ["nobody listens", "down"] {
            let outcome = await target.deliver(try deliveries("a"), to: try settings())
            #expect(outcome == .retry(after: nil, status: nil, reason: reason))
            #expect(connections.standing(name) == .failing(since: Timestamp(milliseconds: 1), reason: reason))
        }
        #expect(await target.deliver(try deliveries("a"), to: try settings()) == .delivered)
        #expect(connections.standing(name) == .connected(since: Timestamp(milliseconds: 1)))
    }

    @Test func `a broker that does not answer is given up in time`() async throws {
        let bus = ScriptedBus { _, _ in
            try? await Task.sleep(for: .seconds(3600))
            return nil
        }
        let (target, _) = try target(bus)
        let outcome = await target.deliver(try deliveries("a"), to: try settings(timeout: .milliseconds(20)))
        guard case .retry = outcome else { return #expect(outcome == .delivered) }
    }

    // MARK: What is told of an attempt

    /// Delivers with a witness for each event, and gives back what they saw.
    private func exchanges(
        _ deliveries: [Delivery], _ target: BusTarget, wantsSuccesses: Bool = true,
        timeout: Duration = .seconds(60)
    ) async throws -> (outcomes: [Outcome], seen: [Exchange?]) {
        let witnesses = deliveries.map { _ in AttemptWitness(wantsSuccesses: wantsSuccesses) }
        var deliveries = deliveries
        for index in deliveries.indices { deliveries[index].witness = witnesses[index] }
        let outcomes = await target.deliverEach(deliveries, to: try settings(timeout: timeout))
        return (outcomes, witnesses.map(\.exchange))
    }

    @Test func `a success is told with where it went, what went along, and the receipt`() async throws {
        let (target, _) = try target(ScriptedBus(), url: "scripted://me:pass@host/v?token=abcdef&x=1")
        var deliveries = try deliveries("a", key: "k")
        deliveries[0].event.data = CloudEventData([UInt8](repeating: 0x61, count: 5000))
        let exchange = try #require(try await exchanges(deliveries, target).seen[0])
        #expect(exchange.method == "publish" && exchange.url == "scripted://me:****@host/v?token=****&x=1")
        #expect(
            exchange.broker
                == Exchange.BrokerTopic(transport: "scripted", connection: "c", topic: "orders"))
        #expect(exchange.requestBytes == 5000 && exchange.requestBody.count == Exchange.bodyBytesMax)
        let attributes = exchange.requestFields.map { "\($0.name)=\($0.value)" }
        #expect(
            attributes == ["ce-id=a", "ce-source=/s", "ce-type=t", "ce-apushops=1", "ce-partitionkey=k"])
        #expect(exchange.isAnswered && exchange.error == nil && exchange.status == nil)
        #expect(exchange.responseFields.map(\.name) == ["topic", "durability"])
        #expect(exchange.sent == Timestamp(milliseconds: 1))
    }

    @Test func `of a batch each event has its own answer`() async throws {
        let bus = ScriptedBus { events, _ in
            guard events.count == 3 else { return .tooLarge(bytes: 9, limit: 1) }
            return .partial([
                .success(Receipt(topic: "orders", partition: 2, offset: 7, durability: .flushed)),
                .failure(BusError.Failure(reason: "later", isRetryable: true)),
                .failure(BusError.Failure(reason: "never", isRetryable: false)),
            ])
        }
        let (target, _) = try target(bus)
        let seen = try await exchanges(try deliveries("a", "b", "c"), target).seen
        #expect(seen.map { $0?.error } == [nil, "unavailable", "too large"])
        #expect(seen[0]?.responseFields.map(\.value) == ["orders", "2", "7", "flushed"])
        #expect(seen[1].map { String(decoding: $0.responseBody, as: UTF8.self) } == "later")
    }

    @Test func `successes are told only where they are wanted, failures always`() async throws {
        let bus = ScriptedBus { events, _ in events[0].id == "bad" ? .refused("no") : nil }
        let (target, _) = try target(bus)
        #expect(try await exchanges(try deliveries("a"), target, wantsSuccesses: false).seen == [nil])
        let failed = try await exchanges(try deliveries("bad"), target, wantsSuccesses: false).seen
        #expect(failed.map { $0?.error } == ["refused"])
    }

    @Test func `who is not reached, or does not answer, has no answer`() async throws {
        let (unreachable, _) = try target(nil)
        let silent = try target(
            ScriptedBus { _, _ in
                try? await Task.sleep(for: .seconds(3600))
                return nil
            }
        ).0
        let closed = try target(ScriptedBus { _, _ in .closed }).0
        for (target, timeout) in [
            (unreachable, Duration.seconds(60)), (silent, .milliseconds(20)), (closed, .seconds(60)),
        ] {
            let (outcomes, seen) = try await exchanges(try deliveries("a"), target, timeout: timeout)
            #expect(outcomes[0] != .delivered)
            #expect(seen[0]?.isAnswered == false && seen[0]?.broker?.topic == "orders")
        }
    }

    @Test func `no secret of the connection is told, however the broker spells it`() async throws {
        let bus = ScriptedBus { _, _ in
            .refused(#"user me with p@ss/w:rd (p%40ss%2Fw%3Ard) and abcdef: {"password": "other"}"#)
        }
        let (target, _) = try target(
            bus, url: "scripted://me:{secret:s}@host?token=abcdef",
            secrets: Secrets { $0 == "s" ? "p@ss/w:rd" : nil })
        let (outcomes, seen) = try await exchanges(try deliveries("a"), target)
        let text = #"user me with **** (****) and ****: {"password": "****"}"#
        #expect(
            outcomes == [
                .refused(
                    status: nil,
                    reason: "it is refused: \u{201C}\(text)\u{201D}")
            ])
        let exchange = try #require(seen[0])
        #expect(String(decoding: exchange.responseBody, as: UTF8.self) == text)
        #expect(exchange.url == "scripted://me:{secret:s}@host?token=****")
    }

    @Test func `an event that has crossed too many bridges is dead-lettered`() async throws {
        let bus = ScriptedBus()
        let (target, _) = try target(bus)
        let limit = Int32(Defaults.bridgeHopsMax)
        let round = try deliveries("round", hops: limit) + deliveries("last", hops: limit - 1)
        let outcomes = await target.deliverEach(round, to: try settings())
        #expect(outcomes == [.refused(status: nil, reason: BridgeHops.objection), .delivered])
        #expect(bus.calls.map { $0.map(\.id) } == [["last"]])
    }

    @Test func `a connection that is gone is waited for`() async throws {
        let (target, connections) = try target(ScriptedBus())
        connections.remove(try ResourceName("c"))
        let outcome = await target.deliver(try deliveries("a"), to: try settings())
        #expect(outcome == .retry(after: nil, status: nil, reason: "there is no connection 'c'"))
    }

    @Test func `a connection with another URL is another one, and the former is closed`() async throws {
        let (first, second) = (ScriptedBus(), ScriptedBus())
        let (target, connections) = try target(first, second)
        _ = await target.deliver(try deliveries("a"), to: try settings())
        connections.set(try ResourceName("c"), url: "scripted:?again")
        _ = await target.deliver(try deliveries("b"), to: try settings())
        #expect(first.calls.count == 1 && second.calls.count == 1)
        while !first.isClosed { await Task.yield() }
        await connections.close()
        #expect(second.isClosed)
    }
}
