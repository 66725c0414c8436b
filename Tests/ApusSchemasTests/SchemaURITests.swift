// SPDX-License-Identifier: Apache-2.0

import ApusSchemas
import Testing

@Suite("URIs of schemas")
struct SchemaURITests {
    @Test("the paths of both APIs name versions and ids, whatever stands before")
    func names() throws {
        let orders = try SubjectName("orders-value")
        for text in [
            "/v1/schemas/orders-value/versions/3",
            "https://apus.example/v1/schemas/orders-value/versions/3#x",
            "http://localhost:8081/subjects/orders-value/versions/3?deleted=true",
            "subjects/orders-value/versions/3",
        ] {
            #expect(SchemaURI(text) == .version(orders, .number(3)), "\(text)")
        }
        #expect(
            SchemaURI("/v1/schemas/a%2Fb%20%C3%A4/versions/latest")
                == .version(try SubjectName("a/b ä"), .latest))
        for text in ["/v1/schema-ids/12", "http://localhost:8081/schemas/ids/12"] {
            #expect(SchemaURI(text) == .id(SchemaID(rawValue: 12)))
        }
        #expect(
            SchemaURI(SchemaURI.path(of: try SubjectName("ä/ b"), 7))
                == .version(try SubjectName("ä/ b"), .number(7)))
    }

    @Test("everything else names nothing")
    func others() {
        for text in [
            "", "/", "https://shop.example/order.json", "/schemas/orders/versions/1",
            "/v1/schemas/orders/versions/0",
            "/v1/schemas/orders/versions/x", "/v1/schemas//versions/1", "/schemas/ids/-1", "/v1/schema-ids/x",
            "/v1/schemas/%zz/versions/1", "/v1/schemas/%ff/versions/1", "ids/3", "/subjects/a/version/1",
        ] {
            #expect(SchemaURI(text) == nil, "\(text)")
        }
    }
}
