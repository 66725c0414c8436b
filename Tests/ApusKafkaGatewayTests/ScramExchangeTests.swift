// SPDX-License-Identifier: Apache-2.0

// SCRAM by the example of RFC 7677 section 3, and what must not pass for it.

import Testing

@testable import ApusKafkaGateway

@Suite struct ScramExchangeTests {
    /// The user of the example.
    private struct Example: UserDirectory {
        static let salt: [UInt8] = [
            0x5b, 0x6d, 0x99, 0x68, 0x9d, 0x12, 0x35, 0x8e, 0xec, 0xa0, 0x4b, 0x14, 0x12, 0x36, 0xfa, 0x81,
        ]

        func isPassword(_ password: [UInt8], of user: String) -> Bool { false }

        func scramCredential(of user: String, _ mechanism: ScramMechanism) -> ScramCredential? {
            guard user == "user" else { return nil }
            return ScramCredential(
                password: Array("pencil".utf8), mechanism, salt: Self.salt, iterations: 4096)
        }
    }

    private static let first = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    private static let serverNonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    private static let nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    private static let proof = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="

    private var exchange = ScramExchange(.sha256)

    private mutating func say(_ message: String) throws -> String {
        let answer = try exchange.answer(Array(message.utf8), nonce: Self.serverNonce, users: Example())
        return String(decoding: answer, as: UTF8.self)
    }

    @Test mutating func `the example of the specification is followed`() throws {
        #expect(try say(Self.first) == "r=\(Self.nonce),s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")
        #expect(exchange.user == nil)
        #expect(
            try say("c=biws,r=\(Self.nonce),p=\(Self.proof)")
                == "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
        #expect(exchange.user == "user")
        #expect(throws: ScramExchange.Failure.self) { try say(Self.first) }
    }

    @Test(arguments: [
        "c=biws,r=\(nonce),p=AHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        "c=biws,r=\(nonce),p=",
        "c=biws,r=\(nonce)",
        // Another channel, the nonce of somebody else, and only the client's part of it.
        "c=eSws,r=\(nonce),p=\(proof)",
        "c=biws,r=\(nonce)x,p=\(proof)",
        "c=biws,r=rOprNGfwEbeRWgbNEkqO,p=\(proof)",
        // All of the nonce behind something else, which the proof does not cover.
        "c=biws,r=rOprNGfwEbeRWgbNEkqO\(nonce),p=\(proof)",
    ])
    mutating func `another last message is refused, and the exchange is over`(last: String) throws {
        _ = try say(Self.first)
        #expect(throws: ScramExchange.Failure.self) { try say(last) }
        #expect(exchange.user == nil)
        #expect(throws: ScramExchange.Failure.self) { try say("c=biws,r=\(Self.nonce),p=\(Self.proof)") }
    }

    @Test(arguments: [
        "", "n,,", "n,,r=x,n=user", "n,,n=user,r=", "p=tls-unique,,n=user,r=x", "n,,n=us=er,r=x",
        "n,,n=nobody,r=x",
    ])
    mutating func `another first message is refused`(first: String) {
        #expect(throws: ScramExchange.Failure.self) { try say(first) }
    }
}
