// SPDX-License-Identifier: Apache-2.0

// JSON pointers (RFC 6901), relative ones, and UUIDs (RFC 4122).

enum Pointers {
    static func isPointer(_ text: UnsafeRawBufferPointer) -> Bool {
        guard text.count > 0 else { return true }
        guard text[0] == 0x2F else { return false }
        for index in 0..<text.count where text[index] == 0x7E {
            guard text.at(index + 1) == 0x30 || text.at(index + 1) == 0x31 else { return false }
        }
        return true
    }

    static func isRelativePointer(_ text: UnsafeRawBufferPointer) -> Bool {
        guard var index = endOfNumber(text, 0) else { return false }
        if text.at(index) == 0x2B || text.at(index) == 0x2D {
            guard let end = endOfNumber(text, index + 1) else { return false }
            index = end
        }
        if text.at(index) == 0x23 { return index + 1 == text.count }
        return isPointer(text.part(index, text.count))
    }

    private static func endOfNumber(_ text: UnsafeRawBufferPointer, _ start: Int) -> Int? {
        var index = start
        while ASCII.isDigit(text.at(index)) { index += 1 }
        guard index > start, index == start + 1 || text[start] != 0x30 else { return nil }
        return index
    }

    static func isUUID(_ text: UnsafeRawBufferPointer) -> Bool {
        guard text.count == 36 else { return false }
        for index in 0..<36 {
            switch index {
            case 8, 13, 18, 23: guard text[index] == 0x2D else { return false }
            default: guard ASCII.isHex(text[index]) else { return false }
            }
        }
        return true
    }
}
