// SPDX-License-Identifier: Apache-2.0

// One file as it is answered: type, headers that keep a page from doing what it should not, and a compressed form made when it is first wanted.

internal import ApusCompression
internal import ApusHTTPCodec
internal import ApusHTTPServer
internal import NIOCore
internal import Synchronization

/// A file with the headers that it is sent with.
final class Asset: Sendable {
    private let body: ByteBuffer
    private let type: String
    private let tag: String
    private let compressed = Mutex<Compressed>(.unknown)

    private enum Compressed {
        case unknown
        case made(ByteBuffer)
        /// zlib is missing, or it would not be smaller.
        case useless
    }

    init(_ bytes: [UInt8], path: String) {
        body = ByteBuffer(bytes: bytes)
        type = Self.type(of: path)
        tag = "\"\(String(AssetFile.hash(bytes), radix: 36))\""
    }

    /// The answer to a request for it.
    func answer(_ head: HTTPRequestHead, caching: String) -> HTTPResponse {
        var headers = Self.safety
        headers.append("Cache-Control", caching)
        headers.append("ETag", tag)
        headers.append("Vary", "Accept-Encoding")
        if head.values(of: "if-none-match").contains(where: { $0.contains(tag) }) {
            return HTTPResponse(status: .notModified, headers: headers)
        }
        headers.append("Content-Type", type)
        let takesGzip = head.values(of: "accept-encoding").contains { $0.lowercased().contains("gzip") }
        if takesGzip, let smaller = gzip() {
            headers.append("Content-Encoding", "gzip")
            return HTTPResponse(status: .ok, headers: headers, body: smaller)
        }
        return HTTPResponse(status: .ok, headers: headers, body: body)
    }

    private func gzip() -> ByteBuffer? {
        compressed.withLock { compressed in
            if case .unknown = compressed {
                let bytes = try? Compression.compress(body.readableBytesView, .gzip)
                compressed =
                    bytes.flatMap { $0.count < body.readableBytes ? .made(ByteBuffer(bytes: $0)) : nil }
                    ?? .useless
            }
            if case .made(let buffer) = compressed { return buffer }
            return nil
        }
    }

    private static func type(of path: String) -> String {
        switch path.split(separator: ".").last {
        case "html": "text/html; charset=utf-8"
        case "css": "text/css; charset=utf-8"
        case "js": "text/javascript; charset=utf-8"
        case "svg": "image/svg+xml"
        default: "application/octet-stream"
        }
    }

    /// What every answer has. Scripts, styles and requests come from and go to this server alone, nothing inline is run, no text becomes markup,
    /// and no other page shows this one in a frame.
    private static let safety: HTTPHeaderBlock = {
        var headers = HTTPHeaderBlock()
        headers.append("Content-Security-Policy", policy)
        headers.append("X-Content-Type-Options", "nosniff")
        headers.append("X-Frame-Options", "DENY")
        headers.append("Referrer-Policy", "no-referrer")
        headers.append("Cross-Origin-Opener-Policy", "same-origin")
        headers.append("Cross-Origin-Resource-Policy", "same-origin")
        return headers
    }()

    private static let policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        + "require-trusted-types-for 'script'; trusted-types 'none'"
}
