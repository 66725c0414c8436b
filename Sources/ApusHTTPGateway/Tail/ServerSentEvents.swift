// SPDX-License-Identifier: Apache-2.0

// The text form of Server-Sent Events (HTML standard, section 9.2), and writing it no faster than it is read.

internal import ApusHTTPCodec
internal import ApusHTTPServer
internal import JSONText
internal import NIOCore

/// Writes messages to one client.
struct ServerSentEventWriter: Sendable {
    let writer: HTTPStreamWriter

    /// The headers of every such stream.
    static let headers: HTTPHeaderBlock = {
        var headers = HTTPHeaderBlock(contentType: "text/event-stream")
        headers.append("Cache-Control", "no-store")
        // Proxies of the nginx kind would otherwise collect messages until they fill a buffer.
        headers.append("X-Accel-Buffering", "no")
        return headers
    }()

    /// Sends a message; `data` is one JSON value. False when nobody is there any more.
    func send(event: StaticString, id: String?, data: [UInt8]) async -> Bool {
        var buffer = ByteBuffer()
        buffer.reserveCapacity(data.count + (id?.utf8.count ?? 0) + 32)
        if let id {
            buffer.writeStaticString("id: ")
            buffer.writeString(id)
            buffer.writeStaticString("\n")
        }
        buffer.writeStaticString("event: ")
        buffer.writeStaticString(event)
        buffer.writeStaticString("\ndata: ")
        buffer.writeBytes(Self.onOneLine(data))
        buffer.writeStaticString("\n\n")
        return await send(buffer)
    }

    /// Sends a comment that keeps the connection open, and the position: without data, no message is made of it.
    func sendHeartbeat(id: String) async -> Bool {
        await send(ByteBuffer(string: ":\nid: \(id)\n\n"))
    }

    private func send(_ buffer: ByteBuffer) async -> Bool {
        while true {
            switch writer.write(buffer) {
            case .written: return true
            case .closed: return false
            case .full: guard await writer.waitUntilWritable() else { return false }
            }
        }
    }

    /// Line ends in JSON text stand between tokens only, where a space means the same; data of events is passed on as it was
    /// written and may have them.
    private static func onOneLine(_ json: [UInt8]) -> [UInt8] {
        guard json.contains(where: { $0 == 0x0A || $0 == 0x0D }) else { return json }
        return json.map { $0 == 0x0A || $0 == 0x0D ? 0x20 : $0 }
    }
}
