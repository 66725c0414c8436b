// SPDX-License-Identifier: Apache-2.0

// `http-floor PORT [batched]`: answers every request with 200 and `{}`; one event loop. With `batched`, answers
// come from another thread in groups, as they do when a journal's flush completes many requests at once.

import ApusHTTPCodec
import ApusHTTPServer
import ApusNetwork
import Dispatch
import NIOCore
import Synchronization

let answer = HTTPResponse(
    status: .ok, headers: HTTPHeaderBlock(contentType: "application/json"), body: ByteBuffer(string: "{}"))

/// Answers at once, on the loop.
struct Immediate: HTTPRequestHandler {
    func handle(_ request: consuming HTTPRequest, _ responder: HTTPResponder) {
        responder.respond(answer)
    }
}

/// Keeps responders until its thread wakes and answers all of them.
final class Batched: HTTPRequestHandler {
    private let waiting = Mutex<[HTTPResponder]>([])
    private let wake = DispatchSemaphore(value: 0)

    init() {
        let thread = DispatchQueue(label: "completer")
        thread.async { while true { self.completeSome() } }
    }

    func handle(_ request: consuming HTTPRequest, _ responder: HTTPResponder) {
        let isFirst = waiting.withLock { waiting in
            waiting.append(responder)
            return waiting.count == 1
        }
        if isFirst { wake.signal() }
    }

    private func completeSome() {
        wake.wait()
        let responders = waiting.withLock { waiting in
            defer { waiting = [] }
            return waiting
        }
        responders.forEach { $0.respond(answer) }
    }
}

let port = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 18081
let isBatched = CommandLine.arguments.contains("batched")
var configuration = HTTPServerConfiguration(addresses: [ListenAddress(host: "127.0.0.1", port: port)])
configuration.eventLoopCount = 1
configuration.connectionsMax = 20_000
let handler: any HTTPRequestHandler = isBatched ? Batched() : Immediate()
let server = try await HTTPServer.start(configuration, handler: handler)
print("listening at", server.addresses)
while true {
    try await Task.sleep(for: .seconds(3600))
}
