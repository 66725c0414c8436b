// SPDX-License-Identifier: Apache-2.0

// XML Schema: whatever compiles judges any document within its limits, twice the same, and tells no more than it may. The input is a schema
// up to a line that is a single dot, then a document.

import ApusXSD

func fuzzXSD(_ input: [UInt8]) {
    var limits = XSDLimits()
    limits.compileSteps = 2_000_000
    limits.processorTime = .milliseconds(100)
    limits.violations = 5
    let separator: [UInt8] = [0x0A, 0x2E, 0x0A]
    let place = input.indices.first { input[$0...].starts(with: separator) } ?? input.endIndex
    guard let schema = try? XSDSchema(input[..<place], limits: limits) else { return }
    let document = Array(input[place...].dropFirst(separator.count))
    guard let violations = try? schema.violations(document) else { return }
    precondition(violations.count <= 5, "more violations than may be told")
    precondition(violations.allSatisfy { $0.path.first == "/" }, "a violation without a place")
    if let again = try? schema.violations(document) {
        precondition(again == violations, "the same document is judged differently")
    }
}
