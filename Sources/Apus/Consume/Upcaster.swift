// SPDX-License-Identifier: Apache-2.0

// Older versions of events made into newer ones, so that handlers know one version and brokers may keep all.

/// Makes a newer event of an older one; a part of a consumer. Several make a chain.
///
/// ```swift
/// Upcaster(from: OrderPlacedV1.self, to: OrderPlaced.self) { old in
///     OrderPlaced(orderID: old.id, region: "eu", total: Double(old.cents) / 100)
/// }
/// ```
public struct Upcaster: Sendable {
    /// A type on the wire, and the version of its data.
    struct Kind: Hashable, Sendable {
        var type: String
        var version: Int
    }

    let from: Kind
    let to: Kind
    let decode: @Sendable (EventContext) throws -> any Sendable
    let convert: @Sendable (any Sendable) throws -> any Sendable

    /// Makes events of one kind of those of another: another version of a type, or another type.
    public init<Old: Event, New: Event>(
        from old: Old.Type, to new: New.Type, _ convert: @escaping @Sendable (Old) throws -> New
    ) {
        from = Kind(type: Old.type, version: Old.version)
        to = Kind(type: New.type, version: New.version)
        decode = { context in try context.event.decoded(as: Old.self) }
        self.convert = { value in try convert(try Handle.typed(value)) }
    }
}

extension Handle.Single {
    /// Handles the older kind at the beginning of a chain of upcasters.
    func after(_ chain: [Upcaster]) -> Middleware.Next {
        guard let first = chain.first else { return decodeAndRun }
        return { context in
            var value = try first.decode(context)
            for step in chain { value = try step.convert(value) }
            try await run(value, context)
        }
    }
}
