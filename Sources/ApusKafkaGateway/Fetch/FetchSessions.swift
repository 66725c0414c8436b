// SPDX-License-Identifier: Apache-2.0

// Fetch sessions (KIP-227): a consumer that reads many partitions says once which, and later only what has changed; the answer has only
// partitions with news. Sessions are bounded; one that was forgotten is told so and begun anew by its client.

internal import ApusKafkaCodec
internal import ApusModel
internal import DequeModule
internal import OrderedCollections
internal import Synchronization

/// A partition as a fetch names it: by the topic's name in older versions, by its identity in newer ones.
struct FetchKey: Hashable, Sendable {
    var topic: String
    var topicID: KafkaUUID
    var partition: Int32
}

/// What a client wants of one partition.
struct FetchWish: Hashable, Sendable {
    var offset: Int64
    var bytesMax: Int32
    var leaderEpoch: Int32
}

/// What a client was last told of one partition; an incremental answer leaves out what is still the same.
struct FetchNews: Hashable, Sendable {
    var highWatermark: Int64
    var stableOffset: Int64
    var logStart: Int64
    var error: KafkaErrorCode
}

/// One client's session.
struct FetchSession: Sendable {
    struct Partition: Sendable {
        var wish: FetchWish
        var news: FetchNews?
    }

    let id: Int32
    /// The epoch of the next request.
    var epoch: Int32 = 1
    var partitions: OrderedDictionary<FetchKey, Partition> = [:]
    /// Where the next answer begins, so that the first partitions do not starve the last.
    var start = 0
    var lastUse: UInt64 = 0

    /// Takes what a request says.
    mutating func apply(_ request: FetchRequest) {
        for topic in request.topics {
            for partition in topic.partitions {
                let key = FetchKey(topic: topic.topic, topicID: topic.topicID, partition: partition.partition)
                let wish = FetchWish(partition)
                if partitions[key] == nil {
                    partitions[key] = Partition(wish: wish)
                } else {
                    partitions[key]?.wish = wish
                }
            }
        }
        for topic in request.forgottenTopicsData {
            for number in topic.partitions {
                partitions[FetchKey(topic: topic.topic, topicID: topic.topicID, partition: number)] = nil
            }
        }
    }
}

extension FetchWish {
    init(_ partition: FetchRequest.Topic.Partition) {
        offset = partition.fetchOffset
        bytesMax = partition.partitionMaxBytes
        leaderEpoch = partition.currentLeaderEpoch
    }
}

/// All sessions.
final class FetchSessions: Sendable {
    /// Kafka's own default.
    static let sessionsMax = 1000
    /// Partitions of one session; clients with more go without.
    static let partitionsMax = 100_000

    fileprivate struct State {
        var sessions: [Int32: FetchSession] = [:]
        var lastID: Int32 = 0
        var clock: UInt64 = 0
    }

    private let state = Mutex(State())

    /// What a request means: the partitions to read, and the session it belongs to.
    struct Opening: Sendable {
        /// 0 for none.
        var session: Int32
        /// Whether only news are wanted.
        var isIncremental: Bool
        /// In the order in which they are to be read.
        var partitions: [(key: FetchKey, wish: FetchWish)]
    }

    /// Finds, makes or ends the session of a request.
    ///
    /// - Throws: the code that the client is to get.
    func open(_ request: FetchRequest) throws(KafkaErrorCode) -> Opening {
        let partitions = request.topics.flatMap { topic in
            topic.partitions.map {
                (
                    key: FetchKey(topic: topic.topic, topicID: topic.topicID, partition: $0.partition),
                    wish: FetchWish($0)
                )
            }
        }
        let result: Result<Opening, KafkaErrorCode> = state.withLock { state in
            state.clock += 1
            switch request.sessionEpoch {
            case -1:
                state.sessions[request.sessionID] = nil
                return .success(Opening(session: 0, isIncremental: false, partitions: partitions))
            case 0:
                state.sessions[request.sessionID] = nil
                let id = partitions.count <= Self.partitionsMax ? state.begin(request) : 0
                return .success(Opening(session: id, isIncremental: false, partitions: partitions))
            default:
                guard var session = state.sessions[request.sessionID] else {
                    return .failure(.fetchSessionIDNotFound)
                }
                guard session.epoch == request.sessionEpoch else {
                    return .failure(.invalidFetchSessionEpoch)
                }
                session.epoch = session.epoch == .max ? 1 : session.epoch + 1
                session.lastUse = state.clock
                session.apply(request)
                let count = session.partitions.count
                guard count <= Self.partitionsMax else {
                    state.sessions[request.sessionID] = nil
                    return .failure(.fetchSessionIDNotFound)
                }
                session.start = count == 0 ? 0 : (session.start + 1) % count
                let order = (0..<count).map { (session.start + $0) % count }
                let wanted = order.map { index in
                    let (key, partition) = session.partitions.elements[index]
                    return (key: key, wish: partition.wish)
                }
                state.sessions[request.sessionID] = session
                return .success(Opening(session: session.id, isIncremental: true, partitions: wanted))
            }
        }
        return try result.get()
    }

    /// Which of these the client does not know yet; remembers that it was told.
    ///
    /// - Parameter entries: what the partitions have now, and whether events come with them.
    func news(
        of session: Int32, _ entries: [(key: FetchKey, news: FetchNews, hasRecords: Bool)], all: Bool
    ) -> [Bool] {
        state.withLock { state in
            guard session != 0, state.sessions[session] != nil else { return entries.map { _ in true } }
            return entries.map { entry in
                let known = state.sessions[session]?.partitions[entry.key]?.news
                state.sessions[session]?.partitions[entry.key]?.news = entry.news
                return all || entry.hasRecords || entry.news.error != .noError || known != entry.news
            }
        }
    }
}

extension FetchSessions.State {
    /// A new session; 0 when there is no room for another.
    fileprivate mutating func begin(_ request: FetchRequest) -> Int32 {
        if sessions.count >= FetchSessions.sessionsMax {
            // The one that was longest unused goes, if it has not been used for the last thousand requests of all.
            guard let oldest = sessions.values.min(by: { $0.lastUse < $1.lastUse }),
                oldest.lastUse + UInt64(FetchSessions.sessionsMax) < clock
            else { return 0 }
            sessions[oldest.id] = nil
        }
        repeat { lastID = lastID == .max ? 1 : lastID + 1 } while sessions[lastID] != nil
        var session = FetchSession(id: lastID)
        session.lastUse = clock
        session.apply(request)
        sessions[lastID] = session
        return lastID
    }
}
