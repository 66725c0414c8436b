// SPDX-License-Identifier: Apache-2.0

// Fetch, ListOffsets, OffsetForLeaderEpoch: reading by offset and by time.

internal import ApusEngine
internal import ApusKafkaCodec
internal import ApusModel
internal import NIOPosix

extension KafkaCall {
    // MARK: Fetch

    func fetch(_ request: FetchRequest) {
        let opening: FetchSessions.Opening
        do throws(KafkaErrorCode) {
            opening = try context.sessions.open(request)
        } catch {
            return answer(.fetch(FetchResponse { $0.errorCode = error }))
        }
        let targets = opening.partitions.map { key, wish in target(key, wish) }
        FetchOperation(self, request, opening, targets: targets).start()
    }

    private func target(_ key: FetchKey, _ wish: FetchWish) -> FetchOperation.Target {
        var target = FetchOperation.Target(key: key, wish: wish)
        let summary = version >= 13 ? context.topic(key.topicID) : context.topic(key.topic)
        if let summary, (0..<summary.partitions).contains(Int(key.partition)) {
            target.error = Self.epochError(wish.leaderEpoch)
            if target.error == .noError { target.topic = summary.name }
        } else {
            target.error = version >= 13 && summary == nil ? .unknownTopicID : .unknownTopicOrPartition
        }
        return target
    }

    /// What is wrong with the leader epoch that a client knows; there is one, for ever.
    private static func epochError(_ epoch: Int32) -> KafkaErrorCode {
        if epoch < 0 || epoch == KafkaContext.leaderEpoch { return .noError }
        return epoch > KafkaContext.leaderEpoch ? .unknownLeaderEpoch : .fencedLeaderEpoch
    }

    // MARK: ListOffsets

    func listOffsets(_ request: ListOffsetsRequest) {
        let isolation: Isolation = request.isolationLevel == 1 ? .committed : .uncommitted
        // Times are looked up in segments: not on an event loop.
        let needsDisk = request.topics.contains {
            $0.partitions.contains { $0.timestamp >= 0 || $0.timestamp == -3 }
        }
        let respond = { @Sendable [self] in
            answer(
                .listOffsets(
                    ListOffsetsResponse { response in
                        response.topics = request.topics.map { topic in
                            ListOffsetsResponse.Topic { answer in
                                answer.name = topic.name
                                answer.partitions = topic.partitions.map {
                                    listOffset($0, of: topic.name, isolation)
                                }
                            }
                        }
                    }))
        }
        guard needsDisk else { return respond() }
        context.readers.submit { [responder] state in
            if case .active = state { respond() } else { responder.send(.close) }
        }
    }

    private func listOffset(
        _ partition: ListOffsetsRequest.Topic.Partition, of name: String, _ isolation: Isolation
    ) -> ListOffsetsResponse.Topic.Partition {
        ListOffsetsResponse.Topic.Partition { answer in
            answer.partitionIndex = partition.partitionIndex
            guard let topic = try? ResourceName(name) else {
                answer.errorCode = .invalidTopicException
                return
            }
            answer.errorCode = Self.epochError(partition.currentLeaderEpoch)
            guard answer.errorCode == .noError else { return }
            do throws(BrokerError) {
                let found = try find(partition.timestamp, in: topic, Int(partition.partitionIndex), isolation)
                guard let found else { return }
                answer.offset = found.offset.rawValue
                answer.timestamp = found.timestamp.rawValue
                answer.leaderEpoch = KafkaContext.leaderEpoch
            } catch {
                answer.errorCode = KafkaErrorCode(error)
            }
        }
    }

    /// The offset that a time, or one of the numbers that stand for a place, means; nil for nowhere.
    private func find(
        _ time: Int64, in topic: ResourceName, _ partition: Int, _ isolation: Isolation
    ) throws(BrokerError) -> TimedOffset? {
        let bounds = try context.broker.bounds(topic, partition: partition)
        let none = Timestamp(milliseconds: -1)
        switch time {
        case -1:
            return TimedOffset(
                offset: isolation == .committed ? bounds.stableEnd : bounds.end, timestamp: none)
        // All that is kept is local: the earliest offset, and the earliest local one.
        case -2, -4: return TimedOffset(offset: bounds.start, timestamp: none)
        case -3: return try context.broker.newest(topic, partition: partition)
        case ..<0: return nil
        default:
            return try context.broker.offset(topic, partition: partition, at: Timestamp(milliseconds: time))
        }
    }

    // MARK: OffsetForLeaderEpoch

    func offsetForLeaderEpoch(_ request: OffsetForLeaderEpochRequest) {
        answer(
            .offsetForLeaderEpoch(
                OffsetForLeaderEpochResponse { response in
                    response.topics = request.topics.map { topic in
                        OffsetForLeaderEpochResponse.Topic { answer in
                            answer.topic = topic.topic
                            answer.partitions = topic.partitions.map { epochEnd($0, of: topic.topic) }
                        }
                    }
                }))
    }

    private func epochEnd(
        _ partition: OffsetForLeaderEpochRequest.Topic.Partition, of name: String
    ) -> OffsetForLeaderEpochResponse.Topic.EpochEndOffset {
        OffsetForLeaderEpochResponse.Topic.EpochEndOffset { answer in
            answer.partition = partition.partition
            guard let topic = try? ResourceName(name) else {
                answer.errorCode = .invalidTopicException
                return
            }
            answer.errorCode = Self.epochError(partition.currentLeaderEpoch)
            guard answer.errorCode == .noError else { return }
            do throws(BrokerError) {
                let bounds = try context.broker.bounds(topic, partition: Int(partition.partition))
                // Later epochs than ours are not known; ours has not ended.
                guard partition.leaderEpoch == KafkaContext.leaderEpoch else { return }
                answer.leaderEpoch = KafkaContext.leaderEpoch
                answer.endOffset = bounds.end.rawValue
            } catch {
                answer.errorCode = KafkaErrorCode(error)
            }
        }
    }
}
