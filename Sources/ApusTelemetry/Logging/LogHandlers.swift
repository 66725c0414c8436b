// SPDX-License-Identifier: Apache-2.0

// swift-log handlers: one line for a person, or one JSON object a line for a program.

public import Logging

/// How log lines are written.
public enum LogFormat: String, Sendable, CaseIterable {
    /// `HumanLogHandler`.
    case human
    /// `JSONLogHandler`.
    case json

    /// A handler of this format on standard error.
    public func handler(label: String, level: Logger.Level) -> any LogHandler {
        switch self {
        case .human: HumanLogHandler(label: label, level: level)
        case .json: JSONLogHandler(label: label, level: level)
        }
    }
}

/// Writes `time LEVEL message key=value ...` on one line, metadata sorted by key.
public struct HumanLogHandler: LogHandler {
    /// Lines below this level are not written.
    public var logLevel: Logger.Level
    /// Metadata of every line.
    public var metadata: Logger.Metadata = [:]
    /// Adds metadata from the task's context.
    public var metadataProvider: Logger.MetadataProvider?

    private let output: LogOutput
    private let now: @Sendable () -> WallTime

    /// A handler for the logger called `label`, which a person is not shown.
    public init(
        label: String, level: Logger.Level = .info, output: LogOutput = .standardError,
        now: @escaping @Sendable () -> WallTime = { .now }
    ) {
        logLevel = level
        self.output = output
        self.now = now
    }

    /// One entry of `metadata`.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Writes one line.
    public func log(event: LogEvent) {
        var line =
            now().rfc3339 + " " + levelText(event.level) + " " + LogText.plain(event.message.description)
        for entry in LogText.human(mergedMetadata(metadata, metadataProvider, event)) { line += " " + entry }
        output.write(line + "\n")
    }

    /// The level in capitals, padded to the longest so that messages stand in one column.
    private func levelText(_ level: Logger.Level) -> String {
        let name = level.rawValue.uppercased()
        let padded = name + String(repeating: " ", count: max(0, 8 - name.utf8.count))
        guard output.showsColour else { return padded }
        return "\u{1b}[\(Self.colour(of: level))m\(padded)\u{1b}[0m"
    }

    /// The terminal's colour number (SGR) for a level.
    private static func colour(of level: Logger.Level) -> String {
        switch level {
        case .trace, .debug: "2"
        case .info: "32"
        case .notice: "36"
        case .warning: "33"
        case .error: "31"
        case .critical: "1;31"
        }
    }
}

/// Writes one JSON object a line: `time`, `level`, `logger`, `message` and, where there is any, `metadata`.
public struct JSONLogHandler: LogHandler {
    /// Lines below this level are not written.
    public var logLevel: Logger.Level
    /// Metadata of every line.
    public var metadata: Logger.Metadata = [:]
    /// Adds metadata from the task's context.
    public var metadataProvider: Logger.MetadataProvider?

    private let label: String
    private let output: LogOutput
    private let now: @Sendable () -> WallTime

    /// A handler for the logger called `label`.
    public init(
        label: String, level: Logger.Level = .info, output: LogOutput = .standardError,
        now: @escaping @Sendable () -> WallTime = { .now }
    ) {
        self.label = label
        logLevel = level
        self.output = output
        self.now = now
    }

    /// One entry of `metadata`.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Writes one line.
    public func log(event: LogEvent) {
        var line = "{\"time\":\"\(now().rfc3339)\",\"level\":\"\(event.level.rawValue)\""
        line += ",\"logger\":\(LogText.jsonString(label))"
        line += ",\"message\":\(LogText.jsonString(event.message.description))"
        let metadata = mergedMetadata(metadata, metadataProvider, event)
        if !metadata.isEmpty { line += ",\"metadata\":\(LogText.json(metadata))" }
        output.write(line + "}\n")
    }
}

/// The metadata of one line: the logger's, the context's and the call's, the later winning; an error
/// handed to the call stands under `error`.
func mergedMetadata(
    _ own: Logger.Metadata, _ provider: Logger.MetadataProvider?, _ event: LogEvent
) -> Logger.Metadata {
    var result = own
    if let provided = provider?.get() { result.merge(provided) { $1 } }
    if let error = event.error { result["error"] = .string(String(describing: error)) }
    if let metadata = event.metadata { result.merge(metadata) { $1 } }
    return result
}
