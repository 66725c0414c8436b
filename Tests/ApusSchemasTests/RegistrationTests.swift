// SPDX-License-Identifier: Apache-2.0

import ApusSchemas
import JSONSchemaEvolution
import Testing

@Suite("Registering schemas")
struct RegistrationTests {
    @Test("versions count up in a subject, and the same text has one id everywhere")
    func idsAndVersions() throws {
        var rig = RegistryRig()
        let first = try rig.register(requiring("a", "b"), "orders")
        let second = try rig.register(requiring("a"), "orders")
        let elsewhere = try rig.register(requiring("a", "b"), "invoices")
        #expect((first.version, first.id.rawValue) == (1, 1))
        #expect((second.version, second.id.rawValue) == (2, 2))
        #expect((elsewhere.version, elsewhere.id.rawValue) == (1, 1))
        #expect(try rig.registry.versions(of: first.id).map(\.subject.description) == ["invoices", "orders"])
        #expect(try rig.registry.version(.latest, of: SubjectName("orders")).version == second)
        #expect(rig.registry.subjects().map(\.description) == ["invoices", "orders"])
        #expect(rig.registry.subjects(prefix: "or").map(\.description) == ["orders"])
    }

    @Test("registering again what is there answers the version that is there, and changes nothing")
    func again() throws {
        var rig = RegistryRig()
        let first = try rig.register(requiring("a"), "orders")
        let count = rig.changes.count
        #expect(try rig.register(requiring("a"), "orders") == first)
        #expect(rig.changes.count == count)
    }

    @Test("a format or references that differ make another schema")
    func identity() throws {
        var rig = RegistryRig()
        try rig.configure(nil, SubjectSettingsChange(compatibility: .some(.some(.none))))
        let json = try rig.register("true", "a")
        let avro = try rig.register("true", "a", .avro)
        let reference = SchemaReference(name: "x", subject: try SubjectName("a"), version: 1)
        let referring = try rig.register("true", "a", references: [reference])
        #expect(Set([json.id, avro.id, referring.id]).count == 3)
    }

