// SPDX-License-Identifier: Apache-2.0

// What of a request is shown to people who look into an attempt, and what is not.

import ApusTransport
import Testing

@Suite struct SecretMaskTests {
    @Test(arguments: [
        ("https://a.example/hook", "https://a.example/hook"),
        ("https://ann:pw@a.example:8443/hook", "https://****@a.example:8443/hook"),
        ("https://a.example/hook?token=abc&x=1#frag", "https://a.example/hook?token=****&x=****"),
        ("https://a.example/hook?abc", "https://a.example/hook?****"),
        ("https://hooks.example/T0/B1/x7Fq29LmNp40RsTuVwXyZ1", "https://hooks.example/T0/B1/****"),
        ("https://a.example", "https://a.example"), ("nonsense", "****"),
    ])
    func `URLs are shown without what could be a credential`(_ url: String, _ shown: String) {
        #expect(SecretMask.url(url) == shown)
    }

    @Test func `what is masked in a URL is known, wherever else it turns up`() {
        let secrets = SecretMask.secrets(ofURL: "https://ann:passw0rd@a.example/hook?token=abcdef")
        #expect(Set(secrets) == ["ann", "passw0rd", "abcdef"])
        let body = Array("you sent passw0rd and abcdef".utf8)
        #expect(
            String(decoding: SecretMask.scrub(body, of: secrets), as: UTF8.self) == "you sent **** and ****")
    }

    @Test func `a secret that is cut in two is masked too`() {
        let body = Array("token: abcde".utf8)
        #expect(
            String(decoding: SecretMask.scrub(body, of: ["abcdefgh"], isCut: true), as: UTF8.self)
                == "token: ****")
        #expect(
            String(decoding: SecretMask.scrub(body, of: ["abcdefgh"]), as: UTF8.self) == "token: abcde")
    }

    @Test(arguments: [
        (#"{"error":"late","token":"abc","n":1}"#, #"{"error":"late","token":"****","n":1}"#),
        (
            #"{ "Access_Token" : "a\"b" , "x":["secret","shown"] }"#,
            #"{ "Access_Token" : "****" , "x":["secret","shown"] }"#
        ),
        (#"{"password":12,"user":"ann"}"#, #"{"password":12,"user":"ann"}"#),
        (#"<p>"token":"abc"</p>"#, #"<p>"token":"****"</p>"#),
        (#"{"token":"abc"#, #"{"token":"****"#), (#"{"tok"#, #"{"tok"#), (#"{"token":"#, #"{"token":"#),
        (#""""#, #""""#), ("", ""), ("no quotes", "no quotes"),
    ])
    func `answers are shown without texts of members that are named like credentials`(
        _ answer: String, _ shown: String
    ) {
        #expect(String(decoding: SecretMask.members(of: Array(answer.utf8)), as: UTF8.self) == shown)
    }

    @Test func `headers of credentials are told by their names, attributes of events are shown`() {
        for name in ["authorization", "x-api-key", "set-cookie", "webhook-signature", "proxy-authorization"] {
            #expect(SecretMask.isSensitive(name))
        }
        for name in ["ce-partitionkey", "content-type", "idempotency-key", "apus-attempt"] {
            #expect(!SecretMask.isSensitive(name))
        }
    }
}
