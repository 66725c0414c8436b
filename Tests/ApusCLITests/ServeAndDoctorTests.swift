// SPDX-License-Identifier: Apache-2.0

// `dev`, `serve`, `doctor` and `bench`: what they are told, how they judge, what they say.

import ApusCLI
import ApusModel
import ApusNetwork
import ApusServer
import JSONText
import Synchronization
import Testing

@Suite struct ServeTests {
    private func options(
        _ arguments: [String], variables: [String: String] = ["HOME": "/home/me"]
    ) async -> (options: ServeOptions?, outcome: CommandOutcome) {
        let caught = Mutex<ServeOptions?>(nil)
        let launcher = ServerLauncher { options, listening in
            caught.withLock { $0 = options }
            listening(
                ServerAddresses(
                    http: [ListenAddress(host: "127.0.0.1", port: 9000)],
                    kafka: [ListenAddress(host: "127.0.0.1", port: 9092)]))
        }
        let outcome = await Command.run(arguments, variables: variables, launcher: launcher)
        return (caught.withLock { $0 }, outcome)
    }

    @Test func `dev is for a desk`() async throws {
        let options = try #require(await options(["dev"]).options)
        #expect(options.dataDirectory == "/home/me/.local/share/apus")
        #expect(options.listen == [ListenAddress(host: Defaults.host, port: Defaults.port)])
        #expect(options.kafkaListen == [ListenAddress(host: Defaults.host, port: Defaults.kafkaPort)])
        #expect(options.autoCreateTopics)
        #expect(options.allowPrivateWebhooks)
        #expect(options.token == nil)
    }

