// SPDX-License-Identifier: Apache-2.0

// The dashboard's side of the server: it answers requests for its pages with files that are inside the program. The pages use the HTTP API like any other
// client; here is nothing but files.
//
// Below `/ui/assets/` the path has a number that changes with the files, so that browsers keep them for ever; every other path below `/ui/` is a page,
// which is one and the same document: the program in it looks at the address.

public import ApusHTTPCodec
public import ApusHTTPServer
internal import NIOCore

/// Answers requests for the pages of the dashboard.
public struct Dashboard: Sendable {
    /// Where the pages are, for people.
    public static let path = "/ui/"

    private let document: Asset
    private let assets: [String: Asset]

    /// Reads the files that are inside the program.
    public init() {
        let files = AssetFile.all
        let version = AssetFile.version(of: files)
        document = Asset(
            files.first { $0.path == "index.html" }.map { $0.bytes(version: version) } ?? [],
            path: "index.html")
        assets = Dictionary(
            files.map { ("/ui/assets/\(version)/\($0.path)", Asset($0.bytes, path: $0.path)) },
            uniquingKeysWith: { first, _ in first })
    }

    /// The answer to a GET or HEAD request for a page or one of its files; nil for every other path.
    public func answer(_ head: HTTPRequestHead) -> HTTPResponse? {
        guard
            head.withPathBytes({
                $0.count == 1 || $0.starts(with: "/ui".utf8) || $0.starts(with: "/favicon".utf8)
            })
        else { return nil }
        let path = head.path
        switch path {
        // Programs that ask for the root are told by the API that there is nothing.
        case "/": return Self.wantsPage(head) ? Self.redirect(to: Self.path) : nil
        case "/ui": return Self.redirect(to: Self.path)
        case "/favicon.ico": return Self.missing
        default: break
        }
        if path.hasPrefix("/ui/assets/") {
            guard let asset = assets[path] else { return Self.missing }
            return asset.answer(head, caching: "public, max-age=31536000, immutable")
        }
        guard path.hasPrefix(Self.path) else { return nil }
        return document.answer(head, caching: "no-cache")
    }

    private static func wantsPage(_ head: HTTPRequestHead) -> Bool {
        head.values(of: "accept").contains { $0.contains("text/html") }
    }

    private static func redirect(to path: String) -> HTTPResponse {
        var headers = HTTPHeaderBlock()
        headers.append("Location", path)
        headers.append("Cache-Control", "no-cache")
        return HTTPResponse(status: HTTPStatus(code: 307), headers: headers)
    }

    private static let missing: HTTPResponse = {
        var headers = HTTPHeaderBlock(contentType: "text/plain; charset=utf-8")
        // A page of another version asks for files that are gone: it must not keep this answer.
        headers.append("Cache-Control", "no-store")
        return HTTPResponse(
            status: .notFound, headers: headers,
            body: ByteBuffer(string: "No such file; load the page again.\n"))
    }()
}
