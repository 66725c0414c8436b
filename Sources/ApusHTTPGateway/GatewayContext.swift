// SPDX-License-Identifier: Apache-2.0

// What every handler needs: the broker, the bounds, and the calls that are being answered.

internal import ApusEngine
internal import ApusHTTPCodec
internal import ApusModel

/// What every handler needs.
struct GatewayContext: Sendable {
    var broker: any Broker
    var configuration: HTTPGatewayConfiguration
    var calls: CallRegistry
    var metrics: GatewayMetrics
    /// The OpenAPI document, made once.
    var openAPI: [UInt8]
    var started: ContinuousClock.Instant
    var activity: ActivitySampler
    /// Who is connected.
    var clients: ClientDirectory

    /// The time now.
    var now: Timestamp { configuration.now() }

    /// What `operation` returns, its errors in this protocol's words.
    func ask<Value>(
        _ operation: (any Broker) async throws(BrokerError) -> Value
    ) async throws(Problem) -> Value {
        do {
            return try await operation(broker)
        } catch {
            throw Problem(error)
        }
    }

    /// The same for what needs no waiting.
    func look<Value>(_ operation: (any Broker) throws(BrokerError) -> Value) throws(Problem) -> Value {
        do {
            return try operation(broker)
        } catch {
            throw Problem(error)
        }
    }

    /// The same for what may wait as long as `wait`: counted against the limit of requests that wait.
    func ask<Value>(
        _ call: Call, waiting wait: Duration, _ operation: (any Broker) async throws(BrokerError) -> Value
    ) async throws(Problem) -> Value {
        if wait > .zero { try calls.beginWaiting(call.ticket) }
        return try await ask(operation)
    }
}

extension GatewayContext {
    /// The offset that a position means in a partition; one that is named is taken as it is, and a time after the last event means the end.
    func offset(
        of position: StartPosition, in partition: PartitionDescription, of topic: ResourceName
    ) throws(Problem) -> Offset {
        try look { broker throws(BrokerError) -> Offset in
            switch position {
            case .earliest: partition.start
            case .latest: partition.end
            case .offset(let offset): offset
            case .time(let time):
                try broker.offset(topic, partition: partition.number, at: time)?.offset ?? partition.end
            }
        }
    }
}
