// SPDX-License-Identifier: Apache-2.0

// What the gateway measures. Every handle is made once, at the start: making one takes a lock and a look-up by name.

internal import ApusHTTPCodec
internal import CoreMetrics

/// The gateway's metrics.
struct GatewayMetrics: Sendable {
    private struct PerRoute: Sendable {
        var byClass: [Counter]
        var duration: Timer
    }

    private let routes: [PerRoute]
    private let refused: [Counter]
    private let publishAck: Timer
    private let publishedEvents: Counter
    private let waiting: Meter
    private let streams: Meter

    init(_ labels: [String]) {
        routes = labels.map { label in
            PerRoute(
                byClass: Self.counters(label),
                duration: Timer(label: "apus_http_request_duration_seconds", dimensions: [("route", label)]))
        }
        refused = Self.counters("none")
        publishAck = Timer(label: "apus_publish_ack_duration_seconds")
        publishedEvents = Counter(label: "apus_http_published_events_total")
        waiting = Meter(label: "apus_http_waiting")
        streams = Meter(label: "apus_http_open_streams")
        streams.set(0)
    }

    /// One counter for each class of statuses, 1xx to 5xx.
    private static func counters(_ label: String) -> [Counter] {
        (1...5).map { category in
            Counter(
                label: "apus_http_requests_total",
                dimensions: [("route", label), ("status", "\(category)xx")])
        }
    }

    /// Notes an answer by the route at `index`.
    ///
    /// - Parameter trace: the trace that the request is part of, for exemplars.
    func answered(_ index: Int, _ status: HTTPStatus, after duration: Duration, in trace: RequestTrace? = nil)
    {
        guard routes.indices.contains(index) else { return }
        routes[index].byClass[status.category - 1].increment()
        Self.record(duration, routes[index].duration, in: trace)
    }

    private static func record(_ duration: Duration, _ timer: Timer, in trace: RequestTrace?) {
        // Exemplars are of recorded traces only.
        guard let trace, trace.isRecorded else {
            return timer.recordNanoseconds(duration.nanoseconds)
        }
        trace.measuring { timer.recordNanoseconds(duration.nanoseconds) }
    }

    /// Notes an answer to a request that found no route, or was not let in.
    func refused(_ status: HTTPStatus) { refused[status.category - 1].increment() }

    /// Notes how long a publisher waited for its receipt.
    func acknowledged(events: Int, after duration: Duration, in trace: RequestTrace?) {
        Self.record(duration, publishAck, in: trace)
        publishedEvents.increment(by: events)
    }

    /// Notes that a stream has begun.
    func streamOpened() { streams.increment() }

    /// Notes that a stream has ended.
    func streamClosed() { streams.decrement() }

    /// Notes how many requests and streams wait.
    func waiting(_ count: Int) { waiting.set(Int64(count)) }
}

extension Duration {
    fileprivate var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds &* 1_000_000_000 &+ attoseconds / 1_000_000_000
    }
}
