// SPDX-License-Identifier: Apache-2.0

// A run that publishes a file: what it does when it is told to stop, and what it tells meanwhile.

import ApusClient
import JSONText
import Synchronization
import Testing

@testable import ApusCLI

@Suite struct PublishRunTests {
    @Test func `a run that is told to stop finishes what is under way and begins nothing new`() async throws {
        let lines = Mutex(Array((0..<5000).map { "\($0)\n" }.joined().utf8)[...])
        let input = InputSource { count in
            lines.withLock { lines in
                defer { lines = lines.dropFirst(count) }
                return Array(lines.prefix(count))
            }
        }
        let batches = Counter()
        let failure = try await StubServer.run({ request in
            _ = batches.next()
            let count = (try? JSONValue(parsing: request.body))?.array?.count ?? 0
            let receipts = Array(repeating: #"{"topic":"t","partition":0,"offset":0}"#, count: count)
            return .json(#"{"receipts":[\#(receipts.joined(separator: ","))]}"#)
        }) { url, _ in
            try await ApusClient.run(ApusClientConfiguration(url: url)) { client in
                var run = PublishRun(client: client, settings: PublishSettings(topic: "t")) { _, _ in
                } onProgress: { _ in
                } isStopRequested: {
                    batches.value >= 2
                }
                do {
                    _ = try await run.run(input)
                    return nil as Failure?
                } catch let failure as Failure {
                    return failure
                }
            }
        }
        #expect(failure?.status == .interrupted)
        #expect(batches.value == 2)
        #expect(failure?.fix == "the same command with --skip \(batches.value * 500)")
    }

    @Test func `a time-to-live goes with every batch`() async throws {
        let lines = Mutex(Array("1\n2\n".utf8)[...])
        let input = InputSource { count in
            lines.withLock { lines in
                defer { lines = lines.dropFirst(count) }
                return Array(lines.prefix(count))
            }
        }
        let paths = Mutex<[String]>([])
        _ = try await StubServer.run({ request in
            paths.withLock { $0.append(request.path) }
            let count = (try? JSONValue(parsing: request.body))?.array?.count ?? 0
            let receipts = Array(repeating: #"{"topic":"t","partition":0,"offset":0}"#, count: count)
            return .json(#"{"receipts":[\#(receipts.joined(separator: ","))]}"#)
        }) { url, _ in
            try await ApusClient.run(ApusClientConfiguration(url: url)) { client in
                var settings = PublishSettings(topic: "t")
                settings.ttl = "10m"
                var run = PublishRun(client: client, settings: settings) { _, _ in
                } onProgress: { _ in
                } isStopRequested: {
                    false
                }
                return try await run.run(input).acknowledged
            }
        }
        #expect(paths.withLock { $0.allSatisfy { $0.hasSuffix("events?ttl=10m") } && !$0.isEmpty })
    }

    @Test func `the time left counts what is read and not yet acknowledged`() {
        let totals = PublishTotals(read: 1000, skipped: 0, acknowledged: 500, bytesRead: 500)
        let line = PublishProgress.line(totals, of: 1000, elapsed: .seconds(10))
        #expect(line == "500 events  50/s  25%  30.0 s left")
        #expect(PublishProgress.line(totals, of: nil, elapsed: .seconds(10)) == "500 events  50/s")
    }
}
