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
}
