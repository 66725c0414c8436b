// SPDX-License-Identifier: Apache-2.0

// The registry of schemas at work. Changes are decided one after the other, on a thread of their own because compiling and comparing take a while,
// written down, and answered when that is durable. Compiled schemas are kept by id: an id means the same for ever.

import ApusModel
import ApusSchemas
import ApusStorage
import Synchronization

/// The registry of schemas at work.
final class SchemaOffice: Sendable {
    static let log = LogID(high: 0x6170_7573, low: 5 << 24)

    private let table: StateLog<SchemaTable>
    private let context: EngineContext
    private let gate: CommandGate
    private let judges = Mutex<[JudgeKey: SchemaInForce]>([:])
    private let changes = Atomic<Int>(0)

    /// One text judges in two ways: with `format` checked and without.
    private struct JudgeKey: Hashable {
        let id: SchemaID
        let assertsFormats: Bool
    }

    /// Compiled schemas that are kept; when there are more, all are forgotten and made again as they are needed.
    private static let judgesMax = 1_000

    init(context: EngineContext) throws(LogError) {
        self.context = context
        gate = CommandGate(inbox: context.inbox)
        table = try StateLog(SchemaOffice.log, isChained: false, context: context)
    }

    /// Everything that is registered now.
    var registry: SchemaRegistry { table.read(\.registry) }

    /// Asks the registry without copying it. `body` is short: it holds everybody else up.
    func read<Value: Sendable>(_ body: (SchemaRegistry) -> Value) -> Value {
        table.read { body($0.registry) }
    }

    /// Grows with every change, before the change is answered: for those who remember what they were told.
    var revision: Int { changes.load(ordering: .acquiring) }

    var formats: SchemaFormats { context.options.schemaFormats }
    var limits: SchemaRegistryLimits { context.options.schemaLimits }

    // MARK: Changing

    /// Makes one change; decided when those before it are durable or refused.
    func change<Value: Sendable>(
        _ decide:
            @escaping @Sendable (SchemaRegistry) throws(SchemaRegistryError) -> SchemaDecision<Value>
    ) async throws(SchemaRequestError) -> Value {
        let result: Result<Value, SchemaRequestError> = await withUnsafeContinuation { continuation in
            gate.run { [self] ended in
                context.offload { [self] in
                    decideAndWrite(decide) { result in
                        ended()
                        continuation.resume(returning: result)
                    }
                }
            }
        }
        return try result.get()
    }

    private func decideAndWrite<Value: Sendable>(
        _ decide: (SchemaRegistry) throws(SchemaRegistryError) -> SchemaDecision<Value>,
        completion: @escaping @Sendable (Result<Value, SchemaRequestError>) -> Void
    ) {
        let decision: SchemaDecision<Value>
        do throws(SchemaRegistryError) { decision = try decide(registry) } catch {
            return completion(.failure(.refused(error)))
        }
        guard !decision.changes.isEmpty else { return completion(.success(decision.value)) }
        table.write(decision.changes.map { .changed($0) }) { [self] failure in
            if let failure { return completion(.failure(.broker(BrokerError(failure)))) }
            changes.add(1, ordering: .acquiringAndReleasing)
            completion(.success(decision.value))
        }
    }

    /// Does something that takes a while beside everybody else.
    func beside<Value: Sendable>(
        _ body: @escaping @Sendable () throws(SchemaRegistryError) -> Value
    ) async throws(SchemaRequestError) -> Value {
        let result: Result<Value, SchemaRegistryError> = await withUnsafeContinuation { continuation in
            context.offload {
                continuation.resume(returning: Result { () throws(SchemaRegistryError) in try body() })
            }
        }
        do { return try result.get() } catch { throw .refused(error) }
    }

    // MARK: Compiled schemas

    /// The compiled schema of an id, compiled if need be; nil when there is none of this id.
    ///
    /// - Parameter subject: of which it is; decides whether `format` is checked.
    func inForce(_ id: SchemaID, of subject: SubjectName?) -> SchemaInForce? {
        let key = JudgeKey(id: id, assertsFormats: read { $0.assertsFormats(of: subject) })
        if let known = judges.withLock({ $0[key] }) { return known }
        let limits = limits
        let found = read { registry in
            (try? registry.content(id)).map { content in
                Result { () throws(SchemaRegistryError) in try registry.resolve(content, limits: limits) }
            }
        }
        guard let found else { return nil }
        let compiled: SchemaInForce
        do throws(SchemaRegistryError) {
            var schema = try found.get()
            schema.assertsFormats = key.assertsFormats
            compiled = SchemaInForce(id: id, judge: try formats.compile(schema), flaw: nil)
        } catch {
            // It was accepted once, by a server that understood more.
            compiled = SchemaInForce(id: id, judge: nil, flaw: "\(error)")
        }
        judges.withLock { judges in
            if judges.count >= SchemaOffice.judgesMax { judges = [:] }
            judges[key] = compiled
        }
        return compiled
    }
}

/// A schema that data is judged by.
final class SchemaInForce: Sendable {
    let id: SchemaID
    /// Nil for formats that are only kept.
    let judge: (any DataJudge)?
    /// Why it cannot be used.
    let flaw: String?

    init(id: SchemaID, judge: (any DataJudge)?, flaw: String?) {
        self.id = id
        self.judge = judge
        self.flaw = flaw
    }
}
