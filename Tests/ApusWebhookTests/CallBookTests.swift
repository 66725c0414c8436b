// SPDX-License-Identifier: Apache-2.0

// Requests and the events in them, by themselves.

import ApusBus
import CloudEvents
import Testing

@testable import ApusWebhook

struct CallBookTests {
    private func event(_ id: String) throws -> WebhookEvent {
        WebhookEvent(event: try Requests.event(id), attempt: 1)
    }

    private func number(_ event: ReceivedEvent) -> UInt64 {
        if case .number(let number, _) = event.token { number } else { 0 }
    }

    @Test func `no more than prefetch are handed out to each, and each event to one`() throws {
        var book = CallBook(eventsMax: 100)
        let subscription = Subscription(group: "g", topic: "t")
        let members = [book.join(subscription), book.join(subscription)]
        _ = book.offer(try (0..<6).map { try event("\($0)") })
        let first = book.handOut(subscription.name, members[0], limit: 10, prefetch: 2)
        let second = book.handOut(subscription.name, members[1], limit: 10, prefetch: 3)
        #expect((first + second).map(\.event.id) == ["0", "1", "2", "3", "4"])
        let more = book.handOut(subscription.name, members[0], limit: 10, prefetch: 2)
        #expect(more.isEmpty)
        _ = book.settle(number(first[0]), .acknowledge)
        let next = book.handOut(subscription.name, members[0], limit: 10, prefetch: 2)
        #expect(next.map(\.event.id) == ["5"])
    }

    @Test func `a request is finished when all who want its events have had their say, by the worst`() throws
    {
        var book = CallBook(eventsMax: 100)
        let (one, two) = (Subscription(group: "a", topic: "t"), Subscription(group: "b", topic: "t"))
        let members = (book.join(one), book.join(two))
        guard case .waits(let call) = book.offer([try event("1")]) else {
            Issue.record("nobody wants it")
            return
        }
        let first = book.handOut(one.name, members.0, limit: 1, prefetch: 1)
        let second = book.handOut(two.name, members.1, limit: 1, prefetch: 1)
        let open = book.settle(number(first[0]), .acknowledge)
        #expect(open.counts && open.finished == nil)
        let last = book.settle(number(second[0]), .retry(after: .seconds(3), reason: "no"))
        #expect(last.finished?.0 == call && last.finished?.1.retryAfter == .seconds(3))
        let again = book.settle(number(second[0]), .acknowledge)
        #expect(!again.counts)
        #expect(book.eventCount == 0)
    }

    @Test func `who goes leaves what they had to be sent again`() throws {
        var book = CallBook(eventsMax: 100)
        let subscription = Subscription(group: "g", topic: "t")
        let member = book.join(subscription)
        _ = book.offer([try event("1"), try event("2")])
        _ = book.handOut(subscription.name, member, limit: 1, prefetch: 1)
        let finished = book.leave(subscription.name, member)
        #expect(finished.count == 1 && finished[0].1.retryAfter == .zero)
        #expect(book.eventCount == 0)
        let offer = book.offer([try event("3")])
        #expect(offer == .nobody)
    }

    @Test func `what was answered otherwise is handed out to nobody, and does not pile up`() throws {
        var book = CallBook(eventsMax: 4)
        let subscription = Subscription(group: "g", topic: "t")
        let member = book.join(subscription)
        for _ in 0..<100 {
            guard case .waits(let call) = book.offer([try event("1"), try event("2")]) else {
                Issue.record("it is full")
                return
            }
            book.abandon(call)
        }
        #expect(book.eventCount == 0)
        _ = book.offer([try event("last")])
        let events = book.handOut(subscription.name, member, limit: 10, prefetch: 10)
        #expect(events.map(\.event.id) == ["last"])
    }

    @Test func `there is a bound`() throws {
        var book = CallBook(eventsMax: 2)
        _ = book.join(Subscription(group: "g", topic: "t"))
        let many = book.offer(try (0..<3).map { try event("\($0)") })
        #expect(many == .full)
    }
}
