// SPDX-License-Identifier: Apache-2.0

// Every spelling of an address that events must not go to, by name, by number and by surprise.

import ApusModel
import ApusTransport
import CloudEvents
import Dispatch
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import Testing

@testable import ApusWebhookTransport

private func target(
    _ configuration: WebhookConfiguration = WebhookConfiguration(),
    lookUp: @escaping @Sendable (String, Int) -> [SocketAddress] = HostResolver.system
) -> WebhookTarget {
    WebhookTarget(
        configuration: configuration, group: MultiThreadedEventLoopGroup.singleton,
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, lookUp: lookUp)
}

private func delivery() throws -> Delivery {
    Delivery(
        subscription: try ResourceName("billing"), topic: try ResourceName("orders"), partition: 0,
        offset: .zero, attempt: 1, attemptsMax: 16,
        event: try CloudEvent(id: "7", source: "/shop", type: "order.placed"))
}

/// Loopback and others in every way that a resolver, a browser or another library would read them.
private let spellings = [
    // Decimal, octal, hexadecimal, mixed, with fewer than four parts.
    "2130706433", "017700000001", "0x7f000001", "0x7F.1", "127.1", "127.0.1", "0177.0.0.1",
    "0x7f.0x0.0x0.0x1",
    "0177.0x0.0.1", "127.000.000.001", "3232235777", "0xa9fea9fe", "2852039166", "169.16689662", "0",
    "0.0.0.0",
    // IPv6 that means IPv4.
    "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:7f00:0001]", "[::127.0.0.1]", "[::7f00:1]",
    "[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b::a00:1]", "[64:ff9b:1::1]", "[2002:7f00:1::]",
    "[2002:a00:1::1]", "[2002:c0a8:101::1]", "[::ffff:0:127.0.0.1]", "[::ffff:0:7f00:1]",
    "[2606:4700::5efe:127.0.0.1]", "[2606:4700::200:5efe:10.0.0.1]", "[2001:0:1:2:3:4:80ff:fefe]",
    // IPv6 off the open internet.
    "[::1]", "[0:0:0:0:0:0:0:1]", "[::]", "[fe80::1]", "[febf::1]", "[fc00::1]", "[fdff::1]", "[fec0::1]",
    "[ff02::1]", "[100::1]", "[2001:db8::1]", "[2001:2::1]", "[3fff::1]", "[5f00::1]", "[4000::1]",
    "[e000::1]",
    // IPv4 off the open internet.
    "127.255.255.254", "10.255.255.255", "172.16.0.1", "172.31.255.254", "192.168.255.255", "169.254.169.254",
    "100.64.0.1", "100.127.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.19.255.255",
    "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    // Names.
    "localhost", "LOCALHOST", "localhost.", "a.localhost", "a.localhost.",
]

@Suite(.timeLimit(.minutes(1))) struct SpellingTests {
    @Test(arguments: spellings)
    func `a forbidden address is objected to and not connected to, however it is spelled`(
        host: String
    ) async throws {
        // Should one get through, somebody listens: on all addresses of this machine.
        try await WebhookServer.with(.answer(status: 200), host: "0.0.0.0") { server async throws in
            let target = target()
            let settings = PushSettings(url: "http://\(host):\(server.port)/")
            #expect(target.objection(to: settings) != nil)
            let outcome = await target.deliver([try delivery()], to: settings)
            switch outcome {
            case .refused(nil, _): break
            // A name may not be known here.
            case .retry(nil, nil, let reason): #expect(reason.hasPrefix("no address is known"))
            default: Issue.record("\(host): \(outcome)")
            }
            #expect(server.requests.isEmpty)
            await target.close()
        }
    }

    @Test(arguments: [
        "172.15.0.1", "172.32.0.1", "100.63.0.1", "100.128.0.1", "1.1.1.1", "192.1.0.1", "198.20.0.1",
    ])
    func `its neighbours on the open internet are not`(host: String) async throws {
        let target = target()
        #expect(target.objection(to: PushSettings(url: "http://\(host)/")) == nil)
        #expect(target.objection(to: PushSettings(url: "http://[64:ff9b::\(host)]/")) == nil)
        await target.close()
    }

    @Test(arguments: [
        "http://127.0.0.1#@example.org/", "http://example.org%2f@127.0.0.1/",
        "http://127.0.0.1%00.example.org/", "http://①②⑦.⓪.⓪.①/", "http://127。0。0。1/",
        "http://[fe80::1%25lo]/",
        "http://[::ffff:127.0.0.1%]/", "http://exam\tple.org/", "http://user:pass@8.8.8.8/",
        "gopher://8.8.8.8/",
        "file:///etc/passwd", "http:/127.0.0.1/", "http:127.0.0.1", "//127.0.0.1/", "http://127.0.0.1:80:80/",
        "http://8.8.8.8:/", "http://8.8.8.8:-1/", "http://8.8.8.8: 80/", "http://[8.8.8.8/", "http://]/",
    ])
    func `URLs that two readers could read differently are refused`(url: String) async throws {
        let target = target()
        #expect(target.objection(to: PushSettings(url: url)) != nil)
        await target.close()
    }
}