    @Test(
        "a text that is no schema is refused with the place, and nothing is stored",
        arguments: [
            ("{", "not JSON"), ("{\"type\":\"strange\"}", "type"),
            ("{\"$schema\":\"https://example.com/strange\"}", "neither JSON Schema"),
            ("{\"$ref\":\"missing.json\"}", "missing.json"),
            ("{\"pattern\":\"(?=a)\"}", "regular expression"),
        ])
    func refused(_ text: String, _ reason: String) throws {
        var rig = RegistryRig()
        #expect {
            try rig.register(text, "orders")
        } throws: { error in
            guard case .invalidSchema(let flaw)? = error as? SchemaRegistryError else { return false }
            return "\(flaw)".contains(reason)
        }
        #expect(rig.changes.isEmpty)
    }

    @Test("too large schemas, and more than the registry holds, are refused")
    func limits() throws {
        var rig = RegistryRig()
        rig.limits.schemaBytes = 60
        rig.limits.totalBytes = 100
        rig.limits.versions = 2
        rig.limits.subjects = 2
        #expect(throws: SchemaRegistryError.self) {
            try rig.register(requiring("a", String(repeating: "b", count: 50)), "orders")
        }
        try rig.register(requiring("a", "b", "c"), "orders")
        try rig.register(requiring("a", "b"), "orders")
        #expect(throws: SchemaRegistryError.tooMany(what: "versions of subject 'orders'", limit: 2)) {
            try rig.register(requiring("a", "b", "c"), "more")
            try rig.register("true", "orders")
        }
        #expect(throws: SchemaRegistryError.tooMany(what: "bytes of all schemas", limit: 100)) {
            try rig.register(requiring("d", "e"), "more")
        }
        #expect(throws: SchemaRegistryError.tooMany(what: "subjects", limit: 2)) {
            try rig.register("true", "third")
        }
    }

    @Test("names of subjects are any text without control characters")
    func names() throws {
        #expect(try SubjectName("a/b c-vä lue").description == "a/b c-vä lue")
        for wrong in ["", "a\nb", String(repeating: "x", count: 256)] {
            #expect(throws: SchemaRegistryError.self) { try SubjectName(wrong) }
        }
    }

    @Test("references lead to the registered versions, however deep")
    func references() throws {
        var rig = RegistryRig()
        try rig.register("{\"type\":\"string\",\"minLength\":2}", "country")
        try rig.register(
            "{\"properties\":{\"country\":{\"$ref\":\"country.json\"}}}", "address",
            references: [
                SchemaReference(name: "country.json", subject: try SubjectName("country"), version: 1)
            ])
        let reference = SchemaReference(name: "address.json", subject: try SubjectName("address"), version: 1)
        let order = try rig.register(
            "{\"$id\":\"https://shop.example/order.json\",\"properties\":{\"to\":{\"$ref\":\"address.json\"}}}",
            "order", references: [reference])
        let resolved = try rig.registry.resolve(try rig.registry.content(order.id), limits: rig.limits)
        let judge = try #require(try rig.formats.compile(resolved))
        let bad = Array("{\"to\":{\"country\":\"D\"}}".utf8)
        #expect(Array("{\"to\":{\"country\":\"DE\"}}".utf8).withUnsafeBytes { judge.accepts($0) })
        let violations = bad.withUnsafeBytes { judge.violations($0, limit: 5) }
        #expect(violations.map(\.path) == ["/to/country"])
        #expect(violations.map(\.rule) == ["minLength"])
        #expect(rig.registry.referencing(try SubjectName("address"), 1) == [order.id])
    }

    @Test("of formats that are only kept no text is empty, and an Avro schema is JSON")
    func kept() throws {
        var rig = RegistryRig()
        #expect(throws: SchemaRegistryError.self) { try rig.register("", "p", .protobuf) }
        #expect(throws: SchemaRegistryError.self) { try rig.register("syntax = \"proto3\";", "a", .avro) }
        #expect(rig.changes.isEmpty)
        #expect(try rig.register("syntax = \"proto3\";", "p", .protobuf).version == 1)
        #expect(try rig.register("\"string\"", "a", .avro).version == 1)
    }

    @Test("a reference to a version that is not there, or to another format, is refused")
    func badReferences() throws {
        var rig = RegistryRig()
        try rig.register("\"string\"", "avro", .avro)
        let missing = SchemaReference(name: "x", subject: try SubjectName("nowhere"), version: 1)
        #expect(throws: SchemaRegistryError.unresolvedReference(missing)) {
            try rig.register("true", "a", references: [missing])
        }
        let other = SchemaReference(name: "x", subject: try SubjectName("avro"), version: 1)
        #expect(throws: SchemaRegistryError.self) { try rig.register("true", "a", references: [other]) }
        #expect(throws: SchemaRegistryError.invalid("two references are called 'x'")) {
            try rig.register("true", "a", references: [other, other])
        }
    }

    @Test("ids and versions can be brought along in mode import, and there only")
    func importing() throws {
        var rig = RegistryRig()
        let place = SchemaPlace(id: SchemaID(rawValue: 700), version: 4)
        #expect(throws: SchemaRegistryError.self) { try rig.register("true", "a", at: place) }
        try rig.configure("a", SubjectSettingsChange(mode: .some(.import)))
        #expect(throws: SchemaRegistryError.self) { try rig.register("true", "a") }
        let version = try rig.register("true", "a", at: place)
        #expect((version.version, version.id.rawValue) == (4, 700))
        #expect(throws: SchemaRegistryError.conflict("id 700 is that of another schema")) {
            try rig.register("false", "a", at: place)
        }
        try rig.configure("a", SubjectSettingsChange(mode: .some(nil)))
        let next = try rig.register("{}", "a")
        #expect((next.version, next.id.rawValue) == (5, 701))
    }

    @Test("a subject that is readonly takes nothing and loses nothing")
    func readonly() throws {
        var rig = RegistryRig()
        try rig.register("true", "a")
        try rig.configure(nil, SubjectSettingsChange(mode: .some(.readonly)))
        #expect(throws: SchemaRegistryError.self) { try rig.register("{}", "a") }
        #expect(throws: SchemaRegistryError.self) { try rig.delete("a", .latest) }
        #expect(try rig.register("true", "a").version == 1)
    }
}
