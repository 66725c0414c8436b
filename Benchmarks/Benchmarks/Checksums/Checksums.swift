// SPDX-License-Identifier: Apache-2.0

// CRC32C over the sizes that matter: a small event, a page, a group commit. Every byte that is stored or
// read passes through it, so its speed bounds both.

import Benchmark
import CApus

let benchmarks: @Sendable () -> Void = {
    Benchmark.defaultConfiguration = .init(
        metrics: [.throughput, .wallClock, .cpuTotal], warmupIterations: 3, scalingFactor: .kilo,
        maxDuration: .seconds(2), maxIterations: 10_000)

    for size in [128, 4096, 65_536] {
        let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        Benchmark("CRC32C of \(size) B") { benchmark in
            bytes.withUnsafeBytes { bytes in
                for _ in benchmark.scaledIterations {
                    blackHole(capus_crc32c(0, bytes.baseAddress, bytes.count))
                }
            }
        }
        Benchmark("CRC32C of \(size) B, portable") { benchmark in
            bytes.withUnsafeBytes { bytes in
                for _ in benchmark.scaledIterations {
                    blackHole(capus_crc32c_portable(0, bytes.baseAddress, bytes.count))
                }
            }
        }
    }
}
