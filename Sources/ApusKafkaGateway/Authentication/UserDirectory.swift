// SPDX-License-Identifier: Apache-2.0

// Who may connect: the seam behind SASL. Today there is one secret for everybody, the server's token; a store of users will implement the
// same.

internal import Crypto

/// Knows users by name.
public protocol UserDirectory: Sendable {
    /// Whether `password` is that of `user`.
    func isPassword(_ password: [UInt8], of user: String) -> Bool
    /// What a SCRAM exchange is checked with; nil when there is no such user.
    func scramCredential(of user: String, _ mechanism: ScramMechanism) -> ScramCredential?
}

/// One secret for whoever comes, under any name: the server's token.
public struct SharedSecret: UserDirectory {
    private let secret: [UInt8]
    private let sha256: ScramCredential
    private let sha512: ScramCredential

    /// Keys are derived here, once.
    public init(_ secret: String) {
        self.secret = Array(secret.utf8)
        sha256 = ScramCredential(password: self.secret, .sha256)
        sha512 = ScramCredential(password: self.secret, .sha512)
    }

    public func isPassword(_ password: [UInt8], of user: String) -> Bool {
        // Digests are compared, so that the time taken says nothing about the secret.
        SHA256.hash(data: password) == SHA256.hash(data: secret)
    }

    public func scramCredential(of user: String, _ mechanism: ScramMechanism) -> ScramCredential? {
        mechanism == .sha256 ? sha256 : sha512
    }
}
