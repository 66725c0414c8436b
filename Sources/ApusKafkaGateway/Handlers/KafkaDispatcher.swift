// SPDX-License-Identifier: Apache-2.0

// From a frame to its handler. Which versions are spoken is the codec's table and nobody else's; what is not in it ends the connection, except
// that ApiVersions is answered in any version, so that newer clients learn what there is.

internal import ApusKafkaCodec
internal import Logging
internal import NIOCore

/// Hands requests to their handlers.
struct KafkaDispatcher: KafkaRequestHandler {
    let context: KafkaContext

    func isPipelined(_ apiKey: Int16) -> Bool { apiKey == APIKey.produce.rawValue }

    func handle(_ frame: KafkaFrame, session: KafkaSession, responder: KafkaResponder) {
        var bytes = frame.bytes
        let header: KafkaRequestHeader
        do throws(KafkaCodecError) {
            header = try KafkaRequestHeader(reading: &bytes)
        } catch {
            return refuse(session, responder, "\(error)")
        }
        let call = KafkaCall(context: context, header: header, session: session, responder: responder)
        guard header.isSupported else {
            guard header.api == .apiVersions else {
                return call.refuse("API \(header.apiKey) version \(header.version) is not supported")
            }
            return call.answerUnsupportedAPIVersions()
        }
        guard let api = header.api, session.allows(api, users: context.configuration.users) else {
            return call.refuse("it did not authenticate first")
        }
        do throws(KafkaCodecError) {
            let request = try KafkaRequest(reading: bytes, after: header)
            session.note(request)
            dispatch(request, call)
        } catch {
            call.refuse("\(error)")
        }
    }

    private func refuse(_ session: KafkaSession, _ responder: KafkaResponder, _ reason: String) {
        context.logger.info(
            "a Kafka client was disconnected: \(reason)", metadata: ["peer": "\(session.peer)"])
        responder.send(.close)
    }

    private func dispatch(_ request: KafkaRequest, _ call: KafkaCall) {
        switch request {
        case .produce(let request): call.produce(request)
        case .fetch(let request): call.fetch(request)
        case .apiVersions(let request): call.apiVersions(request)
        case .metadata(let request): call.metadata(request)
        case .listOffsets(let request): call.listOffsets(request)
        case .offsetForLeaderEpoch(let request): call.offsetForLeaderEpoch(request)
        case .findCoordinator(let request): call.findCoordinator(request)
        case .joinGroup(let request): call.joinGroup(request)
        case .syncGroup(let request): call.syncGroup(request)
        case .heartbeat(let request): call.heartbeat(request)
        case .leaveGroup(let request): call.leaveGroup(request)
        case .offsetCommit(let request): call.offsetCommit(request)
        case .offsetFetch(let request): call.offsetFetch(request)
        case .offsetDelete(let request): call.offsetDelete(request)
        case .describeGroups(let request): call.describeGroups(request)
        case .listGroups(let request): call.listGroups(request)
        case .deleteGroups(let request): call.deleteGroups(request)
        case .createTopics(let request): call.createTopics(request)
        case .deleteTopics(let request): call.deleteTopics(request)
        case .createPartitions(let request): call.createPartitions(request)
        case .deleteRecords(let request): call.deleteRecords(request)
        case .describeConfigs(let request): call.describeConfigs(request)
        case .alterConfigs(let request): call.alterConfigs(request)
        case .incrementalAlterConfigs(let request): call.incrementalAlterConfigs(request)
        case .describeCluster(let request): call.describeCluster(request)
        case .describeTopicPartitions(let request): call.describeTopicPartitions(request)
        case .describeLogDirs(let request): call.describeLogDirs(request)
        case .initProducerID(let request): call.initProducerID(request)
        case .addPartitionsToTxn(let request): call.addPartitionsToTxn(request)
        case .addOffsetsToTxn(let request): call.addOffsetsToTxn(request)
        case .endTxn(let request): call.endTxn(request)
        case .txnOffsetCommit(let request): call.txnOffsetCommit(request)
        case .describeTransactions(let request): call.describeTransactions(request)
        case .listTransactions(let request): call.listTransactions(request)
        case .describeProducers(let request): call.describeProducers(request)
        case .saslHandshake(let request): call.saslHandshake(request)
        case .saslAuthenticate(let request): call.saslAuthenticate(request)
        case .consumerGroupHeartbeat(let request): call.consumerGroupHeartbeat(request)
        case .consumerGroupDescribe(let request): call.consumerGroupDescribe(request)
        case .shareGroupHeartbeat(let request): call.shareGroupHeartbeat(request)
        case .shareGroupDescribe(let request): call.shareGroupDescribe(request)
        case .shareFetch(let request): call.shareFetch(request)
        case .shareAcknowledge(let request): call.shareAcknowledge(request)
        case .describeShareGroupOffsets(let request): call.describeShareGroupOffsets(request)
        case .alterShareGroupOffsets(let request): call.alterShareGroupOffsets(request)
        case .deleteShareGroupOffsets(let request): call.deleteShareGroupOffsets(request)
        // Not offered by ApiVersions, see `unoffered` there.
        case .writeTxnMarkers:
            call.refuse("API \(call.header.apiKey) is not offered")
        }
    }
}
