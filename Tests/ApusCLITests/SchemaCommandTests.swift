// SPDX-License-Identifier: Apache-2.0

// `apus schema` on files: exact output and exit statuses, without a server.

import ApusCLI
import Testing

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

@Suite struct SchemaCommandTests {
    /// Runs a command line with files in a folder of its own; `{name}` stands for a file's path.
    private func run(
        _ arguments: [String], files: [String: String], input: String = ""
    ) async throws -> CommandOutcome {
        let folder = FileManager.default.temporaryDirectory.appending(path: "apus-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for (name, text) in files { try Data(text.utf8).write(to: folder.appending(path: name)) }
        let prefix = folder.path + "/"
        let outcome = await Command.run(
            arguments.map { files[$0] == nil ? $0 : prefix + $0 }, input: input)
        return CommandOutcome(
            status: outcome.status, output: outcome.output.replacing(prefix, with: ""),
            errors: outcome.errors.replacing(prefix, with: ""))
    }

    private let files = [
        "1.json": #"{"type": "object", "properties": {"id": {"type": ["string", "null"]}}}"#,
        "2.json": #"{"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}"#,
        "lines": "{\"id\": 1}\n{\"id\": 2, \"by\": \"x\"}\n",
    ]

    @Test func `compare says what a version breaks and ends with 1`() async throws {
        let outcome = try await run(["schema", "compare", "1.json", "2.json"], files: files)
        // How wide the first column is depends on where the files lie.
        let rows = outcome.output.split(separator: "\n")
        #expect(rows.count == 4)
        #expect(rows.first == "not compatible (backward)")
        #expect(
            rows.dropFirst(2) == [
                "1.json  new readers  -      property `id` is required now",
                "1.json  new readers  /id    `type` no longer allows null",
            ])
        #expect(outcome.errors == "for example: {}\nfor example: {\"id\":null}\n")
        #expect(outcome.status == .failure)
    }

    @Test func `compare ends with 0 when a version is compatible`() async throws {
        let outcome = try await run(
            ["schema", "compare", "1.json", "2.json", "--mode", "forward"], files: files)
        #expect(outcome.output == "compatible (forward)\n")
        #expect(outcome.status == .ok)
    }

    @Test func `compare prints JSON`() async throws {
        let outcome = try await run(
            ["schema", "compare", "2.json", "1.json", "--mode", "full-transitive", "--json"], files: files)
        #expect(
            outcome.output == #"""
                {"compatible":false,"mode":"full-transitive","differences":[{"version":"2.json","direction":"forward","kind":"required","instance":"","old":"#/required","new":"#","message":"property `id` is no longer required","undecided":false,"witness":{}},{"version":"2.json","direction":"forward","kind":"type","instance":"/id","old":"#/properties/id/type","new":"#/properties/id/type","message":"`type` allows null, which it did not before","undecided":false,"witness":{"id":null}}]}

                """#)
    }

    @Test func `what is no schema is told by file and place`() async throws {
        let outcome = try await run(
            ["schema", "compare", "1.json", "3.json"],
            files: files.merging(["3.json": #"{"type": "text"}"#]) { $1 })
        #expect(outcome.status == .usage)
        #expect(outcome.errors.hasPrefix("error: 3.json is not a schema\n  why: not a valid schema: /type "))
    }

    @Test func `infer makes a schema of lines`() async throws {
        let outcome = try await run(["schema", "infer", "lines", "--json"], files: files)
        #expect(
            outcome.output == #"""
                {"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{"by":{"type":"string"},"id":{"type":"integer"}},"required":["id"]}

                """#)
        #expect(outcome.status == .ok)
        let bad = try await run(["schema", "infer", "-"], files: files, input: "{}\n{\n")
        #expect(bad.errors.hasPrefix("error: document 2 of - is not JSON\n"))
    }

    @Test func `infer proposes a version when documents drift`() async throws {
        let outcome = try await run(
            ["schema", "infer", "--from", "2.json", "lines", "--json"], files: files)
        #expect(outcome.errors == "2 of 2 documents are not accepted by 2.json\n")
        #expect(
            outcome.output == #"""
                {"type":"object","properties":{"id":{"type":["string","integer"]}},"required":["id"]}

                """#)
    }

    @Test func `generate writes a struct and tells whether a file is in step`() async throws {
        let schema = #"{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}"#
        let command = [
            "schema", "generate", "swift", "n.json", "--name", "Counted", "--type", "c", "--topic", "t",
        ]
        let outcome = try await run(command, files: ["n.json": schema])
        #expect(outcome.output.contains("public struct Counted: Event, Hashable {\n"))
        #expect(outcome.output.contains("    public var n: Int\n"))
        let files = [
            "n.json": schema, "in.swift": "// Ours.\n" + outcome.output, "out.swift": "struct Counted {}",
        ]
        #expect(try await run(command + ["--check", "in.swift"], files: files).status == .ok)
        let stale = try await run(command + ["--check", "out.swift"], files: files)
        #expect(stale.status == .failure)
        #expect(stale.errors.hasPrefix("error: out.swift is not in step with n.json\n"))
        let refused = try await run(command, files: ["n.json": #"{"type": "array"}"#])
        #expect(refused.errors.contains("an event is an object with declared members (at #)"))
    }
}
