// SPDX-License-Identifier: Apache-2.0

// Names that people give, and identities that the store gives.

import ApusModel
import Testing

@Suite struct NamesTests {
    @Test(arguments: ["a", "orders.created-v1_x", String(repeating: "n", count: 249)])
    func `a name of allowed characters is taken`(text: String) throws {
        #expect(try ResourceName(text).description == text)
    }

    @Test(arguments: ["", ".", "..", "a b", "a/b", "ä", "a\n", String(repeating: "n", count: 250)])
    func `any other name is refused with the rule`(text: String) {
        #expect(throws: NameError.self) { try ResourceName(text) }
    }

    @Test func `an identity's text reads back`() throws {
        let id = LogID(high: 1, low: 0xfedc)
        #expect(id.description == "0000000000000001000000000000fedc")
        #expect(LogID(id.description) == id)
        #expect(LogID("+000000000000001000000000000fedc") == nil)
        #expect(LogID("0") == nil)
    }

    @Test func `members of a family differ from each other and from other families`() {
        var generator = SystemRandomNumberGenerator()
        let one = LogID.family(using: &generator)
        let other = LogID.family(using: &generator)
        #expect(Set((0..<1_000).flatMap { [one.member($0), other.member($0)] }).count == 2_000)
    }
}
