// SPDX-License-Identifier: Apache-2.0

// The figures of `apus bench`, with everything that one must know to compare them.

package import JSONText

/// Writes figures down.
package enum BenchReport {
    /// Under what conditions they came about.
    package struct Options: Sendable {
        /// What was done to the events.
        package var verb: String
        /// Of the topic, as the server said.
        package var durability: String
        /// Requests under way.
        package var connections: Int
        /// Of an event's data, in bytes.
        package var size: Int
        /// Events in each request.
        package var batch: Int

        /// Conditions of a measurement.
        package init(verb: String, durability: String, connections: Int, size: Int, batch: Int) {
            self.verb = verb
            self.durability = durability
            self.connections = connections
            self.size = size
            self.batch = batch
        }
    }

    private static let quantiles: [(name: String, share: Double)] = [
        ("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999),
    ]

    /// For people.
    package static func lines(_ result: BenchResult, _ options: Options) -> [String] {
        let events = Decimal.grouped(result.events)
        let latencies = quantiles.map { "\($0.name) \(Decimal.brief(result.latencies.quantile($0.share)))" }
        var lines = [
            "\(options.verb) \(events) events in \(Decimal.brief(result.elapsed)): \(Decimal.grouped(Int(rate(result))))/s",
            "each request: "
                + (latencies + ["longest \(Decimal.brief(result.latencies.longest))"])
                .joined(separator: ", "),
            "durability \(options.durability), \(options.connections) connections, "
                + "\(SizeText.format(options.size)) of data, \(options.batch) a request",
        ]
        if result.failures > 0 { lines.append("\(Decimal.grouped(result.failures)) requests failed") }
        return lines
    }

    /// For programs: durations in microseconds.
    package static func json(_ result: BenchResult, _ options: Options) -> JSONValue {
        var object = JSONObject()
        object["events"] = number(result.events)
        object["per_second"] = number(Int(rate(result)))
        object["elapsed_us"] = number(microseconds(result.elapsed))
        for quantile in quantiles {
            let name = quantile.name.replacing(".", with: "_") + "_us"
            object[name] = number(microseconds(result.latencies.quantile(quantile.share)))
        }
        object["longest_us"] = number(microseconds(result.latencies.longest))
        object["failures"] = number(result.failures)
        object["durability"] = .string(options.durability)
        object["connections"] = number(options.connections)
        object["size"] = number(options.size)
        object["batch"] = number(options.batch)
        return .object(object)
    }

    private static func rate(_ result: BenchResult) -> Double {
        Double(result.events) / max(1e-6, Double(microseconds(result.elapsed)) / 1e6)
    }

    private static func microseconds(_ duration: Duration) -> Int {
        Int(duration.components.seconds) * 1_000_000
            + Int(duration.components.attoseconds / 1_000_000_000_000)
    }

    private static func number(_ value: Int) -> JSONValue { .number(JSONNumber(value)) }
}
