// SPDX-License-Identifier: Apache-2.0

// The operations of the data plane: publish, receive, and the four things that can be said of a lock.

internal import CloudEvents
internal import JSONText

struct EventGridService: Sendable {
    /// An event that is locked for us.
    struct Delivery: Sendable {
        /// What came as the event.
        var event: JSONValue
        /// By which the lock is named.
        var token: String
        /// How often it was handed out, this time included.
        var count: Int
    }

    /// What can be said of a lock.
    enum Verb: Sendable, Hashable {
        case acknowledge
        /// Given back, to be handed out after one of the delays that there are.
        case release(ReleaseDelay)
        /// Given up: to the dead-letter destination, if the event subscription has one.
        case reject
        case renewLock

        var path: String {
            switch self {
            case .acknowledge: "acknowledge"
            case .release(let delay): "release?releaseDelayInSeconds=\(delay.rawValue)"
            case .reject: "reject"
            case .renewLock: "renewLock"
            }
        }
    }

    /// An event subscription.
    struct Place: Sendable, Hashable {
        var topic: String
        var subscription: String

        var path: String { "/topics/\(topic)/eventsubscriptions/\(subscription)" }
    }

    /// The most bytes of an event, as JSON.
    static let eventBytesMax = 1 << 20
    /// The most bytes of events that are published together.
    static let batchBytesMax = 1_000_000
    /// The most events that are published together.
    static let batchMax = 1_000
    /// The most events of one answer, and the most locks of one request.
    static let receiveMax = 100
    /// How long the service waits for an event at least, and at most, in seconds.
    static let waits = 10...120

    let client: EventGridClient

    /// Publishes events, each as its JSON format; all of them or none.
    func publish(_ events: [[UInt8]], to topic: String) async throws(EventGridError) {
        var request = EventGridClient.Request(path: "/topics/\(topic):publish")
        if events.count == 1 {
            request.contentType = "application/cloudevents+json; charset=utf-8"
            request.body = events[0]
        } else {
            request.contentType = "application/cloudevents-batch+json; charset=utf-8"
            request.body.reserveCapacity(events.reduce(2) { $0 + $1.count + 1 })
            request.body.append(UInt8(ascii: "["))
            for (index, event) in events.enumerated() {
                if index > 0 { request.body.append(UInt8(ascii: ",")) }
                request.body += event
            }
            request.body.append(UInt8(ascii: "]"))
        }
        _ = try await client.send(request)
    }

    /// Up to `limit` events, as soon as there is one.
    ///
    /// - Parameter wait: in seconds, taken to the nearest that the service allows.
    func receive(_ place: Place, limit: Int, wait: Int) async throws(EventGridError) -> [Delivery] {
        let wait = min(max(wait, Self.waits.lowerBound), Self.waits.upperBound)
        let path =
            "\(place.path):receive?maxEvents=\(min(max(limit, 1), Self.receiveMax))&maxWaitTime=\(wait)"
        let body = try await client.send(.init(path: path, timeout: .seconds(wait + 30)))
        guard let value = (try? JSONValue(parsing: body))?["value"]?.array else {
            throw EventGridError(kind: .unexpected, message: "the answer to 'receive' has no array 'value'")
        }
        return value.compactMap { entry in
            guard let token = entry["brokerProperties"]?["lockToken"]?.string, let event = entry["event"]
            else { return nil }
            let count = entry["brokerProperties"]?["deliveryCount"]?.int64 ?? 1
            return Delivery(event: event, token: token, count: Int(clamping: max(count, 1)))
        }
    }

    /// Says one thing of locks, at most ``receiveMax`` of them.
    ///
    /// - Returns: of which it could not be said, and why.
    func say(
        _ verb: Verb, of tokens: [String], in place: Place
    ) async throws(EventGridError) -> [String: EventGridError] {
        let body: JSONValue = ["lockTokens": .array(tokens.map { .string($0) })]
        let answer = try await client.send(
            .init(path: "\(place.path):\(verb.path)", body: body.serialized()))
        guard let failed = (try? JSONValue(parsing: answer))?["failedLockTokens"]?.array else {
            throw EventGridError(
                kind: .unexpected, message: "the answer to '\(verb.path)' has no 'failedLockTokens'")
        }
        var failures: [String: EventGridError] = [:]
        for failure in failed {
            guard let token = failure["lockToken"]?.string else { continue }
            let code = failure["error"]?["code"]?.string ?? "Unknown"
            failures[token] = EventGridError(
                kind: .service(code: code, status: Self.transientCodes.contains(code) ? 503 : 400),
                message: failure["error"]?["message"]?.string ?? "no reason was given")
        }
        return failures
    }

    /// What is said of a lock that is still there; anything else says that it is not.
    private static let transientCodes: Set<String> = [
        "InternalServerError", "ServiceUnavailable", "ServerBusy", "Timeout", "TooManyRequests",
    ]
}

/// After how long a released event is handed out again: there are no other delays.
enum ReleaseDelay: Int, Sendable, Hashable, CaseIterable {
    case none = 0
    case tenSeconds = 10
    case minute = 60
    case tenMinutes = 600
    case hour = 3600

    var duration: Duration { .seconds(rawValue) }

    /// The longest that is no longer than `wait`: the rest has to be waited for elsewhere.
    static func within(_ wait: Duration) -> ReleaseDelay {
        allCases.last { $0.duration <= wait } ?? .none
    }

    /// The shortest that is no shorter than `wait`, or the longest that there is.
    static func covering(_ wait: Duration) -> ReleaseDelay {
        allCases.first { $0.duration >= wait } ?? .hour
    }
}
