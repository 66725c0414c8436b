// SPDX-License-Identifier: Apache-2.0

// The address of a broker. A parser of our own because the addresses of brokers are not quite URLs: Kafka has several hosts, AWS a region where the host
// stands, and passwords have to be kept out of every message.

internal import JSONText

/// The address of a broker: `scheme://user:password@host:port,host:port/path?name=value`.
public struct BusURL: Sendable, Hashable {
    /// One host, and its port if given.
    public struct Host: Sendable, Hashable {
        /// A name, an IPv4 address, or an IPv6 address without its brackets.
        public var name: String
        /// 1 to 65535; nil for the transport's default.
        public var port: Int?

        /// One host, and its port if given.
        public init(name: String, port: Int? = nil) {
            self.name = name
            self.port = port
        }
    }

    /// In lower case, without the colon.
    public var scheme: String
    /// Who to be towards the broker.
    public var user: String?
    /// And how to prove it.
    public var password: String?
    /// Where the broker is; none for brokers in the process.
    public var hosts: [Host]
    /// What follows the hosts, percent-encoding resolved, with its leading slash; empty if there is none.
    public var path: String
    /// Settings, by name; the last one counts.
    public var query: [String: String]

    /// Reads an address. `memory:` and `file:///folder` are addresses too.
    ///
    /// - Throws: ``BusError/invalid(_:)`` with what is wrong; never with the password.
    public init(_ text: String) throws(BusError) {
        guard let colon = text.firstIndex(of: ":"), colon != text.startIndex,
            text[..<colon].utf8.allSatisfy(Self.isSchemeByte)
        else { throw .invalid("a bus URL begins with a scheme, such as apus://localhost or memory:") }
        scheme = text[..<colon].lowercased()
        var rest = text[text.index(after: colon)...]
        if let hash = rest.firstIndex(of: "#") { rest = rest[..<hash] }
        query = [:]
        if let mark = rest.firstIndex(of: "?") {
            query = try Self.query(rest[rest.index(after: mark)...])
            rest = rest[..<mark]
        }
        (user, password, hosts) = (nil, nil, [])
        if rest.hasPrefix("//") {
            rest = rest.dropFirst(2)
            let end = rest.firstIndex(of: "/") ?? rest.endIndex
            (user, password, hosts) = try Self.authority(rest[..<end])
            rest = rest[end...]
        }
        path = try Self.decoded(rest, "path")
    }

    private static func isSchemeByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
            true
        default: false
        }
    }

    private static func authority(
        _ text: Substring
    ) throws(BusError) -> (user: String?, password: String?, hosts: [Host]) {
        guard let at = text.lastIndex(of: "@") else { return (nil, nil, try hosts(text)) }
        guard text.index(after: at) < text.endIndex else {
            throw .invalid("a host is missing in the bus URL, behind the '@'")
        }
        let credentials = text[..<at]
        let colon = credentials.firstIndex(of: ":")
        let user = try decoded(credentials[..<(colon ?? credentials.endIndex)], "user")
        var password: String?
        if let colon { password = try decoded(credentials[credentials.index(after: colon)...], "password") }
        return (user.isEmpty ? nil : user, password, try hosts(text[text.index(after: at)...]))
    }

    private static func hosts(_ text: Substring) throws(BusError) -> [Host] {
        guard !text.isEmpty else { return [] }
        var hosts: [Host] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            hosts.append(try host(part))
        }
        return hosts
    }

    private static func host(_ text: Substring) throws(BusError) -> Host {
        var name = text
        var port: Substring?
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else {
                throw .invalid("the bus URL lacks the ']' of an IPv6 address")
            }
            name = text[text.index(after: text.startIndex)..<end]
            let rest = text[text.index(after: end)...]
            guard rest.isEmpty || rest.hasPrefix(":") else {
                throw .invalid("what follows the ']' of an IPv6 address in the bus URL is no port")
            }
            if !rest.isEmpty { port = rest.dropFirst() }
        } else if let colon = text.lastIndex(of: ":") {
            name = text[..<colon]
            port = text[text.index(after: colon)...]
        }
        guard !name.isEmpty else { throw .invalid("a host is missing in the bus URL") }
        guard text.hasPrefix("[") || !name.contains(":") else {
            throw .invalid("the bus URL has a host with several ':'; an IPv6 address stands in '[' and ']'")
        }
        guard let port else { return Host(name: try decoded(name, "host")) }
        // Not told what it is: where the host was forgotten, it is the password.
        guard port.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let number = Int(port), (1...65_535).contains(number)
        else {
            throw .invalid("what follows a host and ':' in the bus URL is no port from 1 to 65535")
        }
        return Host(name: try decoded(name, "host"), port: number)
    }

    private static func query(_ text: Substring) throws(BusError) -> [String: String] {
        var query: [String: String] = [:]
        for pair in text.split(separator: "&") {
            let equals = pair.firstIndex(of: "=")
            let name = try decoded(pair[..<(equals ?? pair.endIndex)], "query")
            query[name] =
                try equals.map { at throws(BusError) in
                    try decoded(pair[pair.index(after: at)...], "query")
                } ?? ""
        }
        return query
    }

    /// Resolves percent-encoding.
    private static func decoded(_ text: Substring, _ part: String) throws(BusError) -> String {
        guard let decoded = PercentEncoding.decoded(text) else {
            throw .invalid(
                "the \(part) of the bus URL has a '%' that no two hexadecimal digits follow, or is not UTF-8")
        }
        return decoded
    }
}

extension BusURL: CustomStringConvertible {
    /// The address without its password, nor any setting that could be one.
    public var description: String {
        var text = "\(scheme):"
        if !hosts.isEmpty || scheme == "file" { text += "//" }
        if let user { text += "\(user)@" }
        text += hosts.map { host in
            let name = host.name.contains(":") ? "[\(host.name)]" : host.name
            return host.port.map { "\(name):\($0)" } ?? name
        }.joined(separator: ",")
        return text + path
    }
}
