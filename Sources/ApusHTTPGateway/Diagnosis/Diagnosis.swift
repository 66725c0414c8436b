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
        // Asked once: the answer looks at every log.
        let unavailability = context.broker.unavailability
        if let reason = unavailability {
            let problem = Problem(.unavailable(reason))
            findings.append(
                Finding(
                    severity: .error, subject: "publishing", text: problem.detail, hint: problem.hint ?? ""))
        }
        // Why publishes are refused was said already, and what is said of subscriptions below names the cause.
        findings += context.broker.alarms().filter { $0.kind == .diskLow }.map { alarm in
            Finding(severity: .warning, subject: alarm.subject, text: alarm.text, hint: alarm.hint)
        }
        if status.deadLettersWaiting > 0 {
            findings.append(
                Finding(
                    severity: .warning, subject: "dead letters",
                    text: status.deadLettersWaiting == 1
                        ? "1 event could not be delivered and waits in its dead-letter topic"
                        : "\(status.deadLettersWaiting) events could not be delivered and wait in dead-letter topics",
                    hint: "see why by 'apus dead-letter causes'; then redrive or discard them"))
        }
        findings += SchemaDriftFindings.findings(context.broker.load().invalidPublishers, now: context.now) {
            context.broker.topicSummary($0)?.settings.schema
        }
        var after: String?
        repeat {
            let page = Page(limit: 1000, after: after)
            let subscriptions = try context.look { broker throws(BrokerError) in
                try broker.subscriptions(of: nil, page)
            }
            for subscription in subscriptions {
                let figures = SubscriptionFigures(
                    description: subscription, now: context.now, unavailability: unavailability)
                findings += Explanation(figures).findings(ageMax: unsettledAgeMax)
            }
            after = subscriptions.count < page.limit ? nil : subscriptions.last?.name.description
        } while after != nil
        return Finding.Severity.allCases.flatMap { severity in findings.filter { $0.severity == severity } }
    }

    // MARK: Disk

    private static func disk(_ status: BrokerStatus) -> [Finding] {
        var findings: [Finding] = []
        if status.store.quarantined > 0 {
            findings.append(
                Finding(
                    severity: .error, subject: "disk",
                    text: "\(status.store.quarantined) stored batches failed verification",
                    hint: "'apus doctor' names them; check the disk's health, restore from a copy"))
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
}

extension Alarm {
    /// How grave it is.
    var severity: Finding.Severity { kind == .diskFull ? .error : .warning }

    /// What to do about it.
    var hint: String {
        switch kind {
        case .diskFull, .diskLow:
            "free space, shorten a topic's retention, or delete a subscription that nobody reads: it keeps its topic's events"
        case .slowConsumer:
            "'apus explain \(subject.split(separator: " ").last ?? "")' tells why"
        }
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
