// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ApusAWS

/// Requests and signatures that AWS has published: the examples of its test suite for Signature Version 4 and of the IAM user guide.
struct SignatureV4Tests {
    static let credentials = AWSCredentials(
        keyID: "AKIDEXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    static let service = SignatureV4(region: "us-east-1", service: "service", timestamp: "20150830T123600Z")

    struct Example: Sendable, CustomTestStringConvertible {
        var name: String
        var request: SignableRequest
        var signature: String
        var testDescription: String { name }

        init(
            _ name: String, _ method: String, _ path: String, query: String = "",
            headers: [(name: String, value: String)] = [], body: String = "", _ signature: String
        ) {
            self.name = name
            self.signature = signature
            request = SignableRequest(
                method: method, path: path, query: query,
                headers: [("Host", "example.amazonaws.com"), ("X-Amz-Date", "20150830T123600Z")] + headers,
                body: Array(body.utf8))
        }
    }

    static let examples = [
        Example(
            "get-vanilla", "GET", "/", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        Example(
            "get-vanilla-query-order-key-case", "GET", "/", query: "Param2=value2&Param1=value1",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
        Example(
            "post-vanilla", "POST", "/", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        Example(
            "post-x-www-form-urlencoded", "POST", "/",
            headers: [("Content-Type", "application/x-www-form-urlencoded")], body: "Param1=value1",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"),
        Example(
            "get-header-key-duplicate", "GET", "/",
            headers: [("My-Header1", "value2"), ("My-Header1", "value2"), ("My-Header1", "value1")],
            "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"),
        Example(
            "get-header-value-trim", "GET", "/",
            headers: [("My-Header1", " value1"), ("My-Header2", " \"a   b   c\"")],
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"),
        Example(
            "get-relative", "GET", "/example/..",
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        Example(
            "get-slashes", "GET", "//example//",
            "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"),
    ]

    @Test(arguments: examples)
    func `signs AWS's examples as AWS does`(_ example: Example) {
        #expect(Self.service.signature(of: example.request, by: Self.credentials) == example.signature)
    }

    @Test func `signs the example of the IAM guide as it says`() {
        let request = SignableRequest(
            method: "GET", path: "/", query: "Action=ListUsers&Version=2010-05-08",
            headers: [
                ("host", "iam.amazonaws.com"), ("x-amz-date", "20150830T123600Z"),
                ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
            ], body: [])
        let signature = SignatureV4(region: "us-east-1", service: "iam", timestamp: "20150830T123600Z")
        #expect(
            signature.authorization(of: request, by: Self.credentials)
                == "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
                + "SignedHeaders=content-type;host;x-amz-date, "
                + "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7")
    }

    @Test func `any change of a request changes its signature`() {
        let request = Self.examples[3].request
        let signed = Self.service.signature(of: request, by: Self.credentials)
        var changed: [SignableRequest] = []
        for change in 0..<4 {
            var other = request
            switch change {
            case 0: other.body.append(0)
            case 1: other.method = "PUT"
            case 2: other.path = "/x"
            default: other.headers.append(("x-extra", "1"))
            }
            changed.append(other)
        }
        for other in changed {
            #expect(Self.service.signature(of: other, by: Self.credentials) != signed)
        }
    }

    @Test func `times are written as signatures have them`() {
        #expect(AWSTime.compact(1_440_938_160) == "20150830T123600Z")
        #expect(AWSTime.seconds("2015-08-30T12:36:00Z") == 1_440_938_160)
        #expect(AWSTime.seconds("yesterday") == nil)
    }
}
