// SPDX-License-Identifier: Apache-2.0

// The registry of metrics as ExportMetricsServiceRequests: the same names, labels and values that `/metrics` shows, counted from the start of the process
// on (cumulative temporality).

internal import JSONText

/// Metrics in the collector's words.
enum OTLPMetrics {
    /// The most series of one request.
    static let seriesMax = 2000

    /// One series and what stands behind it.
    private typealias Series = (labels: PrometheusLabels, instrument: MetricInstrument)

    /// A metric, or a part of one with many series.
    private struct Piece {
        var name: String
        var family: MetricFamily
        var series: ArraySlice<Series>
    }

    /// The bodies of requests with all that is in the registry.
    static func encode(
        _ registry: PrometheusRegistry, of resource: ExportResource, since start: WallTime, now: WallTime
    ) -> [[UInt8]] {
        var bodies: [[UInt8]] = []
        var pieces: [Piece] = []
        var count = 0
        for (name, family) in registry.sorted() {
            var rest = family.series.map { Series($0.key, $0.value) }
                .sorted { $0.labels.rendered < $1.labels.rendered }[...]
            while !rest.isEmpty {
                let part = rest.prefix(seriesMax - count)
                rest = rest.dropFirst(part.count)
                pieces.append(Piece(name: name, family: family, series: part))
                count += part.count
                guard count >= seriesMax else { continue }
                bodies.append(encode(pieces, of: resource, since: start, now: now))
                (pieces, count) = ([], 0)
            }
        }
        if !pieces.isEmpty { bodies.append(encode(pieces, of: resource, since: start, now: now)) }
        return bodies
    }

    private static func encode(
        _ pieces: [Piece], of resource: ExportResource, since start: WallTime, now: WallTime
    ) -> [UInt8] {
        var writer = JSONWriter(capacity: 1 << 16)
        writer.object { writer in
            writer.list("resourceMetrics", CollectionOfOne(resource)) { writer, resource in
                writer.object { writer in
                    resource.write(to: &writer)
                    writer.list("scopeMetrics", CollectionOfOne(pieces)) { writer, pieces in
                        writer.object { writer in
                            writer.scope(resource.scope.name, resource.scope.version)
                            writer.list("metrics", pieces) { writer, piece in
                                writer.object { write(piece, since: start, now: now, to: &$0) }
                            }
                        }
                    }
                }
            }
        }
        return writer.bytes
    }

    private static func write(
        _ piece: Piece, since start: WallTime, now: WallTime, to writer: inout JSONWriter
    ) {
        writer.member("name", piece.name)
        writer.member("description", piece.family.help)
        if let unit = unit(of: piece.name) { writer.member("unit", unit) }
        switch piece.family.kind {
        case .counter:
            writer.key("sum")
            writer.object { writer in
                points(piece, since: start, now: now, to: &writer)
                writer.member("aggregationTemporality", number: 2)
                writer.key("isMonotonic")
                writer.bool(true)
            }
        case .gauge:
            writer.key("gauge")
            writer.object { points(piece, since: nil, now: now, to: &$0) }
        case .histogram:
            writer.key("histogram")
            writer.object { writer in
                points(piece, since: start, now: now, to: &writer)
                writer.member("aggregationTemporality", number: 2)
            }
        }
    }

    private static func unit(of name: String) -> String? {
        let name = name.hasSuffix("_total") ? name.dropLast(6) : name[...]
        if name.hasSuffix("_seconds") { return "s" }
        return name.hasSuffix("_bytes") ? "By" : nil
    }

    private static func points(
        _ piece: Piece, since start: WallTime?, now: WallTime, to writer: inout JSONWriter
    ) {
        writer.key("dataPoints")
        writer.beginArray()
        for series in piece.series {
            // Callbacks may have nothing to say; then there is no point.
            guard let value = value(of: series.instrument) else { continue }
            writer.object { writer in
                if !series.labels.pairs.isEmpty {
                    writer.list("attributes", series.labels.pairs) { $0.attribute($1.name, $1.value) }
                }
                if let start { writer.member("startTimeUnixNano", time: start) }
                writer.member("timeUnixNano", time: now)
                switch value {
                case .whole(let value): writer.member("asInt", wide: value)
                case .fraction(let value): writer.member("asDouble", double: value)
                case .histogram(let histogram): write(histogram, to: &writer)
                }
            }
        }
        writer.endArray()
    }

    private enum Value {
        case whole(UInt64)
        case fraction(Double)
        case histogram(PrometheusHistogram)
    }

    private static func value(of instrument: MetricInstrument) -> Value? {
        switch instrument {
        case .counter(let counter): .whole(counter.value)
        case .fractionCounter(let counter): .fraction(counter.value)
        case .gauge(let gauge): .fraction(gauge.value)
        case .callback(let read): read().map { .fraction($0) }
        case .histogram(let histogram): .histogram(histogram)
        }
    }

    private static func write(_ histogram: PrometheusHistogram, to writer: inout JSONWriter) {
        let (cumulative, sum) = histogram.snapshot()
        writer.member("count", wide: cumulative.last ?? 0)
        writer.member("sum", double: sum)
        // Here each bucket counts its own interval only.
        let counts = zip(cumulative, [0] + cumulative).map { $0 - $1 }
        writer.list("bucketCounts", counts) { $0.string(String($1)) }
        writer.list("explicitBounds", histogram.buckets.upperBounds) { $0.double($1) }
        let exemplars = histogram.exemplars.compactMap { $0 }
        guard !exemplars.isEmpty else { return }
        writer.list("exemplars", exemplars) { writer, exemplar in
            writer.object { writer in
                writer.member("timeUnixNano", time: exemplar.time)
                writer.member("asDouble", double: exemplar.value)
                writer.member("traceId", exemplar.traceID.description)
                writer.member("spanId", exemplar.spanID.description)
            }
        }
    }
}
