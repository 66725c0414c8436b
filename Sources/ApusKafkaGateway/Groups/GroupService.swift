// SPDX-License-Identifier: Apache-2.0

// The group coordinator at work: one value under a lock, answers to those who wait, and a timer for what is due. Nothing here decides; that is the
// coordinator's (ApusGroups).

internal import ApusEngine
internal import ApusGroups
internal import ApusModel
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// The membership of all groups.
final class GroupService: Sendable {
    fileprivate struct State {
        var coordinator: GroupCoordinator
        var waiting: [GroupTicket: @Sendable (GroupAnswer) -> Void] = [:]
        var lastTicket: UInt64 = 0
        var timer: Scheduled<Void>?
        var timerAt: Duration?
        var isStopped = false
        /// Groups that had members when the broker was last told.
        var touched: Set<String> = []
    }

    private let broker: any Broker
    private let state: Mutex<State>
    private let loop = MultiThreadedEventLoopGroup.singleton.next()
    private let touching = Mutex<RepeatedTask?>(nil)
    /// Told of members of share groups that were silent for too long.
    private let shareMemberGone: @Sendable (_ group: String, _ memberID: String) -> Void

    init(
        broker: any Broker, limits: GroupLimits = GroupLimits(),
        shareMemberGone: @escaping @Sendable (_ group: String, _ memberID: String) -> Void
    ) {
        self.broker = broker
        self.shareMemberGone = shareMemberGone
        state = Mutex(State(coordinator: GroupCoordinator(limits: limits)))
        let interval = TimeAmount.milliseconds(Defaults.groupTouchInterval.milliseconds)
        let task = loop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { [weak self] _ in
            self?.touch()
        }
        touching.withLock { $0 = task }
    }

    /// Monotonic time, as the coordinator counts it.
    private static var now: Duration { .nanoseconds(Int64(NIODeadline.now().uptimeNanoseconds)) }

    func stop() {
        touching.withLock { $0 }?.cancel()
        let timer = state.withLock { state in
            state.isStopped = true
            state.waiting = [:]
            defer { state.timer = nil }
            return state.timer
        }
        timer?.cancel()
    }

    // MARK: Asking

    /// Asks what is answered now or later.
    ///
    /// - Parameters:
    ///   - session: whose end ends the wait.
    ///   - completion: called once, on any thread.
    func wait(
        _ session: KafkaSession, completion: @escaping @Sendable (GroupAnswer) -> Void,
        _ body: (inout GroupCoordinator, GroupTicket, Duration) -> [GroupAction]
    ) {
        let now = Self.now
        var ticket = GroupTicket(rawValue: 0)
        let answers = state.withLock { state in
            state.lastTicket += 1
            ticket = GroupTicket(rawValue: state.lastTicket)
            state.waiting[ticket] = completion
            let actions = body(&state.coordinator, ticket, now)
            return state.take(actions)
        }
        deliver(answers)
        guard state.withLock({ $0.waiting[ticket] != nil }) else { return }
        session.whenClosed { [weak self, ticket] in self?.cancel(ticket) }
    }

    /// Asks what is answered at once; others may get their answers by it.
    func ask<Answer>(
        _ body: (inout GroupCoordinator, Duration) -> (answer: Answer, actions: [GroupAction])
    ) -> Answer {
        let now = Self.now
        let (answer, answers) = state.withLock { state in
            let (answer, actions) = body(&state.coordinator, now)
            return (answer, state.take(actions))
        }
        deliver(answers)
        return answer
    }

    /// Looks without changing anything.
    func look<Answer>(_ body: (borrowing GroupCoordinator) -> Answer) -> Answer {
        state.withLock { body($0.coordinator) }
    }

    private func cancel(_ ticket: GroupTicket) {
        let now = Self.now
        let answers = state.withLock { state in
            state.waiting[ticket] = nil
            return state.take(state.coordinator.cancel(ticket, now: now))
        }
        deliver(answers)
    }

    private func deliver(_ answers: [(@Sendable (GroupAnswer) -> Void, GroupAnswer)]) {
        for (completion, answer) in answers { completion(answer) }
        schedule()
    }

    // MARK: Time

    /// Has the timer fire when the next thing is due.
    private func schedule() {
        state.withLock { state in
            guard !state.isStopped, let deadline = state.coordinator.nextDeadline else { return }
            if let at = state.timerAt, at <= deadline { return }
            state.timer?.cancel()
            state.timerAt = deadline
            let wait = max(deadline - Self.now, .milliseconds(1))
            state.timer = loop.scheduleTask(in: .milliseconds(wait.milliseconds + 1)) { [weak self] in
                self?.advance()
            }
        }
    }

    private func advance() {
        let now = Self.now
        let (answers, actions) = state.withLock { state in
            state.timer = nil
            state.timerAt = nil
            let actions = state.coordinator.advance(to: now)
            return (state.take(actions), actions)
        }
        deliver(answers)
        for case .shareMemberGone(let group, let memberID) in actions { shareMemberGone(group, memberID) }
    }

    /// Tells the broker which groups have members, so that their positions are not forgotten.
    private func touch() {
        let groups = state.withLock { state in
            let present = Set(
                state.coordinator.list().filter { $0.state != "Empty" && $0.state != "Dead" }.map(\.id))
            // Those that became empty since are told of once more: their time begins now.
            defer { state.touched = present }
            return present.union(state.touched)
        }
        if !groups.isEmpty { broker.touchGroups(groups.sorted()) }
    }
}

extension GroupService.State {
    /// The completions of those who get their answers now.
    fileprivate mutating func take(
        _ actions: [GroupAction]
    ) -> [(@Sendable (GroupAnswer) -> Void, GroupAnswer)] {
        actions.compactMap { action in
            guard case .answer(let ticket, let answer) = action,
                let completion = waiting.removeValue(forKey: ticket)
            else { return nil }
            return (completion, answer)
        }
    }
}
