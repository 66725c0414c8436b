// SPDX-License-Identifier: Apache-2.0

// The broker's errors in this protocol's words. The switch is exhaustive on purpose: a new error of the engine does
// not compile until somebody has decided what an HTTP client is told.

internal import ApusEngine
internal import ApusModel
internal import CloudEvents
internal import JSONText

extension Problem {
    /// What a broker's error means to an HTTP client.
    init(_ error: BrokerError) {
        let text = error.description
        switch error {
        case .unknownTopic(let name):
            self.init(.notFound, text, hint: "create it with PUT /v1/topics/\(name)")
        case .unknownPartition:
            self.init(.notFound, text, hint: "partitions are numbered from 0")
        case .unknownSubscription(let name):
            self.init(.notFound, text, hint: "create it with PUT /v1/subscriptions/\(name)")
        case .unknownRule(let name):
            self.init(.notFound, text, hint: "create it with PUT /v1/rules/\(name)")
        case .unknownSchedule(let name):
            self.init(.notFound, text, hint: "create it with PUT /v1/schedules/\(name)")
        case .unknownConnection(let name):
            self.init(.notFound, text, hint: "create it with PUT /v1/connections/\(name)")
        case .unknownFeed(let name):
            self.init(.notFound, text, hint: "create it with PUT /v1/feeds/\(name)")
        case .unknownWaitingEvent:
            self.init(
                .notFound, text, hint: "it was published or cancelled; list what waits with GET /v1/delayed")
        case .conflict:
            self.init(.conflict, text)
        case .invalid:
            self.init(.invalid, text)
        case .tooLarge:
            self.init(.tooLarge, text, hint: "store large data elsewhere and publish a reference to it")
        case .trimmed(let start):
            self.init(.trimmed, text, hint: "go on at offset \(start), or at 'earliest'")
            members = [JSONObject.Member(name: "start", value: .number(JSONNumber(start.rawValue)))]
            fields = [.position(name: .next, offset: start.rawValue)]
        case .beyondEnd(let end):
            self.init(.invalid, text, hint: "use 'latest' to wait for what comes next")
            members = [JSONObject.Member(name: "end", value: .number(JSONNumber(end.rawValue)))]
            fields = [.position(name: .end, offset: end.rawValue)]
        case .corrupt(let offset, let next, _):
            self.init(.corrupt, text, hint: "nothing else is affected: go on at offset \(next)")
            members = [
                JSONObject.Member(name: "offset", value: .number(JSONNumber(offset.rawValue))),
                JSONObject.Member(name: "next", value: .number(JSONNumber(next.rawValue))),
            ]
            fields = [.position(name: .next, offset: next.rawValue)]
        case .unavailable(let reason):
            self.init(.unavailable, text, hint: Problem.hint(reason))
        case .storage:
            self.init(.storage, text, hint: "look at the server's log, and run 'apus doctor'")
        case .violations(let refusal):
            self.init(.invalid, text, hint: "mend the events that 'violations' names, and publish all again")
            members = [JSONObject.Member(name: "violations", value: .violations(refusal))]
        case .partial:
            self.init(.partial, text, hint: "publish again those whose receipt is an error")
        }
    }

    private static func hint(_ reason: BrokerError.Unavailability) -> String {
        switch reason {
        case .diskFull: "free space, or shorten a topic's retention; publishing then goes on by itself"
        case .diskFailed, .undecided: "look at the server's log; publish again later"
        case .overloaded: "publish again a little later, or more slowly"
        case .notOpen: "opening it is tried again by itself; the server's log says what fails"
        case .stopping: "publish again when the server is back"
        }
    }

    /// What an event that breaks the specification means to an HTTP client.
    init(_ error: CloudEventError) {
        switch error.rule {
        case .tooManyEvents:
            self.init(.tooLarge, error.description, hint: "send several batches")
        case .unsupportedFormat, .unsupportedCharset:
            self.init(.unsupportedMediaType, error.description)
        default:
            self.init(.malformed, error.description)
        }
    }

    /// What text that is not JSON means to an HTTP client.
    init(_ error: JSONError) {
        self.init(.malformed, "the body is not acceptable JSON: \(error.description)")
    }
}
