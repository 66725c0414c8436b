// SPDX-License-Identifier: Apache-2.0

// A topic of an outside broker on the command line.

internal import ArgumentParser
internal import JSONText

/// `connection/topic`.
struct BusAddress: Sendable {
    var connection: String
    var topic: String

    init(argument: String) throws {
        guard let slash = argument.firstIndex(of: "/"), slash != argument.startIndex,
            argument.index(after: slash) != argument.endIndex
        else {
            throw ValidationError("'\(argument)' is no outside topic; write it as CONNECTION/TOPIC")
        }
        connection = String(argument[..<slash])
        topic = String(argument[argument.index(after: slash)...])
    }

    /// The push settings that deliver there.
    var settings: JSONObject {
        var settings = JSONObject()
        settings["connection"] = .string(connection)
        settings["topic"] = .string(topic)
        return settings
    }
}
