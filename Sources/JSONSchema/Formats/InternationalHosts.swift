// SPDX-License-Identifier: Apache-2.0

// Names of hosts beyond ASCII: labels by the rules of IDNA 2008 (RFC 5891, 5892) and their ASCII form (RFC 3492).

enum InternationalHosts {
    static func isHostname(_ text: UnsafeRawBufferPointer) -> Bool {
        // Longer than any name of 253 ASCII characters can be written.
        guard text.count > 0, text.count <= 1_016 else { return false }
        if text.allSatisfy({ $0 < 0x80 }) { return Hosts.isHostname(text) }
        let scalars = Array(String(decoding: text, as: UTF8.self).unicodeScalars)
        var length = 0
        for label in scalars.split(omittingEmptySubsequences: false, whereSeparator: isDot) {
            guard let size = asciiLength(Array(label)) else { return false }
            length += size + 1
        }
        return length - 1 <= 253
    }

    private static func isDot(_ scalar: Unicode.Scalar) -> Bool {
        scalar == "." || scalar == "\u{3002}" || scalar == "\u{FF0E}" || scalar == "\u{FF61}"
    }

    /// The length of a label's ASCII form, if it is a label.
    private static func asciiLength(_ label: [Unicode.Scalar]) -> Int? {
        if label.allSatisfy(\.isASCII) {
            let bytes = label.map { UInt8($0.value) }
            return bytes.withUnsafeBytes(Hosts.isLabel) ? bytes.count : nil
        }
        guard isUnicodeLabel(label), let encoded = Punycode.encodedLength(label), encoded + 4 <= 63 else {
            return nil
        }
        return encoded + 4
    }

    /// Whether what follows `xn--` is the form of a label beyond ASCII.
    static func isEncodedLabel(_ text: UnsafeRawBufferPointer) -> Bool {
        guard let label = Punycode.decode(text), !label.allSatisfy(\.isASCII) else { return false }
        return isUnicodeLabel(label)
    }

    private static func isUnicodeLabel(_ label: [Unicode.Scalar]) -> Bool {
        guard let first = label.first, let last = label.last, first != "-", last != "-" else { return false }
        if label.count >= 4, label[2] == "-", label[3] == "-" { return false }
        switch first.properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark: return false
        default: break
        }
        for index in label.indices where !isAllowed(label, at: index) { return false }
        return true
    }

    /// RFC 5892: valid anywhere, or valid in this context.
    private static func isAllowed(_ label: [Unicode.Scalar], at index: Int) -> Bool {
        let scalar = label[index]
        let before = index > 0 ? label[index - 1] : nil
        let after = index + 1 < label.count ? label[index + 1] : nil
        switch scalar.value {
        case 0xDF, 0x3C2, 0x6FD, 0x6FE, 0xF0B, 0x3007: return true
        case 0x640, 0x7FA, 0x302E, 0x302F, 0x3031...0x3035, 0x303B: return false
        case 0xB7: return before == "l" && after == "l"
        case 0x375:
            return after.map { (0x370...0x3FF).contains($0.value) || (0x1F00...0x1FFF).contains($0.value) }
                ?? false
        case 0x5F3, 0x5F4: return before.map { (0x590...0x5FF).contains($0.value) } ?? false
        case 0x30FB: return label.contains(where: isJapanese)
        case 0x660...0x669: return !label.contains { (0x6F0...0x6F9).contains($0.value) }
        case 0x6F0...0x6F9: return !label.contains { (0x660...0x669).contains($0.value) }
        case 0x200C: return isVirama(before) || (joins(before, forward: true) && joins(after, forward: false))
        case 0x200D: return isVirama(before)
        case 0x1100...0x11FF, 0xA960...0xA97C, 0xD7B0...0xD7FB: return false
        default: break
        }
        if scalar == "-" { return true }
        let properties = scalar.properties
        if properties.changesWhenNFKCCaseFolded || properties.isDefaultIgnorableCodePoint
            || properties.isWhitespace
        {
            return false
        }
        switch properties.generalCategory {
        case .lowercaseLetter, .uppercaseLetter, .otherLetter, .decimalNumber, .modifierLetter,
            .nonspacingMark,
            .spacingMark:
            return true
        default: return false
        }
    }

    private static func isVirama(_ scalar: Unicode.Scalar?) -> Bool {
        scalar?.properties.canonicalCombiningClass == .virama
    }

    private static func isJapanese(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x3041...0x309F, 0x30A1...0x30FA, 0x30FC...0x30FF, 0x31F0...0x31FF, 0x3005, 0x3007,
            0x3400...0x4DBF,
            0x4E00...0x9FFF, 0xF900...0xFAFF, 0x20000...0x3FFFF:
            true
        default: false
        }
    }

    /// Whether an Arabic letter joins the one after it; before it, all do.
    private static func joins(_ scalar: Unicode.Scalar?, forward: Bool) -> Bool {
        guard let value = scalar?.value, (0x620...0x64A).contains(value) || (0x66E...0x6D3).contains(value)
        else {
            return false
        }
        guard forward else { return true }
        switch value {
        case 0x621...0x625, 0x627, 0x629, 0x62F...0x632, 0x648, 0x671...0x677, 0x688...0x699, 0x6C0,
            0x6C3...0x6CB, 0x6CD,
            0x6CF, 0x6D2, 0x6D3:
            return false
        default: return true
        }
    }
}

