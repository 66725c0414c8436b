// SPDX-License-Identifier: Apache-2.0

// What all handlers share.

internal import ApusEngine
internal import ApusKafkaCodec
internal import ApusModel
internal import ApusNetwork
internal import Logging
internal import NIOPosix

/// What all handlers share.
final class KafkaContext: Sendable {
    let broker: any Broker
    let configuration: KafkaGatewayConfiguration
    let groups: GroupService
    let catalog: TopicCatalogSource
    let sessions: FetchSessions
    let fetches: FetchBudget
    let shares: ShareService
    let additions: TransactionAdditions
    /// Where reads run that may have to wait for the disk: event loops do not.
    let readers: NIOThreadPool
    let logger: Logger

    /// The one broker of the cluster, as clients know it.
    static let nodeID: Int32 = 1
    /// What the cluster is called.
    static let clusterID = "apus"
    /// Partitions have one leader for ever, so there is one epoch; clients compare it with what they saw before.
    static let leaderEpoch: Int32 = 0

    init(broker: any Broker, configuration: KafkaGatewayConfiguration, logger: Logger) {
        self.broker = broker
        self.configuration = configuration
        self.logger = logger
        let shares = ShareService(broker: broker, logger: logger)
        self.shares = shares
        groups = GroupService(broker: broker, limits: configuration.groups) { group, memberID in
            shares.end(ShareMemberKey(group: group, member: memberID), counted: true)
        }
        catalog = TopicCatalogSource(broker: broker)
        sessions = FetchSessions()
        additions = TransactionAdditions(broker: broker)
        fetches = FetchBudget(bytesMax: configuration.fetchesBytesMax)
        readers = NIOThreadPool(numberOfThreads: 2)
        readers.start()
    }

    /// Ends what runs beside the connections, once these are closed.
    func stop() { readers.shutdownGracefully { _ in } }

    /// What a client is told to connect to.
    func advertised(to session: KafkaSession) -> ListenAddress {
        configuration.advertised ?? session.local
    }

    /// The topic of a request, by name.
    func topic(_ name: String) -> TopicSummary? {
        (try? ResourceName(name)).flatMap { broker.topicSummary($0) }
    }

    /// The topic of a request, by identity.
    func topic(_ id: KafkaUUID) -> TopicSummary? { broker.topicSummary(LogID(high: id.high, low: id.low)) }
}

extension TopicSummary {
    /// The topic's identity as clients know it.
    var uuid: KafkaUUID { KafkaUUID(high: id.high, low: id.low) }
}

/// One request on its way through its handler.
struct KafkaCall: Sendable {
    let context: KafkaContext
    var header: KafkaRequestHeader
    let session: KafkaSession
    let responder: KafkaResponder

    var version: Int16 { header.version }

    /// Answers.
    ///
    /// - Parameter hold: kept until the socket has taken the answer.
    func answer(_ response: KafkaResponse, holding hold: (any Sendable)? = nil) {
        do throws(KafkaCodecError) {
            let frame = try response.frame(version: header.version, correlationID: header.correlationID)
            responder.send(.bytes(frame, hold))
        } catch {
            context.logger.error(
                "an answer could not be written", metadata: ["error": "\(error)", "api": "\(header.apiKey)"])
            responder.send(.close)
        }
    }

    /// Answers with what an asynchronous call of the broker's gives.
    func answerLater(_ make: @escaping @Sendable (KafkaCall) async -> KafkaResponse) {
        Task { answer(await make(self)) }
    }

    /// Ends the connection; says why in the log.
    func refuse(_ reason: String) {
        context.logger.info(
            "a Kafka client was disconnected: \(reason)",
            metadata: [
                "peer": "\(session.peer)", "software": "\(session.software)", "api": "\(header.apiKey)",
                "version": "\(header.version)",
            ])
        responder.send(.close)
    }
}
