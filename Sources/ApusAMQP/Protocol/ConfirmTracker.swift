// SPDX-License-Identifier: Apache-2.0

// Which publishes of a channel wait for their confirm. A broker confirms one by one, many at a time, and out of order; publishes are made in batches,
// and whoever made one wants to hear of it once. A value: no time, no I/O.

internal import DequeModule

/// What became of one publish.
enum ConfirmOutcome: UInt8, Sendable, Hashable {
    /// Nothing yet, and nothing any more if the channel has ended.
    case unknown
    case confirmed
    /// The broker did not take it.
    case refused
}

/// The publishes of one channel that wait for their confirm.
struct ConfirmTracker<Token> {
    /// A batch of which everything is known that will be.
    struct Finished {
        var token: Token
        /// One for each publish, in order.
        var outcomes: [ConfirmOutcome]
    }

    private struct Batch {
        var token: Token?
        var first: UInt64
        var count: Int
        var left: Int
        var deadline: UInt64
    }

    /// The number of the first publish in `outcomes`. Numbers begin at 1.
    private var base: UInt64 = 1
    private var outcomes: Deque<ConfirmOutcome> = []
    private var batches: Deque<Batch> = []

    /// How many publishes wait.
    private(set) var waiting = 0

    /// Notes a batch that is being published now, to be confirmed by `deadline`.
    mutating func add(_ count: Int, _ token: Token, deadline: UInt64) {
        batches.append(
            Batch(
                token: token, first: base + UInt64(outcomes.count), count: count, left: count,
                deadline: deadline))
        for _ in 0..<count { outcomes.append(.unknown) }
        waiting += count
    }

    /// Takes a confirm, or its contrary; those for publishes that nobody made change nothing.
    mutating func take(_ tag: UInt64, multiple: Bool, _ outcome: ConfirmOutcome) -> [Finished] {
        // Zero with `multiple` is all.
        let last = tag == 0 && multiple ? base + UInt64(outcomes.count) - 1 : tag
        guard last >= base, last < base + UInt64(outcomes.count) else { return [] }
        let first = multiple ? base : last
        for number in first...last {
            let index = Int(number - base)
            guard outcomes[index] == .unknown else { continue }
            outcomes[index] = outcome
            waiting -= 1
            batches[batch(of: number)].left -= 1
        }
        return finish(from: batch(of: first), through: batch(of: last))
    }

    /// The batches whose deadline has passed: what is not known of them is not waited for.
    mutating func expire(_ now: UInt64) -> [Finished] {
        var finished: [Finished] = []
        for index in batches.indices where batches[index].token != nil && batches[index].deadline <= now {
            if let one = finish(index) { finished.append(one) }
        }
        return finished
    }

    /// The channel has ended: all batches, with what is known of them.
    mutating func end() -> [Finished] {
        var finished: [Finished] = []
        for index in batches.indices {
            if let one = finish(index) { finished.append(one) }
        }
        batches = []
        outcomes = []
        waiting = 0
        return finished
    }

    /// The place of the batch that a number is in. There is one for each number from `base` on.
    private func batch(of number: UInt64) -> Int {
        var (low, high) = (0, batches.count - 1)
        while low < high {
            let middle = (low + high + 1) / 2
            if batches[middle].first <= number { low = middle } else { high = middle - 1 }
        }
        return low
    }

    private mutating func finish(from first: Int, through last: Int) -> [Finished] {
        var finished: [Finished] = []
        for index in first...last where batches[index].left == 0 {
            if let one = finish(index) { finished.append(one) }
        }
        while let batch = batches.first, batch.left == 0 {
            batches.removeFirst()
            outcomes.removeFirst(batch.count)
            base += UInt64(batch.count)
        }
        return finished
    }

    /// A batch's outcomes, once.
    private mutating func finish(_ index: Int) -> Finished? {
        guard let token = batches[index].token else { return nil }
        batches[index].token = nil
        let start = Int(batches[index].first - base)
        return Finished(token: token, outcomes: Array(outcomes[start..<start + batches[index].count]))
    }
}
