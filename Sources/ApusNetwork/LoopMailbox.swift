// SPDX-License-Identifier: Apache-2.0

// Letters from any thread to what lives on one event loop. The lock is held for an append; the loop is woken only by the letter that finds the box
// empty. A journal flush that completes sixty-four requests thus costs one wake-up, not sixty-four.

public import NIOCore
internal import Synchronization

/// Where letters for one event loop are left.
///
/// Invariant: while `letters` is not empty, a drain is scheduled or running.
public final class LoopMailbox<Letter: Sendable>: Sendable {
    private struct State {
        var letters: [Letter] = []
        var isShut = false
    }

    /// The loop that letters are read on.
    public let eventLoop: any EventLoop
    private let state = Mutex(State())
    private let reader: NIOLoopBoundBox<(([Letter]) -> Void)?>

    /// A mailbox that nobody reads yet.
    public init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        reader = .makeEmptyBox(valueType: (([Letter]) -> Void).self, eventLoop: eventLoop)
    }

    /// Names who reads, on the loop.
    public func open(_ read: @escaping ([Letter]) -> Void) { reader.value = read }

    /// Hands nothing over any more, on the loop; what is left or comes later is dropped.
    public func shut() {
        reader.value = nil
        state.withLock { state in
            state.isShut = true
            state.letters = []
        }
    }

    /// Leaves a letter. It is read soon, on the loop, together with others that came meanwhile and in their order.
    public func post(_ letter: Letter) {
        let mustWake = state.withLock { state in
            guard !state.isShut else { return false }
            state.letters.append(letter)
            return state.letters.count == 1
        }
        if mustWake { eventLoop.execute { self.drain() } }
    }

    private func drain() {
        let letters = state.withLock { state in
            let letters = state.letters
            state.letters = []
            return letters
        }
        if !letters.isEmpty { reader.value?(letters) }
    }
}
