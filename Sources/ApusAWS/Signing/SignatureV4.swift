// SPDX-License-Identifier: Apache-2.0

// AWS Signature Version 4: what a request is signed with. Pure: the time goes in, text comes out, so that AWS's published examples are tests, and a server
// can check a signature by making it again. Source: "Create a signed AWS API request" in the IAM user guide.

internal import Crypto

/// A secret key of AWS, and what it is known by.
public struct AWSCredentials: Sendable, Hashable {
    /// The access key id.
    public var keyID: String
    /// The secret access key.
    public var secret: String
    /// For credentials that end: the token that says who gave them.
    public var sessionToken: String?
    /// When they end, in seconds since 1970; nil for never.
    public var expiry: Int64?

    /// A secret key of AWS, and what it is known by.
    public init(keyID: String, secret: String, sessionToken: String? = nil, expiry: Int64? = nil) {
        self.keyID = keyID
        self.secret = secret
        self.sessionToken = sessionToken
        self.expiry = expiry
    }
}

/// What is signed of a request.
public struct SignableRequest: Sendable, Hashable {
    /// The HTTP method.
    public var method: String
    /// The path as it is sent, percent-encoded; `/` if empty.
    public var path: String
    /// The query as it is sent, without its question mark.
    public var query: String
    /// All headers to be signed; `host` must be among them.
    public var headers: [(name: String, value: String)]
    /// The body.
    public var body: [UInt8]

    /// What is signed of a request.
    public init(
        method: String, path: String, query: String = "", headers: [(name: String, value: String)],
        body: [UInt8]
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
    }

    public static func == (left: SignableRequest, right: SignableRequest) -> Bool {
        left.method == right.method && left.path == right.path && left.query == right.query
            && left.body == right.body && left.headers.elementsEqual(right.headers, by: ==)
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(method)
        hasher.combine(path)
        hasher.combine(query)
        hasher.combine(body)
    }
}

/// Where and for what a signature is valid.
public struct SignatureV4: Sendable, Hashable {
    /// Such as `eu-central-1`.
    public var region: String
    /// Such as `sqs`.
    public var service: String
    /// `YYYYMMDDTHHMMSSZ`.
    public var timestamp: String

    /// Where and for what a signature is valid.
    ///
    /// - Parameter timestamp: `YYYYMMDDTHHMMSSZ`, in UTC.
    public init(region: String, service: String, timestamp: String) {
        self.region = region
        self.service = service
        self.timestamp = timestamp
    }

    private var scope: String { "\(timestamp.prefix(8))/\(region)/\(service)/aws4_request" }

    /// The value of `Authorization` for a request whose headers are whole, `x-amz-date` and `x-amz-security-token` among them.
    public func authorization(of request: SignableRequest, by credentials: AWSCredentials) -> String {
        let names = Self.canonicalHeaders(request.headers).map(\.name).joined(separator: ";")
        return "AWS4-HMAC-SHA256 Credential=\(credentials.keyID)/\(scope), SignedHeaders=\(names), "
            + "Signature=\(signature(of: request, by: credentials))"
    }

    /// The signature alone: 64 hexadecimal digits.
    public func signature(of request: SignableRequest, by credentials: AWSCredentials) -> String {
        let text =
            "AWS4-HMAC-SHA256\n\(timestamp)\n\(scope)\n\(Self.hash(Array(Self.canonical(request).utf8)))"
        var key = SymmetricKey(data: Array("AWS4\(credentials.secret)".utf8))
        for part in [String(timestamp.prefix(8)), region, service, "aws4_request"] {
            key = SymmetricKey(data: HMAC<SHA256>.authenticationCode(for: Array(part.utf8), using: key))
        }
        return Self.hex(HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: key))
    }

    // MARK: The canonical request

    /// The text that a request is signed as.
    static func canonical(_ request: SignableRequest) -> String {
        let headers = canonicalHeaders(request.headers)
        let lines = headers.map { "\($0.name):\($0.value)\n" }.joined()
        return [
            request.method, canonicalPath(request.path), canonicalQuery(request.query), lines,
            headers.map(\.name).joined(separator: ";"), hash(request.body),
        ].joined(separator: "\n")
    }

    /// Headers by name, in lower case, those of one name joined, white space folded.
    private static func canonicalHeaders(
        _ headers: [(name: String, value: String)]
    ) -> [(name: String, value: String)] {
        var values: [String: [String]] = [:]
        for header in headers { values[header.name.lowercased(), default: []].append(folded(header.value)) }
        return values.sorted { $0.key < $1.key }.map { ($0.key, $0.value.joined(separator: ",")) }
    }

    private static func folded(_ value: String) -> String {
        value.split(whereSeparator: { $0 == " " || $0 == "\t" }).joined(separator: " ")
    }

    /// The path with `.` and `..` resolved and encoded once more, as every service but S3 has it.
    private static func canonicalPath(_ path: String) -> String {
        var segments: [Substring] = []
        for segment in path.split(separator: "/") {
            switch segment {
            case ".": continue
            case "..": _ = segments.popLast()
            default: segments.append(segment)
            }
        }
        var canonical = "/" + segments.map { AWSPercentEncoding.encode($0) }.joined(separator: "/")
        if path.hasSuffix("/"), canonical != "/" { canonical += "/" }
        return canonical
    }

    /// The parameters in order of their encoded names, then values.
    private static func canonicalQuery(_ query: String) -> String {
        guard !query.isEmpty else { return "" }
        var pairs: [(name: Substring, value: Substring)] = query.split(separator: "&").map { pair in
            guard let equals = pair.firstIndex(of: "=") else { return (pair, "") }
            return (pair[..<equals], pair[pair.index(after: equals)...])
        }
        pairs.sort { ($0.name, $0.value) < ($1.name, $1.value) }
        return pairs.map { "\($0.name)=\($0.value)" }.joined(separator: "&")
    }

    /// SHA-256 as hexadecimal digits.
    static func hash(_ bytes: [UInt8]) -> String { hex(SHA256.hash(data: bytes)) }

    private static func hex(_ bytes: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for byte in bytes { text += [digits[Int(byte >> 4)], digits[Int(byte & 15)]] }
        return String(decoding: text, as: UTF8.self)
    }
}

/// Percent-encoding as AWS signs it: everything but unreserved characters, digits in upper case.
enum AWSPercentEncoding {
    static func encode(_ text: some StringProtocol) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var encoded: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                encoded.append(byte)
            default: encoded += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }
}
