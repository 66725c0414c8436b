// SPDX-License-Identifier: Apache-2.0

// Who is connected, over all gateways: page by page, searched, and sent away.

import ApusEngine
import JSONText
import Synchronization
import Testing

@testable import ApusHTTPGateway

/// Clients of another protocol, as a gateway would tell of them.
private final class OtherClients: ClientObserver {
    let service = "kafka"
    private let present: Mutex<[ConnectedClient]>

    init(count: Int) {
        present = Mutex(
            (0..<count).map { number in
                ConnectedClient(
                    id: ClientID(service: "kafka", loop: number % 2, place: number / 2, generation: 7),
                    address: "192.0.2.1:\(1000 + number)", client: "billing-\(number)",
                    software: "librdkafka 2.3",
                    age: .seconds(60), idle: .seconds(2), requests: number, underWay: 1, bytesReceived: 10,
                    bytesSent: 20, lastRequest: "Fetch", topics: ["orders"], groups: ["billing"])
            }.sorted { $0.id < $1.id })
    }

    func clients(
        after id: ClientID?, limit: Int, where isWanted: @escaping @Sendable (ConnectedClient) -> Bool
    ) async -> [ConnectedClient] {
        present.withLock { all in
            Array(all.filter { client in id.map { $0 < client.id } ?? true }.filter(isWanted).prefix(limit))
        }
    }

    func disconnect(_ id: ClientID) async -> Bool {
        present.withLock { all in
            let count = all.count
            all.removeAll { $0.id == id }
            return all.count < count
        }
    }
}

@Suite struct ClientRouteTests {
    @Test func `clients of all gateways are listed page by page`() async throws {
        let others = OtherClients(count: 5)
        try await GatewayFixture.with({ $0.clients = [others] }) { fixture async throws in
            var ids: [String] = []
            var path = "/v1/clients?limit=2"
            while true {
                let page = try await fixture.get(path).json
                ids += (page["clients"]?.array ?? []).compactMap { $0["id"]?.string }
                guard let next = page["next"]?.string else { break }
                path = "/v1/clients?limit=2&after=\(next)"
            }
            // Its own connection comes first.
            #expect(ids.count == 6 && Set(ids).count == 6 && ids.first?.hasPrefix("http-0-") == true)
            #expect(
                ids.dropFirst() == [
                    "kafka-0-0-7", "kafka-0-1-7", "kafka-0-2-7", "kafka-1-0-7", "kafka-1-1-7",
                ])
            let found = try await fixture.get("/v1/clients?search=BILLING-3").json["clients"]?.array ?? []
            let one = try #require(found.first)
            #expect(found.count == 1 && one["software"] == "librdkafka 2.3" && one["groups"] == ["billing"])
            #expect(one["since"] == "1970-01-01T00:00:00.000Z" || one["since"]?.string != one["last"]?.string)
        }
    }

    @Test func `this gateway's own clients tell what they ask for`() async throws {
        try await GatewayFixture.with { fixture async throws in
            fixture.broker.addTopic("orders")
            let found =
                try await fixture.get(
                    "/v1/clients", headers: [("user-agent", "tester/1")]
                ).json["clients"]?.array ?? []
            let one = try #require(found.first)
            #expect(found.count == 1 && one["client"] == "tester/1" && one["under_way"] == 1)
            #expect(one["last_request"] == "GET /v1/clients" && one["service"] == "http")
        }
    }

    @Test func `a client is sent away, one that is not there is not found`() async throws {
        let others = OtherClients(count: 1)
        try await GatewayFixture.with({ $0.clients = [others] }) { fixture async throws in
            #expect(try await fixture.delete("/v1/clients/kafka-0-0-7").status == 204)
            #expect(try await fixture.delete("/v1/clients/kafka-0-0-7").status == 404)
            #expect(try await fixture.delete("/v1/clients/amqp-0-0-7").status == 404)
            for wrong in ["x", "kafka-0-0", "kafka-0-0--7", "kafka-0-99999999999999999999-1"] {
                #expect(try await fixture.delete("/v1/clients/\(wrong)").status == 422)
                #expect(try await fixture.get("/v1/clients?after=\(wrong)").status == 422)
            }
        }
    }
}
