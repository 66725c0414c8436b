// SPDX-License-Identifier: Apache-2.0

// From when on a subscription counts as a slow consumer, as the registry's log keeps it. Zero stands for no limit, absence for the default.

import ApusModel
import JSONText

extension AlarmSettings {
    /// Writes what differs from the defaults, and when the subscription was last used, where that is noted.
    func write(to writer: inout JSONWriter, used: Timestamp?) {
        if let used {
            writer.key("used")
            writer.integer(used.rawValue)
        }
        if age != Defaults.slowConsumerAge {
            writer.key("alarmAge")
            writer.integer(age?.milliseconds ?? 0)
        }
        if backlog != Defaults.slowConsumerBacklog {
            writer.key("alarmBacklog")
            writer.integer(backlog ?? 0)
        }
    }

    /// What a subscription's definition says.
    init(registry object: JSONObject) {
        self.init()
        if let age = object["alarmAge"]?.number?.int64 { self.age = age > 0 ? .milliseconds(age) : nil }
        if let backlog = object["alarmBacklog"]?.number?.int64 { self.backlog = backlog > 0 ? backlog : nil }
    }
}
