// SPDX-License-Identifier: Apache-2.0

// Messages of Amazon SNS, signed with a key of the test's in a certificate of the test's.

import CloudEvents
import Crypto
import CryptoExtras
import JSONText
import Testing

@testable import ApusWebhook

struct SNSTests {
    static let certificateURL = "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-1.pem"
    static let topic = "arn:aws:sns:eu-central-1:123456789012:orders"
    private let key: _RSA.Signing.PrivateKey
    private let certificate: SNSCertificate
    private let endpoint: WebhookEndpoint

    init() throws {
        key = try _RSA.Signing.PrivateKey(pemRepresentation: SNSFixture.key)
        certificate = try #require(SNSCertificate(pem: Array(SNSFixture.certificate.utf8)))
        endpoint = WebhookEndpoint(from: try .sns(topics: [Self.topic]))
    }

    private func request(
        _ fields: [String: JSONValue], version: String = "2", url: String = certificateURL
    ) throws -> WebhookRequest {
        var object: [String: JSONValue] = [
            "Type": "Notification", "MessageId": "m-1", "TopicArn": .string(Self.topic), "Message": "hello",
            "Timestamp": "2026-11-26T01:02:03.000Z", "SignatureVersion": .string(version), "Signature": "",
            "SigningCertURL": .string(url),
        ]
        object.merge(fields) { $1 }
        var value = JSONObject()
        for (name, field) in object.sorted(by: { $0.key < $1.key }) { value[name] = field }
        let message = try SNSMessage(JSONValue.object(value).serialized())
        let signature =
            version == "1"
            ? try key.signature(for: Insecure.SHA1.hash(data: message.signed), padding: .insecurePKCS1v1_5)
            : try key.signature(for: SHA256.hash(data: message.signed), padding: .insecurePKCS1v1_5)
        value["Signature"] = .string(Base64.encoded(Array(signature.rawRepresentation)))
        return WebhookRequest(
            method: "POST", target: "/sns", headers: [("content-type", "text/plain; charset=UTF-8")],
            body: JSONValue.object(value).serialized())
    }

    private func judge(_ request: WebhookRequest, _ endpoint: WebhookEndpoint? = nil) -> WebhookJudgement {
        (endpoint ?? self.endpoint).judge(request, now: 0, certificates: [Self.certificateURL: certificate])
    }

    @Test func `the certificate is asked for before anything is believed`() throws {
        guard case .needsCertificate(Self.certificateURL) = endpoint.judge(try request([:]), now: 0) else {
            Issue.record("it was believed, or refused")
            return
        }
        let broken = endpoint.judge(try request([:]), now: 0, certificates: [Self.certificateURL: nil])
        #expect(Requests.status(broken) == 401)
    }

    @Test(arguments: ["1", "2"])
    func `a notification that is signed is an event`(_ version: String) throws {
        guard case .deliver(let events) = judge(try request(["Subject": "greetings"], version: version))
        else {
            Issue.record("not delivered")
            return
        }
        #expect(events[0].event.id == "m-1" && events[0].event.type == SNSMessage.plainType)
        #expect(events[0].event.subject == "greetings" && events[0].event.source == Self.topic)
        let strict = WebhookEndpoint(from: try .sns(topics: [Self.topic], versions: [2]))
        #expect(
            (Requests.status(judge(try request([:], version: version), strict)) == 401) == (version == "1"))
    }

    @Test func `a message that is an event is that event`() throws {
        let text = String(decoding: CloudEventJSONFormat.encode(try Requests.event("e-1")), as: UTF8.self)
        #expect(Requests.ids(judge(try request(["Message": .string(text)]))) == ["e-1"])
    }

    @Test func `what was changed on the way is refused`() throws {
        for name in ["Message", "MessageId", "Timestamp", "Subject"] {
            let signed = try request(["Subject": "s"])
            guard case .object(var value) = try JSONValue(parsing: signed.body) else { continue }
            value[name] = "changed"
            var tampered = signed
            tampered.body = JSONValue.object(value).serialized()
            #expect(Requests.status(judge(tampered)) == 401)
        }
    }

    @Test func `messages of other topics are refused, whoever signed them`() throws {
        #expect(
            Requests.status(judge(try request(["TopicArn": "arn:aws:sns:eu-central-1:666:orders"]))) == 403)
    }

    @Test func `a confirmation is fetched from the service and nowhere else`() throws {
        let fields: [String: JSONValue] = ["Type": "SubscriptionConfirmation", "Token": "t"]
        let url = "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=t"
        guard case .confirm(url) = judge(try request(fields.merging(["SubscribeURL": .string(url)]) { $1 }))
        else {
            Issue.record("not confirmed")
            return
        }
        let other = try request(fields.merging(["SubscribeURL": "http://169.254.169.254/latest"]) { $1 })
        #expect(Requests.status(judge(other)) == 400)
    }

    @Test(arguments: [
        "http://sns.eu-central-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.eu-central-1.amazonaws.com.evil.org/SimpleNotificationService-1.pem",
        "https://evil.org/sns.eu-central-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.eu-central-1.amazonaws.com:8443/SimpleNotificationService-1.pem",
        "https://sns.eu-central-1.amazonaws.com@evil.org/SimpleNotificationService-1.pem",
        "https://sns.a.b.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns..amazonaws.com/SimpleNotificationService-1.pem",
        "https://s3.eu-central-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.eu-central-1.amazonaws.com/bucket/SimpleNotificationService-1.pem",
        "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-1.pem?x=.pem",
        "https://sns.eu-central-1.amazonaws.com\\@evil.org/SimpleNotificationService-1.pem",
        "https://sns.eu-central-1.amazonaws.com", "sns", "",
    ])
    func `certificates of anybody else are not even fetched`(_ url: String) throws {
        #expect(!AmazonAddress.isCertificate(url))
        #expect(Requests.status(endpoint.judge(try request([:], url: url), now: 0)) == 401)
    }

    @Test func `certificates of the service are fetched, in China too`() {
        #expect(AmazonAddress.isCertificate(Self.certificateURL))
        #expect(
            AmazonAddress.isCertificate(
                "https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-0a.pem"))
    }

    @Test func `what is no certificate has no key`() {
        #expect(SNSCertificate(pem: []) == nil)
        #expect(
            SNSCertificate(pem: Array("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----".utf8))
                == nil)
        let whole = Base64.decoded(
            SNSFixture.certificate.split(separator: "\n").filter { !$0.hasPrefix("-") }.joined())
        for count in 0..<min(300, whole?.count ?? 0) {
            #expect(SNSCertificate.publicKey(Array((whole ?? []).prefix(count))) == nil)
        }
    }

    @Test func `what is no message is refused for good`() {
        for body in ["", "{}", "[]", #"{"Type": "Notification"}"#] {
            let request = WebhookRequest(method: "POST", target: "/", headers: [], body: Array(body.utf8))
            #expect(Requests.status(endpoint.judge(request, now: 0)) == 400)
        }
    }
}
