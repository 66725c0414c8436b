// SPDX-License-Identifier: Apache-2.0

// Asking: an event that says where the answer is to go, and a wait for it. All askers of a topic share one topic for answers and each bus has one temporary
// subscription on it, so that nothing is left behind in the broker.

public import ApusBus
import CloudEvents
import Synchronization

/// Why a request has no answer.
public enum RequestError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Nobody answered in time. The request may still be handled.
    case timedOut(Duration)
    /// The handler gave the request up; says why.
    case failed(String)
    /// The answer is not what was asked for; says what it is.
    case unexpected(String)
    /// The request was not published, or answers cannot be received.
    case bus(BusError)

    public var description: String {
        switch self {
        case .timedOut(let limit): "no answer within \(limit)"
        case .failed(let reason): "the request was given up: \(reason)"
        case .unexpected(let reason): reason
        case .bus(let error): error.description
        }
    }
}

extension Bus {
    /// Publishes a request and waits for the answer; needs ``Feature/temporarySubscriptions``.
    ///
    /// ```swift
    /// let quote = try await bus.request(GetQuote(symbol: "APUS"), as: Quote.self, timeout: .seconds(2))
    /// ```
    ///
    /// - Parameters:
    ///   - request: what is asked; a consumer answers it with ``Handle/init(_:replying:_:)``.
    ///   - reply: what the answer is.
    ///   - timeout: how long to wait.
    ///   - options: what is different about the request.
    /// - Throws: ``RequestError``.
    public func request<Request: Event, Reply: Event>(
        _ request: Request, as reply: Reply.Type, timeout: Duration = .seconds(10),
        options: PublishOptions = .none
    ) async throws(RequestError) -> Reply {
        let topic = options.topic ?? Request.topic
        let event: CloudEvent
        do throws(BusError) {
            try require(.temporarySubscriptions)
            var options = options
            do throws(CloudEventError) {
                try options.extensions.set(ApusAttribute.replyTo, to: .string(replies.topic(for: topic)))
                try options.extensions.set(ApusAttribute.replyFor, to: .string(replies.name))
            } catch { throw .invalid("\(error)") }
            event = try envelope(request, options)
            try await replies.open(self, topic: topic)
        } catch { throw .bus(error) }
        let answer = await replies.answer(to: event.id, within: timeout, clock) { () async throws(BusError) in
            // At once, in a transaction too: its answer is waited for.
            _ = try await self.sendNow([event], to: topic, nil)
        }
        return try Self.read(try answer.get(), as: reply)
    }

    private static func read<Reply: Event>(
        _ event: CloudEvent, as reply: Reply.Type
    ) throws(RequestError) -> Reply {
        if let reason = event.extensions[ApusAttribute.replyError]?.text { throw .failed(reason) }
        guard event.type == Reply.type, event.dataVersion == Reply.version else {
            throw .unexpected(
                "the answer is version \(event.dataVersion) of \(event.type), not \(Reply.version) of \(Reply.type)"
            )
        }
        do throws(UnreadableEvent) {
            return try event.decoded(as: Reply.self)
        } catch { throw .unexpected(error.description) }
    }
}
