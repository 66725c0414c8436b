// SPDX-License-Identifier: Apache-2.0

import ApusRules
import Testing

@Suite("Which types of events a pattern can concern")
struct PatternTypeTests {
    @Test(
        "only what is asked of the type decides",
        arguments: [
            (#"{}"#, true, true),
            (#"{"type":["a"]}"#, true, true),
            (#"{"type":["b"]}"#, false, false),
            (#"{"type":["a","b"],"source":["/x"]}"#, true, false),
            (#"{"type":[{"prefix":"a"}]}"#, true, true),
            (#"{"type":[{"anything-but":["a"]}]}"#, false, false),
            (#"{"type":[{"anything-but":["b"]}]}"#, true, true),
            (#"{"type":[{"exists":false}]}"#, false, false),
            (#"{"data":{"type":["b"]}}"#, true, false),
            (#"{"data":{"x":[{"exists":false}]}}"#, true, false),
            (#"{"$or":[{"type":["b"]},{"source":["/x"]}]}"#, true, false),
            (#"{"$or":[{"type":["b"]},{"type":["a"]}]}"#, true, true),
            (#"{"type":[{"wildcard":"*a"}],"$or":[{"type":["b"]},{"type":["c"]}]}"#, false, false),
        ])
    func decided(_ text: String, _ canMatch: Bool, _ matchesAll: Bool) throws {
        let pattern = try Pattern(parsing: text)
        #expect(pattern.canMatch(type: "a") == canMatch)
        #expect(pattern.matchesAll(ofType: "a") == matchesAll)
    }
}
