// SPDX-License-Identifier: Apache-2.0

// When a server raises alarms about itself, as options.

internal import ApusModel
internal import ApusStorage
internal import ArgumentParser

/// When a server raises alarms.
struct ServeAlarmOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Free space below which there is an alarm: bytes, a part of the disk, or both for the lesser (default \(Defaults.diskAlarm)).",
            valueName: "space"),
        transform: Parse.space)
    var diskAlarm: SpaceThreshold?

    @Option(
        help: ArgumentHelp(
            "Free space below which publishes are refused (default \(Defaults.diskRefuse)).",
            valueName: "space"),
        transform: Parse.space)
    var diskRefuse: SpaceThreshold?

    @Option(
        help: ArgumentHelp(
            "How often the load is looked at, which rates and alarms follow from (default \(DurationText.format(Defaults.lookInterval))).",
            valueName: "duration"),
        transform: Parse.duration)
    var lookInterval: Duration?

    func validate() throws {
        if let lookInterval, lookInterval < .milliseconds(100) {
            throw ValidationError("--look-interval is at least 100ms")
        }
    }
}

extension Parse {
    /// An amount of free space: `2GiB`, `10%`, or `2GiB,10%` for the lesser of both; `none` for none.
    static func space(_ text: String) throws -> SpaceThreshold {
        var space = SpaceThreshold()
        if text == "none" { return space }
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            if part.hasSuffix("%"), space.part == nil, let percent = Double(part.dropLast()),
                (0...100).contains(percent)
            {
                space.part = percent / 100
            } else if space.bytes == nil, let size = SizeText.parse(String(part)) {
                space.bytes = Int64(size)
            } else {
                throw ValidationError(
                    "'\(text)' is not an amount of free space; write 2GiB, 10%, or 2GiB,10% for the lesser of both"
                )
            }
        }
        return space
    }
}
