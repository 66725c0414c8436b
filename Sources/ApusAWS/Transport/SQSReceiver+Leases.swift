// SPDX-License-Identifier: Apache-2.0

// Leases: for how long messages are kept from others. Several messages of one group are held here at a time, of which one is out and the others wait for it;
// their leases run while they wait, so whoever keeps the lease of the one keeps those of the others. A message whose lease has ended is handed out by SQS
// again, so it must not be handed out here: what was done for it could not be told, and it would come again and again, until it is given up as one that
// failed each time.

internal import ApusBus
internal import Synchronization

extension SQSReceiver {
    /// Extends leases, and with each those of the messages that wait for its own. One that had ended cannot be extended, which its handler learns when it
    /// settles.
    func extend(_ tokens: [DeliveryToken], by duration: Duration) async throws(BusError) {
        let ready = state.withLock { $0.ready.map(\.token) }
        _ = try await renew(tokens + ready, by: duration)
    }

    /// Extends leases, and with each those of the messages that wait for its own; those that hold from now on. Messages that SQS does not keep for this
    /// receiver any more are let go of.
    ///
    /// - Throws: when SQS could not be asked; leases that it has not confirmed end when they were to end before.
    func renew(
        _ tokens: [DeliveryToken], by duration: Duration
    ) async throws(BusError) -> Set<DeliveryToken> {
        let seconds = SubscriptionQueue.seconds(duration)
        var (receipts, lost) = state.withLock { $0.leases(of: tokens, isFIFO: transport.isFIFO, at: now()) }
        var renewed = Set<DeliveryToken>()
        var failure: BusError?
        for batch in Self.slices(receipts) {
            // From when it was asked for: SQS counts from later on.
            let deadline = now() + .seconds(seconds)
            do throws(BusError) {
                let failures = try await call { () async throws(AWSError) in
                    try await sqs.changeVisibility(queue.url, batch.map { ($0, seconds) })
                }
                let failed = Dictionary(failures.map { ($0.index, $0) }) { first, _ in first }
                state.withLock { state in
                    for (index, receipt) in batch.enumerated() {
                        let token = DeliveryToken.text(receipt)
                        if let failure = failed[index] {
                            // Where SQS itself failed, the lease runs on as it was.
                            if failure.isSendersFault { lost.append(token) }
                        } else if state.outstanding[token] != nil {
                            state.outstanding[token]?.deadline = deadline
                            renewed.insert(token)
                        }
                    }
                }
            } catch {
                failure = error
                break
            }
        }
        await drop(lost)
        if let failure { throw failure }
        return renewed
    }

    /// Lets go of messages that come again; what waits behind them in their groups goes back, to come after them.
    func drop(_ tokens: [DeliveryToken]) async {
        guard !tokens.isEmpty else { return }
        let back = state.withLock { state in
            tokens.flatMap { state.drop($0, isFIFO: transport.isFIFO) }
        }
        bell.ring()
        for batch in Self.slices(back) {
            // What cannot be given back comes again when its lease ends.
            _ = try? await sqs.changeVisibility(queue.url, batch.map { ($0, 0) })
        }
    }
}

extension SQSReceiver.State {
    /// Messages and those that wait for them in their groups, in order: of those whose lease holds the receipts, of the others the tokens.
    func leases(
        of tokens: [DeliveryToken], isFIFO: Bool, at now: ContinuousClock.Instant
    ) -> (receipts: [String], ended: [DeliveryToken]) {
        var (receipts, ended): ([String], [DeliveryToken]) = ([], [])
        func add(_ token: DeliveryToken) {
            guard let held = outstanding[token] else { return }
            if held.deadline > now { receipts.append(held.message.receipt) } else { ended.append(token) }
        }
        for token in tokens {
            add(token)
            guard isFIFO, let group = outstanding[token]?.message.group, lanes.out(of: group) == token else {
                continue
            }
            for event in lanes.waiting(in: group) { add(event.token) }
        }
        return (receipts, ended)
    }

    /// Lets go of a message, and of those behind it in its group, whose receipts are returned.
    mutating func drop(_ token: DeliveryToken, isFIFO: Bool) -> [String] {
        guard let message = outstanding.removeValue(forKey: token)?.message, isFIFO, let group = message.group
        else { return [] }
        let behind =
            lanes.out(of: group) == token
            ? lanes.abandon(group)[...] : lanes.abandon(group) { $0.token == token }
        return behind.compactMap { outstanding.removeValue(forKey: $0.token)?.message.receipt }
    }
}
