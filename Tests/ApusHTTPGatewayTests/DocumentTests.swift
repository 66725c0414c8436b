// SPDX-License-Identifier: Apache-2.0

import ApusEngine
import ApusHTTPCodec
import ApusModel
import JSONText
import Testing

@testable import ApusHTTPGateway

@Suite struct OpenAPITests {
    private let document = OpenAPIDocument.json(RouteTable.all, version: "1", needsToken: true)

    @Test func `the document is served and lists every route`() async throws {
        try await GatewayFixture.with { fixture async throws in
            let reply = try await fixture.get("/openapi.json")
            let paths = try #require(reply.json["paths"]?.object)
            #expect(reply.json["openapi"] == "3.1.0")
            for route in RouteTable.all {
                let operation = paths[route.path.description]?[route.method.name.lowercased()]
                #expect(operation?["operationId"] == .string(route.operation))
                let statuses = operation?["responses"]?.object?.members.compactMap { UInt16($0.name) } ?? []
                #expect(Set(statuses) == route.statuses)
            }
        }
    }

    @Test func `every reference leads somewhere`() {
        var references: Set<String> = []
        collect(document, &references)
        #expect(!references.isEmpty)
        for reference in references {
            let path = reference.split(separator: "/").dropFirst()
            #expect(path.reduce(document) { $0[String($1)] ?? .null } != .null, "\(reference)")
        }
    }

    private func collect(_ value: JSONValue, _ references: inout Set<String>) {
        switch value {
        case .object(let object):
            for member in object.members {
                if member.name == "$ref", let text = member.value.string { references.insert(text) }
                collect(member.value, &references)
            }
        case .array(let elements): for element in elements { collect(element, &references) }
        default: break
        }
    }

    @Test func `operations have distinct names`() {
        let names = RouteTable.all.map(\.operation)
        #expect(Set(names).count == names.count)
    }
}

@Suite struct TextTests {
    @Test(arguments: [
        ("250ms", 250), ("30s", 30_000), ("5m", 300_000), ("12h", 43_200_000), ("7d", 604_800_000), ("0s", 0),
    ])
    func `durations read and write the same`(text: String, milliseconds: Int) {
        #expect(DurationText.parse(text) == .milliseconds(milliseconds))
        #expect(DurationText.format(.milliseconds(milliseconds)) == text)
    }

    @Test(arguments: [
        "", "s", "1", "1.5s", "-1s", "1 s", "1S", "1w", "99999999999999999999s", "36526d", "١s",
    ])
    func `other texts are no durations`(text: String) { #expect(DurationText.parse(text) == nil) }

    @Test func `positions write as they read`() {
        let now = Timestamp(milliseconds: 1_000_000)
        for text in ["earliest", "latest", "42", "1970-01-01T00:16:40.000Z"] {
            #expect(PositionText.parse(text, now: now).map(PositionText.text) == text)
        }
        #expect(PositionText.parse("10s", now: now) == .time(Timestamp(milliseconds: 990_000)))
        for text in ["", "-1", "4 2", "Latest", "99999999999999999999", "2026-13-01T00:00:00Z"] {
            #expect(PositionText.parse(text, now: now) == nil)
        }
    }

    @Test func `the nearest word is suggested, a far one is not`() {
        let names = ["partitions", "durability", "max_in_flight"]
        #expect(Suggestions.nearest(to: "partitons", among: names) == "partitions")
        #expect(Suggestions.nearest(to: "maxInFlight", among: names) == "max_in_flight")
        #expect(Suggestions.nearest(to: "colour", among: names) == nil)
    }

    @Test func `every kind of problem has a status of its class`() {
        for kind in Problem.Kind.allCases { #expect((400...599).contains(kind.status.code)) }
    }
}
