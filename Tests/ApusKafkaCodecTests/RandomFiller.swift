// SPDX-License-Identifier: Apache-2.0

// Messages of chance: a third coder beside decoder and encoder, which fills each field that a version has.

import ApusKafkaCodec
import NIOCore
import TestThreads

/// Fills the fields of messages.
struct RandomFiller: FieldCoder {
    let version: Int16
    let isFlexible: Bool
    private var generator: SeededGenerator

    init(version: Int16, isFlexible: Bool, seed: UInt64) {
        self.version = version
        self.isFlexible = isFlexible
        generator = SeededGenerator(seed: seed)
    }

    private mutating func chance(_ one: Int, of all: Int) -> Bool {
        Int.random(in: 0..<all, using: &generator) < one
    }

    private mutating func integer<Value: FixedWidthInteger>() -> Value {
        switch Int.random(in: 0..<6, using: &generator) {
        case 0: .max
        case 1: .min
        case 2: 0
        case 3: Value(truncatingIfNeeded: -1)
        default: .random(in: .min ... .max, using: &generator)
        }
    }

    private mutating func text() -> String {
        let letters = Array("abcdefghijklmnopqrstuvwxyz.-_0123456789äß€😀 ")
        // Now and then long enough for a compact length of two bytes.
        let count = Int.random(in: 0..<(chance(1, of: 20) ? 300 : 12), using: &generator)
        return String((0..<count).map { _ in letters.randomElement(using: &generator) ?? "a" })
    }

    private mutating func bytes() -> ByteBuffer {
        // Now and then long enough to be set aside by the encoder.
        let count = Int.random(in: 0..<(chance(1, of: 8) ? 4000 : 40), using: &generator)
        return ByteBuffer(bytes: (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) })
    }

    mutating func field(_ name: StaticString, _ value: inout Bool) { value = chance(1, of: 2) }
    mutating func field(_ name: StaticString, _ value: inout Int8) { value = integer() }
    mutating func field(_ name: StaticString, _ value: inout Int16) {
        // A code that is not known would be read as another: codes are filled with known ones.
        guard !"\(name)".hasSuffix("rrorCode") else {
            return value = KafkaErrorCode.allCases.randomElement(using: &generator)?.rawValue ?? 0
        }
        value = integer()
    }
    mutating func field(_ name: StaticString, _ value: inout Int32) { value = integer() }
    mutating func field(_ name: StaticString, _ value: inout Int64) { value = integer() }
    mutating func field(_ name: StaticString, _ value: inout KafkaUUID) {
        value = KafkaUUID(high: integer(), low: integer())
    }
    mutating func field(_ name: StaticString, _ value: inout String) { value = text() }
    mutating func field(_ name: StaticString, _ value: inout String?, nullable: Bool) {
        value = nullable && chance(1, of: 3) ? nil : text()
    }
    mutating func field(_ name: StaticString, _ value: inout ByteBuffer) { value = bytes() }
    mutating func field(_ name: StaticString, _ value: inout ByteBuffer?) {
        value = chance(1, of: 3) ? nil : bytes()
    }
    mutating func field(_ name: StaticString, _ value: inout RecordData) {
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: value = .null
        case 1: value = .bytes(bytes())
        default: value = .pieces([bytes(), bytes(), bytes()])
        }
    }
    mutating func field<Value: KafkaStruct>(
        _ name: StaticString, _ value: inout Value?
    ) throws(KafkaCodecError) {
        value = nil
        guard chance(2, of: 3) else { return }
        var present = Value()
        try present.code(with: &self)
        value = present
    }
    mutating func field<Element: KafkaCodable>(
        _ name: StaticString, _ value: inout [Element]
    ) throws(KafkaCodecError) {
        value = []
        for _ in 0..<Int.random(in: 0...3, using: &generator) {
            var element = Element()
            try element.code(with: &self)
            value.append(element)
        }
    }
    mutating func field<Element: KafkaCodable>(
        _ name: StaticString, _ value: inout [Element]?, nullable: Bool
    ) throws(KafkaCodecError) {
        var elements: [Element] = []
        try field(name, &elements)
        value = nullable && chance(1, of: 3) ? nil : elements
    }

    mutating func openTags() -> TagSection { TagSection() }
    mutating func tag<Value: KafkaCodable>(
        _ tag: UInt32, in section: inout TagSection, _ name: StaticString, _ value: inout Value,
        default: Value
    ) throws(KafkaCodecError) {
        value = `default`
        if chance(2, of: 3) { try value.code(with: &self) }
    }
    mutating func closeTags(_ section: TagSection) {}
}
