// SPDX-License-Identifier: Apache-2.0

// ShareFetch and ShareAcknowledge (KIP-932): records of share groups handed out and settled. A share group's records are those of one shared
// subscription for each topic, see `ShareGroupName`.

internal import ApusEngine
internal import ApusGroups
internal import ApusKafkaCodec
internal import ApusModel
internal import Synchronization

extension KafkaCall {
    /// Acknowledgements of one partition.
    private struct Acknowledgements: Sendable {
        var place: SharePartition
        var batches: [ShareAcknowledgement]
    }

    // MARK: ShareFetch

    func shareFetch(_ request: ShareFetchRequest) {
        var added: [SharePartition] = []
        var acknowledgements: [Acknowledgements] = []
        for topic in request.topics {
            for partition in topic.partitions {
                let place = SharePartition(topicID: topic.topicID, partition: partition.partitionIndex)
                added.append(place)
                let batches = partition.acknowledgementBatches.map { ShareAcknowledgement($0) }
                if !batches.isEmpty {
                    acknowledgements.append(Acknowledgements(place: place, batches: batches))
                }
            }
        }
        let key: ShareMemberKey
        let opening: ShareSessions.Opening
        do throws(KafkaErrorCode) {
            key = try shareMember(request.groupID, request.memberID)
            let isAllowed =
                !request.isRenewAck
                || request.maxBytes == 0 && request.maxRecords == 0 && request.minBytes == 0
                    && request.maxWaitMs == 0
            guard isAllowed else { throw .invalidRequest }
            opening = try context.shares.openForFetch(
                ShareSessions.Request(
                    key: key, epoch: request.shareSessionEpoch, connection: ObjectIdentifier(session),
                    added: added,
                    forgotten: request.forgottenTopicsData.flatMap { topic in
                        topic.partitions.map { SharePartition(topicID: topic.topicID, partition: $0) }
                    }, hasAcknowledgements: !acknowledgements.isEmpty), by: session)
        } catch {
            return answer(.shareFetch(ShareFetchResponse { $0.errorCode = error }))
        }
        settle(acknowledgements, of: key, opening, mayRenew: request.isRenewAck) { [self] outcome in
            ShareFetchOperation(self, request, key, opening, acknowledged: outcome).start()
        }
    }

    // MARK: ShareAcknowledge

    func shareAcknowledge(_ request: ShareAcknowledgeRequest) {
        let acknowledgements = request.topics.flatMap { topic in
            topic.partitions.map { partition in
                Acknowledgements(
                    place: SharePartition(topicID: topic.topicID, partition: partition.partitionIndex),
                    batches: partition.acknowledgementBatches.map { ShareAcknowledgement($0) })
            }
        }
        let key: ShareMemberKey
        let opening: ShareSessions.Opening
        do throws(KafkaErrorCode) {
            key = try shareMember(request.groupID, request.memberID)
            opening = try context.shares.openForAcknowledgement(
                ShareSessions.Request(
                    key: key, epoch: request.shareSessionEpoch, connection: ObjectIdentifier(session)))
        } catch {
            return answer(.shareAcknowledge(ShareAcknowledgeResponse { $0.errorCode = error }))
        }
        settle(acknowledgements, of: key, opening, mayRenew: request.isRenewAck) { [self] outcome in
            answer(.shareAcknowledge(response(outcome, group: key.group)))
        }
    }

    private func response(_ outcome: ShareOutcome, group: String) -> ShareAcknowledgeResponse {
        ShareAcknowledgeResponse { response in
            response.acquisitionLockTimeoutMs = lockTimeout(of: group)
            var indices: [KafkaUUID: Int] = [:]
            for place in outcome.places {
                let index = indices[place.topicID] ?? response.responses.count
                if index == response.responses.count {
                    indices[place.topicID] = index
                    response.responses.append(
                        ShareAcknowledgeResponse.Topic { $0.topicID = place.topicID })
                }
                response.responses[index].partitions.append(
                    ShareAcknowledgeResponse.Topic.Partition {
                        $0.partitionIndex = place.partition
                        $0.errorCode = outcome.codes[place] ?? .noError
                    })
            }
        }
    }

    // MARK: Both

    private func shareMember(_ group: String?, _ member: String?) throws(KafkaErrorCode) -> ShareMemberKey {
        let bytesMax = context.configuration.groups.nameBytesMax
        guard let group, !group.isEmpty, group.utf8.count <= bytesMax else { throw .invalidGroupID }
        guard let member, !member.isEmpty, member.utf8.count <= bytesMax else { throw .invalidRequest }
        return ShareMemberKey(group: group, member: member)
    }

    /// How long the records of a group are out, in milliseconds.
    func lockTimeout(of group: String) -> Int32 {
        Int32(clamping: context.shares.settings(group).lease.milliseconds)
    }

    /// Settles records, ends the session if that is asked for, and calls `completion` when all of it is durable.
    private func settle(
        _ acknowledgements: [Acknowledgements], of key: ShareMemberKey, _ opening: ShareSessions.Opening,
        mayRenew: Bool, then completion: @escaping @Sendable (ShareOutcome) -> Void
    ) {
        let outcome = SharedOutcome()
        let countdown = Countdown(acknowledgements.count + 1) { [self] in
            guard opening.isFinal else { return completion(outcome.value) }
            session.forgetEnd(key)
            // Who ends its session by itself says that it has not touched the rest.
            context.shares.end(key, counted: false) { completion(outcome.value) }
        }
        for each in acknowledgements {
            settle(each, of: key, opening, mayRenew: mayRenew) { code in
                outcome.set(each.place, code)
                countdown.came()
            }
        }
        countdown.came()
    }

    private func settle(
        _ acknowledgements: Acknowledgements, of key: ShareMemberKey, _ opening: ShareSessions.Opening,
        mayRenew: Bool, then completion: @escaping @Sendable (KafkaErrorCode) -> Void
    ) {
        guard let topic = context.topic(acknowledgements.place.topicID),
            let subscription = context.shares.subscription(key.group, topic)
        else { return completion(.unknownTopicOrPartition) }
        let verdicts: [OffsetVerdict]
        do throws(KafkaErrorCode) {
            verdicts = try ShareAcknowledgement.verdicts(
                acknowledgements.batches, renewingFor: mayRenew ? subscription.settings.lease : nil)
        } catch { return completion(error) }
        guard !verdicts.isEmpty else { return completion(.noError) }
        context.broker.settle(
            subscription.name, by: opening.holder, partition: Int(acknowledgements.place.partition), verdicts
        ) { result in
            switch result {
            case .success(true): completion(.noError)
            case .success(false): completion(.invalidRecordState)
            case .failure(.unknownSubscription): completion(.unknownTopicOrPartition)
            case .failure(let error): completion(KafkaErrorCode(error))
            }
        }
    }
}

/// What became of acknowledgements, from whatever thread it comes.
private final class SharedOutcome: Sendable {
    private let outcome = Mutex(ShareOutcome())

    var value: ShareOutcome { outcome.withLock { $0 } }

    func set(_ place: SharePartition, _ code: KafkaErrorCode) { outcome.withLock { $0.set(place, code) } }
}
