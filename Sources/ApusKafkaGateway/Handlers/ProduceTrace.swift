// SPDX-License-Identifier: Apache-2.0

// What producers trace. Their instrumentation writes the span of each send into the record's header `traceparent`; where traces are exported, a batch becomes
// a span for each trace that its records are part of. The batch itself stays as it came, so what happens next is part of the producer's span.

internal import ApusModel
internal import Tracing

/// The spans of one batch, from its arrival until it is durable.
final class ProduceTrace: Sendable {
    /// So many traces of one batch become spans.
    private static let spansMax = 16
    /// So many of its first records are looked at.
    private static let recordsMax = 1000

    private let spans: [any Span]

    /// Begins the spans; nil where no record tells of a trace, or the batch cannot be looked into.
    static func begin(_ batch: RecordBatch, to topic: ResourceName, partition: Int) -> ProduceTrace? {
        var parents: [(parent: String, count: Int)] = []
        var left = recordsMax
        _ = try? batch.forEachRecord { record in
            if let parent = parent(of: record) {
                if let known = parents.firstIndex(where: { $0.parent == parent }) {
                    parents[known].count += 1
                } else if parents.count < spansMax {
                    parents.append((parent, 1))
                }
            }
            left -= 1
            return left > 0
        }
        let spans = parents.map { span(below: $0.parent, count: $0.count, topic, partition) }.filter(
            \.isRecording)
        return spans.isEmpty ? nil : ProduceTrace(spans)
    }

    private init(_ spans: [any Span]) { self.spans = spans }

    /// Ends the spans.
    func end(_ error: (any Error)?) {
        for span in spans {
            if let error { span.setStatus(SpanStatus(code: .error, message: "\(error)")) }
            span.end()
        }
    }

    private static func parent(of record: RecordView) -> String? {
        var (hop, origin): (String?, String?)
        record.forEachHeader { name, value in
            guard let value, value.count <= 128 else { return true }
            if name.count == 11, name.elementsEqual("traceparent".utf8) {
                hop = String(validating: value, as: UTF8.self)
            } else if name.count == 14, name.elementsEqual("ce_traceparent".utf8) {
                origin = String(validating: value, as: UTF8.self)
            }
            return hop == nil
        }
        return hop ?? origin
    }

    private static func span(
        below parent: String, count: Int, _ topic: ResourceName, _ partition: Int
    ) -> any Span {
        var context = ServiceContext.topLevel
        InstrumentationSystem.instrument.extract(parent, into: &context, using: ParentReader())
        let span = startSpan("publish \(topic)", context: context, ofKind: .server)
        guard span.isRecording else { return span }
        span.updateAttributes { attributes in
            attributes["messaging.system"] = "apus"
            attributes["messaging.operation.name"] = "publish"
            attributes["messaging.operation.type"] = "send"
            attributes["messaging.destination.name"] = "\(topic)"
            attributes["messaging.destination.partition.id"] = "\(partition)"
            attributes["network.protocol.name"] = "kafka"
            if count > 1 { attributes["messaging.batch.message_count"] = count }
        }
        return span
    }
}

private struct ParentReader: Extractor {
    func extract(key: String, from parent: String) -> String? { key == "traceparent" ? parent : nil }
}
