// SPDX-License-Identifier: Apache-2.0

// One request to the API and its answer, as values.

internal import JSONText

/// A request to the API.
struct APIRequest {
    /// The methods that the API uses.
    enum Method: String {
        case get = "GET"
        case put = "PUT"
        case post = "POST"
        case delete = "DELETE"
    }

    var method: Method
    /// The path's segments, before percent-encoding.
    var path: [String]
    var query: [(name: String, value: String)] = []
    var headers: [(name: String, value: String)] = []
    var accept = "application/json"
    var body: (contentType: String, bytes: [UInt8])?
    /// How long the request itself asks the server to wait.
    var wait: Duration = .zero
    /// For requests that take longer than others.
    var timeout: Duration?

    init(_ method: Method, _ path: String...) {
        self.method = method
        self.path = path
    }

    /// Adds a parameter to the query, unless there is no value.
    mutating func add(_ name: String, _ value: String?) {
        if let value { query.append((name, value)) }
    }

    /// Sets a JSON body.
    mutating func setBody(_ value: JSONValue) {
        body = ("application/json", value.serialized())
    }

    /// The whole address of the request on a server.
    func address(under base: String) -> String {
        var address = base
        while address.hasSuffix("/") { address.removeLast() }
        for segment in path { address += "/" + PercentEncoding.encode(segment) }
        for (index, parameter) in query.enumerated() {
            address += index == 0 ? "?" : "&"
            address += PercentEncoding.encode(parameter.name) + "=" + PercentEncoding.encode(parameter.value)
        }
        return address
    }
}

/// An answer, whatever it says.
struct APIAnswer {
    var status: Int
    var body: [UInt8]

    /// The body as JSON.
    func json() throws(ApusClientError) -> JSONValue {
        do {
            return try JSONValue(parsing: body, depthLimit: 256)
        } catch {
            throw .unexpected("its body is not JSON: \(error)")
        }
    }
}

/// Percent-encoding of URI components (RFC 3986 section 2.1).
enum PercentEncoding {
    /// The text with everything but unreserved characters encoded.
    static func encode(_ text: String) -> String {
        var encoded: [UInt8] = []
        for byte in text.utf8 {
            if isUnreserved(byte) {
                encoded.append(byte)
            } else {
                let digits: [UInt8] = Array("0123456789ABCDEF".utf8)
                encoded += [0x25, digits[Int(byte >> 4)], digits[Int(byte & 0xF)]]
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            true
        default: false
        }
    }
}
