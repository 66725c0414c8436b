// SPDX-License-Identifier: Apache-2.0

// Publishing a file: read, batch, send with several requests under way, retry what can be retried, and know at every moment
// what is acknowledged.

internal import ApusClient
internal import ApusModel
internal import JSONText

/// How a file is published.
struct PublishSettings: Sendable {
    var topic: String
    var template = EventTemplate()
    /// Events at the beginning of the input that are left out.
    var skip = 0
    /// Requests under way at the same time.
    var inFlight = Defaults.publishInFlight
    /// How long a batch is tried again; nil for the default.
    var retryFor: Duration?
    /// How long after they are published anybody wants the events, as the server reads it; nil for no limit.
    var ttl: String?
}

/// How far a run has come.
struct PublishTotals: Sendable {
    /// Events read, those left out included.
    var read = 0
    /// Events left out.
    var skipped = 0
    /// Events that the server has acknowledged.
    var acknowledged = 0
    /// Bytes of the input that are read.
    var bytesRead = 0
}

/// A run that publishes a file.
struct PublishRun {
    private struct Finished: Sendable {
        var lane: Int
        var receipts: [(number: Int, receipt: Receipt)]
        var failure: ApusClientError?
    }

    private typealias Group = TaskGroup<Finished>

    private let client: ApusClient
    private let settings: PublishSettings
    private let onReceipt: (Int, Receipt) -> Void
    private let onProgress: (PublishTotals) -> Void
    private let isStopRequested: () -> Bool
    private var lanes: PublishLanes
    private var acknowledged: AcknowledgedEvents
    private var totals = PublishTotals()
    private var failure: ApusClientError?
    private var hasReadAll = false

    /// A run; `onReceipt` is told every acknowledged event with its number, `onProgress` how far it has come. It begins nothing new
    /// once `isStopRequested`.
    init(
        client: ApusClient, settings: PublishSettings, onReceipt: @escaping (Int, Receipt) -> Void,
        onProgress: @escaping (PublishTotals) -> Void, isStopRequested: @escaping () -> Bool
    ) {
        self.client = client
        self.settings = settings
        self.onReceipt = onReceipt
        self.onProgress = onProgress
        self.isStopRequested = isStopRequested
        lanes = PublishLanes(
            count: settings.inFlight, eventsMax: Defaults.publishBatchLines,
            bytesMax: Defaults.publishBatchBytes)
        acknowledged = AcknowledgedEvents(skipped: settings.skip)
    }

    /// Whether anything new is to begin.
    private var goesOn: Bool { failure == nil && !isStopRequested() }

    /// Publishes the input up to its end, a failure, or a request to stop; what is under way is always waited for.
    mutating func run(_ input: InputSource) async throws -> PublishTotals {
        let outcome = await withTaskGroup(of: Finished.self) { group -> Result<Void, any Error> in
            do {
                try await readAll(input, &group)
                while goesOn, !lanes.startable.isEmpty || !group.isEmpty {
                    startWaiting(&group)
                    await finishOne(&group)
                }
                await drain(&group)
                return .success(())
            } catch {
                await drain(&group)
                return .failure(error)
            }
        }
        do {
            try outcome.get()
        } catch let error as Failure {
            throw resumable(error)
        }
        if let failure { throw resumable(Failure(failure)) }
        let isComplete = hasReadAll && acknowledged.prefix >= totals.read
        if !isComplete { throw resumable(Failure("interrupted", status: .interrupted)) }
        return totals
    }

    // MARK: Reading

    private mutating func readAll(_ input: InputSource, _ group: inout Group) async throws {
        var splitter = LineSplitter(bytesMax: Defaults.bodyBytesMax)
        while goesOn {
            let bytes = try await input.read(256 << 10)
            totals.bytesRead += bytes.count
            let lines = bytes.isEmpty ? splitter.finish() : try splitter.split(bytes)
            for line in lines where goesOn { try await add(line, &group) }
            if bytes.isEmpty {
                hasReadAll = true
                return
            }
            startWaiting(&group)
        }
    }

