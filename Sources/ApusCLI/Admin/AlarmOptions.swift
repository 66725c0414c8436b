// SPDX-License-Identifier: Apache-2.0

// From when on the consumers of a subscription count as slow, as options.

internal import ApusModel
internal import ArgumentParser
internal import JSONText

/// From when on the consumers of a subscription count as slow.
struct AlarmOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Raise an alarm when its oldest event has waited for so long (default \(DurationText.format(Defaults.slowConsumerAge)); 'none' for never).",
            valueName: "duration"),
        transform: Parse.optionalDuration)
    var alarmAge: Parse.OptionalDuration?

    @Option(
        help: ArgumentHelp(
            "Raise an alarm when so many events wait (default \(Defaults.slowConsumerBacklog); 'none' for never).",
            valueName: "events"),
        transform: AlarmOptions.count)
    var alarmBacklog: Count?

    /// A number, or `none`.
    struct Count: Sendable {
        var value: Int64?
    }

    private static func count(_ text: String) throws -> Count {
        if text == "none" { return Count() }
        guard let value = Int64(text), value > 0 else {
            throw ValidationError("'\(text)' is not a number of events; write one from 1 on, or none")
        }
        return Count(value: value)
    }

    /// Adds what was named to the settings of a request.
    func add(to settings: inout JSONObject) {
        var alarm = JSONObject()
        alarm["age"] = alarmAge.map { $0.value.map { .string(DurationText.format($0)) } ?? .null }
        alarm["backlog"] = alarmBacklog.map { $0.value.map { .number(JSONNumber($0)) } ?? .null }
        if !alarm.members.isEmpty { settings["alarm"] = .object(alarm) }
    }
}
