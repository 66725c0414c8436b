// SPDX-License-Identifier: Apache-2.0

// Every rule of the request line and the header section, each with the smallest request that breaks it.

import ApusHTTPCodec
import NIOCore
import Testing

@Suite struct RequestHeadTests {
    @Test func `a head gives method, path, query, version and fields`() throws {
        let text =
            "POST /v1/topics/a%2Fb?limit=5&x HTTP/1.1\r\nHost: bus:8080\r\nContent-Type: text/plain \r\n"
            + "CE-Id:  7\r\nce-id: 8\r\n\r\n"
        let head = try #require(firstHead(text))
        #expect(head.method == .post)
        #expect(head.methodName == "POST")
        #expect(head.target == "/v1/topics/a%2Fb?limit=5&x")
        #expect(head.path == "/v1/topics/a%2Fb")
        #expect(head.query == "limit=5&x")
        #expect(head.version == .http11)
        #expect(head.authority == "bus:8080")
        #expect(head.contentType == "text/plain")
        #expect(head.firstValue(of: "ce-id") == "7")
        #expect(head.values(of: "ce-id") == ["7", "8"])
        #expect(head.firstValue(of: "absent") == nil)
        #expect(head.fieldCount == 4)
        #expect(head.origin == nil)
    }

    @Test(arguments: [
        ("GET", HTTPMethod.get), ("HEAD", .head), ("POST", .post), ("PUT", .put), ("PATCH", .patch),
        ("DELETE", .delete), ("OPTIONS", .options), ("TRACE", .trace), ("get", .other), ("BREW", .other),
    ])
    func `methods are told apart by case`(name: String, method: HTTPMethod) {
        #expect(firstHead("\(name) / HTTP/1.1\r\nHost: a\r\n\r\n")?.method == method)
    }

