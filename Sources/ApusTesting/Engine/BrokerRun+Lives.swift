// SPDX-License-Identifier: Apache-2.0

// The lives of a simulated broker: how each begins and how it ends, mostly badly.

import ApusEngine
import ApusModel
import ApusStorage
import Logging
import Synchronization

extension BrokerRun {
    private var logger: Logger {
        guard options.isVerbose else { return Logger(label: "simulation") { _ in SwiftLogNoOpLogHandler() } }
        var logger = Logger(label: "simulation") { StreamLogHandler.standardOutput(label: $0) }
        logger.logLevel = .debug
        return logger
    }

    /// Opens store and engine, through crashes while they open; the truth is checked in between.
    func open(afterPowerCut isPowerCut: Bool) {
        var isPowerCut = isPowerCut
        for attempt in 0..<50 {
            // After a few attempts the disk behaves.
            if attempt > 4 { calmDisk() }
            do throws(LogError) {
                try openOnce(afterPowerCut: &isPowerCut)
                return
            } catch {
                note("opening failed: \(error)")
                let wasOff = disk.isOff
                shutDown()
                if wasOff { disk.powerCut() } else { disk.killProcess() }
                isPowerCut = isPowerCut || wasOff
            }
            guard report.isSound else { return }
        }
        violate("the broker does not open any more")
    }

    private func openOnce(afterPowerCut isPowerCut: inout Bool) throws(LogError) {
        let generator = Mutex(SplitMix64(seed: random.next()))
        let clock = clock
        let store = try FileLogStore(
            directory: "/store", on: disk, configuration: configuration,
            clock: StoreClock(monotonic: { clock.now }, wall: { clock.wall }),
            random: { generator.withLock { $0.next() } }, logger: logger)
        self.store = store
        guard !disk.isOff else { throw .closed }
        verify(store, afterPowerCut: isPowerCut)
        isPowerCut = false
        if random.oneIn(6) { disk.crash(after: UInt64(random.below(40))) }
        var options = EngineOptions()
        options.snapshotBytes = [1 << 10, 8 << 10, 256 << 10][random.below(3)]
        options.scheduleWindowBytes = [1 << 10, 64 << 20][random.below(2)]
        options.producerSnapshotBytes = [512, 8 << 10, 4 << 20][producerRandom.below(3)]
        // Longer than any history.
        options.producerExpiration = .seconds(30 * 86_400)
        // The history decides about transactions itself.
        options.verifiesTransactions = false
        watch(&options)
        target = SimulatedTarget()
        engine = try Engine(
            store: ObservedStore(store, truth: truth, segmentBytes: segmentBytes), clock: clock,
            entropy: Entropy(seed: random.next()),
            options: options, logger: logger, dispatcher: target, isDriven: true)
        // The power may have gone in something that is tried once and not missed.
        if disk.isOff { throw .closed }
        // What could not be opened comes to work by itself, when the disk lets it: after a few attempts it does.
        for attempt in 0..<100 where engine?.isSomethingClosed == true {
            if attempt > 4 { calmDisk() }
            clock.advance(by: .seconds(1))
            engine?.turn()
            // A change that is being written down comes before opening again.
            while commitOnce() == .progress {}
            _ = store.maintenanceStep()
            if disk.isOff { throw .closed }
        }
        if engine?.isSomethingClosed == true { violate("something stays closed") }
        disk.crash(after: nil)
    }

    /// Holds what the store found against the truth, on a disk that works meanwhile.
    private func verify(_ store: FileLogStore, afterPowerCut isPowerCut: Bool) {
        disk.crash(after: nil)
        let faults = disk.pauseFaults()
        let cut = truth.verify(store, afterPowerCut: isPowerCut)
        disk.setFaults(faults)
        collectViolations()
        for (log, offset) in cut.sorted(by: { $0.key < $1.key }) { lose(log, from: offset) }
    }

    /// The power took the end of a log that does not promise to survive that: its offsets come again.
    private func lose(_ log: LogID, from offset: Offset) {
        note("log \(log) lost what was from \(offset) on")
        cuts[log] = step
        for topic in topics {
            guard let partition = (0..<topic.settings.partitions).first(where: { topic.log($0) == log })
            else { continue }
            (topic.wasCut, topic.cutAt) = (true, step)
            for subscription in subscriptions where subscription.topic === topic {
                if case .latest = subscription.settings.start {
                    subscription.begin(partition, notAfter: offset)
                }
                if subscription.settings.end == .latest, let end = try? store?.bounds(log).end {
                    subscription.end(partition, notAfter: end)
                }
                for place in subscription.places.keys
                where place.partition == partition && place.offset >= offset
                    && truth.log(log)?.records[place.offset] == nil
                {
                    subscription.places[place] = nil
                }
            }
        }
    }

    /// A topic's identity becomes known, which may be after events were lost from it.
    func identify(_ topic: TopicModel, _ id: LogID?) {
        topic.id = id
        let steps = (0..<topic.settings.partitions).compactMap { number in
            topic.log(number).flatMap { log in cuts[log] }
        }
        if let last = steps.max() { (topic.wasCut, topic.cutAt) = (true, last) }
    }

    /// The process ends, or the power goes.
    func crash(isPowerCut: Bool) {
        note(isPowerCut ? "power cut" : "kill")
        if isPowerCut { report.powerCuts += 1 } else { report.kills += 1 }
        shutDown()
        if isPowerCut { disk.powerCut() } else { disk.killProcess() }
        if random.oneIn(4) { disk.crash(after: UInt64(random.below(80))) }
        open(afterPowerCut: isPowerCut)
        disk.crash(after: nil)
        if report.isSound { checkAfterStart() }
        // Checking reads, and what reads may find the disk gone.
        if report.isSound, disk.isOff { crash(isPowerCut: true) }
    }

    /// Ends this life, with nothing more reaching the disk: calls that wait are lost, and their tasks end.
    func shutDown() {
        // The plug is pulled first, so that what is done to end the tasks has no effect.
        disk.crash(after: 0)
        _ = try? disk.size(of: "/")
        let lost = calls.sorted { $0.key < $1.key }.map(\.value)
        calls = [:]
        engine?.stop()
        store?.close()
        for call in lost { call.task?.cancel() }
        for _ in 0..<20 {
            executor.drain()
            engine?.turn()
        }
        executor.drain()
        _ = board.take()
        truth.crashed()
        engine = nil
        store = nil
        executor = DrivenExecutor()
        for call in lost { call.end(true) }
        attempts = []
        held = []
        for subscription in subscriptions { endLife(of: subscription) }
        disk.crash(after: nil)
    }

    /// What ends with a life, before the next one hands anything out: it begins to while something is still being opened.
    private func endLife(of subscription: SubscriptionModel) {
        subscription.isCommitting = false
        for place in subscription.places.keys {
            subscription.places[place]?.leasedUntil = nil
            subscription.places[place]?.isPushed = false
            // What is pushed is settled without waiting for the disk, and walls jump.
            if subscription.settings.push != nil || hasJumped {
                subscription.places[place]?.notBefore = nil
            }
        }
    }

    /// No faults from now on.
    func calmDisk() {
        disk.setFaults(DiskFaults())
        disk.setCapacity(1 << 40)
        disk.crash(after: nil)
    }
}
