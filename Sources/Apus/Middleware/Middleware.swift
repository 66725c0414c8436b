// SPDX-License-Identifier: Apache-2.0

// What stands around handlers. Chains are put together once, when the consumer is: for each event there is one call per layer.

/// Something that happens around the handling of every event: it may wait, look, change the outcome, or not call what is inside at all.
///
/// What is inside throws what the handler throws, and ``UnreadableEvent`` when the data cannot be read. Logs, metrics and spans need no middleware:
/// consumers have them without asking.
public protocol Middleware: Sendable {
    /// What is inside: the next layer, and in the end the handler.
    typealias Next = @Sendable (EventContext) async throws -> Void

    /// Handles an event by way of `next`. Returning acknowledges it; throwing has it retried or given up.
    func handle(_ context: EventContext, next: Next) async throws
}

/// Middleware from a closure.
///
/// ```swift
/// Around { context, next in
///     try await Tenant.$current.withValue(context.event.extensions["tenant"]?.text) {
///         try await next(context)
///     }
/// }
/// ```
public struct Around: Middleware {
    private let body: @Sendable (EventContext, Next) async throws -> Void

    /// Middleware from a closure.
    public init(_ body: @escaping @Sendable (EventContext, Next) async throws -> Void) { self.body = body }

    public func handle(_ context: EventContext, next: Next) async throws { try await body(context, next) }
}

extension Sequence where Element == any Middleware {
    /// The chain: the first of these is outermost.
    func chain(around handler: @escaping Middleware.Next) -> Middleware.Next {
        var chain = handler
        for layer in reversed() {
            let inner = chain
            chain = { context in try await layer.handle(context, next: inner) }
        }
        return chain
    }
}
