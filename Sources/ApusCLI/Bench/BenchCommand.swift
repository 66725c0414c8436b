// SPDX-License-Identifier: Apache-2.0

// `apus bench`: how fast this server is, on this machine, over HTTP.

internal import ApusClient
internal import ApusModel
internal import ArgumentParser
internal import JSONText

/// `apus bench`.
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure how fast the server takes events, or hands them out.",
        discussion: """
            EXAMPLES
              apus bench
              apus bench --for 30s --connections 64 --size 4KiB
              apus bench --batch 100                     events in each request
              apus bench --durability 100ms
              apus bench --consume                       publish first, then receive and acknowledge

            Uses a topic of its own, and deletes it afterwards. A request counts when its answer is here: with durability
            'flush', when its events are on disk.
            """)

    @Option(
        name: .customLong("for"), help: ArgumentHelp("How long.", valueName: "duration"),
        transform: Parse.duration)
    var time: Duration = .seconds(10)

    @Option(help: "How many connections, 1 to 1024.") var connections: Int = 16

    @Option(help: ArgumentHelp("The size of an event's data.", valueName: "size"), transform: Parse.size)
    var size: Int = 256

    @Option(help: "Events in each request, 1 to \(Defaults.batchEventsMax).") var batch: Int = 1
    @Option(help: "Partitions of the topic.") var partitions: Int = 1

    @Option(help: "Durability of the topic: flush, none or an interval.", transform: Parse.durability)
    var durability: String = Defaults.durability

    @Flag(help: "Measure receiving and acknowledging instead of publishing.") var consume = false
    @Flag(help: "Leave the topic there.") var keep = false
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard (1...1024).contains(connections) else { throw ValidationError("--connections is 1 to 1024") }
        guard (1...Defaults.batchEventsMax).contains(batch) else {
            throw ValidationError("--batch is 1 to \(Defaults.batchEventsMax)")
        }
        guard (0..<Defaults.eventBytesMax).contains(size), size * batch < Defaults.bodyBytesMax else {
            throw ValidationError("an event has at most 1 MiB, and a request at most 16 MiB")
        }
        guard time > .zero, partitions > 0 else {
            throw ValidationError("--for and --partitions are more than 0")
        }
    }

    func run() async throws {
        let topic = "apus-bench-" + FreshID.next().prefix(8)
        try await StopSignal.whileHandled { stop in
            try await global.withClient(connections: connections) { client in
                var settings = JSONObject()
                settings["partitions"] = .number(JSONNumber(partitions))
                settings["durability"] = .string(durability)
                let created = try await client.putTopic(topic, settings).value
                do {
                    let result = try await measure(client, topic, stop)
                    if !keep { try await client.deleteTopic(topic, cascade: true) }
                    report(result, durability: created.durability)
                } catch {
                    if !keep { try? await client.deleteTopic(topic, cascade: true) }
                    throw error
                }
            }
        }
    }

    private func measure(
        _ client: ApusClient, _ topic: String, _ stop: StopSignal
    ) async throws -> BenchResult {
        guard consume else { return try await publish(client, topic, stop, batch: batch) }
        var settings = JSONObject()
        settings["topic"] = .string(topic)
        settings["start"] = "earliest"
        settings["max_in_flight"] = .number(JSONNumber(connections * consumeBatch))
        _ = try await client.putSubscription(topic, settings)
        global.console.note("publishing for \(DurationText.format(time)), then receiving")
        _ = try await publish(client, topic, stop, batch: max(batch, 100))
        let limit = consumeBatch
        return try await BenchRun.load(connections: connections, for: time, stop: stop) {
            () throws(ApusClientError) in
            let deliveries = try await client.receive(topic, max: limit)
            guard !deliveries.isEmpty else { return nil }
            return try await client.acknowledge(deliveries.map(\.lease), of: topic).count { $0.isOK }
        }
    }

    /// Receiving one by one would measure the request, not the subscription.
    private var consumeBatch: Int { batch > 1 ? min(batch, Defaults.pageLimitMax) : 100 }

    private func publish(
        _ client: ApusClient, _ topic: String, _ stop: StopSignal, batch: Int
    ) async throws -> BenchResult {
        var template = EventTemplate()
        template.type = "apus.bench"
        template.contentType = "text/plain"
        let data = [UInt8](repeating: UInt8(ascii: "x"), count: size)
        // One identifier for all: making them must not be what is measured.
        let event = try template.event(data: data)
        let events = [[UInt8]](repeating: event, count: batch)
        return try await BenchRun.load(connections: connections, for: time, stop: stop) {
            () throws(ApusClientError) in
            if batch == 1 {
                _ = try await client.publish(event, to: topic)
                return 1
            }
            let results = try await client.publish(batch: events, to: topic)
            for case .failure(let error) in results { throw error }
            return results.count
        }
    }

    private func report(_ result: BenchResult, durability: String) {
        let options = BenchReport.Options(
            verb: consume ? "received and acknowledged" : "published", durability: durability,
            connections: connections, size: size, batch: consume ? consumeBatch : batch)
        global.show(BenchReport.json(result, options)) { BenchReport.lines(result, options) }
    }
}
