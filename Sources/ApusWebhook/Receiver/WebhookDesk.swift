// SPDX-License-Identifier: Apache-2.0

// Between requests and consumers: who waits for an answer, who waits for events.

internal import ApusBus

actor WebhookDesk {
    private var book: CallBook
    private var answers: [UInt64: CheckedContinuation<CallOutcome?, Never>] = [:]
    private var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
    private var waitersEver: UInt64 = 0
    private(set) var isClosed = false
    private var certificates: [String: SNSCertificate?] = [:]
    private var fetches: (minute: Int64, count: Int) = (0, 0)

    init(eventsMax: Int) { book = CallBook(eventsMax: eventsMax) }

    // MARK: Requests

    /// What is said of the events of a request; nil when that takes too long.
    func ask(_ events: [WebhookEvent], patience: Duration) async -> Result<CallOutcome?, Refusal> {
        guard !isClosed else { return .failure(Refusal(offer: .nobody)) }
        let offer = book.offer(events)
        guard case .waits(let call) = offer else { return .failure(Refusal(offer: offer)) }
        wakeAll()
        let timer = Task {
            if (try? await Task.sleep(for: patience)) != nil { giveUp(call) }
        }
        let outcome = await withCheckedContinuation { answers[call] = $0 }
        timer.cancel()
        return .success(outcome)
    }

    /// Why events were not even asked about.
    struct Refusal: Error {
        var offer: CallBook.Offer
    }

    private func giveUp(_ call: UInt64) {
        guard let answer = answers.removeValue(forKey: call) else { return }
        book.abandon(call)
        answer.resume(returning: nil)
    }

    private func finish(_ finished: (UInt64, CallOutcome)?) {
        guard let (call, outcome) = finished else { return }
        answers.removeValue(forKey: call)?.resume(returning: outcome)
    }

    // MARK: Consumers

    func join(_ subscription: Subscription) throws(BusError) -> UInt64 {
        guard !isClosed else { throw .closed }
        return book.join(subscription)
    }

    func leave(_ name: String, _ member: UInt64) {
        for finished in book.leave(name, member) { finish(finished) }
        wakeAll()
    }

    func handOut(
        _ subscription: Subscription, _ member: UInt64, limit: Int, until end: ContinuousClock.Instant
    ) async -> [ReceivedEvent] {
        while true {
            let events = book.handOut(
                subscription.name, member, limit: limit, prefetch: subscription.prefetch)
            guard events.isEmpty, !isClosed, ContinuousClock.now < end, !Task.isCancelled else {
                return events
            }
            await waitForChange(until: end)
        }
    }

    func settle(_ settlements: [Settlement]) -> [SettleResult] {
        let results = settlements.map { settlement -> SettleResult in
            guard case .number(let number, _) = settlement.token else { return .expired }
            let (counts, finished) = book.settle(number, settlement.verdict)
            finish(finished)
            return counts ? .settled : .expired
        }
        wakeAll()
        return results
    }

    func close() {
        isClosed = true
        for (call, answer) in answers {
            book.abandon(call)
            answer.resume(returning: nil)
        }
        answers = [:]
        wakeAll()
    }

    // MARK: Certificates

    /// The most certificates that are kept: Amazon has one for each region, and changes them once in a while.
    private static let certificatesMax = 64

    /// How many certificates may be fetched in a minute: whoever has seen a message can name others that do not exist.
    private static let fetchesPerMinute = 10

    /// Whether another certificate may be fetched in this minute.
    func mayFetch(at now: Int64) -> Bool {
        let minute = now / 60
        if fetches.minute != minute { fetches = (minute, 0) }
        fetches.count += 1
        return fetches.count <= Self.fetchesPerMinute
    }

    var knownCertificates: [String: SNSCertificate?] { certificates }

    func keep(_ certificate: SNSCertificate?, from url: String) {
        if certificates.count >= Self.certificatesMax { certificates = [:] }
        certificates[url] = .some(certificate)
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

    private func wakeAll() {
        let waiters = waiters
        self.waiters = [:]
        for waiter in waiters.values { waiter.resume() }
    }
}
