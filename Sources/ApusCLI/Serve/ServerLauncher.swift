// SPDX-License-Identifier: Apache-2.0

// The one place where the commands and the server meet: options go in, a running server comes out.

import ApusClient
import ApusEngine
import ApusModel
package import ApusServer
import ApusStorage
import ApusTelemetry
import Logging

/// Starts a server and returns when it has stopped.
package struct ServerLauncher: Sendable {
    /// Told once, when the server listens, with the addresses that it was given.
    package typealias Listening = @Sendable (ServerAddresses) -> Void

    /// Runs a server until it is told to stop by a signal; throws if it cannot start, or fails.
    package var run: @Sendable (ServeOptions, _ listening: @escaping Listening) async throws -> Void

    /// A way to start a server.
    package init(run: @escaping @Sendable (ServeOptions, @escaping Listening) async throws -> Void) {
        self.run = run
    }

    /// The server that is linked into this program.
    package static let linked = ServerLauncher { options, listening in
        do {
            try await ApusServer.run(ServerConfiguration(options), listening: listening)
        } catch let error as ServerError {
            throw Failure("the server cannot start", why: error.description, status: .failure)
        }
    }
}

extension ServerConfiguration {
    /// What the flags of `apus dev` and `apus serve` ask for.
    init(_ options: ServeOptions) {
        self.init(dataDirectory: options.dataDirectory, listen: options.listen)
        kafkaListen = options.kafkaListen
        kafkaAdvertised = options.kafkaAdvertise
        hostNames = options.hostNames
        origins = options.origins
        token = options.token
        logFormat = options.logFormat == .json ? .json : .human
        logLevel = Logger.Level(rawValue: options.logLevel.rawValue) ?? .info
        portFile = options.portFile
        allowsPrivateWebhooks = options.allowPrivateWebhooks
        webhookOrigin = options.webhookOrigin
        webhookTrustFile = options.webhookTrustFile
        bridgesFile = options.bridgesFile
        secretsDirectory = options.secretsDirectory
        export = options.export
        settings = options.settings
        engine.createsTopicsOnPublish = options.autoCreateTopics
        engine.topicDefaults.durability = Durability(options.durability)
        engine.journey = options.journey.map { limits in
            var journey = JourneyOptions()
            (journey.ageMax, journey.bytesMax) = (limits.age, Int64(limits.bytes))
            journey.oneIn = limits.oneIn
            return journey
        }
        engine.lookInterval = options.lookInterval
        store.resizeJournal(to: options.journalBytes)
        (store.spaceAlarm, store.spaceRefusal) = (options.diskAlarm, options.diskRefuse)
    }
}

extension Durability {
    /// From `flush`, `none` or an interval, which the flag's parser has checked.
    fileprivate init(_ text: String) {
        switch text {
        case "flush": self = .flush
        case "none": self = .none
        default: self = DurationText.parse(text).map { .interval($0) } ?? .flush
        }
    }
}
