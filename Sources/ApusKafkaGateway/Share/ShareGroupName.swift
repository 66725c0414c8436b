// SPDX-License-Identifier: Apache-2.0

// The names of the subscriptions behind share groups: `{group}.share.{topic}`, readable, and such that the group and the topic can be read from
// the name, because after a restart nothing else tells which share groups there are.

internal import ApusModel

/// A share group and a topic that it reads.
struct ShareGroupName: Hashable, Sendable {
    /// The group as clients name it.
    var group: String
    var topic: ResourceName

    private static let mark = ".share."

    init(group: String, topic: ResourceName) {
        self.group = group
        self.topic = topic
    }

    /// The subscription's name; nil when it would be too long.
    var subscription: ResourceName? { try? ResourceName(Self.escaped(group) + Self.mark + topic.description) }

    /// The group and topic that a subscription has its name from; nil when it is none of a share group.
    init?(subscription name: ResourceName) {
        let bytes = Array(name.description.utf8)
        var group: [UInt8] = []
        var index = 0
        while index < bytes.count {
            guard bytes[index] == UInt8(ascii: ".") else {
                group.append(bytes[index])
                index += 1
                continue
            }
            let rest = bytes[(index + 1)...]
            if rest.first == UInt8(ascii: ".") {
                group.append(UInt8(ascii: "."))
                index += 2
            } else if let byte = Self.byte(rest.prefix(2)) {
                group.append(byte)
                index += 3
            } else {
                guard bytes[index...].starts(with: Self.mark.utf8), let text = String(validating: group),
                    let topic = try? ResourceName(
                        String(decoding: bytes[(index + Self.mark.utf8.count)...], as: UTF8.self))
                else { return nil }
                // Each group has one name: what could be escaped otherwise is nobody's.
                self.init(group: text, topic: topic)
                guard subscription == name, !text.isEmpty else { return nil }
                return
            }
        }
        return nil
    }

    /// The group's name where only letters, digits, `_`, `-` and `.` can stand: a dot is two, everything else a dot and two digits in base 16.
    static func escaped(_ group: String) -> String {
        var result = ""
        for byte in group.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            case UInt8(ascii: "."): result += ".."
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                result += digits.count == 1 ? ".0" + digits : "." + digits
            }
        }
        return result
    }

    private static func byte(_ digits: ArraySlice<UInt8>) -> UInt8? {
        // Small letters are never written, so that `.share.` cannot be taken for a byte.
        guard digits.count == 2, digits.allSatisfy({ $0 < UInt8(ascii: "a") }) else { return nil }
        return UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
    }
}

extension String {
    /// The text that these bytes are in UTF-8; nil when they are none.
    fileprivate init?(validating bytes: [UInt8]) {
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.utf8.elementsEqual(bytes) else { return nil }
        self = text
    }
}
