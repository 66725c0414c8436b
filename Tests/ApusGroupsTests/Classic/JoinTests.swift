// SPDX-License-Identifier: Apache-2.0

// Joining a classic group.

import ApusGroups
import Testing

struct JoinTests {
    @Test func aMemberWithoutAnIdentityIsToldOneAndComesBackWithIt() {
        let scene = Scene()
        let first = scene.joinAnswer(scene.join(client: "app"))
        #expect(first?.error == .memberIDRequired)
        #expect(first?.memberID.hasPrefix("app-") == true)
        #expect(first?.memberID.count == "app-".count + 36)
        #expect(scene.state() == "Empty")
        let second = scene.join("g", first?.memberID ?? "")
        #expect(scene.joinAnswer(second) == nil)
        scene.pass(.seconds(3))
        let answer = scene.joinAnswer(second)
        #expect(answer?.error == nil)
        #expect(answer?.memberID == first?.memberID)
        #expect(answer?.leader == first?.memberID)
        #expect(answer?.generation == 1)
        #expect(answer?.protocolName == "range")
        #expect(answer?.protocolType == "consumer")
        #expect(answer?.members.map(\.metadata) == [[1]])
    }

    @Test func anOldClientIsAMemberAtOnce() {
        let scene = Scene()
        let ticket = scene.join(rebalance: nil, requiresKnownID: false)
        scene.pass(.seconds(3))
        #expect(scene.joinAnswer(ticket)?.error == nil)
        #expect(scene.joinAnswer(ticket)?.generation == 1)
    }

    @Test func aSessionTimeoutOutsideTheLimitsIsRefused() {
        let scene = Scene()
        #expect(scene.joinAnswer(scene.join(session: .seconds(5)))?.error == .invalidSessionTimeout)
        #expect(scene.joinAnswer(scene.join(session: .seconds(1_801)))?.error == .invalidSessionTimeout)
        #expect(scene.joinAnswer(scene.join(session: .seconds(6)))?.error == .memberIDRequired)
        #expect(scene.joinAnswer(scene.join(session: .seconds(1_800)))?.error == .memberIDRequired)
    }

    @Test func aNameThatIsNoneIsRefused() {
        let scene = Scene { $0.nameBytesMax = 10 }
        #expect(scene.joinAnswer(scene.join(""))?.error == .invalidGroupID)
        #expect(scene.joinAnswer(scene.join("12345678901"))?.error == .invalidGroupID)
        #expect(scene.heartbeat("", "m", generation: 1) == .invalidGroupID)
        #expect(scene.commit("") == .invalidGroupID)
        #expect(scene.coordinator.groupCount == 0)
    }

    @Test func anIdentityThatNobodyGaveIsUnknown() {
        let scene = Scene()
        #expect(scene.joinAnswer(scene.join("g", "m"))?.error == .unknownMemberID)
        _ = scene.stableGroup(of: 1)
        #expect(scene.joinAnswer(scene.join("g", "m"))?.error == .unknownMemberID)
    }

