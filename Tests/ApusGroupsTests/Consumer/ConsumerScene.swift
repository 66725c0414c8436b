// SPDX-License-Identifier: Apache-2.0

// Consumers of the new protocol as tests need them: they report, take what they are given, and give up what they are to give up.

public import ApusGroups

extension TopicID: ExpressibleByIntegerLiteral {
    public init(integerLiteral value: UInt64) { self.init(rawValue: UInt128(value)) }
}

extension TopicCatalog {
    /// Topics by name with their number of partitions; identities are in the order of the names, from 1.
    static func of(_ counts: [String: Int32], version: UInt64 = 1) -> TopicCatalog {
        let sorted = counts.sorted { $0.key < $1.key }.enumerated()
        return TopicCatalog(
            version: version,
            topics: Dictionary(
                sorted.map { place, entry in
                    (entry.key, Topic(id: TopicID(rawValue: UInt128(place + 1)), partitionCount: entry.value))
                }, uniquingKeysWith: { first, _ in first }))
    }
}

/// A client: what it knows and has.
final class Consumer {
    let id: String
    let instance: String?
    var epoch: Int32 = 0
    var names: [String]?
    var regex: String?
    var assignor: String?
    /// What it uses.
    var owned: Set<String> = []
    /// What it was told to have.
    private(set) var told: [TopicPartitions] = []
    /// Does not give up what it is told to give up.
    var isStuck = false

    init(
        _ id: String, _ names: [String]? = ["t"], regex: String? = nil, instance: String? = nil,
        assignor: String? = nil
    ) {
        self.id = id
        self.names = names
        self.regex = regex
        self.instance = instance
        self.assignor = assignor
    }

    static func flat(_ list: [TopicPartitions]) -> Set<String> {
        Set(list.flatMap { each in each.partitions.map { "\(each.topic.rawValue)/\($0)" } })
    }

    static func listed(_ flat: Set<String>) -> [TopicPartitions] {
        var byTopic: [TopicID: [Int32]] = [:]
        for each in flat {
            let parts = each.split(separator: "/")
            byTopic[TopicID(rawValue: UInt128(parts[0]) ?? 0), default: []].append(Int32(parts[1]) ?? 0)
        }
        return byTopic.map { TopicPartitions(topic: $0.key, partitions: $0.value.sorted()) }
            .sorted { $0.topic < $1.topic }
    }

    func request(_ group: String = "g") -> ConsumerHeartbeat {
        ConsumerHeartbeat(
            group: group, memberID: id, memberEpoch: epoch, instanceID: instance,
            rebalanceTimeout: epoch == 0 ? .seconds(60) : nil, subscribedNames: names,
            subscribedRegex: regex, serverAssignor: assignor, owned: Self.listed(owned), clientID: "c",
            clientHost: "/h")
    }

    func take(_ answer: HeartbeatAnswer) {
        epoch = answer.memberEpoch
        if let assignment = answer.assignment {
            told = assignment
            let target = Self.flat(assignment)
            owned = isStuck ? owned.union(target) : target
        }
    }

    func lose() {
        epoch = 0
        owned = []
    }
}

extension Scene {
    /// One heartbeat of a consumer. `nil`: all went well.
    @discardableResult
    func beat(_ consumer: Consumer, _ group: String = "g") -> GroupError? {
        do throws(GroupRefusal) {
            let answer = try coordinator.consumerHeartbeat(
                consumer.request(group), catalog: catalog, entropy: newEntropy(), now: now)
            consumer.take(answer)
            return nil
        } catch {
            return error.error
        }
    }

    func send(_ request: ConsumerHeartbeat) -> GroupError? {
        do throws(GroupRefusal) {
            _ = try coordinator.consumerHeartbeat(request, catalog: catalog, entropy: newEntropy(), now: now)
            return nil
        } catch {
            return error.error
        }
    }

    func leave(_ consumer: Consumer, epoch: Int32 = MemberEpoch.leaving) -> GroupError? {
        send(
            ConsumerHeartbeat(
                group: "g", memberID: consumer.id, memberEpoch: epoch, instanceID: consumer.instance))
    }

    /// Rounds of heartbeats until nothing changes.
    func settle(_ consumers: [Consumer], rounds: Int = 10) {
        for _ in 0..<rounds {
            for consumer in consumers { beat(consumer) }
        }
    }

    var consumerState: String? { coordinator.describeConsumer("g")?.state }
}
