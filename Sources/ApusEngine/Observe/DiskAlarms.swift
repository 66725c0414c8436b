// SPDX-License-Identifier: Apache-2.0

// What the store says of its disk, as alarms: the store watches the watermarks every second, this puts it in words.

import ApusModel
import ApusStorage

extension Engine {
    /// The alarms about the disk.
    func diskAlarms() -> [Alarm] {
        Alarm.disk(context.store.statistics(), at: context.clock.wall)
    }
}

extension Alarm {
    /// The alarms that follow from what a store says.
    static func disk(_ store: StoreStatistics, at wall: Timestamp) -> [Alarm] {
        let since = store.spaceSince ?? wall
        let free = store.freeBytes.map(ByteText.about) ?? "an unknown amount"
        switch store.space {
        case .ample: return []
        case .low:
            return [
                Alarm(
                    .diskLow, "disk", since: since,
                    "\(free) are free, less than \(ByteText.about(store.alarmsBelow)); publishes are refused below "
                        + ByteText.about(store.refusesBelow))
            ]
        case .short:
            return [
                Alarm(
                    .diskFull, "disk", since: since,
                    "\(free) are free, less than \(ByteText.about(store.refusesBelow)): publishes are refused; "
                        + "consuming, acknowledging and deleting go on")
            ]
        }
    }
}
