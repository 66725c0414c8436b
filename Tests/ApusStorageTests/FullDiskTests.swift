// SPDX-License-Identifier: Apache-2.0

// Publishing at full speed on a disk that gets full: it is refused before the reserve is used up, so that what the server
// needs itself goes on.

import ApusModel
import ApusStorage
import ApusTesting
import TestThreads
import Testing

@Suite(.ownThread) struct FullDiskTests {
    @Test(arguments: [Durability.flush, .none])
    func `publishing at full speed leaves the reserve to essential logs`(_ durability: Durability) throws {
        let disk = SimulatedDisk(seed: 1)
        var opening = TestStore(disk)
        opening.configuration.freeBytesReserve = 256 << 10
        let store = try opening.open()
        let events = try store.claim(
            LogID(high: 1, low: 1), LogConfiguration(durability: durability, segmentBytesMax: 64 << 10)
        ) { _ in }
        let state = try store.claim(LogID(high: 1, low: 2), LogConfiguration(isEssential: true)) { _ in }
        disk.setCapacity(2 << 20)
        var refusal: LogError?
        for tag in 0..<4_000 where refusal == nil {
            // The store's clock does not reach the next look at free space: only what is written counts.
            let answer = store.appendNow(
                LogStoreContract.batch(records: 1, tag: tag, valueBytes: 3_000), events)
            if case .failure(let error) = answer { refusal = error }
        }
        #expect(refusal == .diskFull)
        for tag in 0..<60 {
            let answer = store.appendNow(
                LogStoreContract.batch(records: 1, tag: tag, valueBytes: 1_000), state)
            guard case .success = answer else {
                Issue.record("essential append \(tag): \(String(describing: answer))")
                return
            }
            _ = store.maintenanceStep()
        }
    }
}
