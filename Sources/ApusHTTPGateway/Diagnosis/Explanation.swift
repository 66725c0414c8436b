// SPDX-License-Identifier: Apache-2.0

// 'Why is this slow?': the causes that figures speak for, in order, or that nothing is. What the diagnosis of the whole server says of a subscription is
// taken from here, so that both say the same.

internal import ApusEngine
internal import ApusModel

/// Why a subscription is slow, or that it is not.
struct Explanation: Sendable {
    /// One cause with what speaks for it.
    struct Cause: Sendable, Hashable {
        var cause: SubscriptionCause
        var severity: Finding.Severity
        var text: String
        var evidence: [String]
        var hint: String

        init(
            _ cause: SubscriptionCause, _ severity: Finding.Severity, _ text: String,
            _ evidence: [String] = [],
            hint: String
        ) {
            self.cause = cause
            self.severity = severity
            self.text = text
            self.evidence = evidence
            self.hint = hint
        }
    }

    var figures: SubscriptionFigures
    /// The first is the one to begin with.
    var causes: [Cause]

    /// Judges figures.
    init(_ figures: SubscriptionFigures) {
        self.figures = figures
        let found = SubscriptionCause.allCases.compactMap { $0.finding(figures) }
        let kinds = Set(found.map(\.cause))
        // What stops everything explains what follows from it.
        let isStopped = !kinds.isDisjoint(with: [.paused, .consentWithheld, .receiverDown, .nobodyReceives])
        causes = found.filter { one in
            switch one.cause {
            case .fallingBehind, .retriesWait, .hotPartition, .sparsePattern: !isStopped
            case .attemptsFail: !kinds.contains(.receiverDown)
            default: true
            }
        }
    }

    /// The answer in a sentence.
    var summary: String {
        let one = figures.description
        if let first = causes.first(where: { $0.cause != .catchingUp && $0.cause != .replaying }) {
            return figures.open > 0 || figures.age > .zero
                ? "\(Plural.eventsWait(one.backlog)): \(first.text)" : first.text
        }
        if let first = causes.first { return "\(Plural.eventsWait(one.backlog)); \(first.text)" }
        if figures.open == 0 { return "nothing waits: it is not slow" }
        return
            "it is not slow: \(Plural.eventsWait(one.backlog)), the oldest for \(DurationText.about(figures.age))"
    }

    /// What a diagnosis of the server says of this subscription: what is grave enough, or would go on for hours.
    ///
    /// - Parameter ageMax: how long an event may wait for before somebody should look, whatever the cause.
    func findings(ageMax: Duration) -> [Finding] {
        let subject = "subscription \(figures.description.name)"
        var isTold = false
        var findings: [Finding] = []
        for cause in causes {
            switch cause.cause {
            case .paused, .consentWithheld, .receiverDown, .keysBlocked, .attemptsFail:
                guard cause.severity != .note || cause.cause == .paused && figures.open > 0 else { continue }
            case .nobodyReceives:
                guard let unread = figures.load.unread, figures.load.isUnread else { continue }
                isTold = true
                findings.append(
                    Finding(
                        severity: cause.severity, subject: subject,
                        text:
                            "\(Plural.eventsWait(figures.description.backlog)), and nobody has asked for \(DurationText.about(unread))",
                        hint: cause.hint))
                continue
            default: continue
            }
            isTold = true
            findings.append(
                Finding(severity: cause.severity, subject: subject, text: cause.text, hint: cause.hint))
        }
        guard
            !isTold
                || findings.allSatisfy({ $0.severity == .note }) && !figures.description.settings.isPaused,
            figures.age > ageMax || figures.load.slowSince != nil
        else { return findings }
        let cause = causes.first { $0.severity != .note } ?? causes.first
        findings.append(
            Finding(
                severity: .warning, subject: subject,
                text: "its oldest unsettled event came \(DurationText.about(figures.age)) ago"
                    + (cause.map { ": \($0.text)" } ?? ": consumers do not keep up"),
                hint: cause?.hint
                    ?? "start consumers, or more of them; delete the subscription if nobody needs it"))
        return findings
    }
}

/// Counts in sentences.
enum Plural {
    /// `1 event`, `3 events`.
    static func events(_ count: Int64) -> String { count == 1 ? "1 event" : "\(count) events" }

    /// `1 event waits`, `3 events wait`, `no event waits`.
    static func eventsWait(_ count: Int64) -> String {
        switch count {
        case 0: "no event waits"
        case 1: "1 event waits"
        default: "\(count) events wait"
        }
    }

    /// `12/s`, `0.3/s`.
    static func rate(_ value: Double) -> String {
        let tenths = Int64((value * 10).rounded())
        return value >= 10 || tenths % 10 == 0
            ? "\(Int64(value.rounded()))/s" : "\(tenths / 10).\(tenths % 10)/s"
    }
}
