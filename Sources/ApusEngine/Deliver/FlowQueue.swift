// SPDX-License-Identifier: Apache-2.0

// Whose turn it is among events of one priority: each flow (a key, a tenant) gets turns in proportion to its weight, however many events it has. Start-time
// fair queueing: a turn moves a flow's own time on by 1/weight, and the flow whose time is least goes next; one that comes new begins at the time
// of the present turn, so that nobody saves up turns while away.

import HeapModule

/// Candidates of one priority, by flow.
struct FlowQueue<Candidate: Sendable>: Sendable {
    private struct Flow: Sendable {
        var time: Int64
        var weight: Int
        var candidates: FlowList<Candidate>
    }

    private struct Turn: Comparable, Sendable {
        var time: Int64
        /// Which came first, so that flows with equal times take turns.
        var ticket: UInt64
        var flow: Int

        static func < (left: Turn, right: Turn) -> Bool {
            (left.time, left.ticket) < (right.time, right.ticket)
        }
    }

    /// What a turn costs a flow of weight 1.
    private static var turnCost: Int64 { 1 << 20 }
    /// Flows without candidates whose time is remembered, so that somebody who comes and goes is not always new.
    private static var partedMax: Int { 1024 }

    private var flows: [Int: Flow] = [:]
    private var turns = Heap<Turn>()
    private var parted = Heap<Turn>()
    private var time: Int64 = 0
    private var lastTicket: UInt64 = 0
    private var serving: Int?

    /// Flows that are kept in mind, for measurements.
    var flowCount: Int { flows.count }

    /// Adds a candidate behind those of its flow.
    mutating func append(_ candidate: Candidate, flow: Int, weight: Int) {
        let isBack = flows[flow]?.candidates.isEmpty ?? true
        if flows[flow] == nil {
            flows[flow] = Flow(time: time, weight: weight, candidates: FlowList())
        }
        flows[flow]?.candidates.append(candidate)
        // The flow that is being served gets its next turn when that is finished.
        guard isBack, flow != serving else { return }
        let begin = max(flows[flow]?.time ?? time, time)
        flows[flow]?.time = begin
        turns.insert(Turn(time: begin, ticket: nextTicket(), flow: flow))
    }

    /// Takes the first candidate of the flow whose turn it is; `finish` has to follow.
    mutating func take() -> (candidate: Candidate, flow: Int)? {
        while let turn = turns.popMin() {
            guard let candidate = flows[turn.flow]?.candidates.popFirst() else { continue }
            serving = turn.flow
            return (candidate, turn.flow)
        }
        return nil
    }

    /// Ends the turn that `take` began; one that came to nothing is not charged.
    mutating func finish(_ number: Int, isCharged: Bool) {
        serving = nil
        guard let flow = flows[number] else { return }
        var next = flow.time
        if isCharged {
            time = max(time, flow.time)
            next += FlowQueue.turnCost / Int64(flow.weight)
            flows[number]?.time = next
        }
        let turn = Turn(time: next, ticket: nextTicket(), flow: number)
        if flow.candidates.isEmpty { part(turn) } else { turns.insert(turn) }
    }

    /// A flow has nothing more to offer; forgotten once it is no better off than a new one, or when too many are remembered.
    private mutating func part(_ turn: Turn) {
        parted.insert(turn)
        while let first = parted.min, first.time <= time || parted.count > FlowQueue.partedMax {
            parted.removeMin()
            if let flow = flows[first.flow], flow.candidates.isEmpty, flow.time == first.time {
                flows[first.flow] = nil
            }
        }
    }

    private mutating func nextTicket() -> UInt64 {
        lastTicket += 1
        return lastTicket
    }
}

/// A queue that costs nothing while it has one element, which most flows never exceed.
private struct FlowList<Element: Sendable>: Sendable {
    private var first: Element?
    private var rest: [Element] = []
    private var head = 0

    var isEmpty: Bool { first == nil }

    mutating func append(_ element: Element) {
        if first == nil { first = element } else { rest.append(element) }
    }

    mutating func popFirst() -> Element? {
        guard let taken = first else { return nil }
        guard head < rest.count else {
            first = nil
            (rest, head) = ([], 0)
            return taken
        }
        first = rest[head]
        head += 1
        if head > 64, 2 * head > rest.count {
            rest.removeFirst(head)
            head = 0
        }
        return taken
    }
}
