// SPDX-License-Identifier: Apache-2.0

// W3C Trace Context, rule by rule.

import ApusTelemetry
import Testing

/// A generator that counts, so that identities in tests are known.
struct CountingGenerator: RandomNumberGenerator, Sendable {
    var count: UInt64 = 0

    mutating func next() -> UInt64 {
        count += 1
        return count
    }
}

@Suite struct TraceContextTests {
    static let valid = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    @Test func `a valid header is parsed and written back`() throws {
        let context = try #require(TraceContext(traceparent: Self.valid))
        #expect(context.traceID.description == "0af7651916cd43dd8448eb211c80319c")
        #expect(context.spanID.description == "b7ad6b7169203331")
        #expect(context.flags == .sampled)
        #expect(context.traceparent == Self.valid)
    }

    @Test(arguments: [
        "", "00", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331_01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0x",
        "0g-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.more",
        " 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319é-b7ad6b7169203331-01",
    ])
    func `a header that is wrong in any way is not a trace`(header: String) {
        #expect(TraceContext(traceparent: header) == nil)
    }

    @Test func `a later version is read as far as it is known and sent on as version 00`() throws {
        let later = "cc" + Self.valid.dropFirst(2)
        let bare = try #require(TraceContext(traceparent: later))
        let extended = try #require(TraceContext(traceparent: later + "-what-the-future-brings"))
        #expect(bare == extended)
        #expect(bare.traceparent == Self.valid)
    }

    @Test func `flags without a meaning are cleared`() throws {
        let context = try #require(TraceContext(traceparent: Self.valid.dropLast(2) + "ff"))
        #expect(context.flags == [.sampled, .random])
        #expect(context.traceparent.hasSuffix("-03"))
    }

    @Test func `a child keeps trace, flags and state and has a span of its own`() throws {
        var generator = CountingGenerator(count: 41)
        let parent = try #require(TraceContext(traceparent: Self.valid, tracestate: "a=1"))
        let child = parent.child(using: &generator)
        #expect(child.traceID == parent.traceID)
        #expect(child.spanID != parent.spanID)
        #expect(child.flags == parent.flags)
        #expect(child.state.description == "a=1")
    }

    @Test func `a root is valid and repeatable from its generator`() {
        var first = CountingGenerator()
        var second = CountingGenerator()
        let root = TraceContext.root(sampled: true, using: &first)
        #expect(root == TraceContext.root(sampled: true, using: &second))
        #expect(TraceContext(traceparent: root.traceparent) == root)
    }

    @Test func `identities of all zeros do not exist`() {
        #expect(TraceID(high: 0, low: 0) == nil)
        #expect(SpanID(0) == nil)
    }
}

@Suite struct TraceStateTests {
    @Test func `a valid list is passed on without its optional white space`() throws {
        let state = try #require(TraceState(parsing: "rojo=00f067aa0ba902b7 ,\t, 1a@vendor=x y!"))
        #expect(state.description == "rojo=00f067aa0ba902b7,1a@vendor=x y!")
    }

    @Test(arguments: ["a", "A=1", "=1", "a=", "a=1=2", "a=\u{7f}", "a=é", "a=1,a=2", "-a=1"])
    func `a list that is not valid is dropped whole, without harm to its traceparent`(header: String) throws {
        #expect(TraceState(parsing: header) == nil)
        let context = try #require(
            TraceContext(traceparent: TraceContextTests.valid, tracestate: header))
        #expect(context.state.isEmpty)
    }

    @Test func `more than 32 entries are not valid`() {
        let entries = (1...33).map { "k\($0)=v" }
        #expect(TraceState(parsing: entries.dropLast().joined(separator: ",")) != nil)
        #expect(TraceState(parsing: entries.joined(separator: ",")) == nil)
    }

    @Test func `a list that is too long loses long entries first, then its end`() throws {
        let long = "long=" + String(repeating: "x", count: 200)
        let entries = ["a=1", long] + (1...12).map { "key\($0)=" + String(repeating: "y", count: 40) }
        let state = try #require(TraceState(parsing: entries.joined(separator: ",")))
        #expect(state.description.utf8.count <= TraceState.charactersMax)
        #expect(state.description.hasPrefix("a=1,key1="))
        #expect(!state.description.contains("long="))
        #expect(!state.description.contains("key12="))
    }
}
