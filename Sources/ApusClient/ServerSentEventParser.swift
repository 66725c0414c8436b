// SPDX-License-Identifier: Apache-2.0

// The event stream format (HTML Living Standard, section 9.2.6), bytes in and messages out, in whatever pieces they come.

/// A message of an event stream.
struct ServerSentEvent: Equatable {
    /// `event:`, or `message` when the stream did not say.
    var name: String
    /// The `data:` lines, joined by line feeds.
    var data: [UInt8]
    /// The last `id:` of the stream up to and including this message.
    var lastID: String?
}

/// A line of the stream is longer than the reader accepts.
struct ServerSentEventTooLarge: Error {
    let limit: Int
}

/// Takes an event stream apart.
struct ServerSentEventParser {
    private var line: [UInt8] = []
    private var name = ""
    private var data: [UInt8] = []
    private var hasData = false
    private var lastID: String?
    private var previousWasCarriageReturn = false
    private var isAtStart = true
    private let bytesMax: Int

    /// A parser for the beginning of a stream; a message of more than `bytesMax` bytes is refused.
    init(bytesMax: Int) { self.bytesMax = bytesMax }

    /// Takes the next bytes of the stream and returns the messages that they complete.
    mutating func parse(_ bytes: some Sequence<UInt8>) throws(ServerSentEventTooLarge) -> [ServerSentEvent] {
        var messages: [ServerSentEvent] = []
        for byte in bytes {
            let followsCarriageReturn = previousWasCarriageReturn
            previousWasCarriageReturn = byte == 0x0D
            switch byte {
            case 0x0A where followsCarriageReturn: continue
            case 0x0A, 0x0D: if let message = endLine() { messages.append(message) }
            default:
                guard line.count + data.count < bytesMax else {
                    throw ServerSentEventTooLarge(limit: bytesMax)
                }
                line.append(byte)
            }
        }
        return messages
    }

    private mutating func endLine() -> ServerSentEvent? {
        defer { line.removeAll(keepingCapacity: true) }
        if isAtStart {
            isAtStart = false
            if line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
        }
        guard !line.isEmpty else { return dispatch() }
        let colon = line.firstIndex(of: 0x3A) ?? line.endIndex
        var value = line[min(colon + 1, line.endIndex)...]
        if value.first == 0x20 { value.removeFirst() }
        switch String(decoding: line[..<colon], as: UTF8.self) {
        case "event": name = String(decoding: value, as: UTF8.self)
        case "id" where !value.contains(0): lastID = String(decoding: value, as: UTF8.self)
        case "data":
            if hasData { data.append(0x0A) }
            data += value
            hasData = true
        default: break
        }
        return nil
    }

    private mutating func dispatch() -> ServerSentEvent? {
        defer {
            name = ""
            data = []
            hasData = false
        }
        guard hasData else { return nil }
        return ServerSentEvent(name: name.isEmpty ? "message" : name, data: data, lastID: lastID)
    }
}
