// SPDX-License-Identifier: Apache-2.0

// What must not leave a machine is taken out of what does: by the names of members, by the form of URLs, and by the secrets that are known themselves.
// The server masks its secrets already; this is the second line, which also holds for text.

internal import ApusModel
internal import ApusTransport
package import JSONText

/// Takes secrets out of answers and texts.
package struct SecretScrubber: Sendable {
    /// What stands for what was taken out.
    package static let mask = "***"

    /// Members whose value, whatever it is, is a secret or an event's data.
    private static let secretNames: Set<String> = [
        "secret", "secrets", "token", "password", "authorization", "credentials", "data", "data_base64",
    ]
    /// Members that are left out: texts of events, or made from them.
    private static let leftOut: Set<String> = ["keys", "invalid_publishers", "event"]
    /// Causes of slowness whose evidence names the key of an event.
    private static let causesWithKeys: Set<String> = ["hot_key"]
    /// Shorter ones would be found in everything.
    private static let secretLengthMin = 4

    private let known: [String]

    /// - Parameter known: secrets that are to be found wherever they stand, such as the token that was used.
    package init(known: [String]) {
        self.known = known.filter { $0.count >= SecretScrubber.secretLengthMin }
            .sorted { $0.count > $1.count }
    }

    /// The value without secrets.
    package func scrub(_ value: JSONValue) -> JSONValue {
        switch value {
        case .string(let text): return .string(scrub(text))
        case .array(let elements): return .array(elements.map(scrub))
        case .object(let object):
            var clean = JSONObject()
            let namesKey = object["cause"]?.string.map(SecretScrubber.causesWithKeys.contains) ?? false
            for member in object.members where !SecretScrubber.leftOut.contains(member.name) {
                if namesKey, member.name == "evidence" { continue }
                clean[member.name] = scrub(member.value, of: member.name)
            }
            return .object(clean)
        default: return value
        }
    }

    private func scrub(_ value: JSONValue, of name: String) -> JSONValue {
        if SecretScrubber.secretNames.contains(name.lowercased()), value != .null {
            // A pattern's `data` says what is looked for, and is no event; but nobody can be sure of that.
            return .string(SecretScrubber.mask)
        }
        guard name == "headers", case .object(let headers) = value else { return scrub(value) }
        var clean = JSONObject()
        for header in headers.members { clean[header.name] = .string(SecretScrubber.mask) }
        return .object(clean)
    }

    /// The text without secrets: known ones, and what of a URL could be a credential, as journeys mask it; and without what receivers answered, which may repeat an event.
    package func scrub(_ text: String) -> String {
        var text = OutsideWords.removed(from: text)
        for secret in known where text.contains(secret) {
            text = text.split(separator: secret, omittingEmptySubsequences: false).joined(
                separator: SecretScrubber.mask)
        }
        return text.contains("://") ? SecretScrubber.withoutURLSecrets(text) : text
    }

    private static func withoutURLSecrets(_ text: String) -> String {
        let scheme = "x://"
        var pieces = text.split(separator: "://", omittingEmptySubsequences: false).map(String.init)
        for index in pieces.indices.dropFirst() {
            let piece = pieces[index]
            var end = piece.firstIndex { $0.isWhitespace || "\"'<>".contains($0) } ?? piece.endIndex
            // What closes the sentence around a URL is none of it; within a URL the same signs may stand before more of a secret.
            while end > piece.startIndex, ".,:;)]}".contains(piece[piece.index(before: end)]) {
                end = piece.index(before: end)
            }
            let url = SecretMask.url(scheme + piece[..<end]).dropFirst(scheme.count)
            pieces[index] = String(url) + piece[end...]
        }
        return pieces.joined(separator: "://")
    }
}
