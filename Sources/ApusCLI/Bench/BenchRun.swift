// SPDX-License-Identifier: Apache-2.0

// The load of `apus bench`: connections that do one thing after another for a time, and what that took.

internal import ApusClient

/// What a load amounted to.
package struct BenchResult: Sendable {
    /// Events published, or received and acknowledged.
    package var events = 0
    /// Requests that failed.
    package var failures = 0
    /// How long it took.
    package var elapsed: Duration = .zero
    /// How long each request took.
    package var latencies = LatencyHistogram()

    /// Nothing yet.
    package init() {}

    mutating func merge(_ other: BenchResult) {
        events += other.events
        failures += other.failures
        latencies.merge(other.latencies)
    }
}

/// Makes load.
enum BenchRun {
    /// After this many failures in a row a connection gives up.
    private static let failuresMax = 10

    /// Runs `request` on each of `connections` again and again until time is up, or the user wants the end.
    ///
    /// - Parameters:
    ///   - request: does one request and returns how many events that were; nil ends its connection.
    static func load(
        connections: Int, for duration: Duration, stop: StopSignal,
        _ request: @escaping @Sendable () async throws(ApusClientError) -> Int?
    ) async throws(ApusClientError) -> BenchResult {
        let start = ContinuousClock.now
        let end = start + duration
        let outcome = await withTaskGroup(of: Result<BenchResult, ApusClientError>.self) { group in
            for _ in 0..<connections {
                group.addTask { await connection(until: end, stop, request) }
            }
            var total = Result<BenchResult, ApusClientError>.success(BenchResult())
            for await result in group {
                total = total.flatMap { sum in
                    result.map { part in
                        var sum = sum
                        sum.merge(part)
                        return sum
                    }
                }
            }
            return total
        }
        var result = try outcome.get()
        result.elapsed = ContinuousClock.now - start
        return result
    }

    private static func connection(
        until end: ContinuousClock.Instant, _ stop: StopSignal,
        _ request: @Sendable () async throws(ApusClientError) -> Int?
    ) async -> Result<BenchResult, ApusClientError> {
        var result = BenchResult()
        var failuresInARow = 0
        while !stop.isRequested {
            let start = ContinuousClock.now
            guard start < end else { break }
            do throws(ApusClientError) {
                guard let events = try await request() else { break }
                result.events += events
                result.latencies.record(ContinuousClock.now - start)
                failuresInARow = 0
            } catch {
                result.failures += 1
                failuresInARow += 1
                guard error.retryable, failuresInARow < failuresMax else { return .failure(error) }
            }
        }
        return .success(result)
    }
}
