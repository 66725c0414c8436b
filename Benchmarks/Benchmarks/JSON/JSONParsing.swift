// SPDX-License-Identifier: Apache-2.0

// JSON read and written as a tree, on an event of about 1 KiB and one of about 10 KiB.

import Benchmark
import JSONText

/// An order with so many lines, as compact JSON.
private func order(lines: Int) -> [UInt8] {
    let items = (0..<lines).map { line in
        #"{"sku":"A-\#(1000 + line)","name":"Item number \#(line)","quantity":\#(line % 7 + 1),"price":12.5}"#
    }
    let text =
        #"{"specversion":"1.0","id":"o-1","source":"/shop","type":"order.placed.v1","data":{"region":"eu","#
        + #""total":1290,"items":[\#(items.joined(separator: ","))]}}"#
    return Array(text.utf8)
}

let benchmarks: @Sendable () -> Void = {
    Benchmark.defaultConfiguration = .init(
        metrics: [.throughput, .wallClock, .cpuTotal], warmupIterations: 3, scalingFactor: .kilo,
        maxDuration: .seconds(2), maxIterations: 10_000)

    for lines in [13, 140] {
        let text = order(lines: lines)
        Benchmark("Parse \(text.count) B") { benchmark in
            for _ in benchmark.scaledIterations {
                blackHole(try? JSONValue(parsing: text))
            }
        }
        guard let value = try? JSONValue(parsing: text) else { continue }
        Benchmark("Write \(text.count) B") { benchmark in
            for _ in benchmark.scaledIterations {
                blackHole(value.serialized())
            }
        }
    }
}
