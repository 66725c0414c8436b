// SPDX-License-Identifier: Apache-2.0

// How requests say who sends them: an access key of the namespace, or a shared access signature, which is made of such a key and ends, or comes ready
// made. None of them has a description, so that none is logged.

internal import ApusBus
internal import CloudEvents
internal import Crypto
internal import Synchronization

/// What is sent as `Authorization`.
final class EventGridCredentials: Sendable, CustomStringConvertible {
    /// What is known.
    enum Kind: Sendable {
        /// An access key, sent as it is.
        case key(String)
        /// An access key (Base64) that stays here: signatures made of it are sent.
        case signing(key: SymmetricKey, resource: String)
        /// A shared access signature that somebody else has made: `r=…&e=…&s=…`.
        case signature(String)
    }

    /// For how long a signature is made.
    static let lifetime: Int64 = 3600
    /// How long before its end a signature is replaced: clocks differ.
    static let margin: Int64 = 300

    private let kind: Kind
    private let current = Mutex<(token: String, replaceAt: Int64)?>(nil)

    init(_ kind: Kind) { self.kind = kind }

    var description: String { "credentials" }

    /// The value of the header.
    ///
    /// - Parameter now: seconds since 1970.
    func authorization(at now: Int64) -> String {
        switch kind {
        case .key(let key): "SharedAccessKey \(key)"
        case .signature(let token): "SharedAccessSignature \(token)"
        case .signing(let key, let resource):
            "SharedAccessSignature "
                + current.withLock { current in
                    if let current, now < current.replaceAt { return current.token }
                    let token = Self.token(resource: resource, expires: now + Self.lifetime, key: key)
                    current = (token, now + Self.lifetime - Self.margin)
                    return token
                }
        }
    }

    /// `r=RESOURCE&e=EXPIRY&s=SIGNATURE`: HMAC-SHA256 over what stands before the signature.
    static func token(resource: String, expires: Int64, key: SymmetricKey) -> String {
        // Without a zone, as the reference writes it: it is UTC.
        let expiry = "\(CloudEventTimestamp(millisecondsSinceEpoch: expires * 1000))".prefix(19)
        let unsigned = "r=\(encoded(resource))&e=\(encoded(String(expiry)))"
        let code = HMAC<SHA256>.authenticationCode(for: Array(unsigned.utf8), using: key)
        return "\(unsigned)&s=\(encoded(Base64.encoded(Array(code))))"
    }

    /// Percent-encoded as a value of a form.
    static func encoded(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: "."), UInt8(ascii: "~"):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                result += byte < 16 ? "%0" : "%"
                result += String(byte, radix: 16, uppercase: true)
            }
        }
        return result
    }

    /// - Throws: ``BusError/invalid(_:)`` when the key is no Base64; never with the key.
    static func signing(_ key: String, resource: String) throws(BusError) -> Kind {
        guard let bytes = Base64.decoded(key), !bytes.isEmpty else {
            throw .invalid(
                "signatures are made of an access key, which is Base64: what is given as one is not")
        }
        return .signing(key: SymmetricKey(data: bytes), resource: resource)
    }
}