    @Test func aProtocolTypeMustBeTheGroups() {
        let scene = Scene()
        let (members, _) = scene.stableGroup(of: 1)
        let other = scene.joinAnswer(scene.join(type: "connect"))
        #expect(other?.error == .inconsistentGroupProtocol)
        #expect(
            scene.joinAnswer(scene.join("g", members[0], type: "connect"))?.error
                == .inconsistentGroupProtocol)
        #expect(scene.state() == "Stable")
    }

    @Test func anEmptyGroupTakesAnyTypeButNotNone() {
        let scene = Scene()
        #expect(scene.joinAnswer(scene.join(type: ""))?.error == .inconsistentGroupProtocol)
        #expect(scene.joinAnswer(scene.join(protocols: [:]))?.error == .inconsistentGroupProtocol)
        #expect(scene.coordinator.groupCount == 0)
        let (members, _) = scene.stableGroup(of: 1)
        _ = scene.leave("g", LeavingMember(memberID: members[0]))
        #expect(scene.state() == "Empty")
        #expect(scene.joinAnswer(scene.join(type: "connect"))?.error == .memberIDRequired)
    }

    @Test func aMemberThatSharesNoProtocolWithAllIsRefused() {
        let scene = Scene()
        _ = scene.stableGroup(of: 2)
        let other = scene.joinAnswer(scene.join(protocols: ["sticky": []]))
        #expect(other?.error == .inconsistentGroupProtocol)
    }

    @Test func theProtocolThatMostMembersWantMostIsChosenAmongThoseOfAll() {
        let scene = Scene()
        func offer(_ names: String...) -> [GroupProtocol] {
            names.map { GroupProtocol(name: $0, metadata: [UInt8($0.utf8.count)]) }
        }
        let tickets = [
            scene.join(ordered: offer("own", "range", "sticky"), requiresKnownID: false),
            scene.join(ordered: offer("sticky", "range"), requiresKnownID: false),
            scene.join(ordered: offer("sticky", "range"), requiresKnownID: false),
        ]
        scene.pass(.seconds(6))
        let answers = tickets.compactMap { scene.joinAnswer($0) }
        #expect(answers.map(\.protocolName) == ["sticky", "sticky", "sticky"])
        #expect(answers[0].members.map(\.metadata) == [[6], [6], [6]])
        #expect(answers[1].members.isEmpty)
        #expect(Set(answers.map(\.leader)) == [answers[0].memberID])
        #expect(Set(answers.map(\.generation)) == [1])
    }

    @Test func amongEquallyWantedProtocolsTheLeadersChoiceCounts() {
        let scene = Scene()
        let first = scene.join(
            ordered: ["z", "a"].map { GroupProtocol(name: $0, metadata: []) }, requiresKnownID: false)
        _ = scene.join(
            ordered: ["a", "z"].map { GroupProtocol(name: $0, metadata: []) }, requiresKnownID: false)
        scene.pass(.seconds(6))
        #expect(scene.joinAnswer(first)?.protocolName == "z")
    }

    @Test func theFirstRebalanceWaitsThreeSecondsAfterEachNewMember() {
        let scene = Scene()
        let first = scene.join(requiresKnownID: false)
        scene.pass(.seconds(2))
        let second = scene.join(requiresKnownID: false)
        scene.pass(.milliseconds(3_999))
        #expect(scene.joinAnswer(first) == nil)
        scene.pass(.milliseconds(1))
        #expect(scene.joinAnswer(first)?.members.count == 2)
        #expect(scene.joinAnswer(second)?.error == nil)
    }

    @Test func theFirstRebalanceWaitsNoLongerThanItsTimeout() {
        let scene = Scene()
        let first = scene.join(rebalance: .seconds(10), requiresKnownID: false)
        for _ in 0..<9 {
            scene.pass(.seconds(1))
            _ = scene.join(rebalance: .seconds(10), requiresKnownID: false)
        }
        scene.pass(.milliseconds(999))
        #expect(scene.joinAnswer(first) == nil)
        scene.pass(.milliseconds(1))
        #expect(scene.joinAnswer(first)?.members.count == 10)
    }

    @Test func withoutAnInitialDelayAGroupOfOneIsCompleteAtOnce() {
        let scene = Scene { $0.initialRebalanceDelay = .zero }
        let ticket = scene.join(requiresKnownID: false)
        #expect(scene.joinAnswer(ticket)?.generation == 1)
    }

    @Test func aNewMemberHasAStableGroupGatherAnew() {
        let scene = Scene()
        let (members, generation) = scene.stableGroup(of: 2)
        let newcomer = scene.join("g", scene.identify())
        #expect(scene.state() == "PreparingRebalance")
        #expect(scene.heartbeat("g", members[0], generation: generation) == .rebalanceInProgress)
        let again = members.map { scene.join("g", $0) }
        #expect(again.map { scene.joinAnswer($0)?.generation } == [generation + 1, generation + 1])
        #expect(scene.joinAnswer(newcomer)?.generation == generation + 1)
        #expect(scene.joinAnswer(newcomer)?.leader == members[0])
        #expect(scene.state() == "CompletingRebalance")
    }

    @Test func membersThatDoNotComeBackInTimeAreDropped() {
        let scene = Scene()
        let (members, generation) = scene.stableGroup(of: 3, session: .seconds(1_800))
        let newcomer = scene.join("g", scene.identify())
        _ = scene.join("g", members[1], session: .seconds(1_800))
        scene.pass(.seconds(299))
        #expect(scene.joinAnswer(newcomer) == nil)
        scene.pass(.seconds(1))
        let answer = scene.joinAnswer(newcomer)
        #expect(answer?.generation == generation + 1)
        // The leader was late, so another leads.
        #expect(answer?.leader == members[1])
        #expect(scene.heartbeat("g", members[0], generation: generation) == .unknownMemberID)
        #expect(scene.heartbeat("g", members[2], generation: generation) == .unknownMemberID)
    }

    @Test func aFollowerThatRejoinsUnchangedGetsThePresentGeneration() {
        let scene = Scene()
        let (members, generation) = scene.stableGroup(of: 2)
        let answer = scene.joinAnswer(scene.join("g", members[1]))
        #expect(answer?.error == nil)
        #expect(answer?.generation == generation)
        #expect(answer?.leader == members[0])
        #expect(answer?.members.isEmpty == true)
        #expect(scene.state() == "Stable")
    }

    @Test func aFollowerWithOtherMetadataHasTheGroupGatherAnew() {
        let scene = Scene()
        let (members, _) = scene.stableGroup(of: 2)
        let ticket = scene.join("g", members[1], protocols: ["range": [9]])
        #expect(scene.joinAnswer(ticket) == nil)
        #expect(scene.state() == "PreparingRebalance")
    }

    @Test func aLeaderThatRejoinsHasTheGroupGatherAnew() {
        let scene = Scene()
        let (members, generation) = scene.stableGroup(of: 2)
        let leader = scene.join("g", members[0])
        #expect(scene.state() == "PreparingRebalance")
        _ = scene.join("g", members[1])
        #expect(scene.joinAnswer(leader)?.members.count == 2)
        #expect(scene.joinAnswer(leader)?.generation == generation + 1)
    }

    @Test func anUnchangedJoinWhileOthersSyncGetsTheSameAnswerAgain() {
        let scene = Scene()
        let ids = [scene.identify(), scene.identify()]
        let tickets = ids.map { scene.join("g", $0) }
        scene.pass(.seconds(6))
        #expect(scene.state() == "CompletingRebalance")
        #expect(scene.joinAnswer(scene.join("g", ids[0])) == scene.joinAnswer(tickets[0]))
        #expect(scene.joinAnswer(scene.join("g", ids[1])) == scene.joinAnswer(tickets[1]))
    }

    @Test func aChangedJoinWhileOthersSyncHasThemJoinAgain() {
        let scene = Scene()
        let ids = [scene.identify(), scene.identify()]
        for id in ids { _ = scene.join("g", id) }
        scene.pass(.seconds(6))
        let waiting = scene.sync("g", ids[1], generation: 1)
        #expect(scene.syncAnswer(waiting) == nil)
        _ = scene.join("g", ids[0], protocols: ["range": [7]])
        #expect(scene.syncAnswer(waiting)?.error == .rebalanceInProgress)
        #expect(scene.state() == "PreparingRebalance")
    }

    @Test func aJoinThatIsRepeatedWhileItWaitsAnswersTheFirst() {
        let scene = Scene()
        let id = scene.identify()
        let first = scene.join("g", id)
        let second = scene.join("g", id)
        #expect(scene.joinAnswer(first)?.error == .rebalanceInProgress)
        scene.pass(.seconds(3))
        #expect(scene.joinAnswer(second)?.error == nil)
        #expect(scene.doubleAnswers == 0)
    }

    @Test func aRebalanceWaitsForMembersThatWereToldTheirIdentity() {
        let scene = Scene()
        let (members, _) = scene.stableGroup(of: 1)
        let expected = scene.identify()
        let leader = scene.join("g", members[0])
        #expect(scene.joinAnswer(leader) == nil)
        _ = scene.join("g", expected)
        #expect(scene.joinAnswer(leader)?.members.count == 2)
    }

    @Test func aMemberThatNeverComesBackWithItsIdentityIsForgotten() {
        let scene = Scene()
        let (members, _) = scene.stableGroup(of: 1, session: .seconds(1_800))
        let expected = scene.identify()
        let leader = scene.join("g", members[0])
        scene.pass(.seconds(45))
        #expect(scene.joinAnswer(leader)?.members.count == 1)
        #expect(scene.joinAnswer(scene.join("g", expected))?.error == .unknownMemberID)
    }

    @Test func protocolsThatAreListedTwiceCountOnce() {
        let scene = Scene()
        let twice = [
            GroupProtocol(name: "range", metadata: [1]), GroupProtocol(name: "range", metadata: [2]),
        ]
        let ticket = scene.join(ordered: twice, requiresKnownID: false)
        scene.pass(.seconds(3))
        #expect(scene.joinAnswer(ticket)?.members.map(\.metadata) == [[1]])
        #expect(scene.joinAnswer(scene.join())?.error == .memberIDRequired)
    }

    @Test func aNewMemberThatCannotKnowItselfWaitsFiveMinutesAtMost() {
        let scene = Scene()
        _ = scene.stableGroup(of: 1, session: .seconds(1_800))
        let old = scene.join(rebalance: .seconds(1_000), requiresKnownID: false)
        scene.pass(.seconds(299))
        #expect(scene.joinAnswer(old) == nil)
        scene.pass(.seconds(1))
        #expect(scene.joinAnswer(old)?.error == .unknownMemberID)
        #expect(scene.joinAnswer(old)?.memberID == "")
    }
}
