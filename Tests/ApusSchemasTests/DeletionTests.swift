// SPDX-License-Identifier: Apache-2.0

import ApusSchemas
import JSONSchemaEvolution
import Testing

@Suite("Deleting schemas")
struct DeletionTests {
    @Test("a softly deleted version is gone from its subject and still there by id")
    func soft() throws {
        var rig = RegistryRig()
        let first = try rig.register(requiring("a"), "s")
        try rig.register(requiring(), "s")
        #expect(try rig.delete("s", .number(1)) == 1)
        #expect(try rig.versions("s") == [2])
        #expect(try rig.versions("s", deleted: true) == [1, 2])
        #expect(try rig.registry.content(first.id).text == requiring("a"))
        #expect(throws: SchemaRegistryError.unknownVersion(first.subject, .number(1))) {
            try rig.registry.version(.number(1), of: first.subject)
        }
        #expect(throws: SchemaRegistryError.versionDeleted(first.subject, 1)) {
            try rig.delete("s", .number(1))
        }
    }

    @Test(
        "only what is deleted softly can be deleted permanently; then its id is gone and its number stays used"
    )
    func permanent() throws {
        var rig = RegistryRig()
        let first = try rig.register(requiring("a"), "s")
        #expect(throws: SchemaRegistryError.versionNotDeleted(first.subject, 1)) {
            try rig.delete("s", .number(1), permanent: true)
        }
        try rig.delete("s", .number(1))
        try rig.delete("s", .number(1), permanent: true)
        #expect(throws: SchemaRegistryError.unknownID(first.id)) { try rig.registry.content(first.id) }
        #expect(throws: SchemaRegistryError.unknownSubject(first.subject)) { try rig.versions("s") }
        #expect(rig.registry.bytes == 0)
        let again = try rig.register(requiring("a"), "s")
        #expect((again.version, again.id.rawValue) == (2, 2))
    }

    @Test("a subject goes with all its versions, and comes back with the next number")
    func subject() throws {
        var rig = RegistryRig()
        let name = try rig.register(requiring("a"), "s").subject
        try rig.register(requiring(), "s")
        #expect(throws: SchemaRegistryError.subjectNotDeleted(name)) {
            try rig.deleteSubject("s", permanent: true)
        }
        #expect(try rig.deleteSubject("s") == [1, 2])
        #expect(rig.registry.subjects() == [])
        #expect(rig.registry.subjects(deleted: true) == [name])
        #expect(throws: SchemaRegistryError.subjectDeleted(name)) { try rig.deleteSubject("s") }
        #expect(try rig.register(requiring("x"), "s").version == 3)
        try rig.deleteSubject("s")
        try rig.configure("s", SubjectSettingsChange(compatibility: .some(.full)))
        #expect(try rig.deleteSubject("s", permanent: true) == [1, 2, 3])
        #expect(rig.registry.settings(of: name).isEmpty)
        #expect(throws: SchemaRegistryError.unknownSubject(name)) { try rig.deleteSubject("s") }
    }

    @Test("what others refer to stays")
    func referenced() throws {
        var rig = RegistryRig()
        let target = try rig.register("{\"type\":\"string\"}", "target")
        let reference = SchemaReference(name: "t.json", subject: target.subject, version: 1)
        let user = try rig.register("{\"$ref\":\"t.json\"}", "user", references: [reference])
        let refusal = SchemaRegistryError.referenced(target.subject, 1, by: [user.id])
        #expect(throws: refusal) { try rig.delete("target", .latest) }
        #expect(throws: refusal) { try rig.deleteSubject("target") }
        try rig.deleteSubject("user")
        try rig.deleteSubject("target")
        // The user is there still, softly deleted, and could not be compiled without it.
        #expect(throws: refusal) { try rig.deleteSubject("target", permanent: true) }
        try rig.deleteSubject("user", permanent: true)
        try rig.deleteSubject("target", permanent: true)
        #expect(rig.registry.count == 0)
    }

    @Test("a content that another subject has keeps its id")
    func shared() throws {
        var rig = RegistryRig()
        let id = try rig.register("true", "a").id
        try rig.register("true", "b")
        try rig.deleteSubject("a")
        try rig.deleteSubject("a", permanent: true)
        #expect(try rig.registry.versions(of: id).map(\.subject.description) == ["b"])
    }
}
