// SPDX-License-Identifier: Apache-2.0

// OffsetCommit, OffsetFetch, OffsetDelete: positions of groups, which the broker keeps.

internal import ApusEngine
internal import ApusGroups
internal import ApusKafkaCodec
internal import ApusModel

extension KafkaCall {
    // MARK: OffsetCommit

    func offsetCommit(_ request: OffsetCommitRequest) {
        let isGeneration = request.generationIDOrMemberEpoch >= 0
        let commit = CommitRequest(
            group: request.groupID, memberID: request.memberID, instanceID: request.groupInstanceID,
            generation: isGeneration ? request.generationIDOrMemberEpoch : -1, isTransactional: false,
            knowsConsumerGroups: version >= 9)
        let refusal = context.groups.ask { coordinator, now in
            (coordinator.validateCommit(commit, now: now), [])
        }
        let list = CommitList(
            request.topics.map { topic in
                (
                    topic.name,
                    topic.partitions.map {
                        CommitList.Entry(
                            partition: $0.partitionIndex, offset: $0.committedOffset,
                            leaderEpoch: $0.committedLeaderEpoch, metadata: $0.committedMetadata ?? "")
                    }
                )
            })
        let respond = { @Sendable (codes: [KafkaErrorCode]) in
            answer(
                .offsetCommit(
                    OffsetCommitResponse { response in
                        response.topics = list.grouped(codes).map { name, partitions in
                            OffsetCommitResponse.Topic { topic in
                                topic.name = name
                                topic.partitions = partitions.map { number, code in
                                    OffsetCommitResponse.Topic.Partition {
                                        $0.partitionIndex = number
                                        $0.errorCode = code
                                    }
                                }
                            }
                        }
                    }))
        }
        if let refusal { return respond(list.codes(KafkaErrorCode(refusal))) }
        context.broker.commitOffsets(group: request.groupID, list.commits) { respond(list.codes($0)) }
    }

    // MARK: OffsetFetch

    func offsetFetch(_ request: OffsetFetchRequest) {
        guard version >= 8 else {
            let topics = request.topics.map { $0.map { ($0.name, $0.partitionIndexes) } }
            let (code, found) = positions(of: request.groupID, topics, isStable: request.requireStable)
            return answer(
                .offsetFetch(
                    OffsetFetchResponse { response in
                        response.errorCode = version >= 2 ? code : .noError
                        response.topics = found.map { name, partitions in
                            OffsetFetchResponse.Topic { topic in
                                topic.name = name
                                topic.partitions = partitions.map { position in
                                    OffsetFetchResponse.Topic.Partition {
                                        $0.partitionIndex = position.partition
                                        $0.committedOffset = position.offset
                                        $0.committedLeaderEpoch = position.leaderEpoch
                                        $0.metadata = position.metadata
                                        // Version 1 has no other place for it.
                                        $0.errorCode = version < 2 && code != .noError ? code : position.error
                                    }
                                }
                            }
                        }
                    }))
        }
        answer(
            .offsetFetch(
                OffsetFetchResponse { response in
                    response.groups = request.groups.map { group in
                        let refusal = context.groups.look {
                            $0.validateFetch(
                                group: group.groupID, memberID: group.memberID, memberEpoch: group.memberEpoch
                            )
                        }
                        if let refusal {
                            return OffsetFetchResponse.Group {
                                $0.groupID = group.groupID
                                $0.errorCode = KafkaErrorCode(refusal)
                            }
                        }
                        let topics = group.topics.map { $0.map { ($0.name, $0.partitionIndexes) } }
                        let (code, found) = positions(
                            of: group.groupID, topics, isStable: request.requireStable)
                        return OffsetFetchResponse.Group { answer in
                            answer.groupID = group.groupID
                            answer.errorCode = code
                            answer.topics = found.map(Self.topic)
                        }
                    }
                }))
    }

    private static func topic(
        _ name: String, _ positions: [FoundPosition]
    ) -> OffsetFetchResponse.Group.GroupTopic {
        OffsetFetchResponse.Group.GroupTopic { topic in
            topic.name = name
            topic.partitions = positions.map { position in
                OffsetFetchResponse.Group.GroupTopic.GroupPartition {
                    $0.partitionIndex = position.partition
                    $0.committedOffset = position.offset
                    $0.committedLeaderEpoch = position.leaderEpoch
                    $0.metadata = position.metadata
                    $0.errorCode = position.error
                }
            }
        }
    }

    /// What a group has committed in some partitions, or in all that it has committed in.
    private func positions(
        of group: String, _ topics: [(name: String, partitions: [Int32])]?, isStable: Bool
    ) -> (KafkaErrorCode, [(String, [FoundPosition])]) {
        do throws(CoordinatorError) {
            guard let topics else {
                let all = try context.broker.committedOffsets(group: group)
                let names = all.map(\.place.topic).reduce(into: [ResourceName]()) { names, name in
                    if names.last != name { names.append(name) }
                }
                return (
                    .noError,
                    names.map { name in
                        (
                            name.description,
                            all.filter { $0.place.topic == name }.map {
                                FoundPosition($0, Int32($0.place.partition), isStable: isStable)
                            }
                        )
                    }
                )
            }
            let places = topics.flatMap { topic in
                (try? ResourceName(topic.name)).map { name in
                    topic.partitions.map { TopicPartition(name, Int($0)) }
                } ?? []
            }
            let found = try context.broker.committedOffsets(group: group, in: places)
            let byPlace = Dictionary(found.map { ($0.place, $0) }, uniquingKeysWith: { first, _ in first })
            return (
                .noError,
                topics.map { topic in
                    let name = try? ResourceName(topic.name)
                    let positions = topic.partitions.map { number in
                        let known = name.flatMap { byPlace[TopicPartition($0, Int(number))] }
                        return FoundPosition(known, number, isStable: isStable)
                    }
                    return (topic.name, positions)
                }
            )
        } catch {
            let positions = (topics ?? []).map { topic in
                (topic.name, topic.partitions.map { FoundPosition(nil, $0, isStable: isStable) })
            }
            return (KafkaErrorCode(error), positions)
        }
    }

