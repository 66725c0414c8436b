// SPDX-License-Identifier: Apache-2.0

// The catalogue of events as a fold of a log of its own, which a server that knows nothing of it leaves alone: a line of JSON for each change,
// the lines of one look in one record.

import ApusCatalog
import ApusModel
import NIOCore

/// One thing that happened to the catalogue of events.
enum CatalogTableChange: StateChange {
    /// Forget everything: a snapshot follows in the same batch.
    case reset
    case changed(CatalogChange)

    private static let resetLine = Array("{\"change\":\"reset\"}".utf8)
    private static let lineEnd = UInt8(ascii: "\n")

    func encode(into buffer: inout ByteBuffer) {
        switch self {
        case .reset: buffer.writeBytes(CatalogTableChange.resetLine)
        case .changed(let change): buffer.writeBytes(change.encoded)
        }
        buffer.writeInteger(CatalogTableChange.lineEnd)
    }

    static func decode(_ bytes: UnsafeRawBufferPointer) -> [CatalogTableChange]? {
        var changes: [CatalogTableChange] = []
        for line in bytes.split(separator: lineEnd) {
            if line.elementsEqual(resetLine) {
                changes.append(.reset)
            } else if let change = CatalogChange(decoding: line) {
                changes.append(.changed(change))
            } else {
                return nil
            }
        }
        return changes
    }
}

/// The catalogue of events on its log.
struct CatalogTable: StateFold {
    var catalog = EventCatalog()

    init() {}

    mutating func apply(_ change: CatalogTableChange) {
        switch change {
        case .reset: catalog = EventCatalog()
        case .changed(let change): catalog.apply(change)
        }
    }

    func forEachChange(_ body: (CatalogTableChange) -> Bool) {
        catalog.forEachChange { body(.changed($0)) }
    }
}