    @Test func `serve is for a machine room`() async throws {
        let options = try #require(
            await options(
                [
                    "serve", "--listen", "0.0.0.0:1", "--listen", "[::1]:2", "--journal-size", "64MiB",
                    "--durability", "5ms",
                ],
                variables: ["APUS_TOKEN": "secret"]
            ).options)
        #expect(options.dataDirectory == Defaults.dataDirectory)
        #expect(options.listen.map(\.description) == ["0.0.0.0:1", "[::1]:2"])
        #expect(options.token == "secret")
        #expect(!options.autoCreateTopics)
        #expect(!options.allowPrivateWebhooks)
        #expect(options.logFormat == .json)
        #expect(options.journalBytes == 64 << 20)
        #expect(options.durability == "5ms")
    }

    @Test
    func `Kafka clients are listened for where it is said, at a free port beside a free port, or not at all`()
        async
    {
        func kafka(_ flags: String...) async -> [String]? {
            await options(["dev"] + flags).options?.kafkaListen.map(\.description)
        }
        #expect(
            await kafka("--kafka-listen", "[::1]:9000", "--kafka-listen", "127.0.0.1:9001") == [
                "[::1]:9000", "127.0.0.1:9001",
            ])
        #expect(await kafka("--listen", "127.0.0.1:0") == ["127.0.0.1:0"])
        #expect(await kafka("--no-kafka") == [])
        #expect(await kafka("--no-kafka", "--kafka-listen", "127.0.0.1:1") == nil)
        #expect(await kafka("--kafka-listen", "0.0.0.0:9092") == nil)
        #expect(await kafka("--kafka-listen", "0.0.0.0:9092", "--insecure") == ["0.0.0.0:9092"])
    }

    @Test func `a server behind a name or a proxy is told so`() async throws {
        let arguments = [
            "serve", "--host-name", "bus.example.org", "--origin", "https://bus.example.org:8443",
        ]
        let options = try #require(await options(arguments).options)
        #expect(options.hostNames == ["bus.example.org"])
        #expect(options.origins == ["https://bus.example.org:8443"])
        for wrong in [
            ["--host-name", "bus.example.org:8222"], ["--host-name", ""], ["--origin", "bus.example.org"],
            ["--origin", "https://bus.example.org/"], ["--origin", "ftp://bus.example.org"],
        ] {
            #expect(await self.options(["serve"] + wrong).outcome.status == .usage, "\(wrong)")
        }
    }

    @Test func `the data folder of dev follows XDG`() async throws {
        let absolute = await options(["dev"], variables: ["XDG_DATA_HOME": "/data", "HOME": "/home/me"])
        #expect(absolute.options?.dataDirectory == "/data/apus")
        let relative = await options(["dev"], variables: ["XDG_DATA_HOME": "data", "HOME": "/home/me"])
        #expect(relative.options?.dataDirectory == "/home/me/.local/share/apus")
    }

    @Test func `listening beyond this machine needs a token, or saying so`() async {
        let refused = await options(["serve", "--listen", "0.0.0.0:8222"])
        #expect(refused.options == nil)
        #expect(refused.outcome.status == .usage)
        #expect(
            refused.outcome.errors.hasPrefix("error: refusing to listen on 0.0.0.0:8222 without a token\n"))
        #expect(await options(["serve", "--listen", "0.0.0.0:8222", "--insecure"]).options?.insecure == true)
    }

    // MARK: Settings

    private func settings(
        _ arguments: [String], variables: [String: String] = ["HOME": "/home/me"]
    ) async throws -> [String: ServerSetting] {
        let settings = try #require(await options(arguments, variables: variables).options).settings
        return Dictionary(settings.map { ($0.name, $0) }) { first, _ in first }
    }

    @Test func `a setting has its value and where that is from`() async throws {
        let told = try await settings(
            [
                "dev", "--journal-size=64MiB", "--no-journey", "--listen", "127.0.0.1:1", "--listen",
                "[::1]:2",
                "--no-allow-private-webhooks", "--log-level", "info",
            ], variables: ["XDG_DATA_HOME": "/data"])
        for expected in [
            ServerSetting("journal-size", "64MiB", .flag), ServerSetting("journey", "off", .flag),
            ServerSetting("journey-age", nil), ServerSetting("listen", "127.0.0.1:1, [::1]:2", .flag),
            ServerSetting("allow-private-webhooks", "off", .flag),
            ServerSetting("data", "/data/apus", .environment),
            // Said although it is the default, it was said.
            ServerSetting("log-level", "info", .flag), ServerSetting("kafka", "on"),
            ServerSetting("auto-create-topics", "on"), ServerSetting("disk-alarm", Defaults.diskAlarm),
            ServerSetting("disk-refuse", Defaults.diskRefuse), ServerSetting("journal-size", "64MiB", .flag),
            ServerSetting("look-interval", DurationText.format(Defaults.lookInterval)),
            ServerSetting("otlp-endpoint", nil), ServerSetting("token-file", nil),
        ] { #expect(told[expected.name] == expected) }
    }

    @Test func `of secrets settings tell where they are from, and nothing else`() async throws {
        let variables = [
            "APUS_TOKEN": "s3cret-token", "APUS_SECRET_RABBIT": "s3cret-rabbit", "HOME": "/home/me",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318/x7s3cretLmNp40RsTuVwXyZ1",
            "OTEL_EXPORTER_OTLP_HEADERS": "authorization=s3cret", "OTEL_METRICS_EXPORTER": "none",
            "OTEL_LOGS_EXPORTER": "none",
        ]
        let told = try await settings(["serve"], variables: variables)
        for expected in [
            ServerSetting("token-file", "APUS_TOKEN", .environment),
            ServerSetting("secrets", "APUS_SECRET_…", .environment),
            ServerSetting(
                "otlp-endpoint", "traces http://127.0.0.1:4318/****/v1/traces", .environment),
            ServerSetting("otlp-headers", "authorization", .environment),
            ServerSetting("otlp-signals", "traces", .environment), ServerSetting("trace-ratio", "1"),
        ] { #expect(told[expected.name] == expected) }
        #expect(!told.values.contains { $0.value?.contains("s3cret") == true })
    }

    @Test func `dev says where it listens, with lines to copy`() async {
        let greeting = await options(["dev"]).outcome.errors
        #expect(
            greeting.hasPrefix("apus listens on http://127.0.0.1:9000, data in /home/me/.local/share/apus\n"))
        #expect(greeting.contains("curl http://127.0.0.1:9000/v1/topics/orders/events"))
        #expect(greeting.contains("APUS_URL=http://127.0.0.1:9000 apus tail orders"))
    }

    @Test(arguments: ["127.0.0.1:0", "localhost:80", "[::1]:8222", "example.org:65535"])
    func `addresses are read and written in the same words`(text: String) {
        #expect(ListenAddress(text)?.description == text)
    }

    @Test(arguments: ["", "8222", ":8222", "host", "host:65536", "::1:80", "http://x:1", "a b:1"])
    func `what is not an address is refused`(text: String) {
        #expect(ListenAddress(text) == nil)
    }

    @Test(arguments: [
        ("127.0.0.9:1", true), ("localhost:1", true), ("[::1]:1", true), ("0.0.0.0:1", false),
        ("127.evil.org:1", false),
    ])
    func `loopback addresses are told from others`(text: String, isLoopback: Bool) {
        #expect(ListenAddress(text)?.isLoopback == isLoopback)
    }
}

