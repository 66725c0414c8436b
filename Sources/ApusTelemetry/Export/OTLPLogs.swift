// SPDX-License-Identifier: Apache-2.0

// Log lines on their way to a collector: the handler that takes them, and an ExportLogsServiceRequest of them.

internal import JSONText
public import Logging
import Tracing

/// One log line as values.
struct LogEntry: Sendable {
    var time: WallTime
    var level: Logger.Level
    var label: String
    var message: String
    var metadata: Logger.Metadata
    var trace: TraceContext?
}

/// Puts log lines into the queue of an exporter; to stand beside the handler that writes them.
public struct ExportLogHandler: LogHandler {
    /// Lines below this level are not exported.
    public var logLevel: Logger.Level
    /// Metadata of every line.
    public var metadata: Logger.Metadata = [:]
    /// Adds metadata from the task's context.
    public var metadataProvider: Logger.MetadataProvider?

    private let label: String
    private let queue: TelemetryQueue<LogEntry>

    init(label: String, level: Logger.Level, queue: TelemetryQueue<LogEntry>) {
        (self.label, logLevel, self.queue) = (label, level, queue)
    }

    /// One entry of `metadata`.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Takes one line.
    public func log(event: LogEvent) {
        queue.add(
            LogEntry(
                time: .now, level: event.level, label: label, message: event.message.description,
                metadata: mergedMetadata(metadata, metadataProvider, event),
                trace: ServiceContext.current?.traceContext))
    }
}

/// Lines in the collector's words.
enum OTLPLogs {
    /// The body of a request with these lines.
    static func encode(_ entries: [LogEntry], of resource: ExportResource) -> [UInt8] {
        var writer = JSONWriter(capacity: 384 * (entries.count + 1))
        let scopes = Dictionary(grouping: entries, by: \.label).sorted { $0.key < $1.key }
        writer.object { writer in
            writer.list("resourceLogs", CollectionOfOne(resource)) { writer, resource in
                writer.object { writer in
                    resource.write(to: &writer)
                    writer.list("scopeLogs", scopes) { writer, scope in
                        writer.object { writer in
                            writer.scope(scope.key, resource.scope.version)
                            writer.list("logRecords", scope.value) { writer, entry in
                                writer.object { write(entry, to: &$0) }
                            }
                        }
                    }
                }
            }
        }
        return writer.bytes
    }

    private static func write(_ entry: LogEntry, to writer: inout JSONWriter) {
        writer.member("timeUnixNano", time: entry.time)
        writer.member("observedTimeUnixNano", time: entry.time)
        writer.member("severityNumber", number: number(of: entry.level))
        writer.member("severityText", entry.level.rawValue.uppercased())
        writer.key("body")
        writer.object { $0.member("stringValue", entry.message) }
        if !entry.metadata.isEmpty {
            writer.list("attributes", entry.metadata.sorted { $0.key < $1.key }) { writer, element in
                writer.attribute(element.key) { value(element.value, to: &$0) }
            }
        }
        guard let trace = entry.trace else { return }
        writer.member("traceId", trace.traceID.description)
        writer.member("spanId", trace.spanID.description)
        writer.member("flags", number: Int(trace.flags.rawValue))
    }

    private static func value(_ value: Logger.MetadataValue, to writer: inout JSONWriter) {
        switch value {
        case .string(let text): writer.member("stringValue", text)
        case .stringConvertible(let convertible): writer.member("stringValue", convertible.description)
        case .array(let values): writer.array(values) { self.value($1, to: &$0) }
        case .dictionary(let metadata):
            writer.key("kvlistValue")
            writer.object { writer in
                writer.list("values", metadata.sorted { $0.key < $1.key }) { writer, element in
                    writer.attribute(element.key) { self.value(element.value, to: &$0) }
                }
            }
        }
    }

    /// The first number of a range of the log data model, but for the two levels that share one.
    private static func number(of level: Logger.Level) -> Int {
        switch level {
        case .trace: 1
        case .debug: 5
        case .info: 9
        case .notice: 10
        case .warning: 13
        case .error: 17
        case .critical: 21
        }
    }
}
