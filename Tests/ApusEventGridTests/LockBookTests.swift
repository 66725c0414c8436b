// SPDX-License-Identifier: Apache-2.0

// Locks of the service against leases and waits of the library, on a clock that the tests move.

import ApusBus
import CloudEvents
import Testing

@testable import ApusEventGrid

/// A book by reference: expectations cannot call what mutates.
private final class Book {
    typealias Instant = ContinuousClock.Instant

    private var book = LockBook(lock: .seconds(60))

    var occupied: Int { book.occupied }
    var nextWork: Instant? { book.nextWork }

    func add(_ event: ReceivedEvent, _ token: String, now: Instant) { book.add(event, token, now: now) }
    func handOut(_ limit: Int, lease: Duration, now: Instant) -> [ReceivedEvent] {
        book.handOut(limit, lease: lease, now: now)
    }
    func take(_ token: String, now: Instant) -> LockBook.Lock? { book.take(token, now: now) }
    func wait(_ lock: LockBook.Lock, _ token: String, after: Duration, now: Instant) -> Bool {
        book.wait(lock, token, after: after, now: now)
    }
    func extend(_ token: String, by duration: Duration, now: Instant) {
        book.extend(token, by: duration, now: now)
    }
    func work(now: Instant) -> LockBook.Work { book.work(now: now) }
    func renewed(_ tokens: [String], now: Instant) { book.renewed(tokens, now: now) }
    func clear(now: Instant) -> LockBook.Work { book.clear(now: now) }
}

struct LockBookTests {
    private let start = ContinuousClock.now

    private func at(_ seconds: Double) -> ContinuousClock.Instant {
        start + .milliseconds(Int(seconds * 1000))
    }

    private func received(_ token: String, attempt: Int = 1) throws -> ReceivedEvent {
        ReceivedEvent(
            event: try CloudEvent(id: token, source: "/test", type: "test"), topic: "orders",
            attempt: attempt,
            token: .text(token))
    }

    private func book(_ tokens: String...) throws -> Book {
        let book = Book()
        for token in tokens { book.add(try received(token), token, now: start) }
        return book
    }

    @Test func `events are handed out in the order in which they came, no more than asked for`() throws {
        let book = try book("a", "b", "c")
        #expect(book.handOut(2, lease: .seconds(30), now: at(1)).map(\.event.id) == ["a", "b"])
        #expect(book.handOut(2, lease: .seconds(30), now: at(1)).map(\.event.id) == ["c"])
        #expect(book.handOut(2, lease: .seconds(30), now: at(1)).isEmpty)
        #expect(book.occupied == 3)
    }

    @Test func `what nobody asks for goes back before its lock ends`() throws {
        let book = try book("a")
        #expect(book.nextWork == at(30))
        #expect(book.work(now: at(29.9)).isEmpty)
        #expect(book.work(now: at(30)) == LockBook.Work(release: [.none: ["a"]]))
        #expect(book.handOut(1, lease: .seconds(30), now: at(31)).isEmpty)
        #expect(book.occupied == 0)
    }

    @Test func `a lease shorter than the lock ends when it was said to`() throws {
        let book = try book("a")
        _ = book.handOut(1, lease: .seconds(1), now: start)
        #expect(book.work(now: at(1)) == LockBook.Work(release: [.none: ["a"]]))
        #expect(book.take("a", now: at(1)) == nil)
    }

    @Test func `a lease longer than the lock has it renewed at half of its time`() throws {
        let book = try book("a")
        _ = book.handOut(1, lease: .seconds(100), now: start)
        #expect(book.nextWork == at(30))
        #expect(book.work(now: at(30)) == LockBook.Work(renew: ["a"]))
        book.renewed(["a"], now: at(30))
        #expect(book.nextWork == at(60))
        #expect(book.work(now: at(60)) == LockBook.Work(renew: ["a"]))
        book.renewed(["a"], now: at(60))
        #expect(book.nextWork == at(100))
        #expect(book.take("a", now: at(99))?.event.event.id == "a")
    }

    @Test func `what was not renewed in time is not ours`() throws {
        let book = try book("a")
        _ = book.handOut(1, lease: .seconds(100), now: start)
        #expect(book.take("a", now: at(60)) == nil)
    }

    @Test func `a lease that is extended is renewed, and never shortened`() throws {
        let book = try book("a")
        _ = book.handOut(1, lease: .seconds(50), now: start)
        book.extend("a", by: .seconds(10), now: at(1))
        #expect(book.work(now: at(49)).isEmpty)
        book.extend("a", by: .seconds(50), now: at(49))
        #expect(book.work(now: at(49)) == LockBook.Work(renew: ["a"]))
    }

    @Test func `a wait is the service's delay and a rest that is waited for here`() throws {
        let book = try book("a")
        _ = book.handOut(1, lease: .seconds(30), now: start)
        let lock = try #require(book.take("a", now: start))
        #expect(book.wait(lock, "a", after: .seconds(75), now: start))
        #expect(book.occupied == 0, "it holds up nobody")
        #expect(book.nextWork == at(15))
        #expect(book.work(now: at(15)) == LockBook.Work(release: [.minute: ["a"]]))
    }

    @Test func `a rest longer than the lock has it renewed`() throws {
        let book = try book("a")
        _ = book.handOut(1, lease: .seconds(30), now: start)
        let lock = try #require(book.take("a", now: start))
        #expect(book.wait(lock, "a", after: .seconds(300), now: start))
        #expect(book.work(now: at(30)) == LockBook.Work(renew: ["a"]))
        #expect(book.take("a", now: at(31)) == nil, "nobody has it")
    }

    @Test func `no more than so many wait here`() throws {
        let book = Book()
        for index in 0...LockBook.waitingMax {
            book.add(try received("\(index)"), "\(index)", now: start)
            _ = book.handOut(1, lease: .seconds(30), now: start)
            let lock = try #require(book.take("\(index)", now: start))
            #expect(
                book.wait(lock, "\(index)", after: .seconds(1), now: start) == (index < LockBook.waitingMax))
        }
    }

    @Test func `at the end everything goes back, and what waits no sooner than it may`() throws {
        let book = try book("ready", "out", "waits")
        _ = book.handOut(3, lease: .seconds(30), now: start)
        book.add(try received("new"), "new", now: start)
        let lock = try #require(book.take("waits", now: start))
        _ = book.wait(lock, "waits", after: .seconds(15), now: start)
        let work = book.clear(now: at(1))
        #expect(work.release[.none]?.sorted() == ["new", "out", "ready"])
        #expect(work.release[.minute] == ["waits"])
        #expect(book.nextWork == nil)
    }

    @Test(arguments: [
        (0.0, ReleaseDelay.none, ReleaseDelay.none), (0.5, .none, .tenSeconds),
        (10, .tenSeconds, .tenSeconds),
        (59.9, .tenSeconds, .minute), (61, .minute, .tenMinutes), (3600, .hour, .hour), (9000, .hour, .hour),
    ])
    func `the service has five delays`(_ seconds: Double, _ within: ReleaseDelay, _ covering: ReleaseDelay) {
        #expect(ReleaseDelay.within(.milliseconds(Int(seconds * 1000))) == within)
        #expect(ReleaseDelay.covering(.milliseconds(Int(seconds * 1000))) == covering)
    }
}
