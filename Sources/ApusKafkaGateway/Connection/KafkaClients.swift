// SPDX-License-Identifier: Apache-2.0

// The clients that are connected, for whoever looks at them from outside of Kafka's protocol.

internal import ApusEngine
internal import ApusKafkaCodec
internal import ApusModel
internal import NIOCore
internal import Synchronization

/// What a client works with, as far as its requests have said.
struct KafkaInvolvement: Sendable {
    /// A topic as a request names it: identities become names only when somebody asks.
    enum TopicReference: Sendable, Hashable {
        case name(String)
        case id(KafkaUUID)
    }

    private(set) var topics: [TopicReference] = []
    private(set) var groups: [String] = []

    /// Takes note of a topic. Mostly it is the last one again, or one of few.
    mutating func note(name: String, id: KafkaUUID) {
        let topic: TopicReference = name.isEmpty ? .id(id) : .name(name)
        guard topics.last != topic, topics.count < ConnectedClient.namesMax, !topics.contains(topic) else {
            return
        }
        topics.append(topic)
    }

    /// Takes note of a group.
    mutating func note(group: String) {
        guard !group.isEmpty, groups.last != group, groups.count < ConnectedClient.namesMax,
            !groups.contains(group)
        else { return }
        groups.append(group)
    }
}

extension KafkaSession {
    /// Takes note of what a request works with.
    func note(_ request: KafkaRequest) {
        switch request {
        case .produce(let request):
            involve { for topic in request.topicData { $0.note(name: topic.name, id: topic.topicID) } }
        case .fetch(let request):
            // With a fetch session only what has changed is named.
            guard !request.topics.isEmpty else { return }
            involve { for topic in request.topics { $0.note(name: topic.topic, id: topic.topicID) } }
        case .shareFetch(let request):
            involve {
                $0.note(group: request.groupID ?? "")
                for topic in request.topics { $0.note(name: "", id: topic.topicID) }
            }
        case .joinGroup(let request): involve { $0.note(group: request.groupID) }
        case .consumerGroupHeartbeat(let request): involve { $0.note(group: request.groupID) }
        case .shareGroupHeartbeat(let request): involve { $0.note(group: request.groupID) }
        case .offsetCommit(let request): involve { $0.note(group: request.groupID) }
        default: break
        }
    }
}

/// A connection as it stands.
struct KafkaConnectionFigures: Sendable {
    var id: KafkaConnectionID
    var address: String
    var clientID: String?
    var session: KafkaSession
    var age: Duration
    var idle: Duration
    var requests: Int
    var underWay: Int
    var bytesReceived: Int
    var bytesSent: Int
    /// What was asked last; nil before the first request.
    var apiKey: Int16?
}

/// The clients of a gateway.
struct KafkaClientDirectory: ClientObserver {
    let context: KafkaContext
    /// Gone before it listens and after it has stopped.
    let server: @Sendable () -> KafkaServer?

    var service: String { "kafka" }

    func clients(
        after id: ClientID?, limit: Int, where isWanted: @escaping @Sendable (ConnectedClient) -> Bool
    ) async -> [ConnectedClient] {
        guard let server = server() else { return [] }
        var found: [ConnectedClient] = []
        for loop in max(0, id?.loop ?? 0)..<max(server.loopCount, id?.loop ?? 0) {
            var place = id.flatMap { $0.loop == loop ? $0.place + 1 : nil } ?? 0
            while found.count < limit, let (some, next) = await server.connections(ofLoop: loop, from: place)
            {
                let clients = some.lazy.map { client($0, loop: loop) }
                found += clients.filter(isWanted).prefix(limit - found.count)
                guard let next else { break }
                place = next
            }
        }
        return found
    }

    func disconnect(_ id: ClientID) async -> Bool {
        guard id.service == service, let index = UInt32(exactly: id.place) else { return false }
        return await server()?.disconnect(
            loop: id.loop, KafkaConnectionID(index: index, generation: id.generation)) ?? false
    }

    private func client(_ figures: KafkaConnectionFigures, loop: Int) -> ConnectedClient {
        let involvement = figures.session.involvement
        var user: String?
        if case .done(let name)? = figures.session.exchange { user = name }
        let api = figures.apiKey.map { APIKey(rawValue: $0).map { "\($0)" } ?? "API \($0)" }
        return ConnectedClient(
            id: ClientID(
                service: service, loop: loop, place: Int(figures.id.index), generation: figures.id.generation),
            address: figures.address, client: figures.clientID, software: figures.session.knownSoftware,
            user: user, age: figures.age, idle: figures.idle, requests: figures.requests,
            underWay: figures.underWay, bytesReceived: figures.bytesReceived, bytesSent: figures.bytesSent,
            lastRequest: api.map { $0.prefix(1).uppercased() + $0.dropFirst() },
            topics: involvement.topics.compactMap { topic in
                switch topic {
                case .name(let name): name
                case .id(let id): context.topic(id)?.name.description
                }
            }, groups: involvement.groups)
    }
}
