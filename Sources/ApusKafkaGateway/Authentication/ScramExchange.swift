// SPDX-License-Identifier: Apache-2.0

// The server's side of a SCRAM exchange (RFC 5802 section 5): two messages come, two go. Pure: the nonce comes in.

internal import CloudEvents

/// One SCRAM exchange.
struct ScramExchange: Sendable {
    /// Why an exchange failed, for the client.
    struct Failure: Error, Hashable {
        let reason: String
    }

    private enum Phase: Sendable {
        case expectsFirst
        case expectsFinal(credential: ScramCredential, nonce: String, signed: String, channel: String)
        case done
    }

    private let mechanism: ScramMechanism
    private var phase = Phase.expectsFirst
    /// Who is there, once the exchange is over.
    private(set) var user: String?
    private var claimed = ""

    init(_ mechanism: ScramMechanism) { self.mechanism = mechanism }

    /// The answer to a message of the client's.
    ///
    /// - Parameter nonce: printable characters without a comma that nobody can guess; used by the first message only.
    mutating func answer(
        _ message: [UInt8], nonce: @autoclosure () -> String, users: any UserDirectory
    ) throws(Failure) -> [UInt8] {
        guard let text = String(validating: message, as: UTF8.self) else {
            throw Failure(reason: "the message is not UTF-8")
        }
        switch phase {
        case .expectsFirst: return try first(text, nonce(), users)
        case .expectsFinal(let credential, let nonce, let signed, let channel):
            phase = .done
            return try final(text, credential, nonce, signed, channel)
        case .done: throw Failure(reason: "the exchange is over")
        }
    }

    private mutating func first(
        _ text: String, _ serverNonce: String, _ users: any UserDirectory
    ) throws(Failure) -> [UInt8] {
        // gs2-header: channel binding flag, authorization identity; then the message proper.
        let parts = text.split(separator: ",", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "n" || parts[0] == "y" else {
            throw Failure(reason: "channel binding is not supported")
        }
        guard parts[1].isEmpty || parts[1].hasPrefix("a=") else {
            throw Failure(reason: "the message does not begin as RFC 5802 says")
        }
        let bare = parts[2]
        let fields = bare.split(separator: ",", omittingEmptySubsequences: false)
        guard fields.count >= 2, fields[0].hasPrefix("n="), fields[1].hasPrefix("r=") else {
            throw Failure(reason: "the message lacks a user name or a nonce")
        }
        let clientNonce = fields[1].dropFirst(2)
        guard !clientNonce.isEmpty, let name = Self.unescaped(fields[0].dropFirst(2)) else {
            throw Failure(reason: "the user name or the nonce is malformed")
        }
        guard let credential = users.scramCredential(of: name, mechanism) else {
            throw Failure(reason: "authentication failed")
        }
        claimed = name
        let nonce = clientNonce + serverNonce
        let answer = "r=\(nonce),s=\(Base64.encoded(credential.salt)),i=\(credential.iterations)"
        phase = .expectsFinal(
            credential: credential, nonce: String(nonce), signed: "\(bare),\(answer)",
            channel: Base64.encoded(Array("\(parts[0]),\(parts[1]),".utf8)))
        return Array(answer.utf8)
    }

    private mutating func final(
        _ text: String, _ credential: ScramCredential, _ nonce: String, _ signed: String, _ channel: String
    ) throws(Failure) -> [UInt8] {
        guard let cut = text.range(ofLast: ",p=") else { throw Failure(reason: "the message lacks a proof") }
        let withoutProof = text[..<cut.lowerBound]
        let fields = withoutProof.split(separator: ",", omittingEmptySubsequences: false)
        // Older versions of librdkafka, such as Debian's, write their own nonce twice. All of it is there, and the proof covers what was
        // sent.
        guard fields.count >= 2, fields[0] == "c=\(channel)", fields[1].hasPrefix("r="),
            fields[1].hasSuffix(nonce),
            let proof = Base64.decoded(String(text[cut.upperBound...]))
        else { throw Failure(reason: "the message does not fit the one before") }
        let message = Array("\(signed),\(withoutProof)".utf8)
        let signature = mechanism.mac(message, key: credential.storedKey)
        guard proof.count == signature.count else { throw Failure(reason: "authentication failed") }
        let clientKey = zip(proof, signature).map { $0 ^ $1 }
        guard isEqual(mechanism.hash(clientKey), credential.storedKey) else {
            throw Failure(reason: "authentication failed")
        }
        user = claimed
        let verifier = Base64.encoded(mechanism.mac(message, key: credential.serverKey))
        return Array("v=\(verifier)".utf8)
    }

    /// A user name with `=2C` and `=3D` undone; nil where `=` is followed by anything else.
    private static func unescaped(_ name: Substring) -> String? {
        var result = ""
        var rest = name
        while let sign = rest.firstIndex(of: "=") {
            result += rest[..<sign]
            let code = rest[sign...].prefix(3)
            switch code {
            case "=2C": result += ","
            case "=3D": result += "="
            default: return nil
            }
            rest = rest[code.endIndex...]
        }
        return result + rest
    }

    /// Compares without telling by its time where the difference is.
    private func isEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.count == right.count && zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}

extension String {
    /// Where `text` occurs for the last time.
    fileprivate func range(ofLast text: String) -> Range<Index>? {
        var end = endIndex
        while let start = index(end, offsetBy: -text.count, limitedBy: startIndex) {
            if self[start..<end] == text { return start..<end }
            guard end > startIndex else { return nil }
            end = index(before: end)
        }
        return nil
    }
}
