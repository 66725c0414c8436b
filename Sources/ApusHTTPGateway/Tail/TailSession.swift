// SPDX-License-Identifier: Apache-2.0

// One running tail. For each partition a child task waits until there is something to read, and keeps only where; this loop reads one batch
// at a time, writes it, and only then lets the partition wait again. So a slow client slows its own reads down and has one batch in memory,
// whatever the number of partitions, and when the client goes all waits are cancelled with the group.

internal import ApusEngine
internal import ApusHTTPServer
internal import ApusModel
internal import ApusRules
internal import JSONText

/// One running tail.
struct TailSession {
    private enum Step: Sendable {
        /// There may be something to read from the place on; nothing that matches was found before it.
        case ready(TailPartition, from: TailPositions.Place)
        case failed(TailPartition, BrokerError)
        case heartbeat
        case scan
    }

    private var tail: Tail
    private let context: GatewayContext
    private let output: ServerSentEventWriter

    /// The most events that are in memory at the same time.
    private static let batchEventsMax = 100
    /// With more partitions than this, only the last message of a batch says the position: tokens grow with partitions.
    private static let narrowPartitionsMax = 32

    init(_ tail: Tail, _ context: GatewayContext, _ output: ServerSentEventWriter) {
        self.tail = tail
        self.context = context
        self.output = output
    }

    /// Follows until the client is gone or the task is cancelled.
    mutating func run() async {
        guard await output.sendHeartbeat(id: tail.positions.token) else { return }
        await withTaskGroup(of: Step.self) { group in
            for partition in tail.positions.places.keys { wait(for: partition, in: &group) }
            sleep(context.configuration.heartbeat, .heartbeat, in: &group)
            sleep(context.configuration.tailScanInterval, .scan, in: &group)
            while let step = await group.next() {
                guard !Task.isCancelled, await take(step, &group) else { break }
            }
            group.cancelAll()
        }
    }

    /// Does what a step asks for; false at the end.
    private mutating func take(_ step: Step, _ group: inout TaskGroup<Step>) async -> Bool {
        switch step {
        case .heartbeat:
            sleep(context.configuration.heartbeat, .heartbeat, in: &group)
            return await output.sendHeartbeat(id: tail.positions.token)
        case .scan:
            scan(&group)
            sleep(context.configuration.tailScanInterval, .scan, in: &group)
            return true
        case .ready(let partition, let place):
            guard tail.positions[partition] != nil else { return true }
            tail.positions[partition] = place
            switch await read(partition, from: place) {
            case .success(let fetched): guard await send(fetched, of: partition) else { return false }
            case .failure(let error): guard await handle(error, of: partition) else { return false }
            }
            wait(for: partition, in: &group)
            return true
        case .failed(let partition, let error):
            guard tail.positions[partition] != nil else { return true }
            guard await handle(error, of: partition) else { return false }
            wait(for: partition, in: &group)
            return true
        }
    }

    private func read(
        _ partition: TailPartition, from place: TailPositions.Place
    ) async -> Result<FetchedEvents, BrokerError> {
        do throws(BrokerError) {
            return .success(
                try await context.broker.fetch(
                    partition.topic, partition: partition.number, from: place.start,
                    limit: Self.batchEventsMax, pattern: tail.pattern, wait: .zero))
        } catch {
            return .failure(error)
        }
    }

    // MARK: Steps to come

    private func sleep(_ duration: Duration, _ step: Step, in group: inout TaskGroup<Step>) {
        group.addTask {
            // Cancelled, it returns early, and the loop ends.
            try? await Task.sleep(for: duration)
            return step
        }
    }

    private func wait(for partition: TailPartition, in group: inout TaskGroup<Step>) {
        guard let place = tail.positions[partition] else { return }
        let (broker, pattern, wait) = (context.broker, tail.pattern, context.configuration.heartbeat)
        group.addTask {
            do throws(BrokerError) {
                let fetched = try await broker.fetch(
                    partition.topic, partition: partition.number, from: place.start, limit: 1,
                    pattern: pattern, wait: wait)
                return .ready(partition, from: .offset(fetched.events.first?.offset ?? fetched.next))
            } catch {
                return .failed(partition, error)
            }
        }
    }

    // MARK: Messages

    private mutating func send(_ fetched: FetchedEvents, of partition: TailPartition) async -> Bool {
        let isNarrow = tail.positions.places.count <= Self.narrowPartitionsMax
        for (index, stored) in fetched.events.enumerated() {
            let isLast = index == fetched.events.count - 1
            tail.positions[partition] = .offset(isLast ? fetched.next : stored.offset.advanced(by: 1))
            var writer = JSONWriter(capacity: 512)
            writer.storedEvent(stored)
            let id = isNarrow || isLast ? tail.positions.token : nil
            guard await output.send(event: "event", id: id, data: writer.bytes) else { return false }
        }
        tail.positions[partition] = .offset(fetched.next)
        return true
    }

    /// Goes on where reading is possible again, and says so; false when it is not.
    private mutating func handle(_ error: BrokerError, of partition: TailPartition) async -> Bool {
        switch error {
        case .trimmed(let start):
            tail.positions[partition] = .offset(start)
            return await tell("trimmed", partition) { $0.member("start", start) }
        case .corrupt(let offset, let next, let reason):
            tail.positions[partition] = .offset(next)
            return await tell("corrupt", partition) { writer in
                writer.member("offset", offset)
                writer.member("next", next)
                writer.member("reason", reason)
            }
        case .beyondEnd(let end):
            tail.positions[partition] = .offset(end)
            return true
        case .unknownTopic, .unknownPartition:
            // Deleted. Made again, the next scan finds it under its new identity.
            tail.positions[partition] = nil
            return true
        default:
            _ = await output.send(event: "error", id: nil, data: Problem(error).json)
            return false
        }
    }

    private func tell(
        _ event: StaticString, _ partition: TailPartition, _ members: (inout JSONWriter) -> Void
    ) async -> Bool {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("topic", partition.topic.description)
            writer.member("partition", partition.number)
            members(&writer)
        }
        return await output.send(event: event, id: tail.positions.token, data: writer.bytes)
    }

    // MARK: New topics

    /// Takes up partitions that have come, from their beginning, and lets go of topics that are gone.
    private mutating func scan(_ group: inout TaskGroup<Step>) {
        // A broker that cannot list topics now is asked again at the next scan.
        guard let topics = try? tail.select(context) else { return }
        let known = tail.positions.places
        var present: Set<TailPartition> = []
        for topic in topics {
            for partition in topic.partitions {
                let key = TailPartition(topic: topic.name, id: topic.id, number: partition.number)
                present.insert(key)
                guard known[key] == nil, tail.positions.places.count < context.configuration.tailPartitionsMax
                else { continue }
                tail.positions[key] = .offset(partition.start)
                wait(for: key, in: &group)
            }
        }
        for partition in known.keys where !present.contains(partition) { tail.positions[partition] = nil }
    }
}
