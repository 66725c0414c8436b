// SPDX-License-Identifier: Apache-2.0

// How anything that is defined changes: decide (in the worker's turn, one change at a time), write it down, and when that is durable, put it
// to work. Whatever the decision looked at cannot have changed in between.

import ApusModel
import ApusStorage
import Synchronization

/// What to write down, and what to do once it is durable.
struct Decision<Value: Sendable>: Sendable {
    var changes: [RegistryChange]
    /// What takes the disk a while: done outside the worker, so that nobody's leases and pushes wait for it.
    var prepare: (@Sendable () throws(BrokerError) -> Void)?
    var apply: @Sendable () throws(BrokerError) -> Value

    init(changes: [RegistryChange], apply: @escaping @Sendable () throws(BrokerError) -> Value) {
        (self.changes, self.apply) = (changes, apply)
    }

    init(
        changes: [RegistryChange], prepare: @escaping @Sendable () throws(BrokerError) -> Void,
        apply: @escaping @Sendable () throws(BrokerError) -> Value
    ) {
        (self.changes, self.prepare, self.apply) = (changes, prepare, apply)
    }

    /// The same change, of which something else is told.
    func telling<Other: Sendable>(_ value: Other) -> Decision<Other> {
        var other = Decision<Other>(changes: changes) { [apply] () throws(BrokerError) in
            _ = try apply()
            return value
        }
        other.prepare = prepare
        return other
    }

    /// Nothing to write.
    static func nothing(_ value: Value) -> Decision {
        Decision(changes: []) { () throws(BrokerError) in value }
    }
}

extension Engine {
    /// Makes one change; `completion` comes in a turn of the worker.
    func change<Value: Sendable>(
        _ decide: @escaping @Sendable () throws(BrokerError) -> Decision<Value>,
        completion: @escaping @Sendable (Result<Value, BrokerError>) -> Void
    ) {
        gate.run { [self] ended in
            let decision: Decision<Value>
            do throws(BrokerError) { decision = try decide() } catch {
                ended()
                completion(.failure(error))
                return
            }
            let finish: @Sendable () -> Void = { [self] in
                let result = Result { () throws(BrokerError) in try decision.apply() }
                // What is defined and could not be put to work is tried again.
                if case .failure = result { reopenSoon() }
                ended()
                completion(result.mapError { decision.changes.isEmpty ? $0 : $0.afterWriting })
            }
            let proceed: @Sendable () -> Void = { [self] in
                guard let prepare = decision.prepare else { return finish() }
                context.offload { [self] in
                    let result = Result { () throws(BrokerError) in try prepare() }
                    context.inbox.post { [self] in
                        guard case .failure(let error) = result else { return finish() }
                        reopenSoon()
                        ended()
                        completion(.failure(decision.changes.isEmpty ? error : error.afterWriting))
                    }
                }
            }
            guard !decision.changes.isEmpty else { return proceed() }
            registry.append(decision.changes) { [self] result in
                context.inbox.post { [self] in
                    switch result {
                    case .success(let base):
                        catalog.withLock { catalog in
                            for change in decision.changes { catalog.definitions.apply(change) }
                        }
                        // A copy kept until after this would have all definitions copied when one of them is written.
                        proceed()
                        registry.applied(
                            definitions, end: base.advanced(by: Int64(decision.changes.count)))
                    case .failure(let error):
                        ended()
                        completion(.failure(BrokerError(error)))
                    }
                }
            }
        }
    }

    /// Makes one change and waits for it.
    func change<Value: Sendable>(
        _ decide: @escaping @Sendable () throws(BrokerError) -> Decision<Value>
    ) async throws(BrokerError) -> Value {
        let result = await withUnsafeContinuation { continuation in
            change(decide) { (result: Result<Value, BrokerError>) in continuation.resume(returning: result) }
        }
        return try result.get()
    }

    /// What is defined now.
    var definitions: Definitions { catalog.withLock(\.definitions) }

    /// Runs something of the store's, its errors in the broker's words.
    func storing<Value>(_ body: () throws(LogError) -> Value) throws(BrokerError) -> Value {
        do { return try body() } catch { throw BrokerError(error) }
    }
}

extension BrokerError {
    /// What it means for a change that is written down already: it holds, and is not what nothing was stored of.
    fileprivate var afterWriting: BrokerError {
        guard case .unavailable(let reason) = self else { return self }
        let cause =
            switch reason {
            case .diskFull: "the disk is full"
            case .diskFailed(let reason): "the disk failed: \(reason)"
            case .overloaded: "more waits to be written than the limit allows"
            case .undecided(let reason): "the disk goes on failing: \(reason)"
            case .stopping, .notOpen: String?.none
            }
        guard let cause else { return self }
        return .unavailable(
            .notOpen(
                "the change is written down and could not be put to work, which is tried again: \(cause)"))
    }
}

extension Dictionary where Key == ResourceName {
    /// The values of a page, by name.
    func page(_ page: Page) -> [Value] {
        page.names(keys).lazy.compactMap { self[$0] }.prefix(page.limit).map { $0 }
    }
}

extension Page {
    /// The names after the last one of the page before, in order.
    func names(_ names: some Sequence<ResourceName>) -> [ResourceName] {
        let wanted = search.map { $0.lowercased() }
        return names.filter { name in
            guard after.map({ name.description > $0 }) ?? true else { return false }
            return wanted.map { name.description.lowercased().contains($0) } ?? true
        }.sorted()
    }
}
