// SPDX-License-Identifier: Apache-2.0

// The recorder's catalogue of events: one without a log, in which tests say what was seen.

import ApusCatalog
import ApusModel

@testable import ApusEngine

extension RecorderBroker {
    func eventCatalog() throws(BrokerError) -> EventCatalog {
        let (catalog, error) = change { ($0.catalog, $0.error) }
        if let error { throw error }
        return catalog
    }

    func declareEvent(_ declaration: EventDeclaration) async throws(BrokerError) -> Bool {
        change { state in
            defer { state.catalog.apply(.declared(declaration)) }
            return state.catalog.declarations[declaration.type] == nil
        }
    }

    func withdrawEvent(_ type: String) async throws(BrokerError) -> Bool {
        change { state in
            defer { state.catalog.apply(.withdrawn(type)) }
            return state.catalog.declarations[type] != nil
        }
    }

    /// Has events been seen in a topic that there is.
    func see(
        _ type: String, in topic: String, by source: EventSource, count: Int64 = 1
    ) throws {
        let name = try ResourceName(topic)
        change { state in
            guard let id = state.topics[name]?.id.description else { return }
            let seen = SightingCount(
                count: count, first: Self.created.rawValue, last: Self.created.rawValue + 1_000)
            var look = TopicLook(name: name, topic: id)
            look.types[type] = EventSighting(seen: seen, sources: [source: seen])
            state.catalog.apply(.seen(look))
        }
    }
}
