// SPDX-License-Identifier: Apache-2.0

// Connections never take the files that the log needs.

import ApusModel
import Testing

@testable import ApusServer

@Suite struct FileLimitTests {
    @Test func `the limit after raising it is the highest there is`() {
        let limit = FileLimit.raise()
        #expect(limit >= FileLimit.reserve)
        #expect(FileLimit.raise() == limit)
    }

    @Test(arguments: [
        (1_048_576, Defaults.connectionsMax), (20_000, Defaults.connectionsMax), (10_000, 8_976), (1_024, 64),
        (256, 64),
    ])
    func `connections leave files for everything else`(files: Int, connections: Int) {
        #expect(FileLimit.connections(wanted: Defaults.connectionsMax, files: files) == connections)
    }

    @Test func `connections from outside and to webhooks share the files that there are`() {
        let shares = FileShares(files: 20_000)
        #expect(shares.outgoing(wanted: 16_000) == 16_000)
        #expect(shares.reserved(of: 16_000) == 0)
        shares.countIncoming { 10_000 }
        #expect(shares.outgoing(wanted: 16_000) == 8_976)
        shares.countIncoming { 20_000 }
        #expect(shares.outgoing(wanted: 16_000) == FileLimit.connectionsMin)
        shares.countOutgoing { 10_000 }
        #expect(shares.reserved(of: 16_000) == 7_024)
    }
}
