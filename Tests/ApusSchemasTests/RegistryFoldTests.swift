// SPDX-License-Identifier: Apache-2.0

import ApusSchemas
import JSONSchemaEvolution
import Testing

@Suite("The registry as a fold")
struct RegistryFoldTests {
    private func rig() throws -> RegistryRig {
        var rig = RegistryRig()
        try rig.configure(nil, SubjectSettingsChange(compatibility: .some(.forward)))
        try rig.register("{\"$comment\":\"ä \\n \\\"x\\\"\"}", "a b/c")
        let reference = SchemaReference(name: "x", subject: try SubjectName("a b/c"), version: 1)
        try rig.register("{\"$ref\":\"x\"}", "b", references: [reference])
        try rig.configure(
            "b", SubjectSettingsChange(mode: .some(.readonly), eventTypes: ["shop.order", "shop.cart"]))
        try rig.register("false", "gone")
        try rig.deleteSubject("gone")
        try rig.register("true", "gone")
        try rig.deleteSubject("gone")
        try rig.deleteSubject("gone", permanent: true)
        try rig.register("{}", "half")
        try rig.deleteSubject("half")
        return rig
    }

    private func snapshot(_ registry: SchemaRegistry) -> [SchemaChange] {
        var changes: [SchemaChange] = []
        registry.forEachChange {
            changes.append($0)
            return true
        }
        return changes
    }

    @Test("every change is read as it was written")
    func coding() throws {
        for change in try rig().changes {
            #expect(SchemaChange(decoding: change.encoded) == change)
            #expect(!change.encoded.contains(UInt8(ascii: "\n")))
        }
        #expect(SchemaChange(decoding: "{\"change\":\"strange\"}".utf8) == nil)
        #expect(SchemaChange(decoding: "x".utf8) == nil)
    }

    @Test("the changes, applied again, make the same registry; so does a snapshot of it")
    func replay() throws {
        let rig = try rig()
        var replayed = SchemaRegistry()
        for change in rig.changes { replayed.apply(change) }
        #expect(snapshot(replayed) == snapshot(rig.registry))
        var restored = SchemaRegistry()
        for change in snapshot(rig.registry) { restored.apply(change) }
        #expect(snapshot(restored) == snapshot(rig.registry))
        #expect(restored.bytes == rig.registry.bytes)
        #expect(restored.subject(ofType: "shop.cart")?.description == "b")
        // Numbers that were used stay used.
        var again = RegistryRig(registry: restored)
        try again.configure(nil, SubjectSettingsChange(compatibility: .some(.some(.none))))
        let version = try again.register("false", "gone")
        #expect((version.version, version.id.rawValue) == (3, 6))
    }

    @Test("an event type is bound to one subject")
    func eventTypes() throws {
        var rig = try rig()
        #expect(throws: SchemaRegistryError.conflict("the event type 'shop.order' is bound to subject 'b'")) {
            try rig.configure("other", SubjectSettingsChange(eventTypes: ["shop.order"]))
        }
        try rig.configure("b", SubjectSettingsChange(eventTypes: []))
        try rig.configure("other", SubjectSettingsChange(eventTypes: ["shop.order"]))
        #expect(rig.registry.subject(ofType: "shop.order")?.description == "other")
        #expect(rig.registry.subject(ofType: "shop.cart") == nil)
    }

    @Test("JSON Schema is about JSON, whatever the parameters, and about events that say nothing")
    func mediaTypes() throws {
        let judge = try #require(
            try SchemaFormats().compile(ResolvedSchema(SchemaContent(.json, "true"))))
        for type in [
            nil, "application/json", "application/json; charset=utf-8", "text/json", "Application/JSON",
            "application/vnd.shop+json", "application/vnd.shop+JSON ;v=1",
        ] {
            #expect(judge.isMeant(forMediaType: type), "\(type ?? "none")")
        }
        for type in ["text/plain", "application/jsonx", "json", "application/xml", ""] {
            #expect(!judge.isMeant(forMediaType: type), "\(type)")
        }
    }
}
