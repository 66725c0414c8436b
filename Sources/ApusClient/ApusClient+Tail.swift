// SPDX-License-Identifier: Apache-2.0

// Following topics live, over broken connections: a tail goes on after the last message it has given out.

internal import AsyncHTTPClient
public import JSONText
internal import NIOCore

/// Which events a tail follows.
public struct TailRequest: Sendable {
    /// Names of topics, or patterns with `*`; none means all.
    public var topics: [String]
    /// Where to begin.
    public var from: Position
    /// Only events that match it.
    public var pattern: JSONValue?

    /// A tail of some topics.
    public init(topics: [String] = [], from: Position = .latest, pattern: JSONValue? = nil) {
        self.topics = topics
        self.from = from
        self.pattern = pattern
    }
}

/// What a tail tells.
public enum TailMessage: Sendable {
    /// An event.
    case event(StoredEvent)
    /// The reader fell behind what is kept; the tail goes on at the first event that is.
    case trimmed(JSONValue)
    /// The connection was lost for the given reason; the tail tries again.
    case disconnected(ApusClientError)
}

/// A live stream of events. It ends only with the task that reads it, or with an error that no retry can mend.
public struct Tail: AsyncSequence, Sendable {
    /// What a tail gives out.
    public typealias Element = TailMessage

    let client: ApusClient
    let request: TailRequest

    /// Begins to follow: the connection is made by the first `next()`.
    public func makeAsyncIterator() -> Iterator { Iterator(client: client, request: request) }

    /// Reads a tail.
    public struct Iterator: AsyncIteratorProtocol {
        private let client: ApusClient
        private let request: TailRequest
        private var body: HTTPClientResponse.Body.AsyncIterator?
        private var parser = ServerSentEventParser(bytesMax: Self.messageBytesMax)
        private var pending: [ServerSentEvent] = []
        private var lastID: String?
        private var failures = 0

        /// Several times what the largest event can take as JSON text.
        private static let messageBytesMax = 16 << 20
        private static let firstPause: Duration = .milliseconds(250)
        private static let doublingsMax = 5

        init(client: ApusClient, request: TailRequest) {
            self.client = client
            self.request = request
        }

        /// The next thing to know; waits until there is one.
        public mutating func next() async throws -> TailMessage? {
            while true {
                if let message = try takePending() { return message }
                do {
                    try await fill()
                } catch let error {
                    guard error.retryable || error.kind == .unavailable else { throw error }
                    body = nil
                    failures += 1
                    return .disconnected(error)
                }
            }
        }

        private mutating func takePending() throws(ApusClientError) -> TailMessage? {
            while !pending.isEmpty {
                let message = pending.removeFirst()
                lastID = message.lastID ?? lastID
                guard message.name == "event" || message.name == "trimmed" else { continue }
                let json: JSONValue
                do {
                    json = try JSONValue(parsing: message.data, depthLimit: 256)
                } catch {
                    throw .unexpected("a message of the tail is not JSON: \(error)")
                }
                return message.name == "event" ? .event(try StoredEvent(json)) : .trimmed(json)
            }
            return nil
        }

        /// Makes a connection if there is none, and waits for bytes.
        private mutating func fill() async throws(ApusClientError) {
            if body == nil { try await connect() }
            guard var body else { return }
            do {
                let bytes = try await body.next()
                self.body = body
                guard let bytes else {
                    throw ApusClientError(
                        .unavailable, what: "the server ended the tail", retryable: true)
                }
                pending = try parser.parse(bytes.readableBytesView)
                failures = 0
            } catch let error as ServerSentEventTooLarge {
                throw .unexpected("a message of the tail is larger than \(error.limit >> 20) MiB")
            } catch {
                throw client.failure(error)
            }
        }

        private mutating func connect() async throws(ApusClientError) {
            if failures > 0 { try await pause() }
            parser = ServerSentEventParser(bytesMax: Self.messageBytesMax)
            body = try await client.stream(apiRequest()).makeAsyncIterator()
        }

        private func pause() async throws(ApusClientError) {
            let factor = 1 << Swift.min(failures - 1, Self.doublingsMax)
            do {
                try await Task.sleep(for: Self.firstPause * factor)
            } catch {
                throw client.failure(error)
            }
        }

        private func apiRequest() -> APIRequest {
            var request = APIRequest(.get, "v1", "tail")
            for topic in self.request.topics { request.add("topic", topic) }
            request.add("from", self.request.from.description)
            request.add("pattern", self.request.pattern?.description)
            request.accept = "text/event-stream"
            if let lastID { request.headers.append(("last-event-id", lastID)) }
            return request
        }
    }
}

extension ApusClient {
    /// Follows topics live; connections that break are made again.
    public func tail(_ request: TailRequest) -> Tail { Tail(client: self, request: request) }
}
