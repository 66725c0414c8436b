// SPDX-License-Identifier: Apache-2.0

// Secrets in URLs: found by name, and never seen.

import ApusBus
import Testing

@testable import ApusBridges

@Suite struct SecretsTests {
    private let secrets = Secrets { ["rabbit": "p@ss/w:rd", "empty": ""][$0] }

    @Test func `a reference becomes the secret, encoded so that it cannot be taken for anything else`() throws
    {
        let url = try secrets.resolve("amqp://me:{secret:rabbit}@host/{secret:empty}")
        #expect(url == "amqp://me:p%40ss%2Fw%3Ard@host/")
        #expect(try BusURL(url).password == "p@ss/w:rd")
    }

    @Test(arguments: [
        "{secret:none}", "{secret:", "{secret:}", "{secret:../x}", "{secret:.hidden}", "{secret:a/b}",
    ])
    func `what names no secret is refused`(_ reference: String) {
        #expect(throws: BusError.self) { try secrets.resolve("amqp://me:\(reference)@host") }
    }

    @Test func `what is masked of a URL is known in both spellings, the longest first`() {
        let url = "amqp://me:p%40ssword@host/v?Access-Key=abc%3D&keyfile=/etc/key.pem&x=1"
        #expect(MaskedURL.secrets(of: url) == ["p%40ssword", "p@ssword", "abc%3D", "abc="])
        #expect(MaskedURL.secrets(of: "amqp://me@host").isEmpty && MaskedURL.secrets(of: "memory:").isEmpty)
    }

    @Test(arguments: [
        ("amqp://me:pass@host/v", "amqp://me:****@host/v"),
        ("amqp://me:p@ss:w@host", "amqp://me:****@host"),
        ("amqp://me@host", "amqp://me@host"),
        ("amqp://me:{secret:rabbit}@host", "amqp://me:{secret:rabbit}@host"),
        ("amqp://me:{secret:rabbit}x@host", "amqp://me:****@host"),
        ("apus://host?token=abc&x=1", "apus://host?token=****&x=1"),
        ("apus://host?token={secret:t}", "apus://host?token={secret:t}"),
        (
            "amqps://h?keyfile=/etc/key.pem&auth_mechanism=PLAIN",
            "amqps://h?keyfile=/etc/key.pem&auth_mechanism=PLAIN"
        ),
        ("eventgrid://h/t?Access-Key=x#y", "eventgrid://h/t?Access-Key=****#y"),
        ("memory:", "memory:"),
    ])
    func `what could be a credential is masked`(_ url: String, _ shown: String) {
        #expect(MaskedURL.text(url) == shown)
        // What is shown is what is shown of it.
        #expect(MaskedURL.text(shown) == shown)
    }
}
