// SPDX-License-Identifier: Apache-2.0

// The public key of a certificate that Amazon SNS signs with. That it is Amazon's is known from where it was fetched (https, a host of Amazon SNS); of the
// certificate itself only the key is read, by walking to it through the few levels of DER above it.

internal import CloudEvents
internal import Crypto
internal import CryptoExtras

struct SNSCertificate: Sendable {
    /// The most bytes of a certificate.
    static let bytesMax = 64 << 10

    private let key: _RSA.Signing.PublicKey

    /// Reads a certificate as PEM; nil when it is none, or has no RSA key of at least 2048 bits.
    init?(pem: [UInt8]) {
        guard pem.count <= Self.bytesMax, let der = Self.der(pem), let key = Self.publicKey(der),
            let parsed = try? _RSA.Signing.PublicKey(derRepresentation: key)
        else { return nil }
        self.key = parsed
    }

    /// Whether the key of this certificate has signed a message.
    func hasSigned(_ message: SNSMessage) -> Bool {
        let signature = _RSA.Signing.RSASignature(rawRepresentation: message.signature)
        switch message.version {
        case 1:
            return key.isValidSignature(
                signature, for: Insecure.SHA1.hash(data: message.signed), padding: .insecurePKCS1v1_5)
        case 2:
            return key.isValidSignature(
                signature, for: SHA256.hash(data: message.signed), padding: .insecurePKCS1v1_5)
        default: return false
        }
    }

    private static func der(_ pem: [UInt8]) -> [UInt8]? {
        guard let text = String(validating: pem, as: UTF8.self),
            let begin = text.firstRange(of: "-----BEGIN CERTIFICATE-----"),
            let end = text[begin.upperBound...].firstRange(of: "-----END CERTIFICATE-----")
        else { return nil }
        return Base64.decoded(String(text[begin.upperBound..<end.lowerBound].filter { !$0.isWhitespace }))
    }

    /// Certificate → tbsCertificate → (version,) serial, signature, issuer, validity, subject → subjectPublicKeyInfo.
    static func publicKey(_ der: [UInt8]) -> [UInt8]? {
        var certificate = DERReader(der[...])
        guard var outer = certificate.next(0x30), var body = outer.next(0x30) else { return nil }
        if body.peek == 0xA0 { guard body.skip() else { return nil } }
        for _ in 0..<5 { guard body.skip() else { return nil } }
        guard body.peek == 0x30, let whole = body.element() else { return nil }
        return Array(whole.whole)
    }
}

/// Reads one element of DER after the other.
struct DERReader {
    private var bytes: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

    /// The tag of the next element.
    var peek: UInt8? { bytes.first }

    /// The next element: all of it, and its content; nil where there is none that is whole.
    mutating func element() -> (whole: ArraySlice<UInt8>, content: ArraySlice<UInt8>)? {
        guard bytes.count >= 2 else { return nil }
        let start = bytes.startIndex
        var length = Int(bytes[start + 1])
        var header = 2
        if length >= 0x80 {
            let count = length & 0x7F
            guard (1...3).contains(count), bytes.count >= 2 + count else { return nil }
            length = bytes[(start + 2)..<(start + 2 + count)].reduce(0) { $0 << 8 | Int($1) }
            header += count
        }
        guard bytes.count - header >= length else { return nil }
        let whole = bytes[start..<(start + header + length)]
        bytes = bytes[(start + header + length)...]
        return (whole, whole[(start + header)...])
    }

    /// What is inside the next element, if it has this tag.
    mutating func next(_ tag: UInt8) -> DERReader? {
        guard peek == tag, let element = element() else { return nil }
        return DERReader(element.content)
    }

    /// Passes over the next element; false where there is none.
    mutating func skip() -> Bool { element() != nil }
}
