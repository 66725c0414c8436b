// SPDX-License-Identifier: Apache-2.0

// Means to feed a parser in any rhythm and to write down what it made of it, so that tests compare texts.

import ApusHTTPCodec
import NIOCore

/// What a parser made of some bytes: its requests as text, and the error that ended them.
struct Transcript: Equatable {
    var requests: [String] = []
    var error: HTTPRequestError?
    /// Whether bytes were left in the middle of a request.
    var isCut = false
}

/// Feeds `pieces` one after another and writes down what comes out.
func transcript(_ pieces: [[UInt8]], limits: HTTPLimits = HTTPLimits()) -> Transcript {
    var parser = HTTPRequestParser(limits: limits)
    var input = ByteBuffer()
    var result = Transcript()
    var head: HTTPRequestHead?
    var body = ByteBuffer()
    do throws(HTTPRequestError) {
        for piece in pieces {
            input.writeBytes(piece)
            loop: while true {
                switch try parser.next(from: &input) {
                case .needsBytes: break loop
                case .head(let next): head = next
                case .body(var part): body.writeBuffer(&part)
                case .end:
                    if let head { result.requests.append(describe(head, body)) }
                    head = nil
                    body.clear()
                }
            }
        }
    } catch {
        result.error = error
    }
    result.isCut = head != nil || input.readableBytes > 0 || !parser.isBetweenRequests
    return result
}

func transcript(_ text: String, limits: HTTPLimits = HTTPLimits()) -> Transcript {
    transcript([Array(text.utf8)], limits: limits)
}

/// The error that `text` ends in, if any.
func error(_ text: String, limits: HTTPLimits = HTTPLimits()) -> HTTPRequestError? {
    transcript(text, limits: limits).error
}

/// The first head in `text`, or nil.
func firstHead(_ text: String) -> HTTPRequestHead? {
    var parser = HTTPRequestParser()
    var input = ByteBuffer(string: text)
    guard case .head(let head) = try? parser.next(from: &input) else { return nil }
    return head
}

private func describe(_ head: HTTPRequestHead, _ body: ByteBuffer) -> String {
    var text = "\(head.methodName) \(head.path)?\(head.query ?? "") \(head.version)"
    text += " alive:\(head.keepsAlive) continue:\(head.expectsContinue) at:\(head.authority ?? "")"
    head.forEachField { name, value in
        text += "|\(String(decoding: name, as: UTF8.self))=\(String(decoding: value, as: UTF8.self))"
    }
    return text + " body:\(String(buffer: body))"
}

/// Requests, good and bad, that the tests of splitting and of damage start from.
let samples: [String] = [
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "\r\nGET /a/b?x=1&y=%20 HTTP/1.1\r\nHost: a:80\r\nAccept: */*\r\nX-Empty:\r\n\r\n",
    "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nhello",
    "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /next HTTP/1.1\r\nHost: b\r\n\r\n",
    "PUT /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        + "5\r\nhello\r\n1;n=v;q=\"x\"\r\n!\r\n0\r\nDigest: x\r\n\r\nHEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.0\r\n\r\n",
    "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /2 HTTP/1.0\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: \r\nConnection: close, x\r\n\r\n",
    "GET http://example.org:81/x?y HTTP/1.1\r\nHost: ignored\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok",
    "GET / HTTP/1.1\nHost: a\n\n",
    "GET / HTTP/1.1\r\nHost: a\r\nA : b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n",
    "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
    "GET /" + String(repeating: "x", count: 9000) + " HTTP/1.1\r\nHost: a\r\n\r\n",
]
