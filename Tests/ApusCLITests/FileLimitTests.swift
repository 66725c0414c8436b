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
        (1_048_576, Defaults.connectionsMax), (20_000, 12_992), (10_000, 6_326), (1_024, 64), (256, 64),
    ])
    func `connections leave files for everything else`(files: Int, connections: Int) {
        #expect(FileLimit.connections(wanted: Defaults.connectionsMax, files: files) == connections)
    }

    @Test func `connections from outside and to webhooks share the files that there are`() {
        let shares = FileShares(files: 20_000)
        #expect(shares.outgoing(wanted: 9_000) == 9_000)
        #expect(shares.reserved(of: 12_992) == 0)
        shares.countIncoming { 5_000 }
        #expect(shares.outgoing(wanted: 16_000) == 7_992)
        shares.countIncoming { 20_000 }
        #expect(shares.outgoing(wanted: 16_000) == FileLimit.connectionsMin)
        shares.countOutgoing { 5_000 }
        #expect(shares.reserved(of: 12_992) == 5_000)
    }

    @Test(arguments: [(1_048_576, 32_768), (20_000, 6_496), (2_560, 682), (1_024, 512), (256, 512)])
    func `a third of the files may be segments`(files: Int, segments: Int) {
        #expect(FileLimit.segments(files: files) == segments)
    }
}
