// SPDX-License-Identifier: Apache-2.0

// Bridges in a file: the bodies of the API's requests under the names that they are put under, so that what was read from the API can be written there.

public import ApusEngine
public import ApusModel
internal import JSONText

/// Why a file of bridges cannot be understood.
public struct BridgesFileError: Error, CustomStringConvertible, Sendable {
    /// What is wrong, and where.
    public let description: String
}

/// Topics, connections, feeds and rules that a server puts at each start.
public struct BridgesFile: Sendable {
    /// Topics to make if there are none of these names.
    public private(set) var topics: [(ResourceName, TopicSettings)] = []
    /// Connections and their URLs.
    public private(set) var connections: [(ResourceName, String)] = []
    /// Feeds.
    public private(set) var feeds: [(ResourceName, FeedSettings)] = []
    /// Rules.
    public private(set) var rules: [(ResourceName, RuleSettings)] = []

    private static let schema = ObjectSchema()
        .allowing("topics", .any).allowing("connections", .any).allowing("feeds", .any).allowing(
            "rules", .any)

    /// Reads a file; topics have `topicDefaults` where they do not say.
    public init(_ bytes: [UInt8], topicDefaults: TopicSettings) throws(BridgesFileError) {
        let value: JSONValue
        do { value = try JSONValue(parsing: bytes) } catch {
            throw BridgesFileError(description: "it is not JSON: \(error.description)")
        }
        do throws(Problem) {
            let reader = try MemberReader(value, Self.schema)
            topics = try Self.section("topics", reader) { value, path throws(Problem) in
                try TopicChanges(try MemberReader(value, Schema.topicSettings, in: path))
                    .settings(over: topicDefaults)
            }
            connections = try Self.section("connections", reader) { value, path throws(Problem) in
                let reader = try MemberReader(value, Schema.connectionSettings, in: path)
                return try reader.require("url", reader.string)
            }
            feeds = try Self.section("feeds", reader) { value, path throws(Problem) in
                try FeedSettings(try MemberReader(value, Schema.feedSettings, in: path))
            }
            rules = try Self.section("rules", reader) { value, path throws(Problem) in
                try RuleSettings(try MemberReader(value, Schema.ruleSettings, in: path), stored: [])
            }
        } catch {
            throw BridgesFileError(description: error.detail + (error.hint.map { " (\($0))" } ?? ""))
        }
    }

    private static func section<Value>(
        _ name: String, _ reader: MemberReader, _ read: (JSONValue, String) throws(Problem) -> Value
    ) throws(Problem) -> [(ResourceName, Value)] {
        guard let value = reader.value(name) else { return [] }
        guard let object = value.object else {
            throw reader.wrong(name, expected: "an object of names and settings")
        }
        var values: [(ResourceName, Value)] = []
        for member in object.members {
            let key: ResourceName
            do { key = try ResourceName(member.name) } catch {
                throw Problem(.malformed, "'\(name).\(member.name)': \(error.description)")
            }
            values.append((key, try read(member.value, "\(name).\(member.name).")))
        }
        return values
    }
}
