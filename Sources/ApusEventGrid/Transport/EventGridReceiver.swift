// SPDX-License-Identifier: Apache-2.0

// One event subscription: what it hands out, and what is said of it.
//
// The service lets nobody ask for less than 10 s, and what it hands to a request that was given up is locked for nobody. So requests are never given up:
// they go on when whoever asked has gone, and what they bring waits here for the next one who asks, never more than was asked for.

internal import ApusBus
internal import CloudEvents

actor EventGridReceiver: Receiver {
    /// How long the service may wait for an event, in seconds.
    static let pollWait = 20

    let subscription: Subscription
    let place: EventGridService.Place
    let transport: EventGridTransport
    var book: LockBook
    /// How many are being asked for.
    private var asked = 0
    /// How many are being settled: they count until that is done.
    var settling = 0
    private var failure: BusError?
    var isClosed = false
    private var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
    private var waitersEver: UInt64 = 0
    var keeper: Task<Void, Never>?
    var keeperWakes: ContinuousClock.Instant?
    var isKeeping = false

    var what: String { "event subscription '\(place.subscription)' of topic '\(place.topic)'" }

    init(_ subscription: Subscription, at place: EventGridService.Place, _ transport: EventGridTransport) {
        self.subscription = subscription
        self.place = place
        self.transport = transport
        book = LockBook(lock: transport.settings.lock)
    }

    // MARK: Receive

    func receive(limit: Int, wait: Duration) async throws(BusError) -> [ReceivedEvent] {
        let end = ContinuousClock.now + wait
        while true {
            if isClosed || transport.isClosed { throw .closed }
            let events = book.handOut(limit, lease: subscription.lease, now: .now)
            if !events.isEmpty {
                scheduleKeeping()
                return events
            }
            if let failure {
                self.failure = nil
                throw failure
            }
            poll(limit)
            guard limit > 0, ContinuousClock.now < end, !Task.isCancelled else { return [] }
            await waitForChange(until: end)
        }
    }

    /// Asks for events, unless somebody does already or there is no room.
    private func poll(_ limit: Int) {
        let room = min(limit, subscription.prefetch - book.occupied - settling, EventGridService.receiveMax)
        guard asked == 0, room > 0 else { return }
        asked = room
        // On its own: it goes on when whoever asks has gone.
        Task {
            do throws(EventGridError) {
                let deliveries = try await transport.service.receive(place, limit: room, wait: Self.pollWait)
                await took(deliveries)
            } catch {
                failed(error)
            }
        }
    }

    private func failed(_ error: EventGridError) {
        asked = 0
        failure = isClosed || transport.isClosed ? .closed : error.busError(what)
        wakeAll()
    }

    private func took(_ deliveries: [EventGridService.Delivery]) async {
        asked = 0
        guard !isClosed else {
            // Handed out to nobody.
            await giveBack(LockBook.Work(release: [.none: deliveries.map(\.token)]))
            return
        }
        var (unwanted, hopeless): ([String], [String]) = ([], [])
        var exhausted: [(ReceivedEvent, String)] = []
        for delivery in deliveries {
            guard
                let received = EventGridMessage.received(delivery, topic: subscription.topic, at: place)
            else {
                hopeless.append(delivery.token)
                continue
            }
            if received.problem == nil, let types = subscription.types, !types.contains(received.event.type) {
                unwanted.append(delivery.token)
            } else if delivery.count > subscription.attemptsMax {
                exhausted.append((received, delivery.token))
            } else {
                book.add(received, delivery.token, now: .now)
            }
        }
        wakeAll()
        scheduleKeeping()
        // What the subscription does not want is done with, as it would be had the service filtered it. What cannot be said now comes again.
        _ = try? await say(.acknowledge, of: unwanted)
        _ = try? await say(.reject, of: hopeless)
        for (event, token) in exhausted {
            let reason = "handed out \(event.attempt - 1) times, and never settled"
            if (try? await transport.bury(event, reason, of: subscription)) != nil {
                _ = try? await say(transport.settings.keepsDeadLetters ? .acknowledge : .reject, of: [token])
            }
        }
    }

    // MARK: Waiting

    /// Waits until something has changed, or the time is over.
    private func waitForChange(until end: ContinuousClock.Instant) async {
        waitersEver += 1
        let id = waitersEver
        let timer = Task {
            if (try? await Task.sleep(until: end, clock: .continuous)) != nil { wake(id) }
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if Task.isCancelled { continuation.resume() } else { waiters[id] = continuation }
            }
        } onCancel: {
            Task { await self.wake(id) }
        }
        timer.cancel()
    }

    private func wake(_ id: UInt64) { waiters.removeValue(forKey: id)?.resume() }

    func wakeAll() {
        let waiters = waiters
        self.waiters = [:]
        for waiter in waiters.values { waiter.resume() }
    }
}
