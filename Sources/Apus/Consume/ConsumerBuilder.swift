// SPDX-License-Identifier: Apache-2.0

// The parts of a consumer, written one below the other.

/// What a consumer is made of.
public enum ConsumerPart: Sendable {
    /// A handler.
    case handle(Handle)
    /// A way from an older kind of event to a newer one.
    case upcaster(Upcaster)
    /// A layer around all handlers; the first is outermost.
    case middleware(any Middleware)
}

/// Takes handlers, upcasters and middleware, one below the other; `if`, `for` and lists may be used.
@resultBuilder public enum ConsumerBuilder {
    public static func buildExpression(_ handle: Handle) -> [ConsumerPart] { [.handle(handle)] }
    public static func buildExpression(_ upcaster: Upcaster) -> [ConsumerPart] { [.upcaster(upcaster)] }
    public static func buildExpression(_ layer: any Middleware) -> [ConsumerPart] { [.middleware(layer)] }
    public static func buildExpression<Handler: EventHandler>(_ handler: Handler) -> [ConsumerPart] {
        [.handle(Handle(handler))]
    }
    public static func buildExpression(_ parts: [ConsumerPart]) -> [ConsumerPart] { parts }
    public static func buildBlock(_ parts: [ConsumerPart]...) -> [ConsumerPart] { parts.flatMap(\.self) }
    public static func buildOptional(_ parts: [ConsumerPart]?) -> [ConsumerPart] { parts ?? [] }
    public static func buildEither(first parts: [ConsumerPart]) -> [ConsumerPart] { parts }
    public static func buildEither(second parts: [ConsumerPart]) -> [ConsumerPart] { parts }
    public static func buildArray(_ parts: [[ConsumerPart]]) -> [ConsumerPart] { parts.flatMap(\.self) }
}
