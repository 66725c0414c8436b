// SPDX-License-Identifier: Apache-2.0

// Targets decoded, responses written, dates formatted.

import ApusHTTPCodec
import NIOCore
import Testing

@Suite struct TargetTests {
    private func segments(_ path: String) throws -> [String] {
        let head = try #require(firstHead("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n"))
        return try head.pathSegments()
    }

    private func query(_ text: String) throws -> [String] {
        let head = try #require(firstHead("GET /?\(text) HTTP/1.1\r\nHost: a\r\n\r\n"))
        return try head.queryItems().items.map { "\($0.name)=\($0.value)" }
    }

    @Test func `a path is split before it is decoded`() throws {
        #expect(try segments("/") == [])
        #expect(try segments("/a/b") == ["a", "b"])
        #expect(try segments("/a//b/") == ["a", "", "b", ""])
        #expect(try segments("/a%2Fb/%C3%A4+c") == ["a/b", "ä+c"])
        #expect(try segments("/../.") == ["..", "."])
    }

    @Test func `a query is split into decoded items`() throws {
        #expect(try query("a=1&b&&c=%3D=&d+e=%2B+") == ["a=1", "b=", "c===", "d e=+ "])
        #expect(try query("") == [])
        let head = try #require(firstHead("GET /?a=1&b=2&a=3 HTTP/1.1\r\nHost: a\r\n\r\n"))
        #expect(try head.queryItems().first("a") == "1")
        #expect(try head.queryItems().all("a") == ["1", "3"])
        #expect(try head.queryItems().first("z") == nil)
    }

    @Test(arguments: ["/%", "/%4", "/%zz", "/a%4/b", "/%-1"])
    func `a broken escape is an error`(path: String) {
        #expect(throws: HTTPTargetError.invalidEscape) { try segments(path) }
    }

    @Test(arguments: ["/%ff", "/%C3", "/%C0%80", "/%ED%A0%80"])
    func `bytes that are no UTF-8 are an error`(path: String) {
        #expect(throws: HTTPTargetError.invalidUTF8) { try segments(path) }
    }
}

@Suite struct ResponseTests {
    private func text(
        _ head: HTTPResponseHead, _ framing: HTTPResponseFraming, version: HTTPVersion = .http11,
        keepsAlive: Bool = true, date: HTTPDateLine? = nil
    ) -> String {
        var buffer = ByteBuffer()
        head.write(framing: framing, version: version, keepsAlive: keepsAlive, date: date, into: &buffer)
        return String(buffer: buffer)
    }

    @Test func `a head has status, date, fields and framing`() {
        var headers = HTTPHeaderBlock(contentType: "text/plain")
        headers.append("Location", "/x")
        let head = HTTPResponseHead(status: .created, headers: headers)
        let date = HTTPDateLine(unixSeconds: 784_111_777)
        #expect(
            text(head, .length(12_345), date: date)
                == "HTTP/1.1 201 Created\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                + "Content-Type: text/plain\r\nLocation: /x\r\nContent-Length: 12345\r\n\r\n")
    }

    @Test func `framing follows the status and the version`() {
        let ok = HTTPResponseHead(status: .ok)
        #expect(text(ok, .chunked) == "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        #expect(
            text(ok, .untilClose, version: .http10, keepsAlive: false)
                == "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        #expect(
            text(ok, .length(0), version: .http10)
                == "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n")
        #expect(text(HTTPResponseHead(status: .noContent), .length(0)) == "HTTP/1.1 204 No Content\r\n\r\n")
        #expect(
            text(HTTPResponseHead(status: HTTPStatus(code: 299)), .length(0), keepsAlive: false)
                == "HTTP/1.1 299 Status\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    }

    @Test func `the longest head fits`() {
        let head = HTTPResponseHead(status: .headerFieldsTooLarge)
        let written = text(
            head, .length(.max), version: .http10, date: HTTPDateLine(unixSeconds: 253_402_300_799))
        #expect(written.hasSuffix("Connection: keep-alive\r\n\r\n"))
    }

    @Test func `a value cannot break its line`() {
        var headers = HTTPHeaderBlock()
        headers.append("A", "b\r\nC: d\u{0}")
        #expect(
            text(HTTPResponseHead(status: .ok, headers: headers), .untilClose).contains("A: b  C: d \r\n"))
        #expect(throws: HTTPHeaderError.invalidName) { try headers.append(checkedName: "a b", value: "c") }
        #expect(throws: HTTPHeaderError.invalidName) { try headers.append(checkedName: "", value: "c") }
        #expect(throws: HTTPHeaderError.invalidValue) { try headers.append(checkedName: "a", value: "\n") }
        #expect(throws: Never.self) { try headers.append(checkedName: "ce-id", value: "ä") }
    }

    @Test func `chunks carry their length`() {
        var buffer = ByteBuffer()
        HTTPResponseEncoding.writeChunk(ByteBuffer(string: "hello, world"), into: &buffer)
        HTTPResponseEncoding.writeChunk(ByteBuffer(), into: &buffer)
        HTTPResponseEncoding.writeLastChunk(into: &buffer)
        #expect(String(buffer: buffer) == "c\r\nhello, world\r\n0\r\n\r\n")
    }

    @Test(arguments: [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"), (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"), (-5, "Thu, 01 Jan 1970 00:00:00 GMT"),
    ])
    func `dates are IMF-fixdates`(seconds: Int, text: String) {
        #expect(HTTPDate.format(unixSeconds: seconds) == text)
    }

    @Test func `a status outside the range is an internal error`() {
        #expect(HTTPStatus(code: 99) == .internalServerError)
        #expect(HTTPStatus(code: 600).code == 500)
        #expect(HTTPStatus.notFound.description == "404 Not Found")
    }
}
