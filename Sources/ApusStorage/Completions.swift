// SPDX-License-Identifier: Apache-2.0

// Telling how appends ended: in order, by one thread at a time, whichever has time for it.

import ApusModel
import Synchronization

/// Calls to make when no lock is held.
struct Completions: Sendable {
    /// Appends that ended alike.
    enum Outcome: Sendable {
        case stored([PendingAppend])
        case refused([PendingAppend], LogError)
    }

    /// In the order in which they have to be told.
    var outcomes: [Outcome] = []
    var advances: [(@Sendable (Offset) -> Void, Offset)] = []

    var isEmpty: Bool { outcomes.isEmpty && advances.isEmpty }

    func deliver() {
        // Readers first: who is told that something is stored must be able to read it.
        for (onAdvance, end) in advances { onAdvance(end) }
        for outcome in outcomes {
            switch outcome {
            case .stored(let items): for item in items { item.completion(.success(item.base)) }
            case .refused(let items, let error): for item in items { item.completion(.failure(error)) }
            }
        }
    }
}

/// Completions that wait to be told, and who tells them.
///
/// Invariant: while one thread tells, no other does; so appends are told in the order in which they were completed.
final class Deliveries: Sendable {
    private struct State {
        var waiting: [Completions] = []
        var isTelling = false
    }

    private let state = Mutex(State())

    /// Adds completions, to be told by the next who calls ``tellAll()``. Called inside the lock under which they came about:
    /// their order here is the order in which they are told.
    ///
    /// - Returns: whether there is anything to tell.
    func add(_ completions: Completions) -> Bool {
        guard !completions.isEmpty else { return false }
        state.withLock { $0.waiting.append(completions) }
        return true
    }

    /// Tells what waits, until nothing does; returns at once when another thread is at it.
    func tellAll() {
        guard begin() else { return }
        while let some = next() {
            for completions in some { completions.deliver() }
        }
    }

    private func begin() -> Bool {
        state.withLock { state in
            defer { state.isTelling = true }
            return !state.isTelling
        }
    }

    /// What waits; nil ends the telling.
    private func next() -> [Completions]? {
        state.withLock { state in
            state.isTelling = !state.waiting.isEmpty
            guard state.isTelling else { return nil }
            defer { state.waiting = [] }
            return state.waiting
        }
    }
}
