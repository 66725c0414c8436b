// SPDX-License-Identifier: Apache-2.0

// Who may ask at all: looked at on every request, before its route. On the loopback interface nobody needs a token, so the
// checks of `Host` and `Origin` are what keeps web pages out: any page a person opens can make their browser send requests to
// this machine. This is the place where TLS and users will come in.

internal import ApusHTTPCodec
internal import ApusHTTPServer
internal import ApusNetwork
internal import ApusSchemaGateway
internal import NIOCore

/// Decides whether a request is looked at.
struct Admission: Sendable {
    /// Names without port, in lower case, under which this server may be addressed.
    private let hosts: Set<String>
    /// The authorities that nearly every request names, compared as they are: on the hot path.
    private let usualAuthorities: [String]
    /// Whether any address literal will do, because the server listens on all of this machine's.
    private let allowsAnyAddress: Bool
    /// Origins other than the server's own, in lower case.
    private let origins: Set<String>
    /// What `Authorization` must say behind `Bearer `; nil if nothing.
    private let token: [UInt8]?

    init(_ configuration: HTTPGatewayConfiguration) {
        let addresses = configuration.server.addresses.map { $0.host.lowercased() }
        hosts = Set(configuration.hostNames.map { $0.lowercased() } + addresses + ["localhost"])
        usualAuthorities = configuration.server.addresses.flatMap { address in
            Set([address.host.lowercased(), "localhost", "127.0.0.1"]).map { host in
                host.contains(":") ? "[\(host)]:\(address.port)" : "\(host):\(address.port)"
            }
        }
        allowsAnyAddress = addresses.contains { $0 == "0.0.0.0" || $0 == "::" }
        origins = Set(configuration.origins.map { $0.lowercased() })
        token = configuration.token.map { Array($0.utf8) }
    }

    /// Why a request is refused; nil if it is not.
    ///
    /// - Parameter takesPassword: see ``objectionToToken(of:takesPassword:)``.
    func objection(to head: HTTPRequestHead, takesPassword: Bool = false) -> Problem? {
        objectionToSender(of: head) ?? objectionToToken(of: head, takesPassword: takesPassword)
    }

    /// Why a request is refused for whom it is meant for or where it comes from. Pages are shown to whoever passes this.
    func objectionToSender(of head: HTTPRequestHead) -> Problem? {
        guard let authority = head.authority, isOwn(authority) else { return misdirected(head.authority) }
        if let origin = head.origin, !isOwn(origin, authority: authority) { return foreign(origin) }
        return nil
    }

    /// Why a request is refused for the token that it has or lacks.
    ///
    /// - Parameter takesPassword: whether the token may also come as the password of basic authentication, which is all that
    ///   clients of some APIs can send.
    func objectionToToken(of head: HTTPRequestHead, takesPassword: Bool = false) -> Problem? {
        guard let token else { return nil }
        let isKnown = head.withFirstValueBytes(of: "authorization") { Self.carries($0, token) } ?? false
        if !isKnown, takesPassword, let password = Self.password(head), Self.isSame(password, token) {
            return nil
        }
        return isKnown ? nil : unauthorized(hasToken: head.firstValue(of: "authorization") != nil)
    }

    // MARK: Host

    /// Whether `authority` (a host and perhaps a port) names this server. A page that had its own name resolve to this
    /// machine (DNS rebinding) sends its own name here.
    func isOwn(_ authority: String) -> Bool {
        if usualAuthorities.contains(authority) { return true }
        let host = Self.host(of: authority).lowercased()
        if hosts.contains(host) { return true }
        guard let address = try? SocketAddress(ipAddress: host, port: 0) else { return false }
        return allowsAnyAddress || address.isLoopback
    }

    /// The host of an authority, without the brackets of an IPv6 literal.
    private static func host(of authority: String) -> Substring {
        if authority.hasPrefix("[") {
            return authority.dropFirst().prefix { $0 != "]" }
        }
        return authority.prefix { $0 != ":" }
    }

    private func misdirected(_ authority: String?) -> Problem {
        let name = authority.map { "'\($0.prefix(253))'" } ?? "a request without Host"
        return Problem(
            .misdirected, "\(name) is not a name of this server",
            hint: "use 'localhost' or the address it listens at, or start it with --host-name NAME"
        )
    }

    // MARK: Origin

    private func isOwn(_ origin: String, authority: String) -> Bool {
        let origin = origin.lowercased()
        return origin == "http://\(authority.lowercased())" || origins.contains(origin)
    }

    private func foreign(_ origin: String) -> Problem {
        Problem(
            .foreignOrigin, "web pages of '\(origin.prefix(253))' may not use this server",
            hint: "if they should, start the server with --origin ORIGIN")
    }

    // MARK: Token

    /// Whether `value` is `Bearer ` and the token, in time that depends on the lengths alone.
    private static func carries(_ value: UnsafeRawBufferPointer, _ token: [UInt8]) -> Bool {
        let scheme: StaticString = "bearer "
        guard value.count == scheme.utf8CodeUnitCount + token.count else { return false }
        var difference: UInt8 = 0
        for index in 0..<scheme.utf8CodeUnitCount {
            let byte = value[index]
            let lower = byte &- 0x41 < 26 ? byte | 0x20 : byte
            difference |= lower ^ scheme.utf8Start[index]
        }
        for (index, byte) in token.enumerated() {
            difference |= value[scheme.utf8CodeUnitCount + index] ^ byte
        }
        return difference == 0
    }

