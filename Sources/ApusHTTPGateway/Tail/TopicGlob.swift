// SPDX-License-Identifier: Apache-2.0

// Which topics a tail follows: names, or patterns with `*` for any part.

internal import ApusModel

/// A topic's name, or a pattern for names.
struct TopicGlob: Sendable, Hashable {
    private let bytes: [UInt8]

    /// Whether names other than this one may match.
    var isPattern: Bool { bytes.contains(Self.star) }

    /// The pattern as text.
    var text: String { String(decoding: bytes, as: UTF8.self) }

    private static let star = UInt8(ascii: "*")

    /// - Throws: ``Problem`` for what can match no name.
    init(_ text: String) throws(Problem) {
        let plain = text.filter { $0 != "*" }
        guard !text.isEmpty, text.utf8.count <= ResourceName.lengthMax else {
            throw Problem(.malformed, "a topic pattern has 1 to \(ResourceName.lengthMax) characters")
        }
        if !plain.isEmpty, plain != ".", plain != ".." || text == plain {
            do {
                _ = try ResourceName(plain)
            } catch {
                throw Problem(.malformed, "query parameter 'topic': \(error.description)")
            }
        }
        bytes = Array(text.utf8)
    }

    /// Whether `name` matches. Takes time in proportion to both lengths at worst: a star is tried again only from the last one on.
    func matches(_ name: ResourceName) -> Bool {
        let name = Array(name.description.utf8)
        var (index, place) = (0, 0)
        var retry: (index: Int, place: Int)?
        while place < name.count {
            if index < bytes.count, bytes[index] == Self.star {
                retry = (index, place)
                index += 1
            } else if index < bytes.count, bytes[index] == name[place] {
                index += 1
                place += 1
            } else if let last = retry {
                retry = (last.index, last.place + 1)
                index = last.index + 1
                place = last.place + 1
            } else {
                return false
            }
        }
        return bytes[index...].allSatisfy { $0 == Self.star }
    }
}
