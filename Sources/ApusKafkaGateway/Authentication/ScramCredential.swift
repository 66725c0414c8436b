// SPDX-License-Identifier: Apache-2.0

// What a server keeps of a password for SCRAM (RFC 5802 section 3, RFC 7677): salt, iterations and two keys, from which the password cannot be
// had.

internal import Crypto

/// The hash functions that Kafka's clients use.
public enum ScramMechanism: String, Sendable, Hashable, CaseIterable {
    /// RFC 7677.
    case sha256 = "SCRAM-SHA-256"
    /// The same with SHA-512, as Kafka names it.
    case sha512 = "SCRAM-SHA-512"

    func hash(_ bytes: [UInt8]) -> [UInt8] {
        switch self {
        case .sha256: Array(SHA256.hash(data: bytes))
        case .sha512: Array(SHA512.hash(data: bytes))
        }
    }

    func mac(_ bytes: [UInt8], key: [UInt8]) -> [UInt8] {
        let key = SymmetricKey(data: key)
        return switch self {
        case .sha256: Array(HMAC<SHA256>.authenticationCode(for: bytes, using: key))
        case .sha512: Array(HMAC<SHA512>.authenticationCode(for: bytes, using: key))
        }
    }

    /// `Hi` of RFC 5802 section 2.2: PBKDF2 with one block.
    func saltedPassword(_ password: [UInt8], salt: [UInt8], iterations: Int) -> [UInt8] {
        var block = mac(salt + [0, 0, 0, 1], key: password)
        var sum = block
        for _ in 1..<max(iterations, 1) {
            block = mac(block, key: password)
            for index in sum.indices { sum[index] ^= block[index] }
        }
        return sum
    }
}

/// What a SCRAM exchange is checked with.
public struct ScramCredential: Sendable, Hashable {
    /// The least that RFC 7677 allows, and what Kafka uses by default.
    public static let iterationsMin = 4096

    /// Random bytes.
    public var salt: [UInt8]
    /// How often the password was hashed.
    public var iterations: Int
    /// `H(ClientKey)`.
    public var storedKey: [UInt8]
    /// `HMAC(SaltedPassword, "Server Key")`.
    public var serverKey: [UInt8]

    /// From a password, with a salt of its own.
    public init(password: [UInt8], _ mechanism: ScramMechanism, iterations: Int = iterationsMin) {
        var generator = SystemRandomNumberGenerator()
        let salt = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        self.init(password: password, mechanism, salt: salt, iterations: iterations)
    }

    /// From a password and what goes with it.
    public init(password: [UInt8], _ mechanism: ScramMechanism, salt: [UInt8], iterations: Int) {
        let salted = mechanism.saltedPassword(password, salt: salt, iterations: iterations)
        self.salt = salt
        self.iterations = iterations
        storedKey = mechanism.hash(mechanism.mac(Array("Client Key".utf8), key: salted))
        serverKey = mechanism.mac(Array("Server Key".utf8), key: salted)
    }
}