    /// The password of basic authentication, whoever the user is.
    private static func password(_ head: HTTPRequestHead) -> [UInt8]? {
        guard let value = head.firstValue(of: "authorization"), value.count > 6,
            value.prefix(6).lowercased() == "basic ", let bytes = Base64.decode(String(value.dropFirst(6))),
            let colon = bytes.firstIndex(of: UInt8(ascii: ":"))
        else { return nil }
        return Array(bytes[(colon + 1)...])
    }

    /// Whether both are the same, in time that depends on the lengths alone.
    private static func isSame(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        return zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }

    private func unauthorized(hasToken: Bool) -> Problem {
        Problem(
            .unauthorized, hasToken ? "the token is not this server's" : "this server wants a token",
            hint: "send 'Authorization: Bearer TOKEN'")
    }
}

extension SocketAddress {
    /// Whether this is an address that never leaves the machine.
    fileprivate var isLoopback: Bool {
        switch self {
        case .v4: ipAddress?.hasPrefix("127.") ?? false
        case .v6: ipAddress == "::1"
        case .unixDomainSocket: true
        }
    }
}

// MARK: - Content types

/// What a content type lets a web page do. A page of any origin may send three "simple" types without being asked first, so no
/// route takes them from a browser.
enum BodyAdmission {
    /// Why a body cannot be read as it came: no coding is undone here, and compressed bytes under the name of what they were would
    /// be stored as something that they are not.
    private static func objectionToCoding(_ head: HTTPRequestHead) -> Problem? {
        guard let coding = head.firstValue(of: "content-encoding"), !coding.isEmpty,
            coding.lowercased() != "identity"
        else { return nil }
        return Problem(
            .unsupportedMediaType, "a body with the content encoding '\(coding.prefix(100))' is not accepted",
            hint: "send it as it is, without Content-Encoding")
    }

    /// Why a body is not read as JSON; nil if it is.
    static func objectionToJSON(_ head: HTTPRequestHead) -> Problem? {
        if let objection = objectionToCoding(head) { return objection }
        guard let type = head.contentType else {
            return Problem(
                .unsupportedMediaType, "the body has no content type",
                hint: "send 'Content-Type: application/json'")
        }
        let essence = essence(of: type)
        if essence == "application/json" || (essence.hasPrefix("application/") && essence.hasSuffix("+json"))
        {
            return nil
        }
        return Problem(
            .unsupportedMediaType, "a body of type '\(essence.prefix(100))' is not accepted here",
            hint:
                "send JSON with 'Content-Type: application/json' (curl: -H 'content-type: application/json')")
    }

    /// Why a body is not taken as an event; nil if it is.
    static func objectionToEvent(_ head: HTTPRequestHead) -> Problem? {
        if let objection = objectionToCoding(head) { return objection }
        let kind = head.withContentTypeBytes { BodyAdmission.simpleKind($0) } ?? .absent
        switch kind {
        case .other: return nil
        case .plain, .absent:
            guard head.origin != nil else { return nil }
            return Problem(
                .unsupportedMediaType, "events from web pages need a content type that is not plain text",
                hint: "send 'Content-Type: application/json' or 'application/cloudevents+json'")
        case .form:
            return Problem(
                .unsupportedMediaType, "form data is not taken as an event",
                hint: "say what it is (curl: -H 'content-type: application/json')")
        }
    }

    private enum SimpleKind {
        case absent, plain, form, other
    }

    /// On the hot path, so nearly every type is told from the simple ones by its first letter.
    private static func simpleKind(_ bytes: UnsafeRawBufferPointer) -> SimpleKind {
        switch bytes.first {
        case nil: .absent
        case UInt8(ascii: "t"), UInt8(ascii: "T"), UInt8(ascii: "m"), UInt8(ascii: "M"), UInt8(ascii: "a"),
            UInt8(ascii: "A"):
            simpleKind(prefix: bytes)
        default: .other
        }
    }

    private static func simpleKind(prefix bytes: UnsafeRawBufferPointer) -> SimpleKind {
        if starts(bytes, with: "application/x-www-form-urlencoded") { return .form }
        if starts(bytes, with: "multipart/") { return .form }
        return starts(bytes, with: "text/plain") ? .plain : .other
    }

    private static func starts(_ bytes: UnsafeRawBufferPointer, with literal: StaticString) -> Bool {
        guard bytes.count >= literal.utf8CodeUnitCount else { return false }
        for index in 0..<literal.utf8CodeUnitCount {
            let byte = bytes[index]
            let lower = byte &- 0x41 < 26 ? byte | 0x20 : byte
            if lower != literal.utf8Start[index] { return false }
        }
        return true
    }

    private static func essence(of type: String) -> String {
        var essence = type.prefix { $0 != ";" }
        while essence.last == " " || essence.last == "\t" { essence.removeLast() }
        return essence.lowercased()
    }
}
