// SPDX-License-Identifier: Apache-2.0

// The classic group protocol: from messages to the coordinator's values and back.

internal import ApusEngine
internal import ApusGroups
internal import ApusKafkaCodec
internal import ApusModel
internal import NIOCore

extension KafkaCall {
    // MARK: Joining and leaving

    func joinGroup(_ request: JoinGroupRequest) {
        let join = JoinRequest(
            group: request.groupID, memberID: request.memberID, instanceID: request.groupInstanceID,
            clientID: header.clientID ?? "", clientHost: "/\(session.peer)",
            sessionTimeout: .milliseconds(Int64(request.sessionTimeoutMs)),
            rebalanceTimeout: version >= 1 ? .milliseconds(Int64(request.rebalanceTimeoutMs)) : nil,
            protocolType: request.protocolType,
            protocols: request.protocols.map { GroupProtocol(name: $0.name, metadata: $0.metadata.array) },
            requiresKnownMemberID: version >= 4, supportsSkippingAssignment: version >= 9)
        let entropy = UInt128.random(in: .min ... .max)
        context.groups.wait(session) { answer in
            guard case .join(let answer) = answer else { return self.answer(unexpected: answer) }
            self.answer(.joinGroup(response(answer)))
        } _: { coordinator, ticket, now in
            coordinator.join(join, ticket: ticket, entropy: entropy, now: now)
        }
    }

    private func response(_ answer: JoinAnswer) -> JoinGroupResponse {
        JoinGroupResponse { response in
            response.errorCode = KafkaErrorCode(answer.error)
            response.generationID = answer.generation
            response.protocolType = answer.protocolType
            // Before it could be null, no protocol was an empty name.
            response.protocolName = answer.protocolName ?? (version >= 7 ? nil : "")
            response.leader = answer.leader
            response.skipAssignment = answer.skipAssignment
            response.memberID = answer.memberID
            response.members = answer.members.map { member in
                JoinGroupResponse.Member {
                    $0.memberID = member.memberID
                    $0.groupInstanceID = member.instanceID
                    $0.metadata = ByteBuffer(bytes: member.metadata)
                }
            }
        }
    }

    private func answer(unexpected answer: GroupAnswer) { refuse("its group answered something else") }

    func syncGroup(_ request: SyncGroupRequest) {
        let sync = SyncRequest(
            group: request.groupID, generation: request.generationID, memberID: request.memberID,
            instanceID: request.groupInstanceID, protocolType: request.protocolType,
            protocolName: request.protocolName,
            assignments: request.assignments.map {
                MemberAssignment(memberID: $0.memberID, assignment: $0.assignment.array)
            })
        context.groups.wait(session) { answer in
            guard case .sync(let answer) = answer else { return self.answer(unexpected: answer) }
            self.answer(
                .syncGroup(
                    SyncGroupResponse {
                        $0.errorCode = KafkaErrorCode(answer.error)
                        $0.protocolType = answer.protocolType
                        $0.protocolName = answer.protocolName
                        $0.assignment = ByteBuffer(bytes: answer.assignment)
                    }))
        } _: { coordinator, ticket, now in
            coordinator.sync(sync, ticket: ticket, now: now)
        }
    }

    func heartbeat(_ request: HeartbeatRequest) {
        let error = context.groups.ask { coordinator, now in
            let error = coordinator.heartbeat(
                group: request.groupID, memberID: request.memberID, instanceID: request.groupInstanceID,
                generation: request.generationID, now: now)
            return (error, [])
        }
        answer(.heartbeat(HeartbeatResponse { $0.errorCode = KafkaErrorCode(error) }))
    }

    func leaveGroup(_ request: LeaveGroupRequest) {
        let members =
            version >= 3
            ? request.members.map { LeavingMember(memberID: $0.memberID, instanceID: $0.groupInstanceID) }
            : [LeavingMember(memberID: request.memberID)]
        let left = context.groups.ask { coordinator, now in
            coordinator.leave(group: request.groupID, members, now: now)
        }
        answer(
            .leaveGroup(
                LeaveGroupResponse { response in
                    response.errorCode = KafkaErrorCode(
                        version >= 3 ? left.error : left.error ?? left.members.first?.error)
                    response.members = left.members.map { outcome in
                        LeaveGroupResponse.Member {
                            $0.memberID = outcome.member.memberID
                            $0.groupInstanceID = outcome.member.instanceID
                            $0.errorCode = KafkaErrorCode(outcome.error)
                        }
                    }
                }))
    }

    // MARK: Looking

    func describeGroups(_ request: DescribeGroupsRequest) {
        answer(
            .describeGroups(
                DescribeGroupsResponse { response in response.groups = request.groups.map(describe) }))
    }

