// SPDX-License-Identifier: Apache-2.0

// Clients that are connected, over whichever protocol: to look at, and to be sent away.

internal import ApusEngine
internal import ApusHTTPCodec
internal import ApusModel
internal import JSONText

/// Routes about connected clients.
enum ClientRoutes {
    static let all: [Route] = [list, disconnect]

    private static let list = Route(
        method: .get, path: PathTemplate("/v1/clients"), operation: "listClients",
        summary:
            "Lists clients that are connected now, over HTTP and Kafka's protocol: one entry for a connection.",
        chapter: .operations, parameters: [.search] + QueryParameter.page,
        successes: [.json(.ok, "A page of clients, by id.", .clients)], problems: [.invalid],
        handler: .answer { context, call async throws(Problem) in
            let page = try call.query.page()
            let after = try page.after.map { text throws(Problem) in try id(text) }
            let clients = await context.clients.clients(page, after: after)
            let now = context.now
            return .page("clients", clients, of: page, next: \.id.description) { $0.client($1, now: now) }
        })

    private static let disconnect = Route(
        method: .delete, path: PathTemplate("/v1/clients/{client}"), operation: "disconnectClient",
        summary:
            "Closes a client's connection. What it has no answer to is not answered, and most clients connect again by themselves.",
        chapter: .operations, successes: [.done], problems: [.notFound, .invalid],
        handler: .answer { context, call async throws(Problem) in
            let id = try id(call.pathValues.first ?? "")
            guard await context.clients.disconnect(id) else {
                throw Problem(
                    .notFound, "there is no client '\(id)' (any more)",
                    hint: "GET /v1/clients lists those that are connected now")
            }
            return .done
        })

    private static func id(_ text: String) throws(Problem) -> ClientID {
        guard let id = ClientID(text) else {
            throw Problem(
                .invalid, "'\(text.prefix(80))' is not the id of a client: those are like 'kafka-0-12-3'")
        }
        return id
    }
}

extension JSONWriter {
    /// A client that is connected.
    fileprivate mutating func client(_ client: ConnectedClient, now: Timestamp) {
        object { writer in
            writer.member("id", client.id.description)
            writer.member("service", client.id.service)
            writer.member("address", client.address)
            writer.member("client", client.client)
            writer.member("software", client.software)
            writer.member("user", client.user)
            writer.member("since", now.advanced(by: .zero - client.age))
            writer.member("last", now.advanced(by: .zero - client.idle))
            writer.member("last_request", client.lastRequest)
            writer.member("requests", client.requests)
            writer.member("under_way", client.underWay)
            writer.member("bytes_received", client.bytesReceived)
            writer.member("bytes_sent", client.bytesSent)
            writer.member("topics", list: client.topics) { $0.string($1) }
            writer.member("groups", list: client.groups) { $0.string($1) }
        }
    }
}
