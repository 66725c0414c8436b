// SPDX-License-Identifier: Apache-2.0

// Cases of our own, on the same ground as the official suite: a schema, documents that it accepts, and documents that it does not.

import FoundationEssentials
import JSONSchema
import JSONText
import Testing

@Suite("Schemas accept and refuse")
struct CasesTests {
    static let names = ["applicators", "values", "references", "unevaluated", "drafts"]

    @Test("what the cases say", arguments: names)
    func cases(name: String) throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Cases")
        let text = try Data(contentsOf: folder.appending(path: name + ".json"))
        let cases = try #require(try JSONValue(parsing: Array(text)).array)
        #expect(!cases.isEmpty)
        for one in cases {
            let title = one["title"]?.string ?? ""
            var options = SchemaOptions()
            options.assertsContent = one["content"]?.bool ?? false
            switch one["draft"]?.string {
            case "draft7": options.draft = .draft7
            case "draft2019": options.draft = .draft2019
            default: break
            }
            var library = SchemaLibrary()
            for member in one["library"]?.object?.members ?? [] { library.add(member.value, at: member.name) }
            let validator = try Schema.compile(
                try #require(one["schema"]), options: options, library: library)
            for document in one["valid"]?.array ?? [] {
                let violations = try validator.violations(document.serialized())
                #expect(try validator.accepts(document.serialized()), "\(title): \(document): \(violations)")
                // White space makes no difference.
                #expect(try validator.accepts(document.serialized(pretty: true)), "\(title): \(document)")
            }
            for document in one["invalid"]?.array ?? [] {
                #expect(try !validator.accepts(document.serialized()), "\(title): \(document)")
                let violations = try validator.violations(document.serialized(pretty: true))
                #expect(!violations.isEmpty && violations.first?.rule != "schema", "\(title): \(document)")
            }
        }
    }
}
