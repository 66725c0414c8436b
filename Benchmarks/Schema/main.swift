// SPDX-License-Identifier: Apache-2.0

// Events judged by a schema from their bytes, beside the scanner that only checks that they are JSON: `schema SCHEMA EVENT…`. A
// line of JSON for each event. schema.py runs it beside another validator.

import Foundation
import JSONSchema
import JSONText

/// How often `body` can be called in a second: the best of seven tries.
func rate(_ body: () -> Void) -> Double {
    let clock = ContinuousClock()
    var count = 64
    while clock.measure({ for _ in 0..<count { body() } }) < .milliseconds(20) { count *= 2 }
    var best = 0.0
    for _ in 0..<7 {
        let time = clock.measure { for _ in 0..<count { body() } }
        best = max(
            best,
            Double(count) / (Double(time.components.attoseconds) / 1e18 + Double(time.components.seconds)))
    }
    return best
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
            #"{"bytes":\#(event.count),"scans_per_s":\#(Int(scanned)),"validations_per_s":\#(Int(judged))}"#)
    }
}
