// SPDX-License-Identifier: Apache-2.0

// Trace context in plain headers beside an event, as instrumentation of other clients writes it.

import CloudEvents
import Testing

@Suite struct TraceHeadersTests {
    private static let place = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    private func event(_ parent: CloudEventValue? = nil) throws -> CloudEvent {
        var event = try CloudEvent(id: "1", source: "/s", type: "t")
        if let parent { try event.extensions.set("traceparent", to: parent) }
        return event
    }

    private func completed(_ parent: String?, _ state: String? = nil) throws -> CloudEventExtensions {
        var event = try event()
        TraceHeaders(parent: parent, state: state).complete(&event)
        return event.extensions
    }

    @Test(arguments: [
        place, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future-will-be-like",
    ])
    func `an event without a trace gets that of its headers`(_ parent: String) throws {
        let extensions = try completed(parent, "vendor=1,other=2")
        #expect(extensions[.traceParent] == parent)
        #expect(extensions[.traceState] == "vendor=1,other=2")
    }

    @Test(arguments: [CloudEventValue.string("anything at all"), .integer(7)])
    func `what an event says itself wins, state included`(_ own: CloudEventValue) throws {
        var event = try event(own)
        TraceHeaders(parent: Self.place, state: "vendor=1").complete(&event)
        #expect(event.extensions["traceparent"] == own && event.extensions[.traceState] == nil)
    }

    @Test(arguments: [
        "", "00", String(place.dropLast()), place + "0", place + "-00", place.uppercased(),
        place.replacing("-", with: "_"), "ff" + place.dropFirst(2), "0g" + place.dropFirst(2),
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473\u{e9}-00f067aa0ba902b7-01",
        "cc" + place.dropFirst(2) + String(repeating: "x", count: 100),
    ])
    func `what is no trace context is ignored`(_ parent: String) throws {
        #expect(try completed(parent, "vendor=1").isEmpty)
    }

    @Test(arguments: [
        "", "no members", "=1", "a=1,=2", "a=\u{1}", "a=ü", String(repeating: "a=1,", count: 200),
    ])
    func `a state that is none is left out, and the parent stays`(_ state: String) throws {
        let extensions = try completed(Self.place, state)
        #expect(extensions[.traceParent] == Self.place && extensions[.traceState] == nil)
    }

    @Test func `a state without a parent is nobody's`() throws {
        #expect(try completed(nil, "vendor=1").isEmpty)
    }
}