    // MARK: OffsetDelete

    func offsetDelete(_ request: OffsetDeleteRequest) {
        if let refusal = context.groups.look({ $0.validateOffsetDelete(group: request.groupID) }) {
            return answer(.offsetDelete(OffsetDeleteResponse { $0.errorCode = KafkaErrorCode(refusal) }))
        }
        // What members consume now is theirs.
        let subscribed = Set(
            request.topics.map(\.name).filter { name in
                context.groups.look { $0.isSubscribed(group: request.groupID, topic: name) }
            })
        let list = CommitList(
            request.topics.map { topic in
                (topic.name, topic.partitions.map { CommitList.Entry(partition: $0.partitionIndex) })
            })
        let (places, free) = list.places(without: subscribed)
        context.broker.deleteOffsets(group: request.groupID, in: places) { some in
            var errors = [CoordinatorError?](repeating: nil, count: list.commits.count)
            for (place, error) in zip(free, some) { errors[place] = error }
            // What the whole group lacks is no partition's fault.
            let code: KafkaErrorCode = errors.contains(.unknownGroup) ? .groupIDNotFound : .noError
            answer(
                .offsetDelete(
                    OffsetDeleteResponse { response in
                        response.errorCode = code
                        guard code == .noError else { return }
                        response.topics = list.grouped(list.codes(errors)).map { name, partitions in
                            OffsetDeleteResponse.Topic { topic in
                                topic.name = name
                                topic.partitions = partitions.map { number, code in
                                    OffsetDeleteResponse.Topic.Partition {
                                        $0.partitionIndex = number
                                        $0.errorCode =
                                            subscribed.contains(name) ? .groupSubscribedToTopic : code
                                    }
                                }
                            }
                        }
                    }))
        }
    }
}

/// One position as an answer has it: -1 for none.
struct FoundPosition: Sendable {
    var partition: Int32
    var offset: Int64 = -1
    var leaderEpoch: Int32 = -1
    var metadata = ""
    var error = KafkaErrorCode.noError

    init(_ known: GroupOffset?, _ partition: Int32, isStable: Bool) {
        self.partition = partition
        guard let known else { return }
        if isStable, known.isPending {
            error = .unstableOffsetCommit
            return
        }
        guard let position = known.position else { return }
        offset = position.offset.rawValue
        leaderEpoch = position.leaderEpoch ?? -1
        metadata = position.metadata
    }
}

/// Positions of a request by topic, and where the answers to them go.
struct CommitList: Sendable {
    struct Entry: Sendable {
        var partition: Int32
        var offset: Int64 = 0
        var leaderEpoch: Int32 = -1
        var metadata = ""
    }

    private let topics: [(name: String, entries: [Entry])]
    /// Those whose topic can exist and whose numbers make sense.
    let commits: [OffsetCommit]
    /// For each position of the request: its place among `commits`, or what is wrong with it.
    private let places: [Result<Int, KafkaErrorCode>]

    init(_ topics: [(name: String, entries: [Entry])]) {
        self.topics = topics
        var commits: [OffsetCommit] = []
        var places: [Result<Int, KafkaErrorCode>] = []
        for (name, entries) in topics {
            let topic = try? ResourceName(name)
            for entry in entries {
                guard let topic, entry.partition >= 0 else {
                    places.append(.failure(.unknownTopicOrPartition))
                    continue
                }
                guard entry.offset >= 0 else {
                    places.append(.failure(.offsetOutOfRange))
                    continue
                }
                places.append(.success(commits.count))
                commits.append(
                    OffsetCommit(
                        TopicPartition(topic, Int(entry.partition)),
                        CommittedOffset(
                            Offset(entry.offset),
                            leaderEpoch: entry.leaderEpoch < 0 ? nil : entry.leaderEpoch,
                            metadata: entry.metadata)))
            }
        }
        self.commits = commits
        self.places = places
    }

    /// The same code for all positions.
    func codes(_ code: KafkaErrorCode) -> [KafkaErrorCode] { places.map { _ in code } }

    /// The partitions of other topics than these, and their places among `commits`.
    func places(without topics: Set<String>) -> ([TopicPartition], [Int]) {
        let free = commits.indices.filter { !topics.contains(commits[$0].place.topic.description) }
        return (free.map { commits[$0].place }, free)
    }

    /// Whether any of them cannot even be asked about.
    var hasRefusals: Bool { commits.count < places.count }

    /// A code for each position of the request, from what became of `commits`.
    func codes(
        _ errors: [CoordinatorError?],
        _ code: (CoordinatorError?) -> KafkaErrorCode = { $0.map { KafkaErrorCode($0) } ?? .noError }
    ) -> [KafkaErrorCode] {
        places.map { place in
            switch place {
            case .failure(let refusal): refusal
            case .success(let index): code(errors[index])
            }
        }
    }

    /// Codes by topic and partition, as the request had them.
    func grouped(_ codes: [KafkaErrorCode]) -> [(String, [(Int32, KafkaErrorCode)])] {
        var rest = codes[...]
        return topics.map { topic in
            (topic.name, topic.entries.map { ($0.partition, rest.popFirst() ?? .unknownServerError) })
        }
    }
}