    @Test func `an absolute target overrides Host`() {
        let head = firstHead("GET http://b:81?q HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(head?.authority == "b:81")
        #expect(head?.path == "/")
        #expect(head?.query == "q")
    }

    @Test func `keeping alive depends on version and Connection`() {
        func keepsAlive(_ version: String, _ connection: String) -> Bool? {
            firstHead("GET / HTTP/\(version)\r\nHost: a\r\nConnection: \(connection)\r\n\r\n")?.keepsAlive
        }
        #expect(keepsAlive("1.1", "x") == true)
        #expect(keepsAlive("1.1", "x, Close") == false)
        #expect(keepsAlive("1.0", "x") == false)
        #expect(keepsAlive("1.0", "Keep-Alive") == true)
        #expect(keepsAlive("1.0", "keep-alive, close") == false)
        #expect(keepsAlive("1.7", "x") == true)
    }

    @Test(arguments: [
        ("GET  / HTTP/1.1", HTTPRequestError.invalidTarget), ("GET / HTTP/1.1 ", .malformedRequestLine),
        ("GET /", .malformedRequestLine), ("GET", .malformedRequestLine), ("", .malformedRequestLine),
        ("G(T / HTTP/1.1", .invalidMethod), ("GET / HTTP/11", .malformedRequestLine),
        ("GET / http/1.1", .malformedRequestLine), ("GET /a#b HTTP/1.1", .invalidTarget),
        ("GET /\u{7f} HTTP/1.1", .invalidTarget), ("GET /ä HTTP/1.1", .invalidTarget),
        ("GET a HTTP/1.1", .invalidTarget), ("GET * HTTP/1.1", .invalidTarget),
        ("GET http:///x HTTP/1.1", .invalidTarget), ("GET ftp://a/ HTTP/1.1", .invalidTarget),
        ("GET http://u@h/ HTTP/1.1", .invalidTarget), ("CONNECT / HTTP/1.1", .invalidTarget),
        ("GET / HTTP/2.0", .unsupportedVersion), ("PRI * HTTP/2.0", .unsupportedVersion),
        ("GET / HTTP/0.9", .unsupportedVersion), ("GET /\r HTTP/1.1", .invalidTarget),
    ])
    func `a bad request line is refused`(line: String, expected: HTTPRequestError) {
        // The leading line end is skipped, so that an empty line is a second one.
        #expect(error("\r\n\(line)\r\nHost: a\r\n\r\n") == expected)
    }

    @Test(arguments: [
        ("A : b", HTTPRequestError.invalidFieldName), (": b", .invalidFieldName), ("A", .invalidFieldName),
        ("A\u{e9}: b", .invalidFieldName), (" a: b", .foldedHeaderLine), ("\ta", .foldedHeaderLine),
        ("A: b\u{0}", .invalidFieldValue), ("A: b\rc", .invalidFieldValue), ("A: \u{7f}", .invalidFieldValue),
        ("A: 12345678\u{1}12345678", .invalidFieldValue), ("Host: b", .invalidHost),
        ("Content-Length: ", .invalidContentLength), ("Content-Length: -1", .invalidContentLength),
        ("Content-Length: +1", .invalidContentLength), ("Content-Length: 1, 1", .invalidContentLength),
        ("Content-Length: 1\r\nContent-Length: 2", .invalidContentLength),
        ("Content-Length: 0x1", .invalidContentLength),
        ("Content-Length: 99999999999999999999999", .bodyTooLarge),
        ("Transfer-Encoding: gzip", .invalidTransferEncoding),
        ("Transfer-Encoding: gzip, chunked", .invalidTransferEncoding),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", .invalidTransferEncoding),
        ("Transfer-Encoding: chunked\r\nContent-Length: 1", .conflictingFraming),
        ("Content-Length: 0\r\nTransfer-Encoding: chunked", .conflictingFraming),
        ("Expect: 200-ok", .unsupportedExpectation),
    ])
    func `a bad field is refused`(line: String, expected: HTTPRequestError) {
        #expect(error("GET / HTTP/1.1\r\nHost: a\r\n\(line)\r\n\r\n") == expected)
    }

    @Test func `Host is needed once in HTTP 1 1 and must be an authority`() {
        #expect(error("GET / HTTP/1.1\r\n\r\n") == .missingHost)
        #expect(error("GET / HTTP/1.0\r\n\r\n") == nil)
        #expect(error("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n") == .invalidHost)
        #expect(error("GET / HTTP/1.1\r\nHost: a b\r\n\r\n") == .invalidHost)
        #expect(error("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n") == nil)
        #expect(error("GET / HTTP/1.1\r\nHost:\r\n\r\n") == nil)
    }

    @Test func `what looks odd but is allowed is accepted`() {
        #expect(error("GET / HTTP/1.1\r\nHost: a\r\nA: \u{e9}\tb \t\r\n\r\n") == nil)
        #expect(error("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx") == nil)
        #expect(error("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0001\r\n\r\nx") == nil)
        #expect(error("GET /{a}|b HTTP/1.1\r\nHost: a\r\n\r\n") == nil)
        #expect(error("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n") == nil)
    }

    @Test func `lines must end in CR LF`() {
        #expect(error("GET / HTTP/1.1\n") == .bareLineFeed)
        #expect(error("GET / HTTP/1.1\r\nHost: a\n\r\n") == .bareLineFeed)
        #expect(error("GET / HTTP/1.1\r\nHost: a\r\n\n") == .bareLineFeed)
        #expect(error("\nGET / HTTP/1.1\r\n") == .bareLineFeed)
    }

    @Test func `chunked coding does not exist in HTTP 1 0`() {
        #expect(
            error("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
                == .invalidTransferEncoding)
    }

    @Test func `limits are exact`() {
        let line = "GET /abc HTTP/1.1"
        let fields = "Host: a\r\nB: c\r\n"
        let text = "\(line)\r\n\(fields)\r\n"
        func limits(_ line: Int, _ bytes: Int, _ count: Int) -> HTTPLimits {
            HTTPLimits(requestLineBytesMax: line, headerBytesMax: bytes, headerFieldsMax: count)
        }
        let lineCount = line.utf8.count
        let headerCount = fields.utf8.count + 2
        #expect(error(text, limits: limits(lineCount, headerCount, 2)) == nil)
        #expect(error(text, limits: limits(lineCount - 1, headerCount, 2)) == .requestLineTooLong)
        #expect(error(text, limits: limits(lineCount, headerCount - 1, 2)) == .headerTooLarge)
        #expect(error(text, limits: limits(lineCount, headerCount, 1)) == .tooManyHeaderFields)
    }

    @Test func `a limit is noticed before the line ends`() {
        let limits = HTTPLimits(requestLineBytesMax: 20, headerBytesMax: 30)
        #expect(error(String(repeating: "a", count: 40), limits: limits) == .requestLineTooLong)
        let header = "GET / HTTP/1.1\r\n" + String(repeating: "a", count: 40)
        #expect(error(header, limits: limits) == .headerTooLarge)
    }

    @Test func `each error has a status`() {
        #expect(HTTPRequestError.requestLineTooLong.status.code == 414)
        #expect(HTTPRequestError.headerTooLarge.status.code == 431)
        #expect(HTTPRequestError.tooManyHeaderFields.status.code == 431)
        #expect(HTTPRequestError.bodyTooLarge.status.code == 413)
        #expect(HTTPRequestError.unsupportedVersion.status.code == 505)
        #expect(HTTPRequestError.unsupportedExpectation.status.code == 417)
        #expect(HTTPRequestError.tooSlow.status.code == 408)
        #expect(HTTPRequestError.missingHost.status.code == 400)
    }
}
