// SPDX-License-Identifier: Apache-2.0

// The clients that are connected to any of the gateways, page by page: this one's own, and those that others tell of.

internal import ApusEngine
internal import ApusHTTPCodec
internal import ApusHTTPServer
internal import ApusModel
internal import Synchronization

/// Knows who is connected.
final class ClientDirectory: Sendable {
    private struct Parts {
        /// Held by its gateway, whose context holds this.
        weak var server: HTTPServer?
    }

    private let others: [any ClientObserver]
    private let parts = Mutex(Parts())

    init(others: [any ClientObserver]) { self.others = others }

    /// From now on connections are this server's.
    func attach(_ server: HTTPServer) { parts.withLock { $0.server = server } }

    private var observers: [any ClientObserver] {
        let own = parts.withLock { $0.server }.map { [HTTPClients(server: $0)] } ?? []
        return (own + others).sorted { $0.service < $1.service }
    }

    /// A page of clients in the order of their ids, which `page.after` is one of.
    func clients(_ page: Page, after last: ClientID?) async -> [ConnectedClient] {
        let wanted = page.search?.lowercased()
        var found: [ConnectedClient] = []
        for observer in observers where found.count < page.limit {
            if let last, observer.service < last.service { continue }
            found += await observer.clients(
                after: last?.service == observer.service ? last : nil, limit: page.limit - found.count
            ) { client in wanted.map { client.isFound(by: $0) } ?? true }
        }
        return found
    }

    /// Closes a client's connection; false when it is not there (any more).
    func disconnect(_ id: ClientID) async -> Bool {
        await observers.first { $0.service == id.service }?.disconnect(id) ?? false
    }
}

/// The clients of an HTTP server.
struct HTTPClients: ClientObserver {
    let server: HTTPServer

    var service: String { "http" }

    func clients(
        after id: ClientID?, limit: Int, where isWanted: @escaping @Sendable (ConnectedClient) -> Bool
    ) async -> [ConnectedClient] {
        let found = await server.connections(after: id.map { ($0.loop, $0.place) }, limit: limit) {
            isWanted(client($0))
        }
        return found.map(client)
    }

    func disconnect(_ id: ClientID) async -> Bool {
        guard id.service == service else { return false }
        return await server.disconnect(loop: id.loop, place: id.place, generation: id.generation)
    }

    private func client(_ figures: HTTPConnectionFigures) -> ConnectedClient {
        ConnectedClient(
            id: ClientID(
                service: service, loop: figures.loop, place: figures.place, generation: figures.generation),
            address: figures.peer ?? "?", client: figures.agent, age: figures.age, idle: figures.idle,
            requests: figures.requests, underWay: figures.underWay, bytesReceived: figures.bytesReceived,
            bytesSent: figures.bytesSent,
            lastRequest: figures.method.map { "\($0)".uppercased() + " " + (figures.path ?? "") },
            topics: figures.topic.map { [$0] } ?? [])
    }
}

extension HTTPConnectionFigures {
    /// The topic of the last request, if it was about one.
    fileprivate var topic: String? {
        let parts = (path ?? "").split(separator: "/", maxSplits: 4)
        guard parts.count >= 3, parts[0] == "v1", parts[1] == "topics" else { return nil }
        return (try? ResourceName(String(parts[2])))?.description
    }
}
