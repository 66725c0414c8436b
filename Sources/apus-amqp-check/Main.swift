// SPDX-License-Identifier: Apache-2.0

// A program on the RabbitMQ transport, for tests that start, kill and restart the broker around it, and for measuring:
//
//     apus-amqp-check produce URL TOPIC COUNT        publishes until all are confirmed; a line for each that is
//     apus-amqp-check consume URL TOPIC GROUP        acknowledges for ever; a line for each event
//     apus-amqp-check subscribe URL TOPIC GROUP      makes the subscription
//     apus-amqp-check take URL TOPIC GROUP ATTEMPTS  takes one event and dies of it
//     apus-amqp-check dead URL TOPIC GROUP           shows dead letters
//     apus-amqp-check publish-rate URL TOPIC COUNT SIZE BATCH
//     apus-amqp-check consume-rate URL TOPIC GROUP COUNT PREFETCH

import ApusAMQP
import ApusBus
import CloudEvents
import Logging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

@main
struct Check {
    static func main() async {
        do {
            try await run(Array(CommandLine.arguments.dropFirst()))
        } catch {
            say("error: \(error)")
            exit(1)
        }
    }

    static func run(_ arguments: [String]) async throws {
        guard arguments.count >= 2 else { throw BusError.invalid("a command and a URL") }
        let (command, url, rest) = (arguments[0], arguments[1], Array(arguments.dropFirst(2)))
        switch (command, rest.count) {
        case ("produce", 2): try await produce(connect(url), to: rest[0], Int(rest[1]) ?? 0)
        case ("consume", 2): try await consume(connect(url), rest[0], rest[1])
        case ("subscribe", 2):
            let bus = try await connect(url)
            _ = try await bus.subscribe(Subscription(group: rest[1], topic: rest[0]))
            await bus.close()
        case ("take", 3): try await take(connect(url), rest[0], rest[1], Int(rest[2]) ?? 1)
        case ("dead", 2):
            let bus = try await connect(url)
            let letters = try await bus.deadLetters(
                of: Subscription(group: rest[1], topic: rest[0]), limit: 100)
            for letter in letters { say("dead \(letter.event.id) \(letter.attempts ?? 0) \(letter.reason)") }
            await bus.close()
        case ("publish-rate", 4):
            try await publishRate(
                connect(url), rest[0], Int(rest[1]) ?? 0, Int(rest[2]) ?? 0, Int(rest[3]) ?? 1)
        case ("consume-rate", 4):
            try await consumeRate(connect(url), rest[0], rest[1], Int(rest[2]) ?? 0, Int(rest[3]) ?? 1)
        default: throw BusError.invalid("no such command, or other arguments")
        }
    }

    /// Prints a line, which counts as it comes: whoever reads it may kill this program at any time.
    static func say(_ line: String) {
        print(line)
        fflush(nil)
    }

    static func connect(_ url: String) async throws -> any BusTransport {
        var logger = Logger(label: "apus-amqp-check", factory: { StreamLogHandler.standardError(label: $0) })
        logger.logLevel = .warning
        return try await TransportScheme.connect(
            BusURL(url), among: [.amqp], ConnectionOptions(logger: logger, clientName: "apus-amqp-check"))
    }

    // MARK: Through faults

    static func event(_ id: Int, bytes: Int = 0) throws -> CloudEvent {
        try CloudEvent(
            id: "\(id)", source: "/check", type: "check.event", dataContentType: "application/octet-stream",
            data: CloudEventData([UInt8](repeating: 0x61, count: bytes)))
    }

    /// Publishes a few at a time until each is confirmed.
    static func produce(_ bus: any BusTransport, to topic: String, _ count: Int) async throws {
        var next = 0
        while next < count {
            let ids = Array(next..<min(count, next + 10))
            do throws(BusError) {
                _ = try await bus.publish(try made(ids), to: topic)
                for id in ids { say("confirmed \(id)") }
                next += ids.count
            } catch {
                // Those of a call that were confirmed are told again, as is what was not: both may come twice.
                say("again \(next): \(error)")
                guard error.isRetryable else { throw error }
                try await Task.sleep(for: .milliseconds(50))
            }
        }
        await bus.close()
        say("done")
    }

