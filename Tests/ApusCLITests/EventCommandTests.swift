// SPDX-License-Identifier: Apache-2.0

// The catalogue's page, and what `apus event declare` takes.

import ApusCLI
import JSONText
import Testing

@Suite struct EventCommandTests {
    private let type: JSONValue = [
        "type": "order<script>alert(1)</script>", "declared": true, "discovered": true, "count": 3,
        "owner": "\"shop\" & 'co'", "description": "<img src=x onerror=alert(1)>",
        "last": "2026-11-26T12:00:00.000Z",
        "example": ["note": "</pre><script>"],
        "topics": [["topic": "orders", "count": 3, "first": .null, "last": .null, "rules": ["vip"]]],
        "producers": [["source": "javascript:alert(1)", "topic": "orders", "count": 3, "way": "kafka"]],
        "consumers": [
            ["kind": "rule", "name": "vip", "topic": "orders", "gets": "some", "targets": ["vip", "x"]]
        ],
        "declared_producers": ["web shop"], "declared_consumers": [],
        "schemas": [["subject": "orders-value", "version": 2, "versions": [1, 2]]],
    ]

    @Test func `nothing in an event becomes markup`() {
        let page = CatalogPage(
            title: "</title><b>", types: [type],
            schemas: ["orders-value": ["schema": ["description": "<i>"]]]
        ).html
        #expect(page.split(separator: "<script>").count == 2, "the page's own, and no other")
        for text in ["<img", "</title><b>", "<i>", "href=\"javascript", "</pre><script"] {
            #expect(!page.contains(text), "\(text)")
        }
        #expect(page.contains("order&lt;script&gt;alert(1)&lt;/script&gt;"))
        #expect(page.contains("&quot;shop&quot; &amp; &#39;co&#39;"))
    }

    @Test func `the page has everything and loads nothing`() {
        let page = CatalogPage(
            title: "Events", types: [type], schemas: ["orders-value": ["schema": ["type": "object"]]]
        ).html
        for text in [
            "orders", "vip, x", "web shop", "Schema orders-value, version 2 (of 1, 2)", "declared, seen",
        ] {
            #expect(page.contains(text), "\(text)")
        }
        for text in ["src=", "http://", "https://", "@import", "url("] {
            #expect(!page.replacing("src=x", with: "").contains(text), "\(text)")
        }
        #expect(CatalogPage(title: "Events", types: [], schemas: [:]).html.contains("No events are known."))
    }

    @Test(arguments: [
        ["event", "declare"], ["event", "declare", "a", "--file", "x"],
        ["event", "declare", "--file", "x", "--owner", "y"],
        ["schema", "infer"], ["schema", "infer", "a", "--topic", "t"],
        ["schema", "infer", "a", "--last", "3"],
        ["schema", "infer", "--topic", "t", "--from", "x"],
    ])
    func `options that make no sense together are refused before a server is asked`(arguments: [String]) async
    {
        #expect(await Command.run(arguments).status == .usage)
    }

    @Test func `a file that declares nothing is refused by the number of what is wrong`() async {
        let outcome = await Command.run(
            ["event", "declare", "--file", "-"], input: #"{"events":[{"type":"a"},{"owner":"b"}]}"#)
        #expect(outcome.status == .usage)
        #expect(outcome.errors.contains("declaration 1"), "\(outcome.errors)")
    }
}
