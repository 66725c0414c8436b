// SPDX-License-Identifier: Apache-2.0

// Properties of all scalars as runs of the same value, found without looking at every scalar: in the large blocks of ideographs, syllables and
// of what is private or not assigned, every sixteenth is looked at, and those in between where two of these differ. That this finds the same
// as looking at every one is held by a test, for every property.

enum UnicodeRuns {
    /// A run of scalars with the same value.
    struct Run<Value: Equatable> {
        var range: ClosedRange<UInt32>
        var value: Value
    }

    /// Blocks in which neighbours are alike. The last scalars of planes are not in them.
    private static let blocks: [ClosedRange<UInt32>] = [
        0x3400...0x4DAF, 0x4E00...0x9FEF, 0xAC00...0xD79F, 0xD800...0xF8EF, 0x17000...0x18AEF,
        0x20000...0x2A6CF, 0x2A700...0x2B72F, 0x2B820...0x2CE9F, 0x2CEB0...0x2EBDF, 0x2EE60...0x2F7FF,
        0x2FA20...0x2FFEF, 0x30000...0x3133F, 0x31350...0x323AF, 0x32400...0x3FFEF, 0x40000...0x4FFEF,
        0x50000...0x5FFEF, 0x60000...0x6FFEF, 0x70000...0x7FFEF, 0x80000...0x8FFEF, 0x90000...0x9FFEF,
        0xA0000...0xAFFEF, 0xB0000...0xBFFEF, 0xC0000...0xCFFEF, 0xD0000...0xDFFEF, 0xE1000...0xEFFEF,
        0xF0000...0xFFFEF, 0x100000...0x10FFEF,
    ]
    private static let stride: UInt32 = 16
    /// In planes that have no letters, and in private ones.
    private static let wideStride: UInt32 = 0x1000

    static func runs<Value: Equatable>(looked: inout Int, _ value: (UInt32) -> Value) -> [Run<Value>] {
        var result: [Run<Value>] = []
        func append(_ range: ClosedRange<UInt32>, _ value: Value) {
            if let last = result.last, last.value == value {
                result[result.count - 1].range = last.range.lowerBound...range.upperBound
            } else {
                result.append(Run(range: range, value: value))
            }
        }
        var scalar: UInt32 = 0
        var block = 0
        while scalar <= ScalarSet.greatest {
            while block < blocks.count, blocks[block].upperBound < scalar { block += 1 }
            looked += 1
            let here = value(scalar)
            guard block < blocks.count, blocks[block].contains(scalar) else {
                append(scalar...scalar, here)
                scalar += 1
                continue
            }
            let isEmpty = scalar >= 0x40000
            let next = min(scalar + (isEmpty ? wideStride : stride), blocks[block].upperBound)
            looked += 1
            if next > scalar + 1, value(next) == here {
                append(scalar...next - 1, here)
                scalar = next
            } else {
                // Every one of a piece whose ends differ, or of the rest of a block.
                let last = max(next, scalar + 1)
                append(scalar...scalar, here)
                scalar += 1
                while scalar < last {
                    looked += 1
                    append(scalar...scalar, value(scalar))
                    scalar += 1
                }
            }
        }
        return result
    }

    /// The same, by looking at every scalar.
    static func allRuns<Value: Equatable>(_ value: (UInt32) -> Value) -> [Run<Value>] {
        var result: [Run<Value>] = []
        for scalar in 0...ScalarSet.greatest {
            let here = value(scalar)
            if let last = result.last, last.value == here {
                result[result.count - 1].range = last.range.lowerBound...scalar
            } else {
                result.append(Run(range: scalar...scalar, value: here))
            }
        }
        return result
    }
}
