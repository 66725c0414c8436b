// SPDX-License-Identifier: Apache-2.0

// How partitions are divided, on random groups.

import TestThreads
import Testing

@testable import ApusGroups

@Suite(.ownThread)
struct AssignorTests {
    private func randomTask(seed: UInt64, alike: Bool) -> AssignmentTask {
        var random = SeededGenerator(seed: seed)
        let shapes = Dictionary(
            (1...Int.random(in: 1...6, using: &random)).map {
                (TopicID(rawValue: UInt128($0)), Int32.random(in: 1...12, using: &random))
            }, uniquingKeysWith: { first, _ in first })
        let all = Set(shapes.keys)
        let members = (0..<Int.random(in: 1...9, using: &random)).map { number in
            AssignmentTask.Member(
                id: "m\(number)", instanceID: nil,
                topics: alike ? all : all.filter { _ in Bool.random(using: &random) }, current: PartitionMap()
            )
        }
        return AssignmentTask(members: members, shapes: shapes)
    }

    private func check(_ task: AssignmentTask, _ result: [String: PartitionMap]) {
        var taken: Set<String> = []
        for member in task.members {
            result[member.id]?.forEach { topic, partition in
                #expect(member.topics.contains(topic))
                #expect(partition >= 0 && partition < task.shapes[topic] ?? 0)
                #expect(taken.insert("\(topic)/\(partition)").inserted)
            }
        }
        let wanted = task.shapes.filter { topic, _ in task.members.contains { $0.topics.contains(topic) } }
        #expect(taken.count == wanted.values.reduce(0) { $0 + Int($1) })
    }

    @Test func eachPartitionGoesToExactlyOneOfItsSubscribers() {
        for seed in seedsToTry(block: 0, of: 400) {
            let task = randomTask(seed: seed, alike: seed % 2 == 0)
            for assignor in ServerAssignor.allCases { check(task, task.solve(assignor)) }
        }
    }

    @Test func equalSubscriptionsGetEqualShares() {
        for seed in seedsToTry(block: 0, of: 400) {
            let task = randomTask(seed: seed, alike: true)
            for result in [task.solve(.uniform), task.balancedAssignment()] {
                let counts = task.members.map { result[$0.id]?.count ?? 0 }
                #expect((counts.max() ?? 0) - (counts.min() ?? 0) <= 1)
            }
        }
    }

    @Test func nobodyCouldBeRelievedByASingleMove() {
        for seed in seedsToTry(block: 0, of: 400) {
            let task = randomTask(seed: seed, alike: false)
            let result = task.solve(.uniform)
            for from in task.members {
                for to in task.members {
                    let shared = result[from.id]?.sets.keys.contains { to.topics.contains($0) } ?? false
                    if shared { #expect((result[from.id]?.count ?? 0) <= (result[to.id]?.count ?? 0) + 1) }
                }
            }
        }
    }

    @Test func whatIsBalancedAlreadyStaysAsItIs() {
        for seed in seedsToTry(block: 0, of: 400) {
            var task = randomTask(seed: seed, alike: seed % 2 == 0)
            let result = task.solve(.uniform)
            for place in task.members.indices {
                task.members[place].current = result[task.members[place].id] ?? PartitionMap()
            }
            #expect(task.solve(.uniform) == result)
            let shared = task.sharedAssignment()
            for place in task.members.indices {
                task.members[place].current = shared[task.members[place].id] ?? PartitionMap()
            }
            #expect(task.sharedAssignment() == shared)
        }
    }

    @Test func aNewMemberMovesOnlyWhatItGets() {
        let shapes: [TopicID: Int32] = [1: 12]
        func member(_ id: String, _ current: PartitionMap) -> AssignmentTask.Member {
            .init(id: id, instanceID: nil, topics: [1], current: current)
        }
        let before = AssignmentTask(
            members: ["a", "b", "c"].map { member($0, PartitionMap()) }, shapes: shapes
        ).solve(.uniform)
        let after = AssignmentTask(
            members: ["a", "b", "c"].map { member($0, before[$0] ?? PartitionMap()) }
                + [member("d", PartitionMap())], shapes: shapes
        ).solve(.uniform)
        for id in ["a", "b", "c"] {
            #expect(after[id]?.count == 3)
            #expect(after[id]?.isSubset(of: before[id] ?? PartitionMap()) == true)
        }
        #expect(after["d"]?.count == 3)
    }

    @Test func rangesAreContiguousAndStaticMembersComeFirst() {
        let task = AssignmentTask(
            members: [
                .init(id: "a", instanceID: nil, topics: [1, 2], current: PartitionMap()),
                .init(id: "z", instanceID: "i", topics: [1, 2], current: PartitionMap()),
            ], shapes: [1: 3, 2: 3])
        let result = task.solve(.range)
        #expect(result["z"]?.listed.map(\.partitions) == [[0, 1], [0, 1]])
        #expect(result["a"]?.listed.map(\.partitions) == [[2], [2]])
    }

    @Test func sharersAreSpreadEvenly() {
        for seed in seedsToTry(block: 0, of: 200) {
            let task = randomTask(seed: seed, alike: true)
            let result = task.sharedAssignment()
            var sharers: [String: Int] = [:]
            for map in result.values { map.forEach { sharers["\($0)/\($1)", default: 0] += 1 } }
            #expect(sharers.count == task.shapes.values.reduce(0) { $0 + Int($1) })
            #expect((sharers.values.max() ?? 0) - (sharers.values.min() ?? 0) <= 1)
            #expect(result.values.allSatisfy { !$0.isEmpty })
        }
    }

    @Test func largeGroupsAreDividedQuickly() {
        let shapes = Dictionary((1...200).map { (TopicID(rawValue: UInt128($0)), Int32(50)) }) { first, _ in
            first
        }
        let all = Set(shapes.keys)
        let members = (0..<200).map { number in
            AssignmentTask.Member(
                id: "m\(number)", instanceID: nil,
                topics: number % 2 == 0 ? all : all.filter { $0.rawValue % 2 == 0 }, current: PartitionMap())
        }
        check(
            AssignmentTask(members: members, shapes: shapes),
            AssignmentTask(members: members, shapes: shapes).solve(.uniform))
    }
}
