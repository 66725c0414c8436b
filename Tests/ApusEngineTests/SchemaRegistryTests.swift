// SPDX-License-Identifier: Apache-2.0

import ApusEngine
import ApusModel
import ApusSchemas
import JSONSchemaEvolution
import Testing

@Suite("The engine's registry of schemas")
struct SchemaRegistryTests {
    @Test("what was answered is there after a restart, by subject, version and id")
    func restart() async throws {
        let rig = try EngineRig()
        let subject = try SubjectName("orders-value")
        let text = "{\"type\":\"object\"}"
        let version = try await rig.register(text, "orders-value")
        _ = try await rig.register("{}", "other")
        _ = try await rig.driving { [engine = rig.engine] in
            try await engine.deleteSubject(try SubjectName("other"), permanent: false)
        }
        _ = try await rig.driving { [engine = rig.engine] in
            try await engine.configureSchemas(
                subject, SubjectSettingsChange(compatibility: .some(.full), eventTypes: ["shop.order"]))
        }
        let next = try rig.restarted()
        let registry = try next.engine.schemaRegistry()
        #expect(try registry.version(.latest, of: subject).version == version)
        #expect(try registry.content(version.id).text == text)
        #expect(registry.subjects() == [subject])
        #expect(registry.subjects(deleted: true).count == 2)
        #expect(registry.compatibility(of: subject) == .full)
        #expect(registry.subject(ofType: "shop.order") == subject)
        #expect(try await next.register("{\"x\":1}", "third").id.rawValue == 3)
    }

    @Test("the log is folded into a snapshot when it has grown, and says the same")
    func snapshots() async throws {
        let rig = try EngineRig { $0.snapshotBytes = 512 }
        for number in 0..<60 {
            _ = try await rig.register("{\"$comment\":\"\(number)\"}", "s\(number % 7)", compatibility: true)
        }
        let before = try rig.engine.schemaRegistry()
        let after = try rig.restarted().engine.schemaRegistry()
        #expect(after.subjects() == before.subjects())
        #expect(after.count == 60)
        for subject in before.subjects() {
            #expect(try after.versions(of: subject) == before.versions(of: subject))
        }
    }

    @Test("registrations at the same time get numbers of their own")
    func concurrent() async throws {
        let rig = try EngineRig()
        let engine = rig.engine
        let ids = try await rig.driving {
            try await withThrowingTaskGroup(of: Int32.self) { group in
                for number in 0..<20 {
                    group.addTask {
                        try await engine.registerSchema(
                            SchemaContent(.json, "{\"$comment\":\"\(number)\"}"),
                            under: try SubjectName("s\(number)"), at: nil
                        ).id.rawValue
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
        }
        #expect(ids.sorted() == Array(1...20))
    }

    @Test("what is refused is not stored")
    func refused() async throws {
        let rig = try EngineRig()
        await #expect(throws: SchemaRequestError.self) { try await rig.register("{\"type\":1}", "orders") }
        #expect(try rig.engine.schemaRegistry().subjects() == [])
        #expect(try rig.restarted().engine.schemaRegistry().subjects() == [])
    }

    @Test("a schema can be tried, and data be judged, without registering or publishing")
    func trying() async throws {
        let rig = try EngineRig()
        let engine = rig.engine
        let version = try await rig.register("{\"required\":[\"id\"]}", "orders")
        for (text, isCompatible) in [("true", true), ("{\"required\":[\"id\",\"total\"]}", false)] {
            let report = try await rig.driving {
                try await engine.checkSchema(
                    SchemaContent(.json, text), against: try SubjectName("orders"), version: nil)
            }
            #expect(report.isCompatible == isCompatible, "\(report)")
        }
        let violations = try await rig.driving {
            try await engine.judge(Array("{}".utf8), by: version.id, of: nil, limit: 10)
        }
        #expect(violations.map(\.rule) == ["required"])
        #expect(
            try await rig.driving {
                try await engine.judge(Array("{\"id\":1}".utf8), by: version.id, of: nil, limit: 10)
            }
                == [])
    }
}

extension EngineRig {
    /// Registers a JSON Schema; with `compatibility`, after saying that nothing is asked of versions.
    @discardableResult
    func register(
        _ text: String, _ subject: String, compatibility isFree: Bool = false
    ) async throws -> SchemaVersion {
        let name = try SubjectName(subject)
        return try await driving { [engine] in
            if isFree {
                _ = try await engine.configureSchemas(
                    name, SubjectSettingsChange(compatibility: .some(.some(.none))))
            }
            return try await engine.registerSchema(SchemaContent(.json, text), under: name, at: nil)
        }
    }
}
