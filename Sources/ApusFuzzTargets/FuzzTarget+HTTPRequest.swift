// SPDX-License-Identifier: Apache-2.0

// HTTP requests: how the network splits the bytes must make no difference to what was requested, since a
// difference between two readers of the same bytes is how requests are smuggled.

import ApusHTTPCodec
import NIOCore

func fuzzHTTPRequest(_ input: [UInt8]) {
    let whole = trace(of: input, pieceLength: max(input.count, 1))
    for pieceLength in [1, 2, 7, 64] where pieceLength < input.count {
        precondition(
            trace(of: input, pieceLength: pieceLength) == whole, "split differently, read differently")
    }
}

/// What a parser made of the input.
private struct RequestTrace: Equatable {
    var steps: [String] = []
    var body: [UInt8] = []
    var error: HTTPRequestError?
}

private func trace(of input: [UInt8], pieceLength: Int) -> RequestTrace {
    var parser = HTTPRequestParser()
    var buffer = ByteBuffer()
    var trace = RequestTrace()
    for start in stride(from: 0, to: input.count, by: pieceLength) {
        buffer.writeBytes(input[start..<min(start + pieceLength, input.count)])
        do throws(HTTPRequestError) {
            while try step(&parser, &buffer, &trace) {}
        } catch {
            trace.error = error
            return trace
        }
    }
    return trace
}

/// Takes one event; false when more bytes are needed.
private func step(
    _ parser: inout HTTPRequestParser, _ buffer: inout ByteBuffer, _ trace: inout RequestTrace
) throws(HTTPRequestError) -> Bool {
    switch try parser.next(from: &buffer) {
    case .needsBytes: return false
    case .head(let head): trace.steps.append(description(of: head))
    case .body(let piece):
        precondition(piece.readableBytes > 0, "an empty piece of a body")
        trace.body += piece.readableBytesView
    case .end: trace.steps.append("end after \(trace.body.count) bytes")
    }
    return true
}

/// Everything that a head says, so that no accessor goes untried.
private func description(of head: HTTPRequestHead) -> String {
    var text = "\(head.methodName) \(head.target) \(head.path) \(head.query ?? "-") \(head.version)"
    text += " \(head.framing) \(head.keepsAlive) \(head.expectsContinue) \(head.authority ?? "-")"
    text += " \(head.contentType ?? "-") \(head.origin ?? "-") \(head.fieldCount)"
    head.forEachField { name, value in
        text += " \(String(decoding: name, as: UTF8.self)): \(String(decoding: value, as: UTF8.self))"
    }
    return text
}
