// SPDX-License-Identifier: Apache-2.0

// What must hold inside a coordinator after each input, whatever came.

@testable import ApusGroups

extension GroupCoordinator {
    /// The first thing that does not hold, in words.
    var breach: String? {
        let names =
            Array(classicGroups.groups.keys) + consumerGroups.groups.keys + shareGroups.groups.keys
        if Set(names).count != names.count { return "a name is in two tables" }
        var waiting: [GroupTicket: String] = [:]
        for (id, group) in classicGroups.groups {
            if let breach = group.breach { return "\(id): \(breach)" }
            for member in group.members.values {
                if let ticket = member.wait.ticket { waiting[ticket] = id }
            }
        }
        if waiting != tickets { return "tickets \(tickets) are not those that wait \(waiting)" }
        for (id, group) in consumerGroups.groups {
            if let breach = group.breach { return "\(id): \(breach)" }
        }
        let sum = { (groups: [Int]) in groups.reduce(0, +) }
        if classicGroups.bytes != sum(classicGroups.groups.values.map(\.bytes))
            || consumerGroups.bytes != sum(consumerGroups.groups.values.map(\.bytes))
            || shareGroups.bytes != sum(shareGroups.groups.values.map(\.bytes))
        {
            return "bytes are miscounted"
        }
        return nil
    }
}

extension ClassicGroup {
    var breach: String? {
        var support: [String: Int] = [:]
        for each in members.values.flatMap(\.protocols) { support[each.name, default: 0] += 1 }
        if support != self.support { return "support is miscounted" }
        if !members.isEmpty, !support.values.contains(members.count) { return "no protocol is common to all" }
        if joiningCount != members.values.count(where: \.isJoining) { return "joins are miscounted" }
        if let member = members.values.first(where: { $0.sessionDeadline == nil && $0.wait == .none }) {
            return "member \(member.id) is not watched"
        }
        let statics = members.values.filter { $0.instanceID != nil }
        if self.statics != Dictionary(statics.map { ($0.instanceID ?? "", $0.id) }, uniquingKeysWith: { $1 })
        {
            return "instances are wrong"
        }
        if statics.count != self.statics.count { return "an instance is there twice" }
        if members.isEmpty != (leader == nil) { return "leader \(leader ?? "none") of \(members.count)" }
        if let leader, members[leader] == nil { return "the leader is no member" }
        if (joinDeadline != nil) != (state == .preparingRebalance) { return "join deadline in \(state)" }
        if syncDeadline != nil, state != .completingRebalance, state != .stable {
            return "sync deadline in \(state)"
        }
        if joiningCount > 0, state != .preparingRebalance { return "a join waits in \(state)" }
        if members.values.contains(where: \.isSyncing), state != .completingRebalance {
            return "a sync waits in \(state)"
        }
        if state == .empty, !members.isEmpty { return "an empty group has members" }
        if !pendingSyncs.isSubset(of: members.keys) { return "a sync of nobody is pending" }
        let deadlines =
            members.values.compactMap(\.sessionDeadline) + pendingJoins.values
            + [joinDeadline, syncDeadline].compactMap(\.self)
        if let earliest = deadlines.min(), timing.wakeUp.map({ $0 > earliest }) ?? true {
            return "it will oversleep"
        }
        let bytes =
            512 + members.values.reduce(0) { $0 + $1.bytes }
            + pendingJoins.keys.reduce(0) { $0 + $1.utf8.count + 64 }
        if bytes != self.bytes { return "\(self.bytes) bytes are counted of \(bytes)" }
        return nil
    }
}

extension ConsumerGroup {
    var breach: String? {
        var seen: [String: String] = [:]
        var breach: String?
        for member in members.values {
            for map in [member.assigned, member.revoking] {
                map.forEach { topic, partition in
                    if let other = seen.updateValue(member.id, forKey: "\(topic.rawValue)/\(partition)") {
                        breach = "\(topic.rawValue)/\(partition) is with \(other) and \(member.id)"
                    }
                    if owner(of: partition, of: topic) != member.id {
                        breach = "the owner of \(partition) is wrong"
                    }
                }
            }
            if (member.state == .revoking) == member.revoking.isEmpty {
                breach = "\(member.id) is in the wrong state"
            }
            if (member.state == .revoking) != (member.revocationDeadline != nil) {
                breach = "\(member.id) is not watched"
            }
            if timing.wakeUp.map({ $0 > member.sessionDeadline }) ?? true { breach = "it will oversleep" }
        }
        let statics = members.values.filter { $0.instanceID != nil }
        if self.statics != Dictionary(statics.map { ($0.instanceID ?? "", $0.id) }, uniquingKeysWith: { $1 })
        {
            breach = "instances are wrong"
        }
        var targets: Set<String> = []
        for (id, map) in target {
            if members[id] == nil { breach = "nobody has a target" }
            map.forEach {
                if !targets.insert("\($0.rawValue)/\($1)").inserted { breach = "two have a target" }
            }
        }
        return breach
    }
}
