// SPDX-License-Identifier: Apache-2.0

// One event loop's share of a server: the table of its connections, mail for them, the clock they go by, and
// the flushing of what they wrote. Everything here happens on the loop, without locks.

internal import ApusHTTPCodec
internal import NIOCore

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// What the connections of one event loop share.
///
/// Invariant: a connection is in `places` from when it is active until it is inactive, and its place's
/// generation grows whenever it leaves, so that a stale `HTTPConnectionID` never finds a successor.
final class HTTPServerLoop {
    private struct Place {
        var connection: HTTPConnection?
        var generation: UInt32
    }

    let eventLoop: any EventLoop
    let mailbox: HTTPMailbox
    let configuration: HTTPServerConfiguration
    let deadlines: HTTPDeadlines
    let handler: any HTTPRequestHandler
    let counters: HTTPLoopCounters
    /// Shared by all loops of the server.
    let bodies: HTTPBodyBudget

    /// Monotonic nanoseconds as of the last tick: reading the clock for every request would cost more than
    /// the precision is worth.
    private(set) var now: UInt64
    /// The Date line of responses, at most a tick old.
    private(set) var date: HTTPDateLine
    private var dateSeconds: Int

    /// Whether mail is being handed over; connections then need not ask for a flush of their own.
    private(set) var isDelivering = false
    /// Whether the server is shutting down: no connection outlives its requests.
    private(set) var isDraining = false

    private var places: [Place] = []
    private var vacant: [UInt32] = []
    private var openCount = 0
    private var dirty: [HTTPConnection] = []
    private var flushIsScheduled = false
    private var spareOutputs: [ByteBuffer] = []
    private var tick: Scheduled<Void>?
    private var emptied: EventLoopPromise<Void>?

    init(
        mailbox: HTTPMailbox, configuration: HTTPServerConfiguration, handler: any HTTPRequestHandler,
        counters: HTTPLoopCounters, bodies: HTTPBodyBudget
    ) {
        eventLoop = mailbox.eventLoop
        self.mailbox = mailbox
        self.configuration = configuration
        deadlines = HTTPDeadlines(configuration)
        self.handler = handler
        self.counters = counters
        self.bodies = bodies
        now = NIODeadline.now().uptimeNanoseconds
        dateSeconds = time(nil)
        date = HTTPDateLine(unixSeconds: dateSeconds)
        scheduleTick()
    }

    // MARK: Connections

    func add(_ connection: HTTPConnection) -> HTTPConnectionID {
        HTTPLoopCounters.add(1, to: counters.accepted)
        openCount += 1
        if let index = vacant.popLast() {
            places[Int(index)].connection = connection
            return HTTPConnectionID(index: index, generation: places[Int(index)].generation)
        }
        places.append(Place(connection: connection, generation: 0))
        return HTTPConnectionID(index: UInt32(truncatingIfNeeded: places.count - 1), generation: 0)
    }

    func remove(_ id: HTTPConnectionID) {
        HTTPLoopCounters.add(1, to: counters.closed)
        openCount -= 1
        places[Int(id.index)].connection = nil
        places[Int(id.index)].generation &+= 1
        vacant.append(id.index)
        if openCount == 0 { finishDraining() }
    }

    private func connection(_ id: HTTPConnectionID) -> HTTPConnection? {
        guard Int(id.index) < places.count else { return nil }
        let place = places[Int(id.index)]
        return place.generation == id.generation ? place.connection : nil
    }

    /// How many places are looked at together by whoever wants to know the connections.
    private static let figuresMax = 256

    /// The connections at some places from `first` on, and where to go on; nil when those were the last.
    func figures(ofLoop number: Int, from first: Int) -> ([HTTPConnectionFigures], next: Int?) {
        guard first < places.count else { return ([], nil) }
        let end = min(places.count, first + Self.figuresMax)
        let found = places[first..<end].compactMap { $0.connection?.figures(loop: number) }
        return (found, end < places.count ? end : nil)
    }

    /// Closes a connection; false when it is not there any more.
    func disconnect(_ id: HTTPConnectionID) -> Bool {
        guard let connection = connection(id) else { return false }
        connection.closeNow()
        return true
    }

    // MARK: Mail and flushing

    func receive(_ mail: HTTPMail) {
        guard let connection = connection(mail.exchange.connection) else { return mail.dropped() }
        connection.receive(mail)
    }

    func receive(_ letters: [HTTPMail]) {
        isDelivering = true
        letters.forEach(receive)
        isDelivering = false
        flushDirty()
    }

    /// Has `connection` flushed after the work at hand.
    func markDirty(_ connection: HTTPConnection) {
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

    /// Memory to write responses to; usually that of an earlier flush, empty and warm.
    func takeOutput() -> ByteBuffer {
        guard var buffer = spareOutputs.popLast() else { return ByteBufferAllocator().buffer(capacity: 1024) }
        buffer.clear()
        return buffer
    }

    /// Gives memory back; some of it is kept, unless it is large.
    func returnOutput(_ buffer: ByteBuffer) {
        if buffer.capacity <= 16 * 1024, spareOutputs.count < 64 { spareOutputs.append(buffer) }
    }

    // MARK: Time

    private func scheduleTick() {
        let interval = TimeAmount(configuration.tickInterval)
        tick = eventLoop.assumeIsolated().scheduleTask(in: interval) { [weak self] in self?.passTime() }
    }

    private func passTime() {
        now = NIODeadline.now().uptimeNanoseconds
        let seconds = time(nil)
        if seconds != dateSeconds {
            dateSeconds = seconds
            date = HTTPDateLine(unixSeconds: seconds)
        }
        for index in places.indices {
            places[index].connection?.passTime(now)
        }
        scheduleTick()
    }

    // MARK: Shutdown

    /// Lets connections go as soon as they have answered what was asked; the future completes when none is left.
    func drain() -> EventLoopFuture<Void> {
        isDraining = true
        let promise = emptied ?? eventLoop.makePromise(of: Void.self)
        emptied = promise
        for index in places.indices {
            places[index].connection?.drain()
        }
        if openCount == 0 { finishDraining() }
        return promise.futureResult
    }

    /// Closes what is still open.
    func closeAll() {
        for index in places.indices {
            places[index].connection?.closeNow()
        }
    }

    private func finishDraining() {
        guard isDraining, let promise = emptied else { return }
        tick?.cancel()
        promise.succeed(())
    }
}

extension TimeAmount {
    init(_ duration: Duration) {
        self = .nanoseconds(Int64(clamping: duration.nanosecondsClamped))
    }
}
