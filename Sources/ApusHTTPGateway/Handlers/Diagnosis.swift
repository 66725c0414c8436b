// SPDX-License-Identifier: Apache-2.0

// What an experienced operator would look at first, and what they would say about it.

internal import ApusEngine
internal import ApusModel
internal import ApusStorage
internal import JSONText

/// Something that needs somebody's attention.
struct Finding: Sendable, Hashable {
    /// How grave it is; in this order they are told.
    enum Severity: String, Sendable, Hashable, CaseIterable {
        case error, warning, note
    }

    var severity: Severity
    /// What it is about.
    var subject: String
    /// What is the matter.
    var text: String
    /// What to do about it.
    var hint: String
}

/// Looks for what needs attention.
enum Diagnosis {
    /// The findings, the gravest first.
    static func findings(_ context: GatewayContext) throws(Problem) -> [Finding] {
        let status = context.broker.status()
        var findings = disk(status) + unopened(status.unopened)
        if let reason = context.broker.unavailability {
            let problem = Problem(.unavailable(reason))
            findings.append(
                Finding(
                    severity: .error, subject: "publishing", text: problem.detail, hint: problem.hint ?? ""))
        }
        if status.deadLettersWaiting > 0 {
            findings.append(
                Finding(
                    severity: .warning, subject: "dead letters",
                    text:
                        "\(status.deadLettersWaiting) events could not be delivered and wait in dead-letter topics",
                    hint: "look at them with GET /v1/dead-letters, then redrive or discard them"))
        }
        var after: String?
        repeat {
            let page = Page(limit: 1000, after: after)
            let subscriptions = try context.look { broker throws(BrokerError) in
                try broker.subscriptions(of: nil, page)
            }
            for subscription in subscriptions { findings += Self.findings(subscription, now: context.now) }
            after = subscriptions.count < page.limit ? nil : subscriptions.last?.name.description
        } while after != nil
        return Finding.Severity.allCases.flatMap { severity in findings.filter { $0.severity == severity } }
    }

    // MARK: Disk

    /// Below this much free space somebody should look.
    private static let freeBytesMin: Int64 = 1 << 30

    private static func disk(_ status: BrokerStatus) -> [Finding] {
        var findings: [Finding] = []
        if status.store.quarantined > 0 {
            findings.append(
                Finding(
                    severity: .error, subject: "disk",
                    text: "\(status.store.quarantined) stored batches failed verification",
                    hint: "POST /v1/verify names them; check the disk's health, restore from a copy"))
        }
        if let free = status.store.freeBytes, free < freeBytesMin {
            findings.append(
                Finding(
                    severity: .warning, subject: "disk", text: "only \(free >> 20) MiB are free",
                    hint: "free space, or shorten a topic's retention"))
        }
        return findings
    }

    private static func unopened(_ report: UnopenedReport) -> [Finding] {
        guard report.count > 0 else { return [] }
        let places = report.latest.map { batch in
            "topic '\(batch.topic)', partition \(batch.partition), offset \(batch.offset): \(batch.reason)"
        }
        return [
            Finding(
                severity: .error, subject: "batches",
                text:
                    "\(report.count) batches that clients wrote cannot be opened; readers went on behind them: "
                    + places.joined(separator: "; "),
                hint:
                    "where a library is missing, install it, start the server again and replay from these offsets; "
                    + "otherwise the client that wrote them is to be mended")
        ]
    }

    // MARK: Subscriptions

    /// An event older than this should have been settled.
    private static let unsettledAgeMax = Duration.seconds(3600)

    private static func findings(_ subscription: SubscriptionDescription, now: Timestamp) -> [Finding] {
        let subject = "subscription \(subscription.name)"
        if subscription.settings.isPaused {
            guard subscription.backlog > 0 else { return [] }
            return [
                Finding(
                    severity: .note, subject: subject,
                    text: "paused, with \(subscription.backlog) events waiting",
                    hint: "POST /v1/subscriptions/\(subscription.name)/resume when it should go on")
            ]
        }
        var findings: [Finding] = []
        if let failure = subscription.lastFailure, subscription.waiting > 0 {
            findings.append(
                Finding(
                    severity: .warning, subject: subject,
                    text:
                        "\(subscription.waiting) events wait for another attempt; the last one failed: \(failure)",
                    hint: "mend the consumer; the events are tried again by themselves"))
        }
        if let oldest = subscription.oldestUnsettled, oldest.duration(to: now) > unsettledAgeMax {
            findings.append(stuck(subscription, subject, age: oldest.duration(to: now)))
        }
        return findings
    }

    private static func stuck(
        _ subscription: SubscriptionDescription, _ subject: String, age: Duration
    ) -> Finding {
        let isFull = subscription.inFlight >= subscription.settings.inFlightMax
        let cause =
            isFull
            ? "as many events as allowed are leased (\(subscription.inFlight)) and not settled"
            : subscription.inFlight == 0 ? "nobody receives" : "consumers do not keep up"
        return Finding(
            severity: .warning, subject: subject,
            text: "its oldest unsettled event came \(Int(age.seconds / 60)) minutes ago: \(cause)",
            hint: isFull
                ? "see that consumers acknowledge what they receive, or raise 'max_in_flight'"
                : "start consumers, or more of them; delete the subscription if nobody needs it")
    }
}

extension JSONWriter {
    mutating func diagnosis(_ findings: [Finding]) {
        object { writer in
            writer.member("healthy", !findings.contains { $0.severity == .error })
            writer.member("findings", list: findings) { writer, finding in
                writer.object { writer in
                    writer.member("severity", finding.severity.rawValue)
                    writer.member("subject", finding.subject)
                    writer.member("finding", finding.text)
                    writer.member("hint", finding.hint)
                }
            }
        }
    }
}
