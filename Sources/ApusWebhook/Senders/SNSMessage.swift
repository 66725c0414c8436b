// SPDX-License-Identifier: Apache-2.0

// Messages of Amazon SNS over HTTP: their fields, what of them is signed, and the event that a notification is.

internal import CloudEvents
internal import JSONText

struct SNSMessage: Sendable {
    /// Why a body is no message.
    struct Problem: Error, CustomStringConvertible {
        let description: String
    }

    enum Kind: Sendable {
        case notification(subject: String?)
        /// The topic asks whether this is its subscriber.
        case confirmation(url: String, token: String)
        /// The subscription has ended.
        case unsubscribed(url: String, token: String)
    }

    /// The type of events made up for messages that are none.
    static let plainType = "com.amazonaws.sns.notification"

    var kind: Kind
    var id: String
    var topic: String
    var timestamp: String
    var message: String
    var version: Int
    var signature: [UInt8]
    var certificateURL: String
    private var type: String

    init(_ body: [UInt8]) throws(Problem) {
        guard let value = try? JSONValue(parsing: body, duplicateNames: .rejected), value.object != nil else {
            throw Problem(description: "no message of Amazon SNS: the body is no JSON object")
        }
        func text(_ name: String) throws(Problem) -> String {
            guard let text = value[name]?.string else {
                throw Problem(description: "no message of Amazon SNS: '\(name)' is missing")
            }
            return text
        }
        type = try text("Type")
        id = try text("MessageId")
        topic = try text("TopicArn")
        timestamp = try text("Timestamp")
        message = try text("Message")
        certificateURL = try text("SigningCertURL")
        guard let version = Int(try text("SignatureVersion")) else {
            throw Problem(description: "no message of Amazon SNS: 'SignatureVersion' is no number")
        }
        self.version = version
        guard let signature = Base64.decoded(try text("Signature")) else {
            throw Problem(description: "no message of Amazon SNS: 'Signature' is no Base64")
        }
        self.signature = signature
        switch type {
        case "Notification": kind = .notification(subject: value["Subject"]?.string)
        case "SubscriptionConfirmation":
            kind = .confirmation(url: try text("SubscribeURL"), token: try text("Token"))
        case "UnsubscribeConfirmation":
            kind = .unsubscribed(url: try text("SubscribeURL"), token: try text("Token"))
        default: throw Problem(description: "no message of Amazon SNS: 'Type' is none that is known")
        }
    }

    /// What is signed: names and values, each on a line of its own, in the order of the names.
    var signed: [UInt8] {
        var fields = [("Message", message), ("MessageId", id)]
        switch kind {
        case .notification(let subject):
            if let subject { fields.append(("Subject", subject)) }
            fields.append(("Timestamp", timestamp))
        case .confirmation(let url, let token), .unsubscribed(let url, let token):
            fields += [("SubscribeURL", url), ("Timestamp", timestamp), ("Token", token)]
        }
        fields += [("TopicArn", topic), ("Type", type)]
        return Array(fields.map { "\($0.0)\n\($0.1)\n" }.joined().utf8)
    }

    /// The event that a notification is: the message itself if it is one, or one with the message as its data.
    var event: CloudEvent? {
        guard case .notification(let subject) = kind else { return nil }
        let body = Array(message.utf8)
        if let value = try? JSONValue(parsing: body), value.object != nil {
            if value["specversion"] != nil, let event = try? CloudEventJSONFormat.decode(body) {
                return event
            }
            return plain(subject, body, "application/json")
        }
        return plain(subject, body, "text/plain; charset=utf-8")
    }

    private func plain(_ subject: String?, _ body: [UInt8], _ contentType: String) -> CloudEvent? {
        try? CloudEvent(
            id: id, source: topic, type: Self.plainType, subject: subject?.isEmpty == true ? nil : subject,
            time: CloudEventTimestamp(timestamp), dataContentType: contentType, data: CloudEventData(body))
    }
}

/// Addresses that may be fetched because a message says so: of the service itself, and nobody else's.
enum AmazonAddress {
    /// `https://sns.REGION.amazonaws.com/SimpleNotificationService-….pem`
    static func isCertificate(_ url: String) -> Bool {
        guard let path = path(url) else { return false }
        return path.hasPrefix("/SimpleNotificationService-") && path.hasSuffix(".pem")
            && path.utf8.allSatisfy { isPlain($0) || $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: ".") }
            && !path.dropFirst().contains("/")
    }

    /// `https://sns.REGION.amazonaws.com/…`
    static func isService(_ url: String) -> Bool { path(url) != nil }

    /// What follows the host, if that is Amazon SNS in some region, by https at its usual port.
    private static func path(_ url: String) -> Substring? {
        let scheme = "https://"
        // Anything that two readers could read in two ways is none: user, port, backslash, spaces.
        guard url.utf8.count <= 2_048, url.hasPrefix(scheme),
            url.utf8.allSatisfy({
                $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") && $0 != UInt8(ascii: "@")
            })
        else { return nil }
        let rest = url.dropFirst(scheme.count)
        guard let slash = rest.firstIndex(of: "/") else { return nil }
        var host = rest[..<slash]
        guard host.hasPrefix("sns.") else { return nil }
        host = host.dropFirst(4)
        for suffix in [".amazonaws.com", ".amazonaws.com.cn"] where host.hasSuffix(suffix) {
            let region = host.dropLast(suffix.count)
            guard !region.isEmpty, region.utf8.allSatisfy(isPlain) else { return nil }
            return rest[slash...]
        }
        return nil
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
