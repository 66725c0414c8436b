// SPDX-License-Identifier: Apache-2.0

// What handlers are given and give back.

internal import ApusHTTPCodec
internal import ApusHTTPServer
internal import ApusModel
internal import JSONText
internal import NIOCore

/// A response sent in one piece.
struct Answer: Sendable {
    var status: HTTPStatus
    var headers: HTTPHeaderBlock
    var body: ByteBuffer

    init(status: HTTPStatus, headers: HTTPHeaderBlock, body: ByteBuffer) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// What `write` writes, as JSON.
    static func json(_ status: HTTPStatus = .ok, _ write: (inout JSONWriter) -> Void) -> Answer {
        var writer = JSONWriter(capacity: 512)
        write(&writer)
        return Answer(status: status, headers: jsonHeaders, body: ByteBuffer(bytes: writer.bytes))
    }

    /// Done; nothing to say.
    static let done = Answer(status: .noContent, headers: HTTPHeaderBlock(), body: ByteBuffer())

    /// The headers of every answer in JSON, shared.
    static let jsonHeaders = HTTPHeaderBlock(contentType: "application/json")

    /// The answer for the server.
    var response: HTTPResponse { HTTPResponse(status: status, headers: headers, body: body) }
}

/// A response written bit by bit.
struct StreamBody: Sendable {
    var headers: HTTPHeaderBlock
    /// Writes until it has nothing more to say, the client is gone or the task is cancelled.
    var write: @Sendable (HTTPStreamWriter) async -> Void
}

/// A request that has found its route.
struct Call: Sendable {
    var head: HTTPRequestHead
    var body: ByteBuffer
    /// The values of the path's parameters, in order.
    var pathValues: [String]
    var query: QueryReader
    /// This call among those that are being answered.
    var ticket: CallRegistry.Ticket
    /// Who asks.
    var peer: HTTPPeer?

    /// The path's parameter at `index`, which must be a name.
    func name(_ index: Int = 0) throws(Problem) -> ResourceName {
        guard pathValues.indices.contains(index) else { throw Problem(.malformed, "the path lacks a name") }
        do {
            return try ResourceName(pathValues[index])
        } catch {
            throw Problem(.malformed, error.description)
        }
    }

    /// The members of the body, which must be a JSON object of the members that `schema` knows.
    func members(_ schema: ObjectSchema) throws(Problem) -> MemberReader {
        try MemberReader(json(), schema)
    }

    /// The members of the body; an empty body is an empty object.
    func optionalMembers(_ schema: ObjectSchema) throws(Problem) -> MemberReader {
        guard body.readableBytes > 0 else { return try MemberReader(.object(JSONObject()), schema) }
        return try members(schema)
    }

    private func json() throws(Problem) -> JSONValue {
        guard body.readableBytes > 0 else {
            throw Problem(.malformed, "the body is missing: send a JSON object")
        }
        do {
            return try JSONValue(parsing: body.readableBytesView, duplicateNames: .rejected)
        } catch {
            throw Problem(error)
        }
    }
}