@Suite struct DoctorTests {
    @Test func `a healthy machine without a server is no failure`() async {
        let outcome = await Command.run(["doctor", "--data", "/data", "--url", "http://127.0.0.1:1"])
        #expect(outcome.status == .failure, "a server that was asked for by name must be there")
        let local = await Command.run(["doctor", "--data", "/data"], probes: .healthy)
        #expect(
            local.output.hasPrefix(
                """
                ok    data-folder: /data can be written
                ok    flush: a write is on the disk after 250 us (median)
                ok    disk-space: 100.0 GiB of 200.0 GiB are free
                ok    open-files: 65,536 files may be open
                ok    clock: the clock is plausible
                ok    xml-schema: libxml2.so.2 is there: XML Schema can be used
                ok    port: 127.0.0.1:8222 is free: no server is running there

                """))
    }

    @Test func `the server's findings are told in its words`() async throws {
        let outcome = try await StubServer.run({ request in
            request.path == "/v1/verify"
                ? .json(#"{"batches":1000,"bytes":2048,"damage":["orders/0 at offset 7"]}"#)
                : .json(
                    #"{"healthy":true,"findings":[{"severity":"warning","subject":"dead letters","finding":"3 wait","hint":"redrive them"}]}"#
                )
        }) { url, _ in await Command.run(["doctor", "--data", "/data", "--url", url, "--json"]) }
        #expect(outcome.status == .failure)
        let lines = outcome.output.split(separator: "\n")
        #expect(
            lines.contains(#"{"name":"dead letters","status":"warn","what":"3 wait","fix":"redrive them"}"#))
        #expect(
            lines.last?.hasPrefix(
                #"{"name":"checksums","status":"fail","what":"orders/0 at offset 7","why":"#) == true)
    }

    @Test func `what is wrong comes with what to do`() {
        let checks = [
            LocalChecks.folder("/d", existing: "/", error: "Permission denied"),
            LocalChecks.flush(.milliseconds(30), in: "/d"), LocalChecks.flush(.microseconds(1), in: "/d"),
            LocalChecks.flush(nil, in: "/d"), LocalChecks.space((100 << 20, 1 << 30)),
            LocalChecks.space((2 << 30, 10 << 30)), LocalChecks.openFiles(1024),
            LocalChecks.port(ListenAddress(host: "h", port: 1), answers: true, isApus: false),
            LocalChecks.clock(now: 0, lastChange: nil), LocalChecks.xmlSchema(isAvailable: false),
            LocalChecks.clock(now: 1_795_000_000, lastChange: 1_795_009_999),
            LocalChecks.exposure("http://10.0.0.1:8222", hasToken: false),
            LocalChecks.exposure("http://10.0.0.1:8222", hasToken: true),
        ]
        #expect(
            checks.map(\.verdict) == [
                .fail, .warn, .warn, .warn, .fail, .warn, .warn, .fail, .fail, .warn, .warn, .warn, .warn,
            ])
        #expect(checks.allSatisfy { $0.why != nil && $0.fix != nil })
    }
}

@Suite struct BenchTests {
    @Test func `quantiles are right to a few per cent`() {
        var histogram = LatencyHistogram()
        for microseconds in 1...10_000 { histogram.record(.microseconds(microseconds)) }
        for (share, exact) in [(0.5, 5000.0), (0.99, 9900), (0.999, 9990)] {
            let quantile = histogram.quantile(share) / .microseconds(1)
            #expect(abs(quantile / exact - 1) < 0.04)
        }
        #expect(histogram.quantile(1) == .microseconds(10_000))
        #expect(LatencyHistogram().quantile(0.5) == .zero)
    }

    @Test func `histograms add up, and take any duration`() {
        var left = LatencyHistogram()
        left.record(.zero)
        var right = LatencyHistogram()
        right.record(.seconds(1_000_000))
        left.merge(right)
        #expect(left.count == 2)
        #expect(left.longest == .seconds(1_000_000))
        #expect(left.quantile(0.5) == .zero)
    }

    @Test func `figures come with their conditions`() {
        var result = BenchResult()
        result.events = 20_000
        result.elapsed = .seconds(2)
        for _ in 0..<100 { result.latencies.record(.microseconds(500)) }
        let options = BenchReport.Options(
            verb: "published", durability: "flush", connections: 16, size: 256, batch: 1)
        #expect(
            BenchReport.lines(result, options) == [
                "published 20,000 events in 2.0 s: 10,000/s",
                "each request: p50 500 us, p99 500 us, p99.9 500 us, longest 500 us",
                "durability flush, 16 connections, 256 B of data, 1 a request",
            ])
        #expect(
            BenchReport.json(result, options).description
                == #"{"events":20000,"per_second":10000,"elapsed_us":2000000,"p50_us":500,"p99_us":500,"p99_9_us":500,"longest_us":500,"failures":0,"durability":"flush","connections":16,"size":256,"batch":1}"#
        )
    }
}
