// SPDX-License-Identifier: Apache-2.0

// One member of a consumer group (KIP-848), and the step that takes it from what it has towards what it is to have.

/// Where a member is on its way to its target.
enum ReconciliationState: Sendable, Hashable {
    /// It has all it can have at its epoch.
    case stable
    /// It has to give something up before it can go on.
    case revoking
    /// It waits for partitions that others have not given up.
    case waiting
}

struct ConsumerMember: Sendable, Hashable {
    let id: String
    var instanceID: String?
    var rackID: String?
    var clientID: String
    var clientHost: String
    var rebalanceTimeout: Duration
    var assignor: ServerAssignor?
    /// Sorted, each once.
    var names: [String] = []
    var regex: String?

    var epoch: Int32 = 0
    /// The epoch before, which a member that missed an answer still has.
    var previousEpoch: Int32 = 0
    var state = ReconciliationState.stable
    /// What it may use.
    var assigned = PartitionMap()
    /// What it has to give up and has not confirmed to be rid of. Nobody else gets it meanwhile.
    var revoking = PartitionMap()

    /// When the member is taken for dead.
    var sessionDeadline = Duration.zero
    /// When a member that has to give partitions up is taken for stuck.
    var revocationDeadline: Duration?

    var bytes: Int {
        let texts = [id, instanceID ?? "", rackID ?? "", clientID, clientHost, regex ?? ""]
        return 512 + texts.reduce(0) { $0 + $1.utf8.count } + names.reduce(0) { $0 + $1.utf8.count + 16 }
    }

    func isReconciled(to targetEpoch: Int32) -> Bool { state == .stable && epoch == targetEpoch }

    /// One step towards `target`: first gives up what it is not to keep, then takes what is free. `owned` is what the member says it has, if it says so.
    mutating func reconcile(
        to target: PartitionMap, epoch targetEpoch: Int32, owned: PartitionMap?,
        isFree: (TopicID, Int32) -> Bool
    ) {
        if isReconciled(to: targetEpoch) { return }
        if state == .revoking, owned.map({ !$0.isDisjoint(with: revoking) }) ?? true { return }
        let kept = assigned.intersection(target)
        let surplus = assigned.subtracting(target)
        let wanted = target.subtracting(kept)
        if !surplus.isEmpty, owned.map({ !$0.isDisjoint(with: surplus) }) ?? true {
            state = .revoking
            assigned = kept
            revoking = surplus
            return
        }
        let obtainable = wanted.filter { isFree($0, $1) || revoking.contains($1, of: $0) }
        state = obtainable.count == wanted.count ? .stable : .waiting
        assigned = kept
        assigned.formUnion(obtainable)
        revoking = PartitionMap()
        if epoch != targetEpoch { previousEpoch = epoch }
        epoch = targetEpoch
    }
}
