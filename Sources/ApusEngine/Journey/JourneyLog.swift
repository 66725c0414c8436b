// SPDX-License-Identifier: Apache-2.0

// The log of what happened to events. Nobody waits for it: steps are gathered in a bounded buffer and written now and then by the engine's worker,
// into a log without flush; what does not fit is counted and forgotten. So it costs publishers a comparison and, for what is noted, a lock and a few
// words; it can hold up nothing, and a crash may lose what was gathered (a power cut what the system had not written yet).
//
// Invariants:
//  - `waitingBytes` is the sum of the steps that wait, and at most the bound.
//  - A turn of the worker is on its way whenever something waits.

import ApusModel
import ApusStorage
import CoreMetrics
import Logging
import NIOCore
import Synchronization

/// The log of what happened to events.
final class JourneyLog: Sendable {
    static let log = LogID(high: 0x6170_7573, low: 6 << 24)

    /// How long steps are gathered before they are written.
    static let interval = Duration.milliseconds(200)
    /// Bytes of steps in one batch, about.
    private static let batchBytes = 512 << 10

    private struct State {
        var waiting: [JourneyStep] = []
        var waitingBytes = 0
        var isArmed = false
        /// When `budget` was last filled.
        var filled = Duration.zero
    }

    let options: JourneyOptions
    private let store: any LogStore
    private let clock: any EngineClock
    private let timers: TimerQueue
    private let logger: Logger
    private let claim: LogClaim
    private let state = Mutex(State())
    /// How many successes may still be noted before the sample alone counts.
    private let budget: Atomic<Int>
    private let written = Count("apus_journey_steps_total")
    private let dropped = Count("apus_journey_steps_dropped_total")
    private let warnings = RateLimitedLog(interval: .seconds(60))

    /// Takes the log, made if there is none.
    static func claim(_ options: JourneyOptions, of store: any LogStore) throws(LogError) -> LogClaim {
        let segment = min(max(options.bytesMax / 8, 1 << 20), 16 << 20)
        return try store.claim(
            log,
            LogConfiguration(
                durability: .none, segmentBytesMax: Int(segment),
                segmentAgeMax: max(options.ageMax / 8, .seconds(60)))
        ) { _ in }
    }

    init(
        _ options: JourneyOptions, holding claim: LogClaim, store: any LogStore, clock: any EngineClock,
        timers: TimerQueue, logger: Logger
    ) {
        (self.options, self.claim, self.store, self.clock) = (options, claim, store, clock)
        (self.timers, self.logger) = (timers, logger)
        budget = Atomic(options.perSecond)
    }

    /// Steps that were not noted because too many waited or the disk refused them.
    var droppedCount: Int64 { dropped.value }

    // MARK: What is noted

    /// Whether a success that happened to an event is to be noted.
    func wants(_ partition: Int, _ offset: Offset, count: Int = 1) -> Bool {
        if options.chooses(partition, offset, count: count) { return true }
        // Under load this is one load: who finds nothing left takes nothing.
        return budget.load(ordering: .relaxed) > 0
            && budget.subtract(1, ordering: .relaxed).newValue >= 0
    }

    /// Notes a step, soon.
    func add(_ step: JourneyStep) {
        var step = step
        let (isTaken, isFirst) = state.withLock { state -> (Bool, Bool) in
            // When much fails, that it did matters more than how each time.
            if state.waitingBytes > options.bufferBytes / 2 { step.dropExchange() }
            let bytes = step.approximateBytes
            guard state.waitingBytes + bytes <= options.bufferBytes else { return (false, false) }
            state.waiting.append(step)
            state.waitingBytes += bytes
            defer { state.isArmed = true }
            return (true, !state.isArmed)
        }
        guard isTaken else { return dropped.increment() }
        guard isFirst else { return }
        timers.schedule(at: clock.now + JourneyLog.interval) { [weak self] in self?.write() }
    }

