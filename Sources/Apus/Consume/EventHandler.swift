// SPDX-License-Identifier: Apache-2.0

// Handlers as types, for those that have something to hold on to.

/// A type that handles one kind of event.
///
/// ```swift
/// struct ChargeCard: EventHandler {
///     let gateway: any PaymentGateway
///
///     func handle(_ order: OrderPlaced, _ context: EventContext) async throws {
///         try await gateway.charge(order.total, idempotencyKey: context.id)
///     }
/// }
/// ```
public protocol EventHandler<Handled>: Sendable {
    /// The kind of event.
    associatedtype Handled: Event

    /// Handles an event. Returning acknowledges it; throwing has it retried by the policy, or given up when it throws ``Reject``.
    func handle(_ event: Handled, _ context: EventContext) async throws
}
