// SPDX-License-Identifier: Apache-2.0

import ApusHTTPServer
import NIOCore
import Testing

@testable import ApusDashboard
@testable import ApusHTTPCodec

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

@Suite struct DashboardTests {
    private let dashboard = Dashboard()

    /// The answer to a request with these header lines.
    private func get(_ path: String, _ lines: String...) throws -> HTTPResponse? {
        let text =
            (["GET \(path) HTTP/1.1", "Host: localhost"] + lines).joined(separator: "\r\n") + "\r\n\r\n"
        var parser = HTTPRequestParser()
        var input = ByteBuffer(string: text)
        guard case .head(let head) = try parser.next(from: &input) else { return nil }
        return dashboard.answer(head)
    }

    private func headers(_ response: HTTPResponse) -> String { String(buffer: response.head.headers.lines) }

    /// The address of a file, as the document names it.
    private func address(of file: String) throws -> String {
        let document = String(buffer: try #require(try get("/ui/")).body)
        let start = try #require(document.firstRange(of: "/ui/assets/"))
        let version = document[start.upperBound...].prefix { $0 != "/" }
        return "/ui/assets/\(version)/\(file)"
    }

    @Test(arguments: ["/ui/", "/ui/topics", "/ui/topics/a%2Fb/0/42", "/ui/no/such/page"])
    func `every address below ui is the same document`(path: String) throws {
        let response = try #require(try get(path))
        #expect(response.head.status == .ok)
        #expect(headers(response).contains("Content-Type: text/html; charset=utf-8\r\n"))
        #expect(headers(response).contains("Cache-Control: no-cache\r\n"))
        #expect(!String(buffer: response.body).contains("@VERSION@"))
    }

    @Test func `the root leads people to the pages, and programs to the API`() throws {
        let response = try #require(try get("/", "Accept: text/html,application/xhtml+xml"))
        #expect(response.head.status.code == 307)
        #expect(headers(response).contains("Location: /ui/\r\n"))
        #expect(try get("/", "Accept: application/json") == nil)
        #expect(try get("/") == nil)
    }

    @Test(arguments: ["/v1/topics", "/uifoo", "/metrics", "/u"])
    func `all other paths are the API's`(path: String) throws {
        #expect(try get(path) == nil)
    }

    @Test func `files are kept for ever under the version of all files`() throws {
        let response = try #require(try get(try address(of: "app.js")))
        #expect(response.head.status == .ok)
        #expect(headers(response).contains("immutable"))
        #expect(headers(response).contains("Content-Type: text/javascript; charset=utf-8\r\n"))
        #expect(try #require(try get("/ui/assets/0/app.js")).head.status == .notFound)
        #expect(try #require(try get("/ui/assets/../app.js")).head.status == .notFound)
    }

    @Test func `who has a file is told that it is still the same`() throws {
        for path in ["/ui/", try address(of: "css/tokens.css")] {
            let response = try #require(try get(path))
            let tag = try #require(
                headers(response).split(separator: "\r\n").first { $0.hasPrefix("ETag: ") })
            let again = try #require(try get(path, "If-None-Match: W/\(tag.dropFirst(6))"))
            #expect(again.head.status == .notModified)
            #expect(again.body.readableBytes == 0)
            #expect(try #require(try get(path, "If-None-Match: \"other\"")).head.status == .ok)
        }
    }

    @Test func `files are compressed for who takes that`() throws {
        let path = try address(of: "app.js")
        let plain = try #require(try get(path))
        let small = try #require(try get(path, "Accept-Encoding: gzip, br"))
        #expect(headers(small).contains("Content-Encoding: gzip\r\n"))
        #expect(small.body.readableBytes < plain.body.readableBytes / 2)
        #expect(headers(plain).contains("Vary: Accept-Encoding\r\n"))
    }

    @Test func `nothing inline runs, nothing foreign is loaded, and nobody frames a page`() throws {
        let fields = headers(try #require(try get("/ui/")))
        for part in [
            "default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
        ] { #expect(fields.contains(part)) }
        #expect(!fields.contains("unsafe"))
        #expect(fields.contains("X-Content-Type-Options: nosniff\r\n"))
        #expect(fields.contains("Referrer-Policy: no-referrer\r\n"))
    }

    @Test func `every file of the folder is inside the program, as it is`() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Sources/CApusDashboard/Assets")
        let found = try FileManager.default.subpathsOfDirectory(atPath: root.path())
            .filter { $0.contains(".") }
        #expect(Set(found) == Set(AssetFile.all.map(\.path)))
        let others = try AssetFile.all.filter { asset in
            try Data(contentsOf: root.appending(path: asset.path)) != Data(asset.bytes)
        }
        #expect(others.map(\.path) == [])
        let document = try String(contentsOf: root.appending(path: "index.html"), encoding: .utf8)
        for path in found where path.hasSuffix(".js") { #expect(document.contains("/\(path)\""), "\(path)") }
    }
}
