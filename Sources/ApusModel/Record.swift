// SPDX-License-Identifier: Apache-2.0

// One record inside a batch: as a view of the batch's bytes for those who only look (matching, counting),
// and as a value of its own for those who keep it.

/// A record seen in place; valid only inside the call that handed it out.
public struct RecordView {
    /// Its place in the log.
    public let offset: Offset
    /// When it was made, or appended, as the topic is set.
    public let timestamp: Timestamp
    /// Its key, if it has one.
    public let key: UnsafeRawBufferPointer?
    /// Its value; nil is a tombstone.
    public let value: UnsafeRawBufferPointer?
    /// How many headers it has.
    public let headerCount: Int
    @usableFromInline
    let headerBytes: UnsafeRawBufferPointer

    init?(
        _ reader: inout ByteReader, baseOffset: Offset, baseTimestamp: Timestamp, appendTime: Timestamp? = nil
    ) {
        guard let length = reader.varint(), let body = reader.slice(Int(truncatingIfNeeded: length)) else {
            return nil
        }
        var fields = ByteReader(body)
        guard fields.integer(as: UInt8.self) != nil, let timestampDelta = fields.varint(),
            let offsetDelta = fields.varint(), offsetDelta >= 0, offsetDelta <= Int64(Int32.max)
        else { return nil }
        offset = baseOffset.advanced(by: offsetDelta)
        timestamp = appendTime ?? Timestamp(milliseconds: baseTimestamp.rawValue &+ timestampDelta)
        var isValid = true
        key = RecordView.nullable(&fields, &isValid)
        value = RecordView.nullable(&fields, &isValid)
        // A header takes at least two bytes, which bounds what a lying count can make anyone reserve.
        guard isValid, let count = fields.varint(), count >= 0, count <= Int64(fields.remaining / 2),
            let rest = fields.slice(fields.remaining)
        else { return nil }
        headerCount = Int(count)
        headerBytes = rest
        guard forEachHeader({ _, _ in true }) else { return nil }
    }

    @inlinable @inline(__always)
    static func nullable(_ reader: inout ByteReader, _ isValid: inout Bool) -> UnsafeRawBufferPointer? {
        guard let length = reader.varint() else {
            isValid = false
            return nil
        }
        if length == -1 { return nil }
        guard let bytes = reader.slice(Int(truncatingIfNeeded: length)) else {
            isValid = false
            return nil
        }
        return bytes
    }

    /// Calls `body` with each header's name and value (nil for a null value) until it returns false.
    ///
    /// - Returns: false when the headers do not add up to their bytes, which a record that was handed out
    ///   has already been checked for.
    @inlinable
    @discardableResult
    public func forEachHeader(_ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer?) -> Bool) -> Bool {
        var reader = ByteReader(headerBytes)
        for _ in 0..<headerCount {
            var isValid = true
            guard let name = RecordView.nullable(&reader, &isValid), isValid else { return false }
            let value = RecordView.nullable(&reader, &isValid)
            guard isValid else { return false }
            if !body(name, value) { return true }
        }
        return reader.remaining == 0
    }
}

/// A record with bytes of its own.
public struct Record: Sendable, Hashable {
    /// A name and a value (nil for null) beside the record's value.
    public struct Header: Sendable, Hashable {
        /// UTF-8 by Kafka's rule.
        public var name: String
        /// Any bytes, or null.
        public var value: [UInt8]?

        /// A header.
        public init(name: String, value: [UInt8]?) {
            self.name = name
            self.value = value
        }
    }

    /// Its place in the log.
    public var offset: Offset
    /// When it was made, or appended.
    public var timestamp: Timestamp
    /// Decides the partition and the order.
    public var key: [UInt8]?
    /// The content; nil is a tombstone.
    public var value: [UInt8]?
    /// In their order.
    public var headers: [Header]

    /// A record; the offset is the log's to decide when it is appended.
    public init(
        offset: Offset = .zero, timestamp: Timestamp, key: [UInt8]? = nil, value: [UInt8]?,
        headers: [Header] = []
    ) {
        self.offset = offset
        self.timestamp = timestamp
        self.key = key
        self.value = value
        self.headers = headers
    }

    /// A copy that outlives the batch that `view` looks into.
    public init(copying view: RecordView) {
        offset = view.offset
        timestamp = view.timestamp
        key = view.key.map(Array.init)
        value = view.value.map(Array.init)
        headers = []
        headers.reserveCapacity(view.headerCount)
        view.forEachHeader { name, value in
            headers.append(Header(name: String(decoding: name, as: UTF8.self), value: value.map(Array.init)))
            return true
        }
    }

    /// The value of the first header called `name`, as text.
    public func header(_ name: String) -> String? {
        headers.first { $0.name == name }?.value.map { String(decoding: $0, as: UTF8.self) }
    }
}
