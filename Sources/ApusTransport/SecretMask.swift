// SPDX-License-Identifier: Apache-2.0

// What of a request may be shown to people who look into an attempt. Too much is masked rather than too little: what is hidden here can still be
// looked up by who may see the settings.

/// Masks what could be a credential.
public enum SecretMask {
    /// What stands for what is not told.
    public static let mask = WebhookHeader.mask

    /// Names that hold one of these are taken for those of credentials.
    private static let words = [
        "auth", "token", "key", "secret", "password", "cookie", "credential", "signature", "session",
    ]
    /// Letters and digits in a row, both kinds, from how many on a part of a path is taken for a credential, as chat services put them there.
    private static let tokenLength = 20

    /// Whether a header of this name (in lower case) holds a credential. Attributes of events do not: they are shown with the event.
    public static func isSensitive(_ name: String) -> Bool {
        guard !name.hasPrefix("ce-"), name != "idempotency-key" else { return false }
        return words.contains { name.contains($0) }
    }

    /// A URL without user, password, values of the query, and parts of the path that look like tokens.
    public static func url(_ text: String) -> String {
        guard let scheme = text.firstRange(of: "://") else { return mask }
        let rest = text[scheme.upperBound...].split(separator: "#", maxSplits: 1).first ?? ""
        let query = rest.firstIndex(of: "?")
        let beforeQuery = rest[..<(query ?? rest.endIndex)]
        let path = beforeQuery.firstIndex(of: "/") ?? beforeQuery.endIndex
        var authority = String(beforeQuery[..<path])
        if let at = authority.lastIndex(of: "@") { authority = mask + authority[at...] }
        let segments = beforeQuery[path...].split(separator: "/", omittingEmptySubsequences: false)
            .map { looksLikeToken($0) ? mask : String($0) }
        var masked = text[..<scheme.upperBound] + authority + segments.joined(separator: "/")
        if let query {
            let parts = rest[rest.index(after: query)...].split(separator: "&").map { part in
                part.firstIndex(of: "=").map { part[...$0] + mask } ?? mask
            }
            masked += "?" + parts.joined(separator: "&")
        }
        return String(masked)
    }

    /// What ``url(_:)`` masks in this URL.
    public static func secrets(ofURL text: String) -> [String] {
        guard let scheme = text.firstRange(of: "://") else { return [] }
        let rest = text[scheme.upperBound...].split(separator: "#", maxSplits: 1).first ?? ""
        let parts = rest.split(separator: "?", maxSplits: 1)
        let segments = (parts.first ?? "").split(separator: "/")
        var found = segments.dropFirst().filter(looksLikeToken).map(String.init)
        if let authority = segments.first, let at = authority.lastIndex(of: "@") {
            found += authority[..<at].split(separator: ":").map(String.init)
        }
        if parts.count > 1 {
            found += parts[1].split(separator: "&").map { part in
                String(part.firstIndex(of: "=").map { part[part.index(after: $0)...] } ?? part)
            }
        }
        return found
    }

    private static func looksLikeToken(_ segment: Substring) -> Bool {
        guard segment.utf8.count >= tokenLength else { return false }
        return segment.contains { $0.isNumber } && segment.contains { $0.isLetter }
    }

    /// `bytes` with each of `secrets` that occurs in it masked: receivers that answer with what they were sent must not give it away. Secrets of
    /// less than four bytes stay: they would be found everywhere.
    ///
    /// - Parameter isCut: whether more may have followed: then the end may be the beginning of a secret, and is masked too.
    public static func scrub(_ bytes: [UInt8], of secrets: [String], isCut: Bool = false) -> [UInt8] {
        var bytes = bytes
        for secret in secrets where secret.utf8.count >= 4 {
            let wanted = Array(secret.utf8)
            var from = 0
            while from + wanted.count <= bytes.count {
                guard bytes[from] == wanted[0], bytes[from..<(from + wanted.count)].elementsEqual(wanted)
                else {
                    from += 1
                    continue
                }
                bytes.replaceSubrange(from..<(from + wanted.count), with: mask.utf8)
                from += mask.utf8.count
            }
        }
        guard isCut else { return bytes }
        for secret in secrets where secret.utf8.count > 4 {
            let wanted = Array(secret.utf8)
            for count in stride(from: min(wanted.count - 1, bytes.count), through: 4, by: -1)
            where bytes.suffix(count).elementsEqual(wanted.prefix(count)) {
                bytes.replaceSubrange((bytes.count - count)..., with: mask.utf8)
                break
            }
        }
        return bytes
    }

    /// `bytes` with the texts of those members masked whose names are those of credentials, whether all of it is JSON or not: what receivers answer
    /// may hold secrets that nobody here knows. A text that is cut is masked to its end.
    public static func members(of bytes: [UInt8]) -> [UInt8] {
        var shown: [UInt8] = []
        shown.reserveCapacity(bytes.count)
        var index = 0
        /// The text that came before, if it stands where a member's name does.
        var name: String?
        while index < bytes.count {
            guard bytes[index] == UInt8(ascii: "\"") else {
                // Between a name and its text there is a colon, and white space.
                if !" \t\r\n:".utf8.contains(bytes[index]) { name = nil }
                shown.append(bytes[index])
                index += 1
                continue
            }
            let end = endOfText(bytes, index + 1)
            let text = bytes[(index + 1)..<end]
            if let found = name, shown.last != UInt8(ascii: "\""), isSensitive(found) {
                shown += [UInt8(ascii: "\"")] + mask.utf8
                if end < bytes.count { shown.append(bytes[end]) }
                name = nil
            } else {
                shown += bytes[index...min(end, bytes.count - 1)]
                name = String(decoding: text, as: UTF8.self).lowercased()
            }
            index = end + 1
        }
        return shown
    }

    /// Where the quote stands that ends a text, or the end of all if none does.
    private static func endOfText(_ bytes: [UInt8], _ start: Int) -> Int {
        var index = start
        while index < bytes.count, bytes[index] != UInt8(ascii: "\"") {
            index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        return min(index, bytes.count)
    }
}
