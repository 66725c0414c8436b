// SPDX-License-Identifier: Apache-2.0

// The catalogue of events at work. Declarations are written one after the other; what was seen is written once a second, a look at a time, with
// where the look came to, so that after a crash no event is counted twice: what a look has seen and where it ended are one record.

import ApusCatalog
import ApusModel
import ApusStorage
import Synchronization

/// The catalogue of events at work.
final class CatalogOffice: Sendable {
    static let log = LogID(high: 0x6170_7573, low: 9 << 24)

    private let table: StateLog<CatalogTable>
    private let gate: CommandGate

    init(context: EngineContext) throws(LogError) {
        gate = CommandGate(inbox: context.inbox)
        table = try StateLog(CatalogOffice.log, isChained: false, context: context)
    }

    /// What is known now.
    var catalog: EventCatalog { table.read(\.catalog) }

    /// Asks the catalogue without copying it. `body` is short.
    func read<Value: Sendable>(_ body: (EventCatalog) -> Value) -> Value {
        table.read { body($0.catalog) }
    }

    /// Writes down what was seen; `completion` is called in a turn of the worker with whether that was possible.
    func write(_ changes: [CatalogChange], completion: @escaping @Sendable (Bool) -> Void) {
        table.write(changes.map { .changed($0) }) { completion($0 == nil) }
    }

    /// Makes one change, decided when those before it are durable or refused; answers what `decide` does.
    func change<Value: Sendable>(
        _ decide: @escaping @Sendable (EventCatalog) throws(CatalogError) -> (CatalogChange?, Value)
    ) async throws(BrokerError) -> Value {
        let result: Result<Value, BrokerError> = await withUnsafeContinuation { continuation in
            gate.run { [table] ended in
                func end(_ result: Result<Value, BrokerError>) {
                    ended()
                    continuation.resume(returning: result)
                }
                let (change, value): (CatalogChange?, Value)
                do throws(CatalogError) { (change, value) = try decide(table.read(\.catalog)) } catch {
                    return end(.failure(.invalid(error.description)))
                }
                guard let change else { return end(.success(value)) }
                table.write([.changed(change)]) { failure in
                    ended()
                    continuation.resume(
                        returning: failure.map { .failure(BrokerError($0)) } ?? .success(value))
                }
            }
        }
        return try result.get()
    }
}
