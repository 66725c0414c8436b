// SPDX-License-Identifier: Apache-2.0

// When what waits in the journal is brought to segments: soon when it is of few logs, less often when it is of many, and in any case before the
// journal is full.

import ApusModel
import ApusStorage
import ApusTesting
import Synchronization
import Testing

@Suite struct CheckpointTimeTests {
    private func log(_ number: Int) -> LogID { LogID(high: 7, low: UInt64(number)) }

    private func batch(bytes: Int) -> RecordBatch? {
        var builder = RecordBatchBuilder()
        builder.append(
            timestamp: Timestamp(milliseconds: 1), key: nil, value: [UInt8](repeating: 1, count: bytes))
        return builder.finish()
    }

    /// How much waits after each second, when `logs` logs had one batch each at the beginning.
    private func waiting(logs: Int, seconds: Int) throws -> [Bool] {
        let clock = SimulatedClock()
        var opening = TestStore(SimulatedDisk(seed: 3))
        opening.configuration.checkpointAgePerLog = .milliseconds(500)
        opening.configuration.checkpointAgeMax = .seconds(4)
        let store = try opening.open(clock.clock)
        for number in 1...logs {
            let claim = try store.claim(log(number), LogConfiguration()) { _ in }
            let made = try #require(batch(bytes: 10))
            _ = try #require(store.appendNow(made, claim)).get()
        }
        return (0..<seconds).map { _ in
            clock.advance(.seconds(1))
            _ = store.maintenanceStep()
            return store.statistics().pendingBytes > 0
        }
    }

    @Test func `what waits of few logs waits a second, of many longer, but not without end`() throws {
        #expect(try waiting(logs: 1, seconds: 2) == [false, false])
        #expect(try waiting(logs: 6, seconds: 5) == [true, true, false, false, false])
        #expect(try waiting(logs: 12, seconds: 5) == [true, true, true, false, false])
    }

    @Test(arguments: [2, 3, 4])
    func `a journal is emptied before it is full, however long things may wait`(files: Int) throws {
        let clock = SimulatedClock()
        var opening = TestStore(SimulatedDisk(seed: 4))
        opening.configuration.checkpointAge = .seconds(86_400)
        opening.configuration.journalFiles = files
        let store = try opening.open(clock.clock)
        let claim = try store.claim(log(1), LogConfiguration()) { _ in }
        for _ in 0..<60 {
            let made = try #require(batch(bytes: 12_000))
            store.append(made, holding: claim) { result in
                #expect(throws: Never.self) { try result.get() }
            }
            #expect(store.commitStep() == .progress)
            _ = store.maintenanceStep()
        }
    }
}
