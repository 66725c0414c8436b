// SPDX-License-Identifier: Apache-2.0

// Every store against the one contract.

import ApusStorage
import ApusTesting
import Glibc
import Logging
import TestThreads
import Testing

@Suite(.ownThread) struct LogStoreContractTests {
    @Test(arguments: LogStoreContract.checks)
    func `the store in memory keeps its word`(_ check: LogStoreContract.Check) throws {
        try check.run(LogStoreContract.Subject(MemoryLogStore()))
    }

    @Test(arguments: LogStoreContract.checks, [UInt64(1), 2])
    func `the store in files keeps its word on a simulated disk`(
        _ check: LogStoreContract.Check, _ seed: UInt64
    ) throws {
        let store = try TestStore(SimulatedDisk(seed: seed)).open()
        // With seed 2 batches go to segments after each append, otherwise they stay in memory.
        let settle: @Sendable () -> Void = {
            store.settle()
            if seed == 2 { _ = store.checkpointNow() }
        }
        try check.run(LogStoreContract.Subject(store, settle: settle))
        store.close()
    }

    @Test(arguments: LogStoreContract.checks)
    func `the store in files keeps its word on this machine's disk`(_ check: LogStoreContract.Check) throws {
        try withTemporaryDirectory { directory in
            let store = try FileLogStore(
                directory: directory, configuration: TestStore.configuration, logger: TestStore.silent)
            defer { store.close() }
            try check.run(LogStoreContract.Subject(store))
        }
    }
}
