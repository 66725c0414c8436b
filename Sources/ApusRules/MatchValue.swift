// SPDX-License-Identifier: Apache-2.0

// One value of an event against one test, on the bytes where they stand. What the indexes find is found by the same meaning; EventValue says it
// once more, for explaining.

extension MatchValue {
    /// Whether the value passes any of the tests; `exists: false` is none that a value could pass.
    @inline(__always)
    func passesAny(_ tests: [PatternTest], _ memory: UnsafeMutablePointer<MatchMemory>) -> Bool {
        for test in tests where passes(test, memory) { return true }
        return false
    }

    /// Whether the value passes a test.
    func passes(_ test: PatternTest, _ memory: UnsafeMutablePointer<MatchMemory>) -> Bool {
        memory.pointee.work &+= 1
        switch test {
        case .equals(.string(let text)): return isText && equals(text)
        case .equals(.number(let number)): return isNumber && compare(with: number, memory) == 0
        case .equals(.bool(let value)): return isBool(value)
        case .equals(.null): return kind == .null
        case .exists(let isWanted): return isWanted
        case .anythingBut(let tests): return !passesAny(tests, memory)
        case .prefix(let text): return isText && starts(with: text)
        case .suffix(let text): return isText && ends(with: text)
        case .text(let test): return isText && test.passes(bytes)
        case .noneOf: return false
        case .wildcard(let wildcard): return isText && wildcard.matches(bytes)
        case .numeric(let range): return isNumber && isIn(range, memory)
        case .cidr(let block): return isText && Address(bytes).map { block.contains($0) } ?? false
        case .equalsIgnoringCase(let text): return folded(memory) { $0.equals(text) }
        case .prefixIgnoringCase(let text): return folded(memory) { $0.starts(with: text) }
        case .suffixIgnoringCase(let text): return folded(memory) { $0.ends(with: text) }
        }
    }

    // MARK: - Texts

    var isText: Bool { kind == .text || kind == .attribute }

    @inline(__always)
    private func equals(_ text: [UInt8]) -> Bool { bytes.count == text.count && starts(with: text) }

    @inline(__always)
    private func starts(with text: [UInt8]) -> Bool {
        bytes.count >= text.count
            && text.withUnsafeBytes {
                ByteTable.equal(ByteTable.address($0), ByteTable.address(bytes), $0.count)
            }
    }

    @inline(__always)
    private func ends(with text: [UInt8]) -> Bool {
        bytes.count >= text.count
            && text.withUnsafeBytes {
                let start = ByteTable.address(bytes) + (bytes.count - $0.count)
                return ByteTable.equal(ByteTable.address($0), start, $0.count)
            }
    }

    /// Looks at the value as it is without regard to case. The texts that a program tries are folded when it is made.
    private func folded(_ memory: UnsafeMutablePointer<MatchMemory>, _ look: (MatchValue) -> Bool) -> Bool {
        guard isText else { return false }
        memory.pointee.folded.removeAll(keepingCapacity: true)
        CaseFolding.append(folded: bytes, to: &memory.pointee.folded)
        return memory.pointee.folded.withUnsafeBytes { look(MatchValue(kind: kind, bytes: $0)) }
    }

    private func isBool(_ value: Bool) -> Bool {
        switch kind {
        case .yes: value
        case .no: !value
        case .attribute: bytes.elementsEqual(value ? "true".utf8 : "false".utf8)
        default: false
        }
    }

    // MARK: - Numbers

    /// Whether the value is a number, or an attribute that is one as text.
    @inline(__always)
    var isNumber: Bool { kind == .number || kind == .attribute && isNumberAsText }

    /// The nearest double to a number, and whether no other number of few digits has the same.
    var double: (value: Double, isExact: Bool) {
        if let number = JSONPass(bytes).number(at: 0), number.isPlain {
            return (NumberText.double(number), true)
        }
        return NumberText(bytes).double(bytes)
    }

    private var isNumberAsText: Bool {
        guard let first = bytes.first, first == 0x2D || (0x30...0x39).contains(first) else { return false }
        return JSONPass(bytes).endOfNumber(0) == bytes.count
    }

    /// Less than, equal to or greater than zero, as the value is less than, equal to or greater than a number.
    private func compare(with number: PatternNumber, _ memory: UnsafeMutablePointer<MatchMemory>) -> Int {
        makeKey(memory)
        return Self.compare(memory.pointee.key, number.key)
    }

    private func isIn(_ range: NumericRange, _ memory: UnsafeMutablePointer<MatchMemory>) -> Bool {
        makeKey(memory)
        if let lower = range.lower {
            let order = Self.compare(memory.pointee.key, lower.number.key)
            guard order > 0 || order == 0 && lower.isIncluded else { return false }
        }
        if let upper = range.upper {
            let order = Self.compare(memory.pointee.key, upper.number.key)
            guard order < 0 || order == 0 && upper.isIncluded else { return false }
        }
        return true
    }

    private func makeKey(_ memory: UnsafeMutablePointer<MatchMemory>) {
        memory.pointee.key.removeAll(keepingCapacity: true)
        DecimalKey.append(keyOf: bytes, to: &memory.pointee.key)
    }

    private static func compare(_ left: [UInt8], _ right: [UInt8]) -> Int {
        for index in 0..<min(left.count, right.count) where left[index] != right[index] {
            return left[index] < right[index] ? -1 : 1
        }
        return left.count - right.count
    }
}