@Suite(.timeLimit(.minutes(1))) struct RebindingTests {
    /// Answers first with one address, from then on with another.
    private final class Turncoat: Sendable {
        private let answers: Mutex<[SocketAddress]>
        private let asked = Mutex(0)

        init(_ answers: [SocketAddress]) { self.answers = Mutex(answers) }

        var count: Int { asked.withLock { $0 } }

        func lookUp() -> [SocketAddress] {
            asked.withLock { $0 += 1 }
            return answers.withLock { $0.count > 1 ? [$0.removeFirst()] : $0 }
        }
    }

    @Test func `what was checked is what is connected to, although the name has moved`() async throws {
        try await WebhookServer.with(.answer(status: 200), host: "127.0.0.2") { checked async throws in
            try await WebhookServer.with(.answer(status: 200)) { other async throws in
                // A second look-up, by whoever connects, would lead elsewhere.
                let turncoat = Turncoat([
                    try SocketAddress(ipAddress: "127.0.0.2", port: checked.port),
                    try SocketAddress(ipAddress: "127.0.0.1", port: other.port),
                ])
                var configuration = WebhookConfiguration(allowPrivateTargets: true)
                configuration.addressLifetime = .seconds(60)
                let target = target(configuration, lookUp: { _, _ in turncoat.lookUp() })
                let settings = PushSettings(url: "http://rebind.example:\(checked.port)/")
                for _ in 0..<3 {
                    #expect(await target.deliver([try delivery()], to: settings) == .delivered)
                }
                #expect(turncoat.count == 1)
                #expect(checked.requests.count == 3 && other.requests.isEmpty)
                await target.close()
            }
        }
    }

    @Test func `a name that moves to a forbidden address is not sent to over the old connection either`()
        async throws
    {
        try await WebhookServer.with(.answer(status: 200)) { server async throws in
            let allowed = try SocketAddress(ipAddress: "127.0.0.1", port: server.port)
            let moved = Mutex(false)
            var configuration = WebhookConfiguration()
            configuration.addressLifetime = .zero
            // Here loopback plays the part of the open internet, by being allowed under this name only at first.
            configuration.allowPrivateTargets = false
            configuration.allowedHosts = ["here.example"]
            let target = target(
                configuration,
                lookUp: { host, _ in
                    host == "here.example" && !moved.withLock { $0 } ? [allowed] : []
                })
            let settings = PushSettings(url: "http://here.example:\(server.port)/")
            #expect(await target.deliver([try delivery()], to: settings) == .delivered)
            moved.withLock { $0 = true }
            let outcome = await target.deliver([try delivery()], to: settings)
            #expect(
                outcome == .retry(after: nil, status: nil, reason: "no address is known for here.example"))
            #expect(server.requests.count == 1)
            await target.close()
        }
    }

    @Test func `everybody who asks at the same time waits for one look-up`() async throws {
        let turncoat = Turncoat([try SocketAddress(ipAddress: "127.0.0.1", port: 80)])
        let everybodyIsHere = DispatchSemaphore(value: 0)
        let threads = NIOThreadPool(numberOfThreads: 2)
        threads.start()
        let resolver = HostResolver(
            threads: threads,
            lookUp: { _, _ in
                everybodyIsHere.wait()
                return turncoat.lookUp()
            })
        await withTaskGroup(of: [SocketAddress].self) { group in
            for _ in 0..<50 { group.addTask { await resolver.addresses(of: "many.example", port: 80) } }
            while resolver.waiters < 50 { await Task.yield() }
            everybodyIsHere.signal()
            for await found in group { #expect(found.count == 1) }
        }
        #expect(turncoat.count == 1 && resolver.waiters == 0)
        try await threads.shutdownGracefully()
    }
}

@Suite(.timeLimit(.minutes(1))) struct RedirectTests {
    @Test(arguments: [301, 302, 303, 307, 308])
    func `a redirect to a private address is a failure that nobody follows`(status: Int) async throws {
        try await WebhookServer.with(.answer(status: 200)) { inner async throws in
            let location = "http://127.0.0.1:\(inner.port)/secret"
            try await WebhookServer.with(.answer(status: status, headers: [("location", location)])) {
                outer async throws in
                let target = target(WebhookConfiguration(allowPrivateTargets: true))
                let settings = PushSettings(url: "http://127.0.0.1:\(outer.port)/")
                let outcome = await target.deliver([try delivery()], to: settings)
                guard case .refused(status, let reason) = outcome else {
                    Issue.record("\(outcome)")
                    return
                }
                #expect(reason.contains("redirects are not followed"))
                #expect(outer.requests.count == 1 && inner.requests.isEmpty)
                await target.close()
            }
        }
    }
}
