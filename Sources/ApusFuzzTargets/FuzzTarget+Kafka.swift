// SPDX-License-Identifier: Apache-2.0

// Kafka's protocol: whatever is read can be written, and what is written is read as the same message and written
// as the same bytes.

import ApusKafkaCodec
import NIOCore

/// The input is what a connection receives: frames, each with a header and a request.
func fuzzKafkaRequest(_ input: [UInt8]) {
    for (header, request) in requests(in: ByteBuffer(bytes: input)) {
        let frame = try? request.frame(
            version: header.version, correlationID: header.correlationID, clientID: header.clientID)
        precondition(frame != nil, "a request that came cannot be written")
        let written = joined(frame ?? [])
        let again = requests(in: written)
        precondition(again.map(\.1) == [request] && again.map(\.0) == [header], "a request changes")
        let body = joined((try? request.body(version: header.version)) ?? [])
        precondition(
            body
                == written.getSlice(
                    at: written.writerIndex - body.readableBytes, length: body.readableBytes),
            "a request is written differently in a frame")
        embedded(in: request)
    }
}

/// The input is an API's key, a version, and a response.
func fuzzKafkaResponse(_ input: [UInt8]) {
    var body = ByteBuffer(bytes: input)
    guard let (key, version) = body.readMultipleIntegers(as: (Int16, Int16).self),
        let api = APIKey(rawValue: key),
        let response = try? KafkaResponse(reading: body, of: api, version: version)
    else { return }
    let written = joined((try? response.body(version: version)) ?? [])
    let again = try? KafkaResponse(reading: written, of: api, version: version)
    precondition(again == response, "a response changes")
    var frame = joined((try? response.frame(version: version, correlationID: 7)) ?? [])
    let length = frame.readInteger(as: Int32.self)
    precondition(length.map(Int.init) == frame.readableBytes, "a frame of another length than it says")
    let header = try? KafkaResponseHeader(reading: &frame, of: api, version: version)
    precondition(
        header?.correlationID == 7 && frame == written, "a response is written differently in a frame")
}

/// The input is what consumers embed, or key and value of a control record with the key's length before it.
func fuzzKafkaEmbedded(_ input: [UInt8]) {
    let bytes = ByteBuffer(bytes: input)
    readEmbedded(bytes)
    guard let length = input.first.map(Int.init), length < input.count,
        let key = bytes.getSlice(at: 1, length: length),
        let value = bytes.getSlice(at: 1 + length, length: input.count - 1 - length),
        let marker = try? TransactionMarker(key: key, value: value)
    else { return }
    precondition(
        (try? TransactionMarker(key: marker.key, value: marker.value)) == marker, "a marker changes")
}

private func embedded(in request: KafkaRequest) {
    switch request {
    case .joinGroup(let request):
        for offer in request.protocols { readEmbedded(offer.metadata) }
    case .syncGroup(let request):
        for member in request.assignments { readEmbedded(member.assignment) }
    default: break
    }
}

private func readEmbedded(_ bytes: ByteBuffer) {
    if let subscription = try? ConsumerSubscription(reading: bytes) {
        let written = try? subscription.bytes()
        precondition(
            written.flatMap { try? ConsumerSubscription(reading: $0) } == subscription,
            "a subscription changes")
    }
    if let assignment = try? ConsumerAssignment(reading: bytes) {
        let written = try? assignment.bytes()
        precondition(
            written.flatMap { try? ConsumerAssignment(reading: $0) } == assignment, "an assignment changes")
    }
}

/// What a connection asks for, up to the first error.
private func requests(in input: ByteBuffer) -> [(KafkaRequestHeader, KafkaRequest)] {
    var (input, found) = (input, [(KafkaRequestHeader, KafkaRequest)]())
    while let length = input.readInteger(as: Int32.self), length >= 0,
        var frame = input.readSlice(length: Int(length)),
        let header = try? KafkaRequestHeader(reading: &frame),
        let request = try? KafkaRequest(reading: frame, after: header)
    {
        found.append((header, request))
    }
    return found
}

private func joined(_ pieces: [ByteBuffer]) -> ByteBuffer { RecordData.pieces(pieces).joined ?? ByteBuffer() }
