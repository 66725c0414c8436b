// SPDX-License-Identifier: Apache-2.0

// The pages say what the program does: defaults stand in one file, and what the documentation says of them is held against it.

import ApusModel
import ApusRules
import ApusSchedule
import Testing

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

@Suite struct DefaultsInDocumentationTests {
    private func page(_ name: String) throws -> String {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try String(contentsOf: root.appending(path: name), encoding: .utf8)
    }

    /// The row of a table that begins with `| name |`, whitespace aside.
    private func row(_ name: String, of page: String) throws -> String {
        let line = page.split(separator: "\n").first { $0.hasPrefix("| \(name)") }
        return String(try #require(line, "no row '\(name)'"))
    }

    private func seconds(_ duration: Duration) -> Int64 { duration.milliseconds / 1000 }

    private func text(_ bytes: Int) -> String {
        bytes % (1 << 20) == 0 ? "\(bytes >> 20) MiB" : "\(bytes >> 10) KiB"
    }

    @Test(arguments: ["README.md", "docs/http-api.md", "docs/cli.md"])
    func `the address of the server is the default`(name: String) throws {
        let page = try page(name)
        #expect(page.contains(Defaults.url))
        for match in page.matches(of: #/http://127\.0\.0\.1:(\d+)/v1/#) {
            #expect(Int(match.output.1) == Defaults.port)
        }
    }

    @Test func `the limits of the HTTP API are the defaults`() throws {
        let page = try page("docs/http-api.md")
        #expect(try row("event data and batch body", of: page).contains(text(Defaults.bodyBytesMax)))
        #expect(try row("one event", of: page).contains(text(Defaults.eventBytesMax)))
        #expect(
            try row("request line", of: page).contains(
                "\(text(Defaults.requestLineBytesMax)) / \(text(Defaults.headerBytesMax)) / \(Defaults.headerFieldsMax)"
            ))
        #expect(try row("JSON depth", of: page).contains("\(Defaults.jsonDepthMax)"))
        #expect(
            try row("events in a batch", of: page).replacing(",", with: "").contains(
                "\(Defaults.batchEventsMax)"))
        #expect(
            try row("connections", of: page).replacing(",", with: "").contains("\(Defaults.connectionsMax)"))
        #expect(
            try row("head of a request", of: page).contains("\(Defaults.headTimeout.milliseconds / 1000) s"))
    }

    @Test func `the conventions of the HTTP API are the defaults`() throws {
        let page = try page("docs/http-api.md")
        #expect(page.contains("`limit` (1 to \(Defaults.pageLimitMax), default \(Defaults.pageLimit))"))
        #expect(
            page.contains(
                "`wait` (how long to wait for\nthe first event, default `0s`, at most `\(seconds(Defaults.waitMax))s`)"
            ))
        #expect(page.contains("Every \(seconds(Defaults.tailHeartbeat)) s a comment line"))
        #expect(page.contains("`lease` 0 s to \(seconds(Defaults.leaseMax) / 3600) h"))
        #expect(
            page.contains(
                "\"partitions\": \(Defaults.partitions), \"durability\": \"\(Defaults.durability)\""))
        #expect(
            page.contains(
                "\"retention\": {\"age\": \"\(seconds(Defaults.retentionAge) / 86_400)d\", \"bytes\": null}"))
        #expect(page.contains("\"segment_bytes\": \(Defaults.segmentBytes)"))
        #expect(page.contains("\"segment_age\": \"\(seconds(Defaults.segmentAge) / 86_400)d\""))
        #expect(page.contains("\"max_batch_bytes\": \(Defaults.batchBytesMax)"))
        #expect(
            page.contains(
                "\"lease\": \"\(seconds(Defaults.lease))s\", \"max_in_flight\": \(Defaults.inFlightMax), \"max_attempts\": \(Defaults.attemptsMax), \"retry\": {\"initial\": \"\(seconds(Defaults.retryInitial))s\", \"max\": \"\(seconds(Defaults.retryMax) / 60)m\"}"
            ))
        #expect(
            page.contains(
                "\"timeout\": \"\(seconds(Defaults.webhookTimeout))s\", \"concurrency\": \(Defaults.webhookConcurrency)"
            ))
    }

    @Test func `the limits of patterns are those of the program`() throws {
        let page = try page("docs/rules.md").replacing(",", with: "")
        let limits = PatternLimits()
        #expect(try row("length of the text", of: page).contains(" \(limits.textBytesMax) bytes"))
        #expect(try row("nesting", of: page).contains(" \(limits.depthMax) levels"))
        #expect(try row("fields with alternatives", of: page).contains(" \(limits.leavesMax) "))
        #expect(try row("alternatives in all", of: page).contains(" \(limits.alternativesMax) "))
        #expect(try row("combinations of `$or`", of: page).contains(" \(limits.combinationsMax) "))
        #expect(try row("size of all combinations", of: page).contains(" \(limits.expandedBytesMax) bytes"))
    }

    @Test func `the limits of looking ahead are those of the delivery page`() throws {
        let page = try page("docs/delivery.md").replacing(",", with: "")
        #expect(page.contains("Past \(Defaults.parkedEventsMax) events in all"))
        #expect(page.contains("until it has \(Defaults.lookAheadEvents) events to choose from"))
        #expect(page.contains("no more than \(Defaults.lookAheadEventsPerKey) of one key"))
        #expect(page.contains("without a number it is \(Defaults.priority))"))
    }

    @Test func `the defaults of webhooks are those of the page on them`() throws {
        let page = try page("docs/webhooks.md")
        #expect(page.contains("`batch.max_events` (\(Defaults.webhookBatchEvents))"))
        #expect(page.contains("`batch.max_bytes` (\(text(Defaults.webhookBatchBytes)))"))
        #expect(page.contains("`batch.linger` (\(Defaults.webhookBatchLinger.milliseconds)ms)"))
        #expect(page.contains("`timeout` (\(seconds(Defaults.webhookTimeout))s)"))
        #expect(page.contains("`concurrency` (\(Defaults.webhookConcurrency), up to 1000)"))
        #expect(page.contains("`breaker.failures` (\(Defaults.breakerFailures))"))
        #expect(page.contains("`breaker.initial` (\(seconds(Defaults.breakerInitial))s)"))
        #expect(page.contains("`breaker.max` (\(seconds(Defaults.breakerMax) / 60)m)"))
        #expect(page.replacing(",", with: "").contains("at most \(Defaults.attemptsUnderWayMax) attempts"))
        #expect(
            page.contains(
                "begun at \(Defaults.webhookConnectsPerSecondMax) a second, \(Defaults.webhookConnectsBurst) at once"
            ))
    }

    @Test func `the defaults of bridges are those of the page on them`() throws {
        let page = try page("docs/bridges.md")
        #expect(page.contains("| `timeout` | \(seconds(Defaults.busTargetTimeout) / 60)m |"))
        #expect(page.contains("| `concurrency` | \(Defaults.busTargetConcurrency) |"))
        #expect(page.contains("has crossed \(Defaults.bridgeHopsMax) bridges"))
        #expect(page.contains("| `prefetch` | \(Defaults.feedPrefetch) |"))
        #expect(page.contains("| `from`, `group` | `\(Defaults.feedGroup)` |"))
        #expect(
            page.contains(
                "begins again after 0.\(Defaults.feedBackoffInitial.milliseconds / 100) s, then doubling up to \(seconds(Defaults.feedBackoffMax)) s"
            ))
    }

    @Test func `the limits of what waits and recurs are those of the page on them`() throws {
        let page = try page("docs/scheduling.md").replacing(",", with: "")
        #expect(page.contains("waits for \(seconds(Defaults.delayMax) / 86_400) days at most"))
        #expect(page.contains("At most \(Defaults.scheduledMax) events wait"))
        #expect(ScheduleClock.step == 2000 && page.contains("jumps by more than two seconds"))
        #expect(ScheduleClock.patience == 60_000 && page.contains("stayed so for a minute"))
    }

    @Test func `the limits of groups and transactions are those of the page on them`() throws {
        let page = try page("docs/transactions.md").replacing(",", with: "")
        #expect(page.contains("up to \(Defaults.offsetMetadataBytesMax) bytes of metadata"))
        #expect(page.contains("kept for \(seconds(Defaults.offsetsRetention) / 86_400) days after"))
        #expect(seconds(Defaults.groupTouchInterval) == 3600 && page.contains("noted once an\n  hour"))
        #expect(
            page.contains(
                "At most \(Defaults.groupsMax) groups have positions of \(Defaults.offsetsBytesMax) bytes"))
        #expect(page.contains("At most \(Defaults.transactionPartitionsMax) partitions and groups"))
        #expect(page.contains("up to \(seconds(Defaults.transactionTimeoutMax)) seconds"))
        #expect(
            page.contains("is forgotten \(seconds(Defaults.transactionalIDRetention) / 86_400) days after"))
        #expect(page.contains("at most \(Defaults.transactionalIDsMax) are known"))
    }

    @Test func `the spellings on the page are understood`() throws {
        let page = try page("docs/scheduling.md")
        let table = try #require(page.components(separatedBy: "| written as |").last)
        let rows = table.split(separator: "\n").filter { $0.hasPrefix("| `") }
        #expect(rows.count >= 6)
        for row in rows {
            let cell = row.split(separator: "|").first ?? ""
            for match in cell.matches(of: #/`([^`]+)`/#) {
                #expect(throws: Never.self, "\(match.output.1)") {
                    _ = try ScheduleExpression(parsing: String(match.output.1))
                }
            }
        }
    }

    @Test func `the defaults of subscriptions are those of the delivery page`() throws {
        let page = try page("docs/delivery.md")
        #expect(page.contains("A lease lasts \(Defaults.lease.milliseconds / 1000) s"))
        #expect(page.contains("`max_in_flight` events (\(Defaults.inFlightMax))"))
        #expect(page.contains("`max_attempts` (\(Defaults.attemptsMax))"))
        #expect(page.contains("`{topic}\(Defaults.deadLetterSuffix)`"))
    }
    @Test func `the limits of the bus in the process are those of its page`() throws {
        let page = try page("docs/embedded.md")
        #expect(page.contains("An event has \(text(Defaults.embeddedEventBytesMax)) of data at most"))
        #expect(page.contains("\(Defaults.embeddedMemoryBytes >> 30) GiB (`memory`)"))
        #expect(page.contains("\(Defaults.embeddedRetentionBytes >> 20) MiB a partition"))
        #expect(page.contains("waits for its time for \(seconds(Defaults.delayMax) / 86_400) days"))
        #expect(page.contains("a retry waits for \(seconds(Defaults.leaseMax) / 3600) hours"))
        #expect(page.contains("kept for \(seconds(Defaults.retentionAge) / 86_400) days (`retention`)"))
        #expect(page.contains("journal takes on disk (\(Defaults.journalBytes >> 20) MiB)"))
        #expect(page.contains("of topics that are made; \(Defaults.partitions) |"))
    }
}