    private static func made(_ ids: [Int]) throws(BusError) -> [CloudEvent] {
        do {
            return try ids.map { try event($0, bytes: 100) }
        } catch {
            throw .invalid("\(error)")
        }
    }

    static func consume(_ bus: any BusTransport, _ topic: String, _ group: String) async throws {
        let receiver = try await bus.subscribe(Subscription(group: group, topic: topic, prefetch: 50))
        say("ready")
        while true {
            let events = try await receiver.receive(limit: 50, wait: .seconds(1))
            let results = try await receiver.settle(events.map { Settlement($0.token, .acknowledge) })
            for (event, result) in zip(events, results) {
                let (event, problem) = (event.event, event.problem ?? "")
                say(
                    "\(result) \(event.id) \(event.type) \(event.source) \(event.data?.text ?? "") \(problem)"
                )
            }
        }
    }

    /// Takes one event and ends without a word to the broker, as a program does that an event kills.
    static func take(_ bus: any BusTransport, _ topic: String, _ group: String, _ attempts: Int) async throws
    {
        let receiver = try await bus.subscribe(
            Subscription(group: group, topic: topic, prefetch: 1, attemptsMax: attempts))
        if let event = try await receiver.receive(limit: 1, wait: .seconds(2)).first {
            say("attempt \(event.attempt)")
            kill(getpid(), SIGKILL)
        }
        say("none")
        await bus.close()
    }

    // MARK: Rates

    static func publishRate(
        _ bus: any BusTransport, _ topic: String, _ count: Int, _ size: Int, _ batch: Int
    ) async throws {
        let events = try (0..<batch).map { try event($0, bytes: size) }
        _ = try await bus.publish([event(0)], to: topic)
        let (start, used) = (ContinuousClock.now, processorMicroseconds())
        // As many calls at a time as keep the broker busy while one is waited for.
        try await withThrowingTaskGroup(of: Void.self) { group in
            for call in 0..<count / batch {
                if call >= 4 { try await group.next() }
                group.addTask { _ = try await bus.publish(events, to: topic) }
            }
            try await group.waitForAll()
        }
        report("publish", count / batch * batch, start, used)
        await bus.close()
    }

    static func consumeRate(
        _ bus: any BusTransport, _ topic: String, _ group: String, _ count: Int, _ prefetch: Int
    ) async throws {
        let receiver = try await bus.subscribe(Subscription(group: group, topic: topic, prefetch: prefetch))
        var (start, used): (ContinuousClock.Instant?, Int) = (nil, 0)
        var taken = 0
        while taken < count {
            let events = try await receiver.receive(limit: 256, wait: .seconds(10))
            guard !events.isEmpty else { break }
            if start == nil { (start, used) = (.now, processorMicroseconds()) }
            _ = try await receiver.settle(events.map { Settlement($0.token, .acknowledge) })
            taken += events.count
        }
        report("consume", taken, start ?? .now, used)
        await bus.close()
    }

    /// What this process has used of all processors.
    static func processorMicroseconds() -> Int {
        var used = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used)
        return Int(used.tv_sec) * 1_000_000 + Int(used.tv_nsec) / 1000
    }

    static func report(_ what: String, _ count: Int, _ start: ContinuousClock.Instant, _ used: Int) {
        let seconds = start.duration(to: .now) / .seconds(1)
        let processor = Double(processorMicroseconds() - used) / Double(max(1, count))
        say(
            "{\"mode\": \"\(what)\", \"messages\": \(count), \"rate\": \(Int(Double(count) / seconds)), \"processor_us\": \((processor * 1000).rounded() / 1000)}"
        )
    }
}
