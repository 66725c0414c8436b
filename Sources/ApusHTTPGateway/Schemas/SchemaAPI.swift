// SPDX-License-Identifier: Apache-2.0

// The two standard APIs of the schema registry, Confluent's and xRegistry's, below paths of their own. They have words, errors and content
// types of others, so they are no routes of this API and no part of its OpenAPI document: here requests are taken apart for them
// and answers put together.

package import ApusEngine
package import ApusHTTPCodec
package import ApusHTTPServer
internal import ApusSchemaGateway
package import NIOCore

/// One of the registry's APIs.
package enum SchemaAPI: Int, CaseIterable, Sendable {
    case confluent
    case xRegistry

    /// Where it is served.
    private var path: String {
        switch self {
        case .confluent: ConfluentAPI.path
        case .xRegistry: XRegistryAPI.path
        }
    }

    /// The API's label in metrics.
    var label: String { "\(path)/*" }

    /// The API that a request is for; nil for all others. On the hot path: most requests are told by one byte.
    package init?(_ head: HTTPRequestHead) {
        let found = head.withPathBytes { bytes -> SchemaAPI? in
            guard bytes.count > 1, bytes[1] == UInt8(ascii: "s") || bytes[1] == UInt8(ascii: "x") else {
                return nil
            }
            return SchemaAPI.allCases.first { api in
                let path = api.path.utf8
                return bytes.starts(with: path)
                    && (bytes.count == path.count || bytes[path.count] == UInt8(ascii: "/"))
            }
        }
        guard let found else { return nil }
        self = found
    }

    /// Answers a request.
    package func answer(
        _ head: HTTPRequestHead, _ body: ByteBuffer, schemas: any SchemaKeeping
    ) async -> HTTPResponse {
        let request: SchemaAPIRequest
        do throws(Problem) {
            request = try self.request(head, body)
        } catch {
            return refusal(error, head)
        }
        switch self {
        case .confluent: return Self.response(await ConfluentAPI(schemas).answer(request))
        case .xRegistry: return Self.response(await XRegistryAPI(schemas).answer(request))
        }
    }

    /// Says no in the API's own words.
    func refusal(_ problem: Problem, _ head: HTTPRequestHead) -> HTTPResponse {
        let message = problem.hint.map { "\(problem.detail): \($0)" } ?? problem.detail
        let status = problem.kind.status.code
        var response: SchemaAPIResponse
        switch self {
        case .confluent:
            response = ConfluentAPI.refusal(
                status: status, message: message, accept: head.firstValue(of: "accept"))
        case .xRegistry: response = XRegistryAPI.refusal(status: status, message: message, path: head.path)
        }
        if case .unauthorized = problem.kind {
            response.fields.append(("WWW-Authenticate", "Bearer realm=\"apus\", Basic realm=\"apus\""))
        }
        return Self.response(response)
    }

    private func request(_ head: HTTPRequestHead, _ body: ByteBuffer) throws(Problem) -> SchemaAPIRequest {
        guard let method = SchemaAPIRequest.Method(rawValue: head.method == .head ? "GET" : head.methodName)
        else {
            throw Problem(.methodNotAllowed, "\(head.methodName.prefix(20)) is not a method of this API")
        }
        if let coding = head.firstValue(of: "content-encoding"), !coding.isEmpty,
            coding.lowercased() != "identity"
        {
            throw Problem(
                .unsupportedMediaType,
                "a body with the content encoding '\(coding.prefix(100))' is not accepted")
        }
        var segments: [String]
        let query: [(name: String, value: String)]
        do {
            segments = try head.pathSegments()
            query = try head.queryItems().items.map { ($0.name, $0.value) }
        } catch {
            throw Problem(.malformed, "the path or the query cannot be decoded")
        }
        segments.removeFirst()
        if segments.last?.isEmpty == true { segments.removeLast() }
        var fields: [(name: String, value: String)] = []
        if self == .xRegistry {
            head.forEachField { name, value in
                let name = String(decoding: name, as: UTF8.self).lowercased()
                guard name.hasPrefix("xregistry-") else { return }
                fields.append((name, String(decoding: value, as: UTF8.self)))
            }
        }
        return SchemaAPIRequest(
            method, segments, query: query, base: "http://\(head.authority ?? "localhost")\(path)",
            contentType: head.contentType, accept: head.firstValue(of: "accept"), fields: fields,
            body: Array(body.readableBytesView))
    }

    private static func response(_ response: SchemaAPIResponse) -> HTTPResponse {
        var headers = HTTPHeaderBlock()
        if !response.contentType.isEmpty { headers.append("Content-Type", response.contentType) }
        for field in response.fields {
            // Names are ours; of a value that may not stand in a head, the field is left out.
            try? headers.append(checkedName: field.name, value: field.value)
        }
        return HTTPResponse(
            status: HTTPStatus(code: response.status), headers: headers,
            body: ByteBuffer(bytes: response.body))
    }
}
