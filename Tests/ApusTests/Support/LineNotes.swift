// SPDX-License-Identifier: Apache-2.0

// A log that tests read.

import Logging

/// Notes the messages of warnings and errors.
struct LineNotes: LogHandler {
    let lines: Notes<String>
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.warning

    init(_ lines: Notes<String>) { self.lines = lines }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { lines.add("\(event.message)") }
}
