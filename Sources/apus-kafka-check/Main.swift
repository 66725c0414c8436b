// SPDX-License-Identifier: Apache-2.0

// A program on the Kafka transport, for tests that kill it or the broker around it, and for measuring (its contract is apus-bus-check's business):
//
//     apus-kafka-check produce URL TOPIC COUNT        publishes until all are confirmed; a line for each that is
//     apus-kafka-check consume URL TOPIC GROUP        acknowledges for ever; a line for each event
//     apus-kafka-check copy URL FROM TO GROUP ID      copies events in transactions, for ever; a line for each transaction
//     apus-kafka-check read URL TOPIC                 shows what is stored
//     apus-kafka-check place URL COUNT                publishes orders, typed
//     apus-kafka-check invoice URL ID                 publishes an invoice for each order, exactly once, until SIGTERM; a line for each order
//     apus-kafka-check invoices URL                   shows the orders that have one
//     apus-kafka-check publish-rate URL TOPIC COUNT SIZE BATCH    events of JSON
//     apus-kafka-check consume-rate URL TOPIC GROUP COUNT PREFETCH

import ApusBus
import ApusKafka
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
        case ("copy", 4): try await copy(connect(url), from: rest[0], to: rest[1], rest[2], id: rest[3])
        case ("read", 1): try await read(connect(url), rest[0])
        case ("place", 1): try await ExactlyOnce.place(url, Int(rest[0]) ?? 0)
        case ("invoice", 1): try await ExactlyOnce.invoice(url, id: rest[0])
        case ("invoices", 0): try await ExactlyOnce.invoices(url)
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
        var logger = Logger(label: "apus-kafka-check", factory: { StreamLogHandler.standardError(label: $0) })
        logger.logLevel = .warning
        return try await TransportScheme.connect(
            BusURL(url), among: [.kafka], ConnectionOptions(logger: logger, clientName: "apus-kafka-check"))
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
            do {
                _ = try await bus.publish(ids.map { try event($0, bytes: 100) }, to: topic)
                for id in ids { say("confirmed \(id)") }
                next += ids.count
            } catch let error as BusError {
                // Those of a call that were confirmed are told again, as is what was not: both may come twice.
                say("again \(next): \(error)")
                guard error.isRetryable else { throw error }
            }
        }
        await bus.close()
        say("done")
    }

    static func consume(_ bus: any BusTransport, _ topic: String, _ group: String) async throws {
        let receiver = try await bus.subscribe(Subscription(group: group, topic: topic, prefetch: 50))
        say("ready")
        while true {
            let events = try await receiver.receive(limit: 50, wait: .seconds(1))
            let results = try await receiver.settle(events.map { Settlement($0.token, .acknowledge) })
            for (event, result) in zip(events, results) { say("\(result) \(event.event.id)") }
        }
    }

    /// Copies a few at a time, each few in one transaction.
    static func copy(
        _ bus: any BusTransport, from source: String, to destination: String, _ group: String, id: String
    ) async throws {
        // First: this aborts what a former life of this program left open, without which its group does not say where it is.
        let transactions = try await bus.transactions(id: id)
        let receiver = try await bus.subscribe(
            Subscription(group: group, topic: source, prefetch: 50, start: .earliest))
        say("ready")
        while true {
            let events = try await receiver.receive(limit: 7, wait: .seconds(1))
            guard !events.isEmpty else {
                say("idle")
                continue
            }
            do throws(BusError) {
                let results = try await transactions.commit(
                    events.map { HandledEvent($0, publishing: [($0.event, destination)]) }, of: receiver)
                say("copied \(results.count { $0 == .committed })")
                let waiting = zip(events, results).filter { $0.1 == .waiting }.map(\.0)
                _ = try await receiver.settle(waiting.map { Settlement($0.token, .release) })
            } catch {
                say("again: \(error)")
                guard error.isRetryable else { throw error }
                _ = try await receiver.settle(events.map { Settlement($0.token, .release) })
            }
        }
    }

    static func read(_ bus: any BusTransport, _ topic: String) async throws {
        let reader = try await bus.replay(topic, from: .earliest, pattern: nil)
        while case let events = try await reader.next(limit: 256, wait: .zero), !events.isEmpty {
            for event in events { say("\(event.event.id)") }
        }
        await reader.close()
        await bus.close()
    }

    // MARK: Rates

    /// An order as JSON of that many bytes.
    static func order(bytes: Int) -> [UInt8] {
        let (beginning, line, end) = (
            #"{"order":"o-4711","lines":["#, #"{"sku":"A-1001","quantity":3,"price":12.50}"#, #"],"note":""}"#
        )
        let room = bytes - beginning.utf8.count - end.utf8.count
        guard room >= 0 else { return Array(String(repeating: "1", count: max(1, bytes)).utf8) }
        let lines = Array(repeating: line, count: (room + 1) / (line.utf8.count + 1)).joined(separator: ",")
        let note = String(repeating: "a", count: room - lines.utf8.count)
        return Array(beginning.utf8) + Array(lines.utf8) + Array(end.utf8.dropLast(2)) + Array(note.utf8)
            + Array(end.utf8.suffix(2))
    }

    static func publishRate(
        _ bus: any BusTransport, _ topic: String, _ count: Int, _ size: Int, _ batch: Int
    ) async throws {
        let data = CloudEventData(order(bytes: size))
        let events = try (0..<batch).map {
            try CloudEvent(
                id: "\($0)", source: "/check", type: "check.event", dataContentType: "application/json",
                data: data)
        }
        _ = try await bus.publish([event(0)], to: topic)
        let (start, used) = (ContinuousClock.now, processorMicroseconds())
        // As many calls at a time as keep the broker busy while one is waited for.
        try await withThrowingTaskGroup(of: Void.self) { group in
            for call in 0..<count / batch {
                if call >= 16 { try await group.next() }
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
        let receiver = try await bus.subscribe(
            Subscription(group: group, topic: topic, prefetch: prefetch, start: .earliest))
        var (start, used): (ContinuousClock.Instant?, Int) = (nil, 0)
        var taken = 0
        while taken < count {
            let events = try await receiver.receive(limit: 512, wait: .seconds(10))
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
