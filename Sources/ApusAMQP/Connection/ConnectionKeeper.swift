// SPDX-License-Identifier: Apache-2.0

// Keeps one connection: makes it when somebody needs it, makes another when it is gone, one host after the other, with a wait between attempts that
// grows and is never the same for all who lost theirs at once.

internal import ApusBus
internal import Logging
internal import NIOCore

/// Keeps a connection to one of the URL's hosts.
actor ConnectionKeeper {
    private let configuration: AMQPConfiguration
    private let group: any EventLoopGroup
    private var current: AMQPConnection?
    private var attempt: Task<Result<AMQPConnection, AMQPFailure>, Never>?
    private var failures = 0
    /// The host that is tried first: one that was reached stays first.
    private var firstHost = 0
    private var isClosed = false

    init(_ configuration: AMQPConfiguration, _ group: any EventLoopGroup) {
        self.configuration = configuration
        self.group = group
    }

    /// A connection that is open as far as is known; attempts go on until `deadline`.
    func connection(until deadline: ContinuousClock.Instant) async throws(BusError) -> AMQPConnection {
        while true {
            if isClosed { throw .closed }
            if let current, current.isOpen { return current }
            do throws(AMQPFailure) {
                return try await attempt(failures).get()
            } catch {
                guard error.isPassing, .now < deadline else { throw isClosed ? .closed : error.busError }
            }
        }
    }

    /// Ends the connection, and that there will be others.
    func close() async {
        isClosed = true
        attempt?.cancel()
        await current?.close()
        current = nil
    }

    /// One attempt at all hosts, shared by all who wait for one.
    private func attempt(_ failures: Int) async -> Result<AMQPConnection, AMQPFailure> {
        if let attempt { return await attempt.value }
        let (configuration, group, first) = (configuration, group, firstHost)
        let started = Task { () -> Result<AMQPConnection, AMQPFailure> in
            if failures > 0 { try? await Task.sleep(for: Self.backoff(failures)) }
            var reasons: [AMQPFailure] = []
            for index in 0..<configuration.hosts.count {
                if Task.isCancelled { return .failure(.ended) }
                let host = configuration.hosts[(first + index) % configuration.hosts.count]
                do throws(AMQPFailure) {
                    return .success(
                        try await AMQPConnection.open(
                            host.name, port: host.port ?? 5672, configuration, group))
                } catch {
                    reasons.append(error)
                }
            }
            // What will not pass says more than that another host is away.
            if let lasting = reasons.first(where: { !$0.isPassing }) { return .failure(lasting) }
            return .failure(.unreachable(reasons.map(\.description).joined(separator: "; ")))
        }
        attempt = started
        let result = await started.value
        attempt = nil
        switch result {
        case .success(let connection):
            self.failures = 0
            guard !isClosed else {
                await connection.close()
                return .failure(.ended)
            }
            current = connection
        case .failure(let failure):
            self.failures += 1
            firstHost = (firstHost + 1) % configuration.hosts.count
            configuration.logger.warning(
                "cannot reach the broker", metadata: ["reason": "\(failure)", "attempt": "\(self.failures)"])
        }
        return result
    }

    /// How long to wait before the attempt after so many failures.
    static func backoff(_ failures: Int) -> Duration {
        let most = min(AMQPLimits.backoffLast, AMQPLimits.backoffFirst * (1 << min(failures - 1, 10)))
        return most * Double.random(in: 0.5...1)
    }
}
