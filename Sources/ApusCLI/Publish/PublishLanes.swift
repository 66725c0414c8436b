// SPDX-License-Identifier: Apache-2.0

// Which event goes with which request. Several requests are under way at a time, and still the order of each key is kept:
// a key always takes the same lane, and a lane has one request under way. Events without a key share a lane, so that a
// file without keys arrives in its own order.

/// An event that waits to be sent.
package struct OutgoingEvent: Sendable {
    /// Its number in the input, from 0.
    package var number: Int
    /// The event in the JSON format.
    package var bytes: [UInt8]
    /// What decides its order, if anything.
    package var key: String?

    /// An event that waits to be sent.
    package init(number: Int, bytes: [UInt8], key: String?) {
        self.number = number
        self.bytes = bytes
        self.key = key
    }
}

/// Events on their way into batches. Invariant: a lane that is busy has exactly one batch out.
package struct PublishLanes {
    private struct Lane {
        var waiting: [OutgoingEvent] = []
        var bytes = 0
        var isBusy = false
    }

    private var lanes: [Lane]
    private let eventsMax: Int
    private let bytesMax: Int

    /// Lanes whose batches have at most so many events and bytes; a larger event goes alone.
    package init(count: Int, eventsMax: Int, bytesMax: Int) {
        lanes = Array(repeating: Lane(), count: max(1, count))
        self.eventsMax = eventsMax
        self.bytesMax = bytesMax
    }

    /// The lane for a key.
    package func lane(for key: String?) -> Int {
        guard let key, lanes.count > 1 else { return 0 }
        // FNV-1a: the same in every run, so that a resumed file takes the same lanes.
        let hash = key.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        return Int(hash % UInt64(lanes.count))
    }

    /// Whether an event has to wait until the lane's batch is taken.
    package func isFull(_ lane: Int, for event: OutgoingEvent) -> Bool {
        let lane = lanes[lane]
        return !lane.waiting.isEmpty
            && (lane.waiting.count >= eventsMax || lane.bytes + event.bytes.count > bytesMax)
    }

    /// Whether a batch of the lane is out.
    package func isBusy(_ lane: Int) -> Bool { lanes[lane].isBusy }

    /// Whether the lane's batch is as large as it is good for.
    package func isReady(_ lane: Int) -> Bool {
        lanes[lane].waiting.count >= eventsMax || lanes[lane].bytes >= bytesMax
    }

    /// The lanes with something to send and nothing out.
    package var startable: [Int] { lanes.indices.filter { !lanes[$0].isBusy && !lanes[$0].waiting.isEmpty } }

    /// Puts an event at the end of its lane.
    package mutating func add(_ event: OutgoingEvent, to lane: Int) {
        lanes[lane].waiting.append(event)
        lanes[lane].bytes += event.bytes.count
    }

    /// Takes the lane's batch to be sent; the lane is busy until ``finish(_:)``.
    package mutating func start(_ lane: Int) -> [OutgoingEvent] {
        precondition(!lanes[lane].isBusy, "a lane has one batch out")
        defer { lanes[lane] = Lane(isBusy: true) }
        return lanes[lane].waiting
    }

    /// The lane's batch came back.
    package mutating func finish(_ lane: Int) { lanes[lane].isBusy = false }
}

/// Which events of the input are acknowledged, so that a run that broke can be resumed.
package struct AcknowledgedEvents {
    /// Every event before this number is acknowledged.
    package private(set) var prefix: Int
    /// Acknowledged events that are not part of the prefix.
    private var ahead: Set<Int> = []

    /// Nothing after the first `skipped` events.
    package init(skipped: Int) { prefix = skipped }

    /// How many acknowledged events a resumed run will send again.
    package var aheadCount: Int { ahead.count }

    /// Notes acknowledged events.
    package mutating func insert(_ numbers: some Sequence<Int>) {
        ahead.formUnion(numbers)
        while ahead.remove(prefix) != nil { prefix += 1 }
    }
}
