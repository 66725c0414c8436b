// SPDX-License-Identifier: Apache-2.0

// What the server tells of how it is set, beside what it was told: what it found out itself, and the limits that it keeps.

import ApusModel

enum ServerSettings {
    /// Every setting with the value that counts.
    ///
    /// - Parameters:
    ///   - connectionsMax: of each gateway.
    ///   - filesMax: how many files the process may have open.
    static func effective(
        _ configuration: ServerConfiguration, connectionsMax: Int, filesMax: Int
    ) -> [ServerSetting] {
        let told = configuration.settings.map { one in
            one.name == "webhook-origin" && one.value == nil
                ? ServerSetting(one.name, HostName.own, one.origin) : one
        }
        return told + [
            ServerSetting("open-files-max", String(filesMax), .environment),
            ServerSetting("connections-max", String(connectionsMax)),
            ServerSetting("attempts-under-way-max", String(Defaults.attemptsUnderWayMax)),
            ServerSetting("event-bytes-max", String(Defaults.eventBytesMax)),
            ServerSetting("batch-events-max", String(Defaults.batchEventsMax)),
            ServerSetting("body-bytes-max", String(Defaults.bodyBytesMax)),
        ]
    }
}
