// SPDX-License-Identifier: Apache-2.0

// Where the headers of AMQP messages and the message attributes of SNS live on an event: each is the CloudEvents
// attribute whose name is the header's in lower case, without what attribute names cannot have. So `tier` of one
// protocol is `tier` of all, and what was published over HTTP can be selected by a binding.

/// The names that headers and message attributes have as CloudEvents attributes.
public enum AttributeNaming {
    /// The attribute that stands for a header or message attribute: `Store-Id`, `store_id` and `storeid` are all
    /// `storeid`. Nil if nothing is left, if it has other letters than ASCII's, or if the name is `data`.
    public static func attribute(for name: String) -> String? {
        var result: [UInt8] = []
        for byte in name.utf8 {
            switch byte {
            case 0x61...0x7A, 0x30...0x39: result.append(byte)
            case 0x41...0x5A: result.append(byte | 0x20)
            case 0x80...: return nil
            default: break
            }
        }
        guard !result.isEmpty, !result.elementsEqual("data".utf8) else { return nil }
        return String(decoding: result, as: UTF8.self)
    }
}
