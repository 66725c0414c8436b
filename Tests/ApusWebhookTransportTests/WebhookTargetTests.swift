// SPDX-License-Identifier: Apache-2.0

import ApusModel
import ApusTransport
import CloudEvents
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1
import NIOPosix
import Testing

@testable import ApusWebhookTransport

extension WebhookTarget {
    /// One event, as most tests have it.
    func deliver(_ delivery: Delivery, to settings: PushSettings) async -> Outcome {
        await deliver([delivery], to: settings)
    }
}

private func delivery(attempt: Int = 1) throws -> Delivery {
    Delivery(
        subscription: try ResourceName("billing"), topic: try ResourceName("orders"), partition: 2,
        offset: Offset(42), attempt: attempt, attemptsMax: 16,
        event: try CloudEvent(
            id: "7", source: "/shop", type: "order.placed", dataContentType: "application/json",
            data: CloudEventData(text: #"{"n":1}"#)),
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
}

private func withTarget(
    _ configuration: WebhookConfiguration = WebhookConfiguration(allowPrivateTargets: true),
    lookUp: @escaping @Sendable (String, Int) -> [SocketAddress] = HostResolver.system,
    _ test: (WebhookTarget) async throws -> Void
) async throws {
    let target = WebhookTarget(
        configuration: configuration, group: MultiThreadedEventLoopGroup.singleton,
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, lookUp: lookUp)
    do {
        try await test(target)
    } catch {
        await target.close()
        throw error
    }
    await target.close()
}

@Suite(.timeLimit(.minutes(1))) struct WebhookTargetTests {
    @Test func `binary mode sends attributes as headers and data as body`() async throws {
        try await WebhookServer.with(.answer(status: 204)) { server async throws in
            try await withTarget { target async throws in
                let settings = PushSettings(url: "http://127.0.0.1:\(server.port)/hook?a=b#frag")
                let outcome = await target.deliver(try delivery(attempt: 3), to: settings)
                #expect(outcome == .delivered)
                let request = try #require(server.requests.first)
                #expect(request.head.method == .POST)
                #expect(request.head.uri == "/hook?a=b")
                #expect(request.body == #"{"n":1}"#)
                let expected = [
                    "ce-id": "7", "ce-type": "order.placed", "content-type": "application/json",
                    "apus-attempt": "3",
                    "apus-max-attempts": "16", "apus-subscription": "billing", "apus-origin": "orders/2/42",
                    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                    "user-agent": "Apus",
                ]
                for (name, value) in expected { #expect(request.head.headers[name] == [value]) }
            }
        }
    }

    @Test func `structured mode sends one JSON document`() async throws {
        try await WebhookServer.with(.answer(status: 200)) { server async throws in
            try await withTarget { target async throws in
                let settings = PushSettings(url: "http://127.0.0.1:\(server.port)", mode: .structured)
                #expect(await target.deliver(try delivery(), to: settings) == .delivered)
                let request = try #require(server.requests.first)
                #expect(request.head.headers["content-type"] == ["application/cloudevents+json"])
                #expect(request.body.contains(#""data":{"n":1}"#))
            }
        }
    }

    enum Verdict { case delivered, retry, refused }

    @Test(arguments: [
        (200, Verdict.delivered), (201, .delivered), (202, .delivered), (204, .delivered), (301, .refused),
        (302, .refused), (307, .refused), (308, .refused), (400, .refused), (401, .refused), (403, .refused),
        (404, .refused), (410, .refused), (413, .refused), (422, .refused), (408, .retry), (425, .retry),
        (429, .retry), (500, .retry), (502, .retry), (503, .retry), (504, .retry),
    ])
    func `each status has one meaning`(status: Int, verdict: Verdict) async throws {
        let headers = status < 400 && status >= 300 ? [("location", "http://127.0.0.1:1/")] : []
        try await WebhookServer.with(
            .answer(status: status, headers: headers, body: status == 204 ? "" : "why\n")
        ) { server async throws in
            try await withTarget { target async throws in
                let outcome = await target.deliver(
                    try delivery(), to: PushSettings(url: "http://127.0.0.1:\(server.port)/"))
                switch (outcome, verdict) {
                case (.delivered, .delivered): break
                case (.retry(nil, status, let reason), .retry), (.refused(status, let reason), .refused):
                    #expect(reason.hasPrefix("answered with status \(status): \u{201C}why\u{201D}"))
                default: Issue.record("\(status) became \(outcome)")
                }
                #expect(server.requests.count == 1)
            }
        }
    }

    @Test func `a target that asks for patience gets it, up to a limit`() async throws {
        try await WebhookServer.with(.answer(status: 429, headers: [("retry-after", "999999")])) {
            server async throws in
            try await withTarget { target async throws in
                let outcome = await target.deliver(
                    try delivery(), to: PushSettings(url: "http://127.0.0.1:\(server.port)/"))
                #expect(
                    outcome == .retry(after: .seconds(3600), status: 429, reason: "answered with status 429"))
            }
        }
    }

    @Test func `silence is a retry after the timeout`() async throws {
        try await WebhookServer.with(.silence) { server async throws in
            try await withTarget { target async throws in
                let start = ContinuousClock.now
                let settings = PushSettings(
                    url: "http://127.0.0.1:\(server.port)/", timeout: .milliseconds(50))
                guard case .retry(nil, nil, _) = await target.deliver(try delivery(), to: settings) else {
                    Issue.record("silence was taken for an answer")
                    return
                }
                #expect(start.duration(to: .now) < .seconds(10))
            }
        }
    }

    @Test func `a resolver that does not come back does not hold up the attempt`() async throws {
        let gate = ConditionLock(value: false)
        try await withTarget(lookUp: { _, _ in
            gate.lock(whenValue: true)
            gate.unlock()
            return []
        }) { target async throws in
            let settings = PushSettings(url: "http://slow.example/", timeout: .milliseconds(50))
            let outcome = await target.deliver(try delivery(), to: settings)
            if case .retry(nil, nil, _) = outcome {} else { Issue.record("\(outcome)") }
            gate.lock()
            gate.unlock(withValue: true)
        }
    }

    @Test func `an endless answer is cut off and its status counts`() async throws {
        try await WebhookServer.with(.endless) { server async throws in
            try await withTarget { target async throws in
                let outcome = await target.deliver(
                    try delivery(), to: PushSettings(url: "http://127.0.0.1:\(server.port)/"))
                #expect(outcome == .delivered)
            }
        }
    }

    @Test func `a broken or refused connection is a retry`() async throws {
        var port = 0
        try await WebhookServer.with(.hangUp) { server async throws in
            port = server.port
            try await withTarget { target async throws in
                let settings = PushSettings(url: "http://127.0.0.1:\(server.port)/")
                if case .retry(nil, nil, _) = await target.deliver(try delivery(), to: settings) {
                } else {
                    Issue.record("a broken connection was taken for an answer")
                }
            }
        }
        let closed = port
        try await withTarget { target async throws in
            let settings = PushSettings(url: "http://127.0.0.1:\(closed)/")
            if case .retry(nil, nil, _) = await target.deliver(try delivery(), to: settings) {
            } else {
                Issue.record("a refused connection was taken for an answer")
            }
        }
    }
}

@Suite(.timeLimit(.minutes(1))) struct ConnectionTests {
    @Test func `connections are used again`() async throws {
        try await WebhookServer.with(.answer(status: 200, body: "thanks")) { server async throws in
            try await withTarget { target async throws in
                let settings = PushSettings(url: "http://127.0.0.1:\(server.port)/")
                for _ in 0..<5 { #expect(await target.deliver(try delivery(), to: settings) == .delivered) }
                #expect(server.requests.count == 5)
                #expect(target.connectionsOpen == 1)
            }
        }
    }

    @Test func `a crowd that wants connections at the same time is served`() async throws {
        try await WebhookServer.with(.answer(status: 204)) { server async throws in
            try await withTarget { target async throws in
                let settings = PushSettings(url: "http://127.0.0.1:\(server.port)/")
                let delivery = try delivery()
                let delivered = await withTaskGroup(of: Outcome.self) { group in
                    for _ in 0..<200 { group.addTask { await target.deliver(delivery, to: settings) } }
                    return await group.reduce(0) { $0 + ($1 == .delivered ? 1 : 0) }
                }
                #expect(delivered == 200)
                #expect(server.requests.count == 200)
            }
        }
    }

    @Test func `an attempt begins at once only when the address is known`() async throws {
        try await WebhookServer.with(.answer(status: 204)) { server async throws in
            try await withTarget { target async throws in
                let settings = PushSettings(url: "http://127.0.0.1:\(server.port)/")
                let delivery = try delivery()
                #expect(!target.begin([delivery], to: settings) { _ in })
                #expect(await target.deliver(delivery, to: settings) == .delivered)
                let outcome = await withCheckedContinuation { continuation in
                    let hasBegun = target.begin([delivery], to: settings) {
                        continuation.resume(returning: $0)
                    }
                    if !hasBegun {
                        continuation.resume(returning: .refused(status: nil, reason: "not begun"))
                    }
                }
                #expect(outcome == .delivered)
            }
        }
    }

    @Test func `a connection that ended while it lay idle is no failed attempt`() async throws {
        try await WebhookServer.with(.answerOnce) { server async throws in
            try await withTarget { target async throws in
                let settings = PushSettings(url: "http://127.0.0.1:\(server.port)/")
                for _ in 0..<4 { #expect(await target.deliver(try delivery(), to: settings) == .delivered) }
            }
        }
    }

    @Test func `a head without end is a failure, and so is half of one`() async throws {
        for behaviour in [WebhookServer.Behaviour.endlessHead, .half] {
            try await WebhookServer.with(behaviour) { server async throws in
                try await withTarget { target async throws in
                    let settings = PushSettings(
                        url: "http://127.0.0.1:\(server.port)/", timeout: .milliseconds(500))
                    let outcome = await target.deliver(try delivery(), to: settings)
                    guard case .retry(nil, nil, _) = outcome else {
                        Issue.record("\(outcome)")
                        return
                    }
                }
            }
        }
    }

    @Test func `a receiver is asked for its consent with the sender's name`() async throws {
        try await WebhookServer.with(
            .answer(
                status: 200,
                headers: [("WebHook-Allowed-Origin", "bus.example.org"), ("WebHook-Allowed-Rate", "600")])
        ) { server async throws in
            var configuration = WebhookConfiguration(allowPrivateTargets: true)
            configuration.origin = "bus.example.org"
            try await withTarget(configuration) { target async throws in
                var settings = PushSettings(url: "http://127.0.0.1:\(server.port)/hook")
                settings.rate = 5
                settings.handshake = true
                #expect(await target.requestPermission(settings) == .granted(ratePerSecond: 10))
                let request = try #require(server.requests.first)
                #expect(request.head.method == .OPTIONS)
                #expect(request.head.headers["webhook-request-origin"] == ["bus.example.org"])
                #expect(request.head.headers["webhook-request-rate"] == ["300"])
                #expect(await target.deliver(try delivery(), to: settings) == .delivered)
                #expect(server.requests.last?.head.headers["origin"] == ["bus.example.org"])
            }
        }
    }

    @Test func `a receiver that is not to be reached gives no consent`() async throws {
        try await withTarget(WebhookConfiguration()) { target async throws in
            let settings = PushSettings(url: "http://127.0.0.1:1/")
            guard case .withheld(let reason) = await target.requestPermission(settings) else {
                Issue.record("consent without a receiver")
                return
            }
            #expect(reason.contains("loopback"))
        }
    }
}

@Suite(.timeLimit(.minutes(1))) struct ForbiddenAddressTests {
    @Test(arguments: [
        "http://127.0.0.1/", "http://127.1.2.3:80/", "http://[::1]/", "http://localhost/",
        "http://a.localhost/",
        "http://10.0.0.1/", "http://172.16.0.1/", "http://172.31.255.255/", "http://192.168.1.1/",
        "http://169.254.169.254/latest/meta-data", "http://100.64.0.1/", "http://0.0.0.0/", "http://[::]/",
        "http://[fe80::1]/", "http://[fd00::1]/", "http://[::ffff:127.0.0.1]/", "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/", "http://224.0.0.1/", "http://255.255.255.255/", "http://[ff02::1]/",
        "ftp://example.org/", "example.org", "http://user@example.org/", "http://example.org\\@127.0.0.1/",
        "http:///x", "http://example.org:0/", "http://example.org:99999/", "http://exa mple.org/",
        "http://[::1/",
        "http://example.org/%zz", "http://example.org/\u{7}", "http://ex%61mple.org/",
    ])
    func `addresses off the open internet and strange URLs are objected to`(url: String) async throws {
        try await withTarget(WebhookConfiguration()) { target async throws in
            let settings = PushSettings(url: url)
            #expect(target.objection(to: settings) != nil)
            let outcome = await target.deliver(try delivery(), to: settings)
            // Names are looked up when they are delivered to, and this one may be unknown here.
            if case .delivered = outcome { Issue.record("\(url) was delivered to") }
        }
    }

    @Test(arguments: [
        "https://example.org/hook", "http://8.8.8.8/", "https://[2606:4700::1111]/", "http://172.32.0.1/",
        "HTTPS://Example.ORG:8443/a?b=c",
    ])
    func `addresses on the open internet are not`(url: String) async throws {
        try await withTarget(WebhookConfiguration()) { target async throws in
            #expect(target.objection(to: PushSettings(url: url)) == nil)
        }
    }

    @Test func `a name with any forbidden address is refused without a connection`() async throws {
        try await WebhookServer.with(.answer(status: 200)) { server async throws in
            let addresses = [
                try SocketAddress(ipAddress: "8.8.8.8", port: server.port),
                try SocketAddress(ipAddress: "127.0.0.1", port: server.port),
            ]
            try await withTarget(WebhookConfiguration(), lookUp: { _, _ in addresses }) {
                target async throws in
                let outcome = await target.deliver(
                    try delivery(), to: PushSettings(url: "http://rebind.example:\(server.port)/"))
                guard case .refused(nil, let reason) = outcome else {
                    Issue.record("\(outcome)")
                    return
                }
                #expect(reason.contains("loopback"))
                #expect(server.requests.isEmpty)
            }
        }
    }

    @Test func `an allowed name is connected to at the address that was looked up`() async throws {
        try await WebhookServer.with(.answer(status: 200)) { server async throws in
            let address = try SocketAddress(ipAddress: "127.0.0.1", port: server.port)
            try await withTarget(
                WebhookConfiguration(allowedHosts: ["hook.internal.example"]), lookUp: { _, _ in [address] }
            ) { target async throws in
                let settings = PushSettings(url: "http://Hook.Internal.example:\(server.port)/x")
                #expect(target.objection(to: settings) == nil)
                #expect(await target.deliver(try delivery(), to: settings) == .delivered)
                #expect(
                    server.requests.first?.head.headers["host"] == ["hook.internal.example:\(server.port)"])
            }
        }
    }

    @Test func `a name without an address is a retry`() async throws {
        try await withTarget(WebhookConfiguration(), lookUp: { _, _ in [] }) { target async throws in
            let outcome = await target.deliver(try delivery(), to: PushSettings(url: "http://none.example/"))
            #expect(
                outcome == .retry(after: nil, status: nil, reason: "no address is known for none.example"))
        }
    }
}

@Suite struct RetryAfterTests {
    @Test(arguments: [
        ("0", 0), ("120", 120), ("99999999999999999999", 1 << 31), ("Thu, 01 Jan 1970 00:02:00 GMT", 20),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0), ("Tue, 29 Feb 2000 00:00:00 GMT", 951_782_300),
    ])
    func `seconds and dates are read`(text: String, seconds: Int) {
        #expect(RetryAfter.parse(text, now: 100) == .seconds(seconds))
    }

    @Test(arguments: [
        "", "-1", "soon", "1.5", "Thu, 32 Jan 1970 00:00:00 GMT", "Thu, 01 Jan 1970 00:00:00 UTC",
    ])
    func `other texts are ignored`(text: String) { #expect(RetryAfter.parse(text, now: 0) == nil) }
}