/// RFC 3492.
enum Punycode {
    private static let base = 36
    private static let least = 1
    private static let greatest = 26

    static func decode(_ text: UnsafeRawBufferPointer) -> [Unicode.Scalar]? {
        guard text.count > 0, text.count <= 59 else { return nil }
        let delimiter = text.lastIndex(of: 0x2D)
        var output: [Unicode.Scalar] = text.part(0, delimiter ?? 0).map { Unicode.Scalar($0) }
        var index = delimiter.map { $0 + 1 } ?? 0
        var code = 128
        var place = 0
        var bias = 72
        while index < text.count {
            let before = place
            var weight = 1
            var step = base
            while true {
                guard index < text.count, let digit = digit(text[index]) else { return nil }
                index += 1
                place += digit * weight
                let threshold = min(max(step - bias, least), greatest)
                if digit < threshold { break }
                weight *= base - threshold
                guard weight < 1 << 32, place < 1 << 32 else { return nil }
                step += base
            }
            let count = output.count + 1
            bias = adapt(place - before, count, isFirst: before == 0)
            code += place / count
            place %= count
            guard code <= 0x10FFFF, let scalar = Unicode.Scalar(UInt32(code)) else { return nil }
            output.insert(scalar, at: place)
            place += 1
        }
        return output
    }

    /// The length of the ASCII form, without its prefix; nil if it is far too long.
    static func encodedLength(_ label: [Unicode.Scalar]) -> Int? {
        guard label.count <= 63 else { return nil }
        let basic = label.count { $0.isASCII }
        var length = basic > 0 ? basic + 1 : 0
        var code: UInt32 = 128
        var delta = 0
        var bias = 72
        var handled = basic
        while handled < label.count {
            guard let next = label.lazy.map(\.value).filter({ $0 >= code }).min() else { return nil }
            delta += Int(next - code) * (handled + 1)
            code = next
            for scalar in label {
                if scalar.value < code { delta += 1 }
                guard scalar.value == code else { continue }
                var rest = delta
                var step = base
                while true {
                    length += 1
                    let threshold = min(max(step - bias, least), greatest)
                    if rest < threshold { break }
                    rest = (rest - threshold) / (base - threshold)
                    step += base
                }
                bias = adapt(delta, handled + 1, isFirst: handled == basic)
                delta = 0
                handled += 1
            }
            delta += 1
            code += 1
        }
        return length
    }

    private static func digit(_ byte: UInt8) -> Int? {
        switch byte {
        case 0x61...0x7A: Int(byte - 0x61)
        case 0x41...0x5A: Int(byte - 0x41)
        case 0x30...0x39: Int(byte - 0x30) + 26
        default: nil
        }
    }

    private static func adapt(_ delta: Int, _ count: Int, isFirst: Bool) -> Int {
        var delta = isFirst ? delta / 700 : delta / 2
        delta += delta / count
        var steps = 0
        while delta > (base - least) * greatest / 2 {
            delta /= base - least
            steps += base
        }
        return steps + (base - least + 1) * delta / (delta + 38)
    }
}
