// SPDX-License-Identifier: Apache-2.0

// The registry of schemas as a fold of a log: a line of JSON for each change, the lines of one request in one record.

import ApusModel
import ApusSchemas
import NIOCore

/// One thing that happened to the registry of schemas.
enum SchemaTableChange: StateChange {
    /// Forget everything: a snapshot follows in the same batch.
    case reset
    case changed(SchemaChange)

    private static let resetLine = Array("{\"change\":\"reset\"}".utf8)
    private static let lineEnd = UInt8(ascii: "\n")

    func encode(into buffer: inout ByteBuffer) {
        switch self {
        case .reset: buffer.writeBytes(SchemaTableChange.resetLine)
        case .changed(let change): buffer.writeBytes(change.encoded)
        }
        buffer.writeInteger(SchemaTableChange.lineEnd)
    }

    static func decode(_ bytes: UnsafeRawBufferPointer) -> [SchemaTableChange]? {
        var changes: [SchemaTableChange] = []
        for line in bytes.split(separator: lineEnd) {
            if line.elementsEqual(resetLine) {
                changes.append(.reset)
            } else if let change = SchemaChange(decoding: line) {
                changes.append(.changed(change))
            } else {
                return nil
            }
        }
        return changes
    }
}

/// The registry of schemas on its log.
struct SchemaTable: StateFold {
    var registry = SchemaRegistry()

    init() {}

    mutating func apply(_ change: SchemaTableChange) {
        switch change {
        case .reset: registry = SchemaRegistry()
        case .changed(let change): registry.apply(change)
        }
    }

    func forEachChange(_ body: (SchemaTableChange) -> Bool) {
        registry.forEachChange { body(.changed($0)) }
    }
}
