// SPDX-License-Identifier: Apache-2.0

// Requests that wait for their answer, and the events in them that wait for somebody. A request is answered when everybody who wants one of its events has
// said what is to become of it: by the worst that was said, since there is one answer. Pure, bounded, and nothing in it outlives its request.

internal import ApusBus
internal import CloudEvents
internal import DequeModule

/// What was said of the events of a request.
struct CallOutcome: Sendable, Hashable {
    /// Given up.
    struct Rejection: Sendable, Hashable {
        var event: CloudEvent
        var reason: String
    }

    /// After how long it is to be sent again, if it is: the longest that was said.
    var retryAfter: Duration?
    /// Why, for a person.
    var reason: String?
    /// What was given up.
    var rejections: [Rejection] = []

    mutating func add(_ verdict: Settlement.Verdict, of event: CloudEvent) {
        switch verdict {
        case .acknowledge: break
        case .release: retry(after: .zero, "it was not handled")
        case .retry(let after, let reason): retry(after: after, reason)
        case .deadLetter(let reason): rejections.append(Rejection(event: event, reason: reason))
        }
    }

    private mutating func retry(after: Duration, _ text: String) {
        retryAfter = max(retryAfter ?? .zero, after)
        reason = reason ?? text
    }
}

struct CallBook: Sendable {
    /// What becomes of a request's events.
    enum Offer: Sendable, Hashable {
        /// They wait; by which number the answer is told.
        case waits(UInt64)
        /// There is nobody who wants any of them.
        case unwanted
        /// There is nobody at all.
        case nobody
        /// Too many wait already.
        case full
    }

    private struct Part {
        var call: UInt64
        var event: WebhookEvent
    }

    private struct Call {
        var parts: [UInt64] = []
        var open = 0
        var outcome = CallOutcome()
    }

    private struct Desk {
        var types: Set<String>?
        var topic: String
        /// How many each has.
        var members: [UInt64: Int] = [:]
        /// In the order in which they came; those that are no parts any more are passed over.
        var waiting: Deque<UInt64> = []
    }

    let eventsMax: Int
    private var desks: [String: Desk] = [:]
    private var parts: [UInt64: Part] = [:]
    private var handedOut: [UInt64: (desk: String, member: UInt64)] = [:]
    private var calls: [UInt64: Call] = [:]
    private var numbers: UInt64 = 0

    /// - Parameter eventsMax: how many may wait or be handled.
    init(eventsMax: Int) { self.eventsMax = eventsMax }

    private mutating func number() -> UInt64 {
        numbers += 1
        return numbers
    }

    /// How many events wait or are handled.
    var eventCount: Int { parts.count }

    // MARK: Who handles

    /// Somebody who handles, under the name of a subscription.
    mutating func join(_ subscription: Subscription) -> UInt64 {
        let member = number()
        var desk = desks[subscription.name] ?? Desk(topic: subscription.topic)
        desk.types = subscription.types
        desk.members[member] = 0
        desks[subscription.name] = desk
        return member
    }

    /// Somebody goes: what they have is sent again, and what waited for them if they were the last.
    mutating func leave(_ name: String, _ member: UInt64) -> [(UInt64, CallOutcome)] {
        guard var desk = desks[name], desk.members.removeValue(forKey: member) != nil else { return [] }
        var lost = handedOut.filter { $0.value.member == member }.map(\.key)
        if desk.members.isEmpty {
            lost += desk.waiting
            desks[name] = nil
        } else {
            desks[name] = desk
        }
        return lost.compactMap { settle($0, .release).finished }
    }

    // MARK: Requests

    mutating func offer(_ events: [WebhookEvent]) -> Offer {
        guard !desks.isEmpty else { return .nobody }
        var wanted: [(desk: String, event: WebhookEvent)] = []
        for event in events {
            for (name, desk) in desks where desk.types?.contains(event.event.type) ?? true {
                wanted.append((name, event))
            }
        }
        guard !wanted.isEmpty else { return .unwanted }
        guard parts.count + wanted.count <= eventsMax else { return .full }
        let number = number()
        var call = Call(open: wanted.count)
        for (desk, event) in wanted {
            let part = self.number()
            parts[part] = Part(call: number, event: event)
            call.parts.append(part)
            desks[desk]?.waiting.append(part)
        }
        calls[number] = call
        return .waits(number)
    }

    /// A request was answered otherwise: what of it nobody has begun with is forgotten, since it comes again.
    mutating func abandon(_ number: UInt64) {
        guard let call = calls.removeValue(forKey: number) else { return }
        for part in call.parts where handedOut[part] == nil { parts[part] = nil }
        // What is forgotten is passed over when it is its turn; where nobody takes turns, it must not pile up.
        for name in desks.keys where desks[name]?.waiting.count ?? 0 > 2 * eventsMax {
            desks[name]?.waiting.removeAll { parts[$0] == nil }
        }
    }

    // MARK: Events

    /// Hands out up to `limit` to a member, in the order in which they came.
    mutating func handOut(
        _ name: String, _ member: UInt64, limit: Int, prefetch: Int
    ) -> [ReceivedEvent] {
        guard var desk = desks[name], let held = desk.members[member] else { return [] }
        var room = min(limit, prefetch - held)
        var events: [ReceivedEvent] = []
        while room > 0, let number = desk.waiting.popFirst() {
            guard let part = parts[number] else { continue }
            handedOut[number] = (name, member)
            events.append(
                ReceivedEvent(
                    event: part.event.event, topic: desk.topic, attempt: part.event.attempt,
                    token: .number(number, session: member)))
            room -= 1
        }
        desk.members[member] = held + events.count
        desks[name] = desk
        return events
    }

    /// Takes a verdict.
    ///
    /// - Returns: whether it counts, and the request that can be answered by now, with what was said of it.
    mutating func settle(
        _ number: UInt64, _ verdict: Settlement.Verdict
    ) -> (counts: Bool, finished: (UInt64, CallOutcome)?) {
        if let (desk, member) = handedOut.removeValue(forKey: number) {
            desks[desk]?.members[member]? -= 1
        }
        guard let part = parts.removeValue(forKey: number), var call = calls[part.call] else {
            return (false, nil)
        }
        call.open -= 1
        call.outcome.add(verdict, of: part.event.event)
        calls[part.call] = call.open > 0 ? call : nil
        return (true, call.open > 0 ? nil : (part.call, call.outcome))
    }
}