    private mutating func add(_ line: [UInt8], _ group: inout Group) async throws(Failure) {
        defer { totals.read += 1 }
        guard totals.read >= settings.skip else {
            totals.skipped += 1
            return
        }
        let event = try outgoing(line, number: totals.read)
        let lane = lanes.lane(for: event.key)
        while lanes.isFull(lane, for: event), goesOn {
            if !lanes.isBusy(lane) { start(lane, &group) } else { await finishOne(&group) }
        }
        guard goesOn else { return }
        lanes.add(event, to: lane)
        if lanes.isReady(lane), !lanes.isBusy(lane) { start(lane, &group) }
    }

    /// A line that is an event is published as it is; any other is the data of one.
    private func outgoing(_ line: [UInt8], number: Int) throws(Failure) -> OutgoingEvent {
        if let json = try? JSONValue(parsing: line), EventDocument.isEvent(json) {
            return OutgoingEvent(number: number, bytes: line, key: json["partitionkey"]?.string)
        }
        let bytes = try settings.template.event(data: line)
        return OutgoingEvent(number: number, bytes: bytes, key: settings.template.key)
    }

    // MARK: Sending

    private mutating func startWaiting(_ group: inout Group) {
        for lane in lanes.startable where goesOn { start(lane, &group) }
    }

    private mutating func start(_ lane: Int, _ group: inout Group) {
        let batch = lanes.start(lane)
        let (client, settings) = (client, settings)
        let retries = PublishRetries(retryFor: settings.retryFor, hasContact: totals.acknowledged > 0)
        group.addTask { await Self.send(batch, on: lane, client, settings, retries) }
    }

    private mutating func finishOne(_ group: inout Group) async {
        guard let finished = await group.next() else { return }
        lanes.finish(finished.lane)
        acknowledged.insert(finished.receipts.map(\.number))
        totals.acknowledged += finished.receipts.count
        for (number, receipt) in finished.receipts { onReceipt(number, receipt) }
        failure = failure ?? finished.failure
        onProgress(totals)
    }

    private mutating func drain(_ group: inout Group) async {
        while !group.isEmpty { await finishOne(&group) }
    }

    /// Sends a batch, and what of it was not stored again, until all is or time is up.
    private static func send(
        _ batch: [OutgoingEvent], on lane: Int, _ client: ApusClient, _ settings: PublishSettings,
        _ retries: PublishRetries
    ) async -> Finished {
        var finished = Finished(lane: lane, receipts: [])
        var rest = batch
        var backoff = retries.backoff
        while true {
            do throws(ApusClientError) {
                let results = try await client.publish(
                    batch: rest.map(\.bytes), to: settings.topic, ttl: settings.ttl)
                var error: ApusClientError?
                var remaining: [OutgoingEvent] = []
                for (event, result) in zip(rest, results) {
                    switch result {
                    case .success(let receipt): finished.receipts.append((event.number, receipt))
                    case .failure(let reason):
                        remaining.append(event)
                        error = reason
                    }
                }
                guard let error else { return finished }
                rest = remaining
                throw error
            } catch {
                guard retries.allow(error), await backoff.pause() else {
                    finished.failure = located(error, in: rest)
                    return finished
                }
            }
        }
    }

    // MARK: Failing

    /// The server counts the events of a request; whoever has the file counts those of the input.
    private static func located(_ error: ApusClientError, in batch: [OutgoingEvent]) -> ApusClientError {
        let prefix = "event "
        guard let why = error.why, why.hasPrefix(prefix) else { return error }
        let digits = why.dropFirst(prefix.count).prefix { $0.isASCII && $0.isNumber }
        guard let index = Int(digits), batch.indices.contains(index) else { return error }
        var located = error
        let rest = why.dropFirst(prefix.count + digits.count)
        located.why = "event \(batch[index].number) of the input, counted from 0\(rest)"
        return located
    }

    private func resumable(_ failure: Failure) -> Failure {
        var failure = failure
        let count = Decimal.grouped(totals.acknowledged)
        failure.what += " (\(count) events of this run are acknowledged)"
        guard totals.acknowledged > 0 || settings.skip > 0 else { return failure }
        var resume = "the same command with --skip \(acknowledged.prefix)"
        if acknowledged.aheadCount > 0 {
            resume +=
                "; \(Decimal.grouped(acknowledged.aheadCount)) later events are acknowledged, too, and will come twice"
        }
        failure.fix = [failure.fix, resume].compactMap { $0 }.joined(separator: "; then ")
        return failure
    }
}
