// SPDX-License-Identifier: Apache-2.0

// What is noted of the way of an event: only what no other log says. Where it lies and since when says its topic; where a copy came from say the
// copy's headers; why it was given up says the dead letter.

public import ApusModel
public import ApusTransport

/// Who published, and how.
public struct PublishSource: Sendable, Hashable {
    /// The protocol: `http`, `kafka`, `feed`.
    public var channel: String
    /// What the client calls itself: a user agent, a client id, the name of a feed; empty when it does not say.
    public var client: String
    /// The address that it came from; empty when there is none.
    public var address: String

    /// The most bytes of what a client calls itself.
    public static let clientBytesMax = 128

    /// Who published, and how.
    public init(channel: String, client: String = "", address: String = "") {
        self.channel = channel
        self.client =
            client.utf8.count <= PublishSource.clientBytesMax
            ? client : String(decoding: client.utf8.prefix(PublishSource.clientBytesMax), as: UTF8.self)
        self.address = address
    }
}

/// What became of one attempt to deliver an event.
public enum AttemptResult: UInt8, Sendable, Hashable, CaseIterable {
    /// The target or the consumer is done with it.
    case delivered = 1
    /// It failed, and may work later.
    case failed = 2
    /// It will never work.
    case refused = 3
    /// The consumer gave it back.
    case released = 4
    /// The consumer does not want it.
    case rejected = 5
    /// The consumer's lease ran out.
    case expired = 6
    /// It was too late for an attempt.
    case late = 7

    /// Whether somebody who looks for what goes wrong wants to see it.
    public var isFailure: Bool { self != .delivered }

    /// As the API spells it.
    public var text: String {
        switch self {
        case .delivered: "delivered"
        case .failed: "failed"
        case .refused: "refused"
        case .released: "released"
        case .rejected: "rejected"
        case .expired: "expired"
        case .late: "late"
        }
    }
}

/// One attempt to deliver an event, as it was noted.
public struct AttemptNote: Sendable, Hashable {
    /// The subscription.
    public var subscription: ResourceName
    /// Its identity.
    public var subscriptionID: LogID
    /// Which try it was, from 1.
    public var number: Int
    /// The last try there would be.
    public var numberMax: Int
    /// When it began; nil where only its end was seen.
    public var began: Timestamp?
    /// How long it took; nil where only its end was seen.
    public var duration: Duration?
    /// What became of it.
    public var outcome: AttemptResult
    /// The target's status code.
    public var status: Int?
    /// Why it failed; empty when it did not.
    public var reason: String
    /// When the next attempt was to be, if there was to be one.
    public var next: Timestamp?
    /// What was sent and what came back, where the target tells.
    public var exchange: Exchange?
}

/// One thing that happened to an event.
public enum JourneyNote: Sendable, Hashable {
    /// `count` events from the step's place on were published together.
    case published(PublishSource, count: Int)
    /// Its topic's schema does not accept it, and it was stored because the topic only warns.
    case warned(String)
    /// Somebody tried to deliver it.
    case attempted(AttemptNote)
    /// A subscription gave it up; the dead letter is at `letter`.
    case buried(subscription: ResourceName, letter: String, reason: String)
    /// This dead letter was sent back, and is at `place` again; nil when the key that waited for it goes on with the very event.
    case redriven(place: String?, isEdited: Bool)
    /// This dead letter was discarded; why, where somebody said so.
    case discarded(reason: String?)
}

/// One thing that happened to an event, and when.
public struct JourneyStep: Sendable, Hashable {
    /// The identity of the event's topic.
    public var topic: LogID
    /// The event's partition.
    public var partition: Int
    /// The event's place in it.
    public var offset: Offset
    /// When it happened.
    public var time: Timestamp
    /// What happened.
    public var note: JourneyNote

    /// Leaves out what was sent and what came back.
    mutating func dropExchange() {
        guard case .attempted(var attempt) = note, attempt.exchange != nil else { return }
        attempt.exchange = nil
        note = .attempted(attempt)
    }

    /// About how many bytes it takes while it waits to be written.
    var approximateBytes: Int {
        switch note {
        case .attempted(let attempt):
            256 + attempt.reason.utf8.count + (attempt.exchange?.approximateBytes ?? 0)
        case .warned(let reason), .buried(_, _, let reason): 192 + reason.utf8.count
        default: 192
        }
    }

    /// Whether it concerns the event at a place.
    func concerns(_ topic: LogID, _ partition: Int, _ offset: Offset) -> Bool {
        guard self.topic == topic, self.partition == partition else { return false }
        if case .published(_, let count) = note {
            return (self.offset..<self.offset.advanced(by: Int64(count))).contains(offset)
        }
        return self.offset == offset
    }
}
