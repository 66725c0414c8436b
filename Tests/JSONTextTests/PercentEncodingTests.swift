// SPDX-License-Identifier: Apache-2.0

import JSONText
import Testing

@Suite struct PercentEncodingTests {
    @Test(arguments: [
        ("", ""), ("plain", "plain"), ("a%20b", "a b"), ("%C3%bc", "ü"), ("p%40ss%2Fw%3Ard", "p@ss/w:rd"),
        ("%2525", "%25"), ("a+b", "a+b"),
    ])
    func `two hexadecimal digits behind a percent sign stand for a byte`(_ text: String, _ meant: String) {
        #expect(PercentEncoding.decoded(text) == meant)
        #expect(PercentEncoding.decoded(text[...]) == meant)
    }

    @Test(arguments: ["%", "a%2", "%zz", "%+1", "%-1", "% 1", "%C3", "%ff"])
    func `what is no encoding, or not UTF-8, is nothing`(_ text: String) {
        #expect(PercentEncoding.decoded(text) == nil)
    }
}
