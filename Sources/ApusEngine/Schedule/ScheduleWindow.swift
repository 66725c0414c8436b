// SPDX-License-Identifier: Apache-2.0

// What is due soon, in memory, in the order in which it becomes due, with the events themselves: when they are due nothing has to be looked
// for. Bounded in bytes; what does not fit stays on disk until there is room.

import ApusModel
import HeapModule
import NIOCore

/// An event that waits, with what its copy is made of.
struct WaitingEvent: Comparable, Sendable {
    var key: ScheduleKey
    /// When it was to be published, in milliseconds since 1970.
    var due: Int64
    /// The topic that it is for.
    var topic: LogID
    var record: PackedRecord

    static func < (left: WaitingEvent, right: WaitingEvent) -> Bool { left.key < right.key }
    static func == (left: WaitingEvent, right: WaitingEvent) -> Bool { left.key == right.key }

    /// About what it takes in memory.
    var bytes: Int { record.bytes.count + 112 }
}

/// Waiting events that are due soon.
struct ScheduleWindow: Sendable {
    private var heap = Heap<WaitingEvent>()
    /// What they take in memory, about.
    private(set) var bytes = 0
    /// How many of each bucket are here.
    private var held: [Int: Int] = [:]
    private let bytesMax: Int

    init(bytesMax: Int) { self.bytesMax = bytesMax }

    var count: Int { heap.count }
    var first: ScheduleKey? { heap.min?.key }
    func holds(_ bucket: Int) -> Bool { held[bucket] != nil }
    var isHalfEmpty: Bool { bytes < bytesMax / 2 }

    /// Takes an event in; the first key that has no room, when there is one: everything from it on is out.
    mutating func insert(_ event: WaitingEvent) -> ScheduleKey? {
        add(event)
        var dropped: ScheduleKey?
        while bytes > bytesMax, heap.count > 1, let last = heap.popMax() {
            forget(last)
            dropped = last.key
        }
        return dropped
    }

    mutating func popDue(_ now: Int64) -> WaitingEvent? {
        guard let first = heap.min, first.key.due <= now, let event = heap.popMin() else { return nil }
        forget(event)
        return event
    }

    mutating func removeAll() { self = ScheduleWindow(bytesMax: bytesMax) }

    private mutating func add(_ event: WaitingEvent) {
        bytes += event.bytes
        held[event.key.bucket, default: 0] += 1
        heap.insert(event)
    }

    private mutating func forget(_ event: WaitingEvent) {
        bytes -= event.bytes
        let left = (held[event.key.bucket] ?? 1) - 1
        held[event.key.bucket] = left == 0 ? nil : left
    }
}

/// A record's key, value and headers in one piece of memory.
struct PackedRecord: Sendable {
    let bytes: [UInt8]

    init(_ record: RecordView) {
        var buffer = ByteBuffer()
        func write(_ part: UnsafeRawBufferPointer?) {
            buffer.writeVarint(Int64(part?.count ?? -1))
            if let part { buffer.writeBytes(part) }
        }
        write(record.key)
        write(record.value)
        record.forEachHeader { name, value in
            if !name.starts(with: LineageHeader.prefix) {
                write(name)
                write(value)
            }
            return true
        }
        bytes = Array(buffer.readableBytesView)
    }

    /// Calls `body` with key, value and a way to go through the headers.
    func withParts(
        _ body: (
            _ key: UnsafeRawBufferPointer?, _ value: UnsafeRawBufferPointer?,
            _ forEachHeader: ((UnsafeRawBufferPointer, UnsafeRawBufferPointer?) -> Void) -> Void
        ) -> Void
    ) {
        bytes.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            func part(_ reader: inout ByteReader) -> UnsafeRawBufferPointer? {
                guard let length = reader.varint(), length >= 0 else { return nil }
                return reader.slice(Int(length))
            }
            let (key, value) = (part(&reader), part(&reader))
            let headers = reader
            body(key, value) { each in
                var reader = headers
                while reader.remaining > 0, let name = part(&reader) { each(name, part(&reader)) }
            }
        }
    }

    var key: String? {
        var text: String?
        withParts { key, _, _ in text = key.map { String(decoding: $0, as: UTF8.self) } }
        return text
    }
}
