// SPDX-License-Identifier: Apache-2.0

// What happens in a simulated history: appends and administration, the store's own steps, and bad luck.

import ApusModel
import ApusStorage
import NIOCore

extension SimulationRun {
    /// One step, chosen by chance.
    func act() {
        if options.rewrites, random.oneIn(8) { return rewriteSomething() }
        switch random.below(100) {
        case 0..<40: append()
        case 40..<62: commit()
        case 62..<68: maintain()
        case 68..<71: _ = store?.checkpointNow()
        case 71..<80: readSomewhere()
        case 80..<83: trim()
        case 83..<85: reconfigure()
        case 85..<86: deleteOrCreate()
        case 86..<88: clock.jump(milliseconds: Int64(random.below(2_000_000_000)) - 1_000_000_000)
        case 88..<90: restart(isPowerCut: false)
        case 90..<91: closeAndOpen()
        case 91..<93: restart(isPowerCut: true)
        case 93..<95: disk.crash(after: UInt64(random.below(40)))
        case 95..<98: changeFaults()
        default: rot()
        }
    }

    var someLog: SimulatedLog? {
        let alive = logs.filter(\.isAlive)
        return alive.isEmpty ? nil : alive[random.below(alive.count)]
    }

    private func someConfiguration() -> LogConfiguration {
        let durability: [Durability] = [.flush, .flush, .flush, .none, .interval(.milliseconds(200))]
        return LogConfiguration(
            durability: durability[random.below(5)],
            segmentBytesMax: [2 << 10, 8 << 10, 1 << 20][random.below(3)],
            segmentAgeMax: .seconds([5, 3600][random.below(2)]), isEssential: random.oneIn(4))
    }

    func createLog() {
        let log = SimulatedLog(LogID(high: UInt64(logs.count), low: random.next()), someConfiguration())
        logs.append(log)
        claim(log)
    }

    func claim(_ log: SimulatedLog) {
        do throws(LogError) {
            log.claim = try store?.claim(log.id, log.configuration) { _ in }
        } catch {
            note("claim failed: \(error)")
            log.claim = nil
        }
    }

    // MARK: Appends

    private func append() {
        guard let log = someLog else { return }
        for _ in 0...random.below(3) { append(to: log) }
    }

    private func append(to log: SimulatedLog) {
        guard let claim = log.claim, let store else { return }
        let tag = nextTag
        nextTag += 1
        note("append \(tag) to \(log.id)")
        let size = random.oneIn(20) ? random.below(12_000) : random.below(300)
        let batch = LogStoreContract.batch(
            records: 1 + random.below(3), tag: tag, valueBytes: size, time: Int64(tag) * 10)
        log.add(tag, batch)
        let (results, generation) = (results, results.generation)
        store.append(batch, holding: claim) { results.add(tag, $0, generation) }
    }

    /// Appends once a history has come to its end, when nothing may stand in the way any more.
    func appendNow(_ log: SimulatedLog) {
        guard log.isAlive, store != nil else { return }
        if log.claim == nil { claim(log) }
        append(to: log)
        for _ in 0..<20 {
            clock.advance(.seconds(2))
            commit()
            maintain()
        }
        collect()
        guard let last = log.entries.last, last.fate != .acknowledged else { return }
        violate("log \(log.id) takes no appends any more: \(last.fate)")
    }

    func commit() {
        guard let store else { return }
        for _ in 0...random.below(4) {
            guard store.commitStep() == .progress else { return }
        }
    }

    private func maintain() {
        clock.advance(.milliseconds(random.below(1_500)))
        _ = store?.maintenanceStep()
    }

    /// Takes the outcomes that the store has told.
    func collect() {
        for (tag, result) in results.take() {
            guard let log = logs.first(where: { $0.number(of: tag) != nil }), let number = log.number(of: tag)
            else {
                continue
            }
            settle(log, number, result)
        }
    }

    private func settle(_ log: SimulatedLog, _ number: Int, _ result: Result<Offset, LogError>) {
        let entry = log.entries[number]
        switch result {
        case .success(let base):
            report.acknowledged += 1
            report.digest =
                (report.digest ^ UInt64(bitPattern: base.rawValue)) &* 0x100_0000_01B3 &+ UInt64(entry.tag)
            note("acknowledged \(entry.tag) at \(base) of \(log.id), flushed \(entry.isFlushed)")
            log.entries[number].fate = .acknowledged
            log.entries[number].base = base
            if base < log.floor { violate("I2: log \(log.id) gave offset \(base) again, below \(log.floor)") }
            log.floor = base.advanced(by: Int64(entry.batch.lastOffsetDelta) + 1)
        case .failure(.closed), .failure(.unknownLog), .failure(.undecided):
            log.entries[number].fate = .unknown
        case .failure(let error):
            note("refused \(entry.tag): \(error)")
            report.refused += 1
            log.entries[number].fate = .refused
        }
    }

    // MARK: Administration

    func trim() {
        guard let log = someLog, let bounds = try? store?.bounds(log.id), bounds.end > bounds.start else {
            return
        }
        let offset = bounds.start.advanced(
            by: 1 + Int64(random.below(Int(bounds.end.rawValue - bounds.start.rawValue))))
        do throws(LogError) {
            try store?.trim(log.id, before: offset)
            log.start = max(log.start, offset)
        } catch { note("trim failed: \(error)") }
        // One that failed may have moved the start nevertheless.
        log.trimmedAtMost = max(log.trimmedAtMost, offset)
    }

    private func reconfigure() {
        guard let log = someLog, let claim = log.claim else { return }
        let configuration = someConfiguration()
        do throws(LogError) {
            try store?.configure(claim, configuration)
            log.configuration = configuration
            note("configured \(log.id) \(configuration.durability)")
        } catch { note("configure failed: \(error)") }
    }

    private func deleteOrCreate() {
        guard let log = someLog, logs.filter(\.isAlive).count > 1 else { return createLog() }
        do throws(LogError) {
            try store?.delete(log.id)
            log.isAlive = false
            createLog()
        } catch {
            // Half deleted: what will be found of it is not known.
            note("delete failed: \(error)")
            log.isAlive = false
        }
    }

    private func closeAndOpen() {
        store?.close()
        collect()
        if disk.isOff { return }
        store = nil
        disk.killProcess()
        results.abandon()
        for log in logs { log.forgetPending() }
        open()
        reclaim()
        checkAll()
    }

    // MARK: Bad luck

    private func changeFaults() {
        var faults = DiskFaults()
        if random.oneIn(2) {
            faults.sync = [0, 5, 30][random.below(3)]
            faults.write = [0, 10, 50][random.below(3)]
            faults.read = [0, 0, 50][random.below(3)]
            faults.crash = [0, 0, 300][random.below(3)]
        }
        disk.setFaults(faults)
        disk.setCapacity(random.oneIn(3) ? Int64(random.below(600_000)) : 4 << 20)
    }

    private func rot() {
        guard rots else { return }
        let files = disk.files(under: "/store").filter { $0.size > 0 && !$0.path.contains("/quarantine/") }
        guard !files.isEmpty else { return }
        let file = files[random.below(files.count)]
        disk.flipBit(file.path, byte: random.below(file.size), bit: random.below(8))
        note("flip in \(file.path)")
        report.flips += 1
    }
}
