// SPDX-License-Identifier: Apache-2.0

// What bridges are made of in a server: its connections with their secrets, the file that is applied at start, the service that ends in time.

import ApusBridges
import ApusBus
import ApusEngine
import ApusHTTPGateway
import ApusModel
import Logging
import ServiceLifecycle

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The parts of a server's bridges.
enum BridgeParts {
    /// The longest secret, and the longest file of bridges, in bytes.
    private static let secretBytesMax = 64 << 10
    private static let fileBytesMax = 16 << 20

    static func connections(_ configuration: ServerConfiguration, _ logger: Logger) -> Connections {
        let folder = configuration.secretsDirectory
        let secrets = Secrets { name in
            if let folder {
                guard let bytes = read("\(folder)/\(name)", limit: secretBytesMax) else { return nil }
                // Editors and `echo` end files with a line break that is no part of the secret.
                return String(validating: bytes, as: UTF8.self).map { text in
                    String(text.prefix { $0 != "\n" && $0 != "\r\n" })
                }
            }
            let variable = "APUS_SECRET_" + name.uppercased().map { $0.isLetter || $0.isNumber ? $0 : "_" }
            return getenv(variable).map { String(cString: $0) }
        }
        return Connections(schemes: schemes, secrets: secrets, logger: logger) {
            var time = timespec()
            clock_gettime(CLOCK_REALTIME, &time)
            return Timestamp(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
        }
    }

    /// Puts what a file says: topics that there are not yet, then connections, feeds and rules as they stand there. What it does not name stays as it is.
    static func apply(
        _ path: String, _ engine: Engine, _ bridges: Bridges, _ configuration: ServerConfiguration
    ) async throws {
        guard let bytes = read(path, limit: fileBytesMax) else {
            throw ServerError(description: "the file of bridges \(path) cannot be read")
        }
        do {
            let file = try BridgesFile(bytes, topicDefaults: configuration.engine.topicDefaults)
            for (name, settings) in file.topics where engine.topicSummary(name) == nil {
                _ = try await engine.createTopic(name, settings)
            }
            for (name, url) in file.connections { try await bridges.define(name, url: url) }
            for (name, settings) in file.feeds { _ = try await engine.putFeed(name, settings) }
            for (name, settings) in file.rules where (try? engine.rule(name))?.settings != settings {
                _ = try await engine.putRule(name, settings)
            }
        } catch {
            throw ServerError(description: "the file of bridges \(path): \(error)")
        }
    }

    private static func read(_ path: String, limit: Int) -> [UInt8]? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: limit + 1)
        let count = fread(&bytes, 1, limit + 1, file)
        guard count <= limit, ferror(file) == 0 else { return nil }
        return Array(bytes[..<count])
    }
}

/// Feeds as a service: they end first, when the server is to stop.
struct BridgeService: Service {
    var bridges: Bridges
    /// How long what is under way may take.
    var patience: Duration

    func run() async throws {
        let (ended, input) = AsyncStream<Never>.makeStream()
        await withGracefulShutdownHandler {
            for await _ in ended {}
            await bridges.stop(patience: patience)
        } onGracefulShutdown: {
            input.finish()
        }
    }
}
