// SPDX-License-Identifier: Apache-2.0

// Verdicts on what was handed out, and the end.

internal import ApusBus

extension EventGridReceiver {
    /// What a call says of locks, and of which.
    private struct Verdicts {
        /// By what is said: where the result goes, and the lock.
        var said: [EventGridService.Verb: [(index: Int, token: String)]] = [:]
        /// What is given up, and why.
        var buried: [(event: ReceivedEvent, reason: String)] = []
        /// What was taken out of the book and is not settled yet.
        var taken: [String: LockBook.Lock] = [:]

        mutating func say(_ verb: EventGridService.Verb, _ index: Int, _ token: String) {
            said[verb, default: []].append((index, token))
        }
    }

    func settle(_ settlements: [Settlement]) async throws(BusError) -> [SettleResult] {
        var results = [SettleResult](repeating: .expired, count: settlements.count)
        var verdicts = Verdicts()
        let now = ContinuousClock.now
        for (index, settlement) in settlements.enumerated() {
            guard case .text(let token) = settlement.token, let lock = book.take(token, now: now) else {
                continue
            }
            switch settlement.verdict {
            case .acknowledge: verdicts.say(.acknowledge, index, token)
            case .release: verdicts.say(.release(.none), index, token)
            case .retry(let after, _) where lock.event.attempt < subscription.attemptsMax:
                if ReleaseDelay.within(after).duration == after {
                    verdicts.say(.release(.within(after)), index, token)
                } else if book.wait(lock, token, after: after, now: now) {
                    results[index] = .settled
                    continue
                } else {
                    verdicts.say(.release(.covering(after)), index, token)
                }
            case .retry(_, let reason), .deadLetter(let reason):
                verdicts.say(transport.settings.keepsDeadLetters ? .acknowledge : .reject, index, token)
                verdicts.buried.append((lock.event, reason))
            }
            verdicts.taken[token] = lock
        }
        let count = verdicts.taken.count
        settling += count
        defer {
            settling -= count
            wakeAll()
            scheduleKeeping()
        }
        do throws(BusError) {
            try await carryOut(&verdicts, &results)
        } catch {
            for (token, lock) in verdicts.taken { book.putBack(lock, token) }
            throw error
        }
        return results
    }

    private func carryOut(
        _ verdicts: inout Verdicts, _ results: inout [SettleResult]
    ) async throws(BusError) {
        // Copied first and then acknowledged: what happens in between makes a second copy and loses nothing.
        for (event, reason) in verdicts.buried { try await transport.bury(event, reason, of: subscription) }
        for (verb, entries) in verdicts.said {
            let lost = try await say(verb, of: entries.map(\.token))
            for (index, token) in entries {
                verdicts.taken[token] = nil
                if !lost.contains(token) { results[index] = .settled }
            }
        }
    }

    /// Says one thing of locks, and again of those of which it could not be said just now.
    ///
    /// - Returns: those that were lost.
    func say(_ verb: EventGridService.Verb, of tokens: [String]) async throws(BusError) -> Set<String> {
        var lost: Set<String> = []
        for start in stride(from: 0, to: tokens.count, by: EventGridService.receiveMax) {
            var open = Array(tokens[start..<min(start + EventGridService.receiveMax, tokens.count)])
            var attempt = 1
            while !open.isEmpty {
                let failures: [String: EventGridError]
                do throws(EventGridError) {
                    failures = try await transport.service.say(verb, of: open, in: place)
                } catch { throw error.busError(what) }
                lost.formUnion(failures.lazy.filter { !$0.value.isRetryable }.map(\.key))
                guard let error = failures.values.first(where: \.isRetryable) else { break }
                open = failures.filter { $0.value.isRetryable }.map(\.key)
                attempt += 1
                guard attempt <= EventGridRetry.attemptsMax,
                    let pause = EventGridRetry.pause(
                        before: attempt, after: error, chance: Double.random(in: 0...1)),
                    (try? await Task.sleep(for: pause)) != nil
                else { throw error.busError(what) }
            }
        }
        return lost
    }

    func extend(_ tokens: [DeliveryToken], by duration: Duration) async throws(BusError) {
        let now = ContinuousClock.now
        for case .text(let token) in tokens { book.extend(token, by: duration, now: now) }
        // Locks are renewed when they have to be.
        scheduleKeeping()
    }

    func close() async {
        guard !isClosed else { return }
        isClosed = true
        keeper?.cancel()
        wakeAll()
        transport.forget(self)
        await giveBack(book.clear(now: .now))
    }

    /// What cannot be given back comes again when its lock ends.
    func giveBack(_ work: LockBook.Work) async {
        for (delay, tokens) in work.release { _ = try? await say(.release(delay), of: tokens) }
    }
}

// MARK: Keeping

extension EventGridReceiver {
    /// Has somebody look when there will be something to do with locks.
    func scheduleKeeping() {
        guard !isClosed, !isKeeping, let next = book.nextWork else { return }
        if let keeperWakes, keeperWakes <= next { return }
        keeper?.cancel()
        keeperWakes = next
        keeper = Task {
            guard (try? await Task.sleep(until: next, clock: .continuous)) != nil else { return }
            await keep()
        }
    }

    private func keep() async {
        isKeeping = true
        keeperWakes = nil
        let work = book.work(now: .now)
        // What went back was on its way to nobody any more.
        if !work.release.isEmpty { wakeAll() }
        await giveBack(work)
        var pause = Duration.zero
        if !work.renew.isEmpty {
            do throws(BusError) {
                let begun = ContinuousClock.now
                let lost = try await say(.renewLock, of: work.renew)
                for token in lost { book.forget(token) }
                book.renewed(work.renew.filter { !lost.contains($0) }, now: begun)
            } catch {
                // Tried again as long as there is something to be renewed.
                pause = .seconds(1)
            }
        }
        if pause > .zero { try? await Task.sleep(for: pause) }
        isKeeping = false
        scheduleKeeping()
    }
}