    private func describe(_ id: String) -> DescribeGroupsResponse.Group {
        DescribeGroupsResponse.Group { group in
            group.groupID = id
            guard let found = context.groups.look({ $0.describeClassic(id) }) else {
                // Positions without members are a group that is empty.
                let hasOffsets = (try? context.broker.hasOffsets(group: id)) ?? false
                group.groupState = hasOffsets ? "Empty" : "Dead"
                if !hasOffsets, version >= 6 {
                    group.errorCode = .groupIDNotFound
                    group.errorMessage = "there is no group '\(id.prefix(80))'"
                }
                return
            }
            group.groupState = found.state.rawValue
            group.protocolType = found.protocolType
            group.protocolData = found.protocolName
            group.members = found.members.map { member in
                DescribeGroupsResponse.Group.Member {
                    $0.memberID = member.memberID
                    $0.groupInstanceID = member.instanceID
                    $0.clientID = member.clientID
                    $0.clientHost = member.clientHost
                    $0.memberMetadata = ByteBuffer(bytes: member.metadata)
                    $0.memberAssignment = ByteBuffer(bytes: member.assignment)
                }
            }
        }
    }

    func listGroups(_ request: ListGroupsRequest) {
        var groups = context.groups.look { $0.list() }.map { listing in
            ListGroupsResponse.Group {
                $0.groupID = listing.id
                $0.protocolType = listing.protocolType
                $0.groupState = listing.state
                $0.groupType = listing.kind.rawValue
            }
        }
        let states = Set(request.statesFilter.map { $0.lowercased() })
        let types = Set(request.typesFilter.map { $0.lowercased() })
        // Groups that have positions and no members, as after a restart: unless nobody wants to see such.
        let wantsOthers =
            (states.isEmpty || states.contains("empty"))
            && (types.isEmpty || types.contains(GroupKind.classic.rawValue))
        let known = wantsOthers ? Set(groups.map(\.groupID)) : []
        let others = wantsOthers ? (try? context.broker.groupsWithOffsets()) ?? [] : []
        groups += others.filter { !known.contains($0) }.map { id in
            ListGroupsResponse.Group {
                $0.groupID = id
                $0.protocolType = "consumer"
                $0.groupState = "Empty"
                $0.groupType = GroupKind.classic.rawValue
            }
        }
        let listed = Set(groups.map(\.groupID))
        groups += context.shares.groupsWithSubscriptions.filter { !listed.contains($0) }.map { id in
            ListGroupsResponse.Group {
                $0.groupID = id
                $0.protocolType = "share"
                $0.groupState = ShareState.empty.rawValue
                $0.groupType = GroupKind.share.rawValue
            }
        }
        groups.removeAll {
            !(states.isEmpty || states.contains($0.groupState.lowercased()))
                || !(types.isEmpty || types.contains($0.groupType))
        }
        answer(
            .listGroups(ListGroupsResponse { $0.groups = groups.sorted { $0.groupID < $1.groupID } }))
    }

    func deleteGroups(_ request: DeleteGroupsRequest) {
        let groups = request.groupsNames
        let refusals = context.groups.ask { coordinator, _ in
            (groups.map { coordinator.delete($0) }, [])
        }
        // Whoever has no members may still have positions.
        let places = groups.indices.filter { refusals[$0] == nil || refusals[$0] == .groupIDNotFound }
        context.broker.deleteGroups(places.map { groups[$0] }) { errors in
            var codes = refusals.map { KafkaErrorCode($0) }
            for (place, error) in zip(places, errors) {
                switch error {
                case nil: codes[place] = .noError
                // A group that had members and never committed is gone all the same.
                case .unknownGroup?: codes[place] = refusals[place] == nil ? .noError : .groupIDNotFound
                case .some(let error): codes[place] = KafkaErrorCode(error)
                }
            }
            let known = codes
            answerLater { await $0.deleteShareGroups(among: groups, known) }
        }
    }

    /// Deletes what share groups among these have read, which is what is left of one without members.
    private func deleteShareGroups(among groups: [String], _ known: [KafkaErrorCode]) async -> KafkaResponse {
        var codes = known
        let readers = Set(context.shares.groupsWithSubscriptions)
        for (place, group) in groups.enumerated() {
            guard known[place] != .nonEmptyGroup, readers.contains(group) else { continue }
            do throws(BrokerError) {
                try await context.shares.deleteSubscriptions(of: group)
                if codes[place] == .groupIDNotFound { codes[place] = .noError }
            } catch { codes[place] = KafkaErrorCode(error) }
        }
        return .deleteGroups(
            DeleteGroupsResponse { response in
                response.results = zip(groups, codes).map { group, code in
                    DeleteGroupsResponse.Result {
                        $0.groupID = group
                        $0.errorCode = code
                    }
                }
            })
    }
}

extension ByteBuffer {
    /// A copy of the readable bytes.
    var array: [UInt8] { Array(readableBytesView) }
}
