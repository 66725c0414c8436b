// SPDX-License-Identifier: Apache-2.0

// The two standard APIs of the schema registry, asked one thing after the other as clients ask them: a path, a query, a few header fields, a body. Whatever
// is asked, the answer has the API's form, what is refused or only read changes nothing, and what was changed is read back from the log as it was.
//
// The input is a number of requests with a line between them that is a dot. Each is a line with method and target, header fields, an empty line and the body.

import ApusHTTPCodec
import ApusHTTPGateway
import ApusHTTPServer
import ApusSchemas
import ApusTesting
import JSONText
import NIOCore

func fuzzConfluentAPI(_ input: [UInt8]) {
    converse(input, below: "/schema-registry", type: "application/vnd.schemaregistry.v1+json") { answer in
        // A number of its own, whose first digits are the status, and a sentence.
        let code = answer.json?["error_code"]?.int64 ?? 0
        precondition(
            code == answer.status || code / 100 == answer.status, "an error without its number: \(answer)")
        precondition(answer.json?["message"]?.string?.isEmpty == false, "an error without words")
    }
}

func fuzzXRegistryAPI(_ input: [UInt8]) {
    converse(input, below: "/xregistry", type: "application/schema+json") { answer in
        let type = answer.json?["type"]?.string ?? ""
        precondition(type.contains("#"), "an error without its type: \(answer)")
        precondition(answer.json?["title"]?.string?.isEmpty == false, "an error without words")
    }
}

/// What is looked at of an answer.
private struct AnswerView: Equatable, CustomStringConvertible {
    let status: Int64
    let isJSON: Bool
    let body: [UInt8]

    var json: JSONValue? { try? JSONValue(parsing: body) }
    var description: String { "\(status) \(String(decoding: body, as: UTF8.self))" }

    init(_ response: HTTPResponse) {
        status = Int64(response.head.status.code)
        body = Array(response.body.readableBytesView)
        var head = ByteBuffer()
        response.head.write(
            framing: .length(body.count), version: .http11, keepsAlive: true, date: nil, into: &head)
        let text = String(decoding: head.readableBytesView, as: UTF8.self).lowercased()
        isJSON = text.split(separator: "\r\n").contains { line in
            line.hasPrefix("content-type:") && line.contains("json")
        }
    }
}

private func converse(
    _ input: [UInt8], below path: String, type: String, checkError: (AnswerView) -> Void
) {
    let keeper = SchemaKeeper()
    let executor = DrivenExecutor()
    for request in requests(in: input).prefix(16) {
        guard let head = head(request.lines, below: path, type: type), let api = SchemaAPI(head) else {
            continue
        }
        let body = ByteBuffer(bytes: request.body)
        let before = keeper.changes.count
        let ask = {
            executor.run { await api.answer(head, body, schemas: keeper) }.map(AnswerView.init)
        }
        guard let answer = ask() else { preconditionFailure("a request is not answered") }
        precondition((200..<500).contains(answer.status), "neither done nor refused: \(answer)")
        precondition(!answer.isJSON || answer.json != nil, "JSON that is none: \(answer)")
        if answer.status >= 400 {
            precondition(keeper.changes.count == before, "what is refused changes something")
            checkError(answer)
        }
        if head.method == .get || head.method == .head {
            precondition(keeper.changes.count == before, "looking changes something")
            precondition(ask() == answer, "the same question has two answers")
        }
    }
    checkReplay(of: keeper)
}

/// The log of a registry tells the same registry.
private func checkReplay(of keeper: SchemaKeeper) {
    guard let registry = try? keeper.schemaRegistry() else { preconditionFailure("the registry is gone") }
    var replayed = SchemaRegistry()
    for change in keeper.changes {
        guard let read = SchemaChange(decoding: change.encoded) else {
            preconditionFailure("a change cannot be read back: \(change)")
        }
        precondition(read == change, "a change is another when it is read back: \(change)")
        replayed.apply(read)
    }
    precondition(snapshot(of: replayed) == snapshot(of: registry), "the log tells another registry")
    var fromSnapshot = SchemaRegistry()
    for change in snapshot(of: registry) { fromSnapshot.apply(change) }
    precondition(snapshot(of: fromSnapshot) == snapshot(of: registry), "a snapshot tells another registry")
}

private func snapshot(of registry: SchemaRegistry) -> [SchemaChange] {
    var changes: [SchemaChange] = []
    registry.forEachChange {
        changes.append($0)
        return true
    }
    return changes
}

// MARK: Input

/// One request of an input.
private struct RequestText {
    /// Method and target, then header fields.
    var lines: [ArraySlice<UInt8>] = []
    var body: [UInt8] = []
}

private func requests(in input: [UInt8]) -> [RequestText] {
    let newline = UInt8(ascii: "\n")
    var requests: [RequestText] = []
    var (request, isBody) = (RequestText(), false)
    for line in input.split(separator: newline, omittingEmptySubsequences: false) {
        if line.elementsEqual([UInt8(ascii: ".")]) {
            requests.append(request)
            (request, isBody) = (RequestText(), false)
        } else if isBody {
            if !request.body.isEmpty { request.body.append(newline) }
            request.body += line
        } else if line.isEmpty {
            isBody = true
        } else {
            request.lines.append(line)
        }
    }
    return requests + [request]
}

/// The head that a server would have read; nil for what is not HTTP.
private func head(_ lines: [ArraySlice<UInt8>], below path: String, type: String) -> HTTPRequestHead? {
    guard let first = lines.first, let space = first.firstIndex(of: UInt8(ascii: " ")) else { return nil }
    var buffer = ByteBuffer()
    buffer.writeBytes(first[...space])
    buffer.writeString(path)
    buffer.writeBytes(first[(space + 1)...])
    buffer.writeString(" HTTP/1.1\r\nHost: h:1\r\n")
    var hasType = false
    for line in lines.dropFirst() {
        hasType = hasType || String(decoding: line, as: UTF8.self).lowercased().hasPrefix("content-type")
        buffer.writeBytes(line)
        buffer.writeString("\r\n")
    }
    if !hasType { buffer.writeString("Content-Type: \(type)\r\n") }
    buffer.writeString("\r\n")
    var parser = HTTPRequestParser()
    guard case .head(let head)? = try? parser.next(from: &buffer) else { return nil }
    return head
}
