// SPDX-License-Identifier: Apache-2.0

import ApusHTTPCodec
import ApusHTTPServer
import ApusModel
import AsyncHTTPClient
import JSONText
import NIOCore
import NIOHTTP1
import Testing

@testable import ApusEngine
@testable import ApusHTTPGateway

@Suite(.timeLimit(.minutes(1))) struct ActivityTests {
    @Test func `a stream begins with what goes on now`() async throws {
        try await GatewayFixture.with {
            $0.figures = {
                var figures = ProcessFigures()
                figures.publishAcknowledgements = HistogramFigures(
                    upperBounds: [0.001, 0.5], cumulativeCounts: [1, 2, 2])
                figures.deliveryDelays = HistogramFigures(upperBounds: [5], cumulativeCounts: [3, 4])
                return figures
            }
        } _: { fixture async throws in
            fixture.broker.addTopic("orders")
            let response = try await fixture.stream("/v1/activity")
            #expect(response.headers.first(name: "content-type") == "text/event-stream")
            var text = ""
            for try await chunk in response.body {
                text += String(buffer: chunk)
                if text.contains("\n\n") { break }
            }
            #expect(text.hasPrefix("event: sample\ndata: "))
            let sample = try JSONValue(parsing: String(text.split(separator: "\n")[1].dropFirst(6)))
            #expect(sample["ready"] == true)
            #expect(sample["dead_letters"]?.int64 != nil)
            #expect(
                sample["publish_ack"]?["bounds"]?.array?.compactMap { $0.number?.double } == [0.001, 0.5])
            #expect(sample["publish_ack"]?["counts"] == [1, 2, 2])
            #expect(sample["delivery_delay"]?["counts"] == [3, 4])
        }
    }

    @Test func `all streams share the samples, and later ones get those that are kept`() throws {
        let (sampler, context) = (ActivitySampler(streamsMax: 2), context())
        let first = sampler.samples(after: 0, context)
        #expect(first.samples.map(\.number) == [1])
        // Before it is time for another one, nothing is gathered.
        #expect(sampler.samples(after: 1, context).samples.isEmpty)
        #expect(sampler.samples(after: 0, context).samples.map(\.json) == first.samples.map(\.json))
        #expect(first.next > .now)
    }

    @Test func `there are only so many streams`() throws {
        let sampler = ActivitySampler(streamsMax: 2)
        try sampler.enter()
        try sampler.enter()
        #expect(throws: Problem.self) { try sampler.enter() }
        sampler.leave()
        try sampler.enter()
    }

    @Test func `lists are searched by part of a name`() async throws {
        try await GatewayFixture.with { fixture async throws in
            for name: ResourceName in ["orders", "orders.eu", "Reorders", "payments"] {
                fixture.broker.addTopic(name)
            }
            let reply = try await fixture.get("/v1/topics?search=ORDER")
            #expect(
                reply.json["topics"]?.array?.map { $0["name"]?.string } == [
                    "Reorders", "orders", "orders.eu",
                ])
            let all = try await fixture.get("/v1/topics?search=")
            #expect(all.json["topics"]?.array?.count == 4)
            #expect(try await fixture.get("/v1/delayed?search=x").status == 400)
        }
    }

    @Test func `pages are shown to whoever has no token, and to no foreign name or page`() async throws {
        try await GatewayFixture.with {
            $0.token = "secret"
            $0.pages = { head in
                head.path == "/ui/" ? HTTPResponse(status: .ok, body: ByteBuffer(string: "page")) : nil
            }
        } _: { fixture async throws in
            #expect(try await fixture.get("/ui/").text == "page")
            #expect(try await fixture.get("/ui/", headers: [("host", "evil.example")]).status == 421)
            #expect(try await fixture.get("/ui/", headers: [("origin", "http://evil.example")]).status == 403)
            #expect(try await fixture.get("/v1/topics").status == 401)
            #expect(try await fixture.get("/v1/activity").status == 401)
            #expect(try await fixture.send("POST", "/ui/").status == 401)
        }
    }

    private func context() -> GatewayContext {
        let configuration = HTTPGatewayConfiguration()
        return GatewayContext(
            broker: RecorderBroker(), configuration: configuration, calls: CallRegistry(waitingMax: 10),
            metrics: GatewayMetrics([]), openAPI: [], started: .now,
            activity: ActivitySampler(streamsMax: 1), clients: ClientDirectory(others: []))
    }
}
