// SPDX-License-Identifier: Apache-2.0

// Whatever a sender sends is answered: requests damaged at random places never stop the program, and are never believed for it.

import CloudEvents
import TestThreads
import Testing

@testable import ApusWebhook

struct DamageTests {
    private static let bodies: [String] = [
        #"{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"a":[1,2,{"b":null}]}}"#,
        #"[{"id":"7","topic":"/x","subject":"s","eventType":"T","dataVersion":"2","eventTime":"2026-11-26T01:02:03Z","data":{}}]"#,
        #"[{"eventType":"Microsoft.EventGrid.SubscriptionValidationEvent","data":{"validationCode":"C"}}]"#,
        #"{"Type":"Notification","MessageId":"m","TopicArn":"a","Message":"x","Timestamp":"t","SignatureVersion":"2","Signature":"AAAA","SigningCertURL":"https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-1.pem"}"#,
    ]

    @Test func `damaged requests are answered`() throws {
        var random = SplitMix(state: 7)
        let senders: [WebhookEndpoint.Sender] = [
            .anybody, try .sns(topics: ["a"]), try .sharedKey(["0123456789abcdef"]),
            try .standardWebhooks(secrets: [Requests.secret]),
        ]
        for round in 0..<casesToTry(of: 10_000) {
            var body = Array(Self.bodies[round % Self.bodies.count].utf8)
            for _ in 0..<(1 + Int(random.next() % 4)) {
                let place = Int(random.next() % UInt64(body.count))
                if random.next() % 3 == 0 {
                    body.remove(at: place)
                } else {
                    body[place] = UInt8(truncatingIfNeeded: random.next())
                }
            }
            let request = WebhookRequest(
                method: "POST", target: "/hook?code=%\(String(random.next() % 512, radix: 16))",
                headers: [
                    ("content-type", round % 2 == 0 ? "application/json" : "application/cloudevents+json"),
                    ("aeg-event-type", round % 3 == 0 ? "SubscriptionValidation" : "Notification"),
                ], body: body)
            for (index, sender) in senders.enumerated() {
                let judged = WebhookEndpoint(from: sender).judge(request, now: 0)
                if case .deliver = judged { #expect(index == 0) }
            }
        }
    }

    @Test func `damaged certificates are refused, or have a key that has signed nothing`() throws {
        let whole = try #require(
            Base64.decoded(
                SNSFixture.certificate.split(separator: "\n").filter { !$0.hasPrefix("-") }.joined()))
        var random = SplitMix(state: 8)
        for _ in 0..<casesToTry(of: 10_000) {
            var bytes = whole
            for _ in 0..<3 {
                bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            _ = SNSCertificate.publicKey(Array(bytes.prefix(Int(random.next() % UInt64(bytes.count + 1)))))
        }
    }
}

/// Numbers that are the same every time.
private struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
