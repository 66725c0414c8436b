// SPDX-License-Identifier: Apache-2.0

import ApusModel
import Testing

@testable import ApusEngine

@Suite struct PageTests {
    private func names(_ page: Page) throws -> [String] {
        let all = ["orders", "payments", "Reorders", "orders.eu"]
        return page.names(try all.map { try ResourceName($0) }).map(\.description)
    }

    @Test func `a page goes on after the last name of the page before`() throws {
        #expect(try names(Page()) == ["Reorders", "orders", "orders.eu", "payments"])
        #expect(try names(Page(after: "orders")) == ["orders.eu", "payments"])
    }

    @Test func `a searched page has the names that contain the text, in any case`() throws {
        #expect(try names(Page(search: "ORDER")) == ["Reorders", "orders", "orders.eu"])
        #expect(try names(Page(after: "orders", search: "order")) == ["orders.eu"])
        #expect(try names(Page(search: "nothing")) == [])
    }
}
