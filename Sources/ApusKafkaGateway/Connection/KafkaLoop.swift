// SPDX-License-Identifier: Apache-2.0

// One event loop's share of the server: the table of its connections, their mail, the clock that they go by, and the flushing of what they wrote.
// Everything here happens on the loop, without locks.

internal import ApusNetwork
internal import NIOCore
internal import Synchronization

/// What the connections of one event loop share.
///
/// Invariant: a connection is in `places` from when it is active until it is inactive, and its place's generation grows whenever it leaves.
final class KafkaLoop {
    private struct Place {
        var connection: KafkaConnection?
        var generation: UInt32
    }

    let eventLoop: any EventLoop
    let mailbox: LoopMailbox<KafkaLetter>
    let limits: KafkaConnectionLimits
    let handler: any KafkaRequestHandler
    let counters: KafkaLoopCounters
    /// Shared by all loops.
    let budget: RequestBudget

    /// Monotonic nanoseconds as of the last tick.
    private(set) var now: UInt64
    private(set) var isDraining = false

    private var isDelivering = false
    private var places: [Place] = []
    private var vacant: [UInt32] = []
    private var openCount = 0
    private var dirty: [KafkaConnection] = []
    private var flushIsScheduled = false
    private var tick: Scheduled<Void>?
    private var emptied: EventLoopPromise<Void>?

    /// How often deadlines are looked at.
    private static let tickInterval = TimeAmount.seconds(1)

    init(
        eventLoop: any EventLoop, limits: KafkaConnectionLimits, handler: any KafkaRequestHandler,
        counters: KafkaLoopCounters, budget: RequestBudget
    ) {
        self.eventLoop = eventLoop
        mailbox = LoopMailbox(eventLoop: eventLoop)
        self.limits = limits
        self.handler = handler
        self.counters = counters
        self.budget = budget
        now = NIODeadline.now().uptimeNanoseconds
        mailbox.open { [unowned self] letters in receive(letters) }
        scheduleTick()
    }

    // MARK: Connections

    func add(_ connection: KafkaConnection) -> KafkaConnectionID {
        counters.accepted.add(1)
        openCount += 1
        if let index = vacant.popLast() {
            places[Int(index)].connection = connection
            return KafkaConnectionID(index: index, generation: places[Int(index)].generation)
        }
        places.append(Place(connection: connection, generation: 0))
        return KafkaConnectionID(index: UInt32(truncatingIfNeeded: places.count - 1), generation: 0)
    }

    func remove(_ id: KafkaConnectionID) {
        counters.closed.add(1)
        openCount -= 1
        places[Int(id.index)].connection = nil
        places[Int(id.index)].generation &+= 1
        vacant.append(id.index)
        if openCount == 0 { finishDraining() }
    }

    func connection(_ id: KafkaConnectionID) -> KafkaConnection? {
        let place = places[Int(id.index)]
        return place.generation == id.generation ? place.connection : nil
    }

    /// How many places are looked at together by whoever wants to know the connections.
    private static let figuresMax = 256

    /// The connections at some places from `first` on, and where to go on; nil when those were the last.
    func figures(from first: Int) -> ([KafkaConnectionFigures], next: Int?) {
        guard first < places.count else { return ([], nil) }
        let end = min(places.count, first + Self.figuresMax)
        return (places[first..<end].compactMap { $0.connection?.figures() }, end < places.count ? end : nil)
    }

    /// Closes a connection; false when it is not there any more.
    func disconnect(_ id: KafkaConnectionID) -> Bool {
        guard Int(id.index) < places.count, let connection = connection(id) else { return false }
        connection.close()
        return true
    }

    // MARK: Mail and flushing

    func receive(_ letter: KafkaLetter) {
        connection(letter.connection)?.receive(letter.answer, for: letter.sequence)
    }

    private func receive(_ letters: [KafkaLetter]) {
        isDelivering = true
        letters.forEach(receive)
        isDelivering = false
        flushDirty()
    }

    /// Has `connection` flushed after the work at hand.
    func markDirty(_ connection: KafkaConnection) {
        dirty.append(connection)
        guard !isDelivering, !flushIsScheduled else { return }
        flushIsScheduled = true
        eventLoop.assumeIsolated().execute { self.flushDirty() }
    }

    private func flushDirty() {
        flushIsScheduled = false
        let connections = dirty
        dirty.removeAll(keepingCapacity: true)
        connections.forEach { $0.flushIfDirty() }
    }

    // MARK: Time

    private func scheduleTick() {
        tick = eventLoop.assumeIsolated().scheduleTask(in: Self.tickInterval) { [weak self] in
            self?.passTime()
        }
    }

    private func passTime() {
        now = NIODeadline.now().uptimeNanoseconds
        for index in places.indices { places[index].connection?.passTime(now) }
        scheduleTick()
    }

    // MARK: Shutdown

    /// Lets connections go as soon as they have answered what was asked; the future completes when none is left.
    func drain() -> EventLoopFuture<Void> {
        isDraining = true
        let promise = emptied ?? eventLoop.makePromise(of: Void.self)
        emptied = promise
        for index in places.indices { places[index].connection?.drain() }
        if openCount == 0 { finishDraining() }
        return promise.futureResult
    }

    /// Closes what is still open.
    func closeAll() {
        for index in places.indices { places[index].connection?.close() }
    }

    private func finishDraining() {
        guard isDraining, let promise = emptied else { return }
        tick?.cancel()
        promise.succeed(())
    }
}

/// A number that one thread adds to and any may read.
struct LoopCounter: ~Copyable, Sendable {
    private let value = Atomic(0)

    /// Adds; only ever called on one loop, so a load and a store make an addition.
    @inline(__always)
    func add(_ count: Int) {
        value.store(value.load(ordering: .relaxed) &+ count, ordering: .relaxed)
    }

    var current: Int { value.load(ordering: .relaxed) }
}

/// The counters of one loop.
final class KafkaLoopCounters: Sendable {
    let accepted = LoopCounter()
    let closed = LoopCounter()
    let requests = LoopCounter()
    let refused = LoopCounter()
    let received = LoopCounter()
    let sent = LoopCounter()
}
