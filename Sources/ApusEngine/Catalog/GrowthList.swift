// SPDX-License-Identifier: Apache-2.0

// The topics that have grown since somebody last looked. This is all that the catalogue costs a publisher: one load for each flush, and an entry
// in this list for the first flush of a topic after a look.

import Synchronization

/// Topics that have grown.
final class GrowthList: Sendable {
    private struct State {
        var topics: [Topic] = []
        var observer: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())

    /// Has `observer` called when the list is not empty any more, on any thread, and at once if it is not.
    func observe(_ observer: @escaping @Sendable () -> Void) {
        let isWaiting = state.withLock { state in
            state.observer = observer
            return !state.topics.isEmpty
        }
        if isWaiting { observer() }
    }

    /// Takes note of a topic.
    func append(_ topic: Topic) {
        let observer = state.withLock { state in
            state.topics.append(topic)
            return state.topics.count == 1 ? state.observer : nil
        }
        observer?()
    }

    var isEmpty: Bool { state.withLock(\.topics.isEmpty) }

    /// All topics of the list, which is empty then.
    func take() -> [Topic] {
        state.withLock { state in
            defer { state.topics = [] }
            return state.topics
        }
    }
}
