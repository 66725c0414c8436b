// SPDX-License-Identifier: Apache-2.0

// What gateways ask of the broker about types of events. The words are those of ApusCatalog: a type is declared, or seen in a topic.

public import ApusCatalog

/// The part of a ``Broker`` that keeps a catalogue of events.
public protocol EventCataloging: Sendable {
    /// Everything that was declared and seen, as it is known now: a value to ask. Copying it costs nothing.
    func eventCatalog() throws(BrokerError) -> EventCatalog
    /// Says something about a type of events, in place of what was said before; when it is answered, it is durable.
    ///
    /// - Returns: whether nothing had been said about it.
    @discardableResult
    func declareEvent(_ declaration: EventDeclaration) async throws(BrokerError) -> Bool
    /// Takes back what was said about a type of events.
    ///
    /// - Returns: whether anything had been.
    @discardableResult
    func withdrawEvent(_ type: String) async throws(BrokerError) -> Bool
}

// What a broker without a catalogue says.
extension EventCataloging {
    private var refusal: BrokerError { .invalid("this broker keeps no catalogue of events") }

    public func eventCatalog() throws(BrokerError) -> EventCatalog { throw refusal }

    public func declareEvent(_ declaration: EventDeclaration) async throws(BrokerError) -> Bool {
        throw refusal
    }

    public func withdrawEvent(_ type: String) async throws(BrokerError) -> Bool { throw refusal }
}
