// SPDX-License-Identifier: Apache-2.0

// The rules of one topic that copy to other topics, as its router works by them: a value that is replaced whole when rules change.

import ApusModel
import ApusRules
import ApusTransform

/// Where a rule copies to, and what becomes of events before.
struct RouteTarget: Sendable {
    var topic: Topic
    var transformation: Transformation?

    /// Whether an event comes out the same for another target, of the same rule or of another one.
    func isSame(as other: RouteTarget, ofSameRule: Bool) -> Bool {
        topic === other.topic && transformation == other.transformation
            && (ofSameRule || transformation?.namesRule != true)
    }
}

/// The rules of one topic, compiled.
struct RouteTable: Sendable {
    struct Route: Sendable {
        var rule: ResourceName
        var startOffsets: [Offset]
        var targets: [RouteTarget]
        var matches: Count
    }

    /// Rules that copy to topics, by the identifier that the matcher knows them by.
    var routes: [Route] = []
    var patterns: [(id: Int, pattern: Pattern)] = []

    /// Where events go that could not be transformed; nil until the first one comes.
    var deadLetters: Topic?

    /// Tells one table from the next.
    var number: UInt64 = 0

    var isEmpty: Bool { routes.isEmpty }

    /// The topics that copies and dead letters may go to, each once.
    var targetTopics: [Topic] {
        (routes.flatMap { $0.targets.map(\.topic) } + [deadLetters].compactMap(\.self))
            .reduce(into: []) { topics, topic in
                if !topics.contains(where: { $0 === topic }) { topics.append(topic) }
            }
    }

    /// The partitions that copies may go to.
    var targets: [Partition] { targetTopics.flatMap(\.partitions) }

    /// Where to begin in `topic` when no progress was ever noted: where the first rule begins, because whatever came after that and was
    /// not looked at before a crash is still to be looked at.
    func start(of topic: Topic) -> [Offset] {
        topic.ends.enumerated().map { number, end in
            routes.map { number < $0.startOffsets.count ? $0.startOffsets[number] : .zero }.min() ?? end
        }
    }
}