    /// Writes what waits; in a turn of the worker.
    func write() {
        let now = clock.now
        let steps = state.withLock { state in
            let passed = (now - state.filled) / .milliseconds(1)
            state.filled = now
            let filled = Double(budget.load(ordering: .relaxed)) + Double(options.perSecond) * passed / 1000
            budget.store(min(options.perSecond, max(0, Int(filled.rounded(.up)))), ordering: .relaxed)
            defer { (state.waiting, state.waitingBytes, state.isArmed) = ([], 0, false) }
            return state.waiting
        }
        var builder = RecordBatchBuilder(capacity: min(256 * steps.count, JourneyLog.batchBytes))
        var (key, value) = (ByteBuffer(), ByteBuffer())
        var count = 0
        for step in steps {
            key.clear()
            value.clear()
            step.encodeKey(into: &key)
            step.encodeValue(into: &value)
            key.withUnsafeReadableBytes { key in
                value.withUnsafeReadableBytes { builder.append(timestamp: step.time, key: key, value: $0) }
            }
            count += 1
            guard builder.length >= JourneyLog.batchBytes else { continue }
            append(&builder, count)
            builder = RecordBatchBuilder(capacity: JourneyLog.batchBytes)
            count = 0
        }
        append(&builder, count)
    }

    private func append(_ builder: inout RecordBatchBuilder, _ count: Int) {
        guard let batch = builder.finish() else { return }
        store.append(batch, holding: claim) { [weak self] result in
            guard let self else { return }
            switch result {
            case .success: written.increment(by: Int64(count))
            case .failure(let error):
                dropped.increment(by: Int64(count))
                warnings.write(clock.now) { suppressed in
                    logger.warning(
                        "what happened to some events could not be noted, and is not: \(error)",
                        metadata: ["steps": "\(count)", "not-logged": "\(suppressed)"])
                }
            }
        }
    }

    // MARK: Retention

    /// Forgets what is too old or too much.
    ///
    /// - Parameter wall: the time to judge ages by; nil while that is not to be trusted.
    func applyRetention(wall: Timestamp?, in context: EngineContext) {
        do throws(LogError) {
            var bytes = try store.bounds(JourneyLog.log).bytes
            var keepFrom: Offset?
            for segment in try store.closedSegments(JourneyLog.log) {
                let isOld = wall.map { segment.maxTimestamp.duration(to: $0) > options.ageMax } ?? false
                guard isOld || bytes > options.bytesMax else { break }
                bytes -= segment.bytes
                keepFrom = segment.end
            }
            if let keepFrom { context.forget(JourneyLog.log, before: keepFrom) }
        } catch {
            logger.warning("old steps of events' journeys could not be forgotten: \(error)")
        }
    }

    // MARK: Reading

    /// Bytes of one read of the store.
    private static let readBytes = 1 << 20

    /// Calls `body` with every record that was written at or after `time`, oldest first, until it returns false or `budget` bytes were read. Damage is
    /// passed over.
    ///
    /// - Returns: whether all was looked through.
    func forEachRecord(
        since time: Timestamp, budget: Int, _ body: (RecordView) -> Bool
    ) throws(LogError) -> Bool {
        let bounds = try store.bounds(JourneyLog.log)
        let first = try store.offset(JourneyLog.log, at: time)
        return try forEachRecord(in: max(bounds.start, first)..<bounds.end, budget: budget, body)
    }

    /// The same for a range of offsets.
    func forEachRecord(
        in range: Range<Offset>, budget: Int, _ body: (RecordView) -> Bool
    ) throws(LogError) -> Bool {
        var (offset, left, goesOn) = (range.lowerBound, budget, true)
        while offset < range.upperBound, goesOn {
            guard left > 0 else { return false }
            let batches: [RecordBatch]
            do {
                batches = try store.read(
                    JourneyLog.log, from: offset, byteLimit: min(left, JourneyLog.readBytes))
            } catch {
                guard let next = LookAhead.wayAround(error), next > offset else { throw error }
                offset = next
                continue
            }
            guard let last = batches.last else { break }
            for batch in batches where goesOn {
                left -= batch.length
                _ = try? batch.forEachRecord { record in
                    guard record.offset >= range.lowerBound, record.offset < range.upperBound else {
                        return true
                    }
                    goesOn = body(record)
                    return goesOn
                }
            }
            offset = last.nextOffset
        }
        return true
    }

    /// Where it begins and ends.
    func bounds() throws(LogError) -> LogBounds { try store.bounds(JourneyLog.log) }
}
