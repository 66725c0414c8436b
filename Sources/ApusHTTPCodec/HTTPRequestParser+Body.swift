// SPDX-License-Identifier: Apache-2.0

// The part of the parser behind a head: bodies by length and in chunks (RFC 9112 sections 6 and 7). Chunk
// extensions and trailers are checked and dropped; what they may cost is bounded like a header section.

internal import NIOCore

extension HTTPRequestParser {
    /// The longest line of chunk framing, in bytes: sixteen digits and some room for extensions.
    static var chunkLineBytesMax: Int { 512 }

    mutating func takeBody(_ input: inout ByteBuffer, remaining: Int) -> Event {
        let count = min(remaining, input.readableBytes)
        guard count > 0, let piece = input.readSlice(length: count) else { return .needsBytes }
        state = count == remaining ? .complete : .body(remaining: remaining - count)
        bodyBytes += count
        return .body(piece)
    }

    /// Reads chunk framing until it yields a piece of data, the end, or runs out of bytes.
    mutating func nextOfChunked(_ input: inout ByteBuffer) throws(HTTPRequestError) -> Event {
        while true {
            switch state {
            case .chunkSize:
                guard try readChunkSize(&input) else { return .needsBytes }
            case .chunkData(let remaining):
                let event = takeBody(&input, remaining: remaining)
                switch state {
                case .complete: state = .chunkEnd
                case .body(let rest): state = .chunkData(remaining: rest)
                default: break
                }
                return event
            case .chunkEnd:
                guard try readChunkEnd(&input) else { return .needsBytes }
            case .trailers:
                guard try readTrailer(&input) else { return .needsBytes }
            default:
                return try next(from: &input)
            }
        }
    }

    /// Takes the line at the reader index, its CRLF dropped; nil while it is not whole.
    private mutating func takeLine(
        _ input: inout ByteBuffer, bytesMax: Int, tooLong: HTTPRequestError, malformed: HTTPRequestError
    ) throws(HTTPRequestError) -> ByteBuffer? {
        let lineFeed = input.withUnsafeReadableBytes { $0.lineFeed(from: scanned) }
        let end = lineFeed.map { $0 - 1 } ?? (input.readableBytes - 1)
        guard end <= bytesMax else { throw tooLong }
        guard lineFeed != nil else {
            scanned = input.readableBytes
            return nil
        }
        scanned = 0
        framingBytes += end + 2
        guard end >= 0, var line = input.readSlice(length: end + 2), line.getEndsInCRLF() else {
            throw malformed
        }
        line.moveWriterIndex(to: line.writerIndex - 2)
        return line
    }

    private mutating func readChunkSize(_ input: inout ByteBuffer) throws(HTTPRequestError) -> Bool {
        let line = try takeLine(
            &input, bytesMax: Self.chunkLineBytesMax, tooLong: .invalidChunk, malformed: .invalidChunk)
        guard let line else { return false }
        let size = try line.withUnsafeReadableBytes { bytes throws(HTTPRequestError) in
            try Self.chunkSize(bytes, at: &framingBytes)
        }
        guard framingBytes <= limits.headerBytesMax else { throw .invalidChunk }
        if size == 0 {
            framingBytes = 0
            state = .trailers
        } else {
            guard size <= limits.bodyBytesMax - bodyBytes else { throw .bodyTooLarge }
            state = .chunkData(remaining: size)
        }
        return true
    }

    /// Reads `1*HEXDIG [BWS ";" anything printable]`.
    ///
    /// Plain framing is the price of chunking and not counted; `extensionBytes` keeps only what extensions
    /// add, so that a long body in small chunks stays acceptable and a flood of extensions does not.
    private static func chunkSize(
        _ bytes: UnsafeRawBufferPointer, at extensionBytes: inout Int
    ) throws(HTTPRequestError) -> Int {
        var digits = 0
        var size = 0
        while digits < bytes.count, let digit = HTTPByte.hexValue(bytes[digits]) {
            guard digits < 16, size >> 59 == 0 else { throw .bodyTooLarge }
            size = size << 4 | Int(digit)
            digits += 1
        }
        guard digits > 0 else { throw .invalidChunk }
        extensionBytes -= digits + 2
        guard digits < bytes.count else { return size }
        var cursor = digits
        while cursor < bytes.count, HTTPByte.isBlank(bytes[cursor]) { cursor += 1 }
        guard cursor < bytes.count, bytes[cursor] == UInt8(ascii: ";"),
            HTTPByte.isFieldValue(bytes.part(cursor, bytes.count))
        else { throw .invalidChunk }
        return size
    }

    private mutating func readChunkEnd(_ input: inout ByteBuffer) throws(HTTPRequestError) -> Bool {
        let bytes = input.withUnsafeReadableBytes { ($0.first, $0.dropFirst().first) }
        guard let first = bytes.0 else { return false }
        guard first == 0x0d else { throw .invalidChunk }
        guard let second = bytes.1 else { return false }
        guard second == 0x0a else { throw .invalidChunk }
        input.moveReaderIndex(forwardBy: 2)
        state = .chunkSize
        return true
    }

    /// Checks and drops one trailer line; the empty one ends the request.
    private mutating func readTrailer(_ input: inout ByteBuffer) throws(HTTPRequestError) -> Bool {
        let line = try takeLine(
            &input, bytesMax: max(limits.headerBytesMax - framingBytes, 0), tooLong: .headerTooLarge,
            malformed: .bareLineFeed)
        guard let line else { return false }
        guard line.readableBytes > 0 else {
            state = .complete
            return true
        }
        guard trailerFields < limits.headerFieldsMax else { throw .tooManyHeaderFields }
        trailerFields += 1
        let isField = line.withUnsafeReadableBytes { bytes in
            (try? HTTPFieldRange(bytes, from: 0, to: bytes.count)) != nil
        }
        guard isField else { throw .invalidTrailer }
        return true
    }
}

extension ByteBuffer {
    /// Whether the last two readable bytes are CR LF.
    fileprivate func getEndsInCRLF() -> Bool {
        withUnsafeReadableBytes { $0.count >= 2 && $0[$0.count - 2] == 0x0d && $0[$0.count - 1] == 0x0a }
    }
}
