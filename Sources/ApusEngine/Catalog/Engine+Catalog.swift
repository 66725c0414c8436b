// SPDX-License-Identifier: Apache-2.0

// The catalogue of events as the broker's verbs.

public import ApusCatalog
import ApusModel
import ApusStorage
import Synchronization

extension Engine {
    /// Opens the catalogue of events, where there is to be one, unless it is open.
    func openCatalog() throws(LogError) {
        guard context.options.catalogsEvents, scout.withLock({ $0 == nil }) else { return }
        let new = EventScout(office: try CatalogOffice(context: context), context: context) {
            [weak self] id in
            self?.definitions.topicName(id) != nil
        }
        scout.withLock { $0 = new }
        new.start()
    }

    private func requireCatalog() throws(BrokerError) -> CatalogOffice {
        guard !isStopped else { throw .unavailable(.stopping) }
        guard context.options.catalogsEvents else {
            throw .invalid("this broker keeps no catalogue of events")
        }
        guard let scout = scout.withLock({ $0 }) else {
            throw .unavailable(.notOpen("the catalogue of events could not be opened; that is tried again"))
        }
        return scout.office
    }

    public func eventCatalog() throws(BrokerError) -> EventCatalog { try requireCatalog().catalog }

    public func declareEvent(_ declaration: EventDeclaration) async throws(BrokerError) -> Bool {
        var declaration = declaration
        declaration.declared = context.clock.wall.rawValue
        let checked = declaration
        return try await requireCatalog().change { catalog throws(CatalogError) in
            try catalog.check(checked)
            return (.declared(checked), catalog.declarations[checked.type] == nil)
        }
    }

    public func withdrawEvent(_ type: String) async throws(BrokerError) -> Bool {
        try await requireCatalog().change { catalog throws(CatalogError) in
            let isThere = catalog.declarations[type] != nil
            return (isThere ? .withdrawn(type) : nil, isThere)
        }
    }
}
