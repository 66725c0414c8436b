// SPDX-License-Identifier: Apache-2.0

// Events judged by a schema from their bytes, beside the scanner that only checks that they are JSON: `schema SCHEMA EVENT…`. A
// line of JSON for each event. schema.py runs it beside another validator.

import Foundation
import JSONSchema
import JSONText

/// How often `body` can be called in a second of processor time: in the best of seven tries, and in all of them.
func rate(_ body: () -> Void) -> (best: Double, mean: Double) {
    func seconds(_ count: Int) -> Double {
        var (start, end) = (timespec(), timespec())
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start)
        for _ in 0..<count { body() }
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end)
        return Double(end.tv_sec - start.tv_sec) + Double(end.tv_nsec - start.tv_nsec) / 1e9
    }
    var count = 64
    while seconds(count) < 0.02 { count *= 2 }
    let times = (0..<7).map { _ in seconds(count) }
    return (Double(count) / (times.min() ?? 1), Double(count * times.count) / times.reduce(0, +))
}

let arguments = Array(CommandLine.arguments.dropFirst())
guard arguments.count >= 2, let schema = FileManager.default.contents(atPath: arguments[0]) else {
    print("usage: schema SCHEMA EVENT...")
    exit(64)
}
let validator = try Schema.compile(Array(schema))
for path in arguments.dropFirst() {
    guard let data = FileManager.default.contents(atPath: path) else { continue }
    let event = Array(data)
    guard try validator.accepts(event) else {
        print(try validator.violations(event))
        exit(1)
    }
    event.withUnsafeBytes { bytes in
        let scanned = rate { precondition((try? JSONSyntax.check(bytes)) != nil) }
        let judged = rate { precondition(validator.isValid(bytes)) }
        print(
            #"{"bytes":\#(event.count),"scans_per_s":\#(Int(scanned.best)),"validations_per_s":\#(Int(judged.best)),"mean_validations_per_s":\#(Int(judged.mean))}"#
        )
    }
}
