// SPDX-License-Identifier: Apache-2.0

import ApusSchemas
import JSONSchemaEvolution
import Testing

@Suite("Compatibility of versions")
struct CompatibilityTests {
    /// Versions that require less and less and then more again.
    private func rig(_ level: SchemaCompatibility) throws -> RegistryRig {
        var rig = RegistryRig()
        try rig.configure("s", SubjectSettingsChange(compatibility: .some(.some(.none))))
        try rig.register(requiring("a"), "s")
        try rig.register(requiring("a", "b"), "s")
        try rig.configure("s", SubjectSettingsChange(compatibility: .some(level)))
        return rig
    }

    @Test(
        "each mode asks of the new version what it says",
        arguments: [
            (SchemaCompatibility.none, true, true, true), (.backward, true, false, true),
            (.backwardTransitive, false, false, true), (.forward, true, true, false),
            (.forwardTransitive, true, true, false), (.full, true, false, false),
            (.fullTransitive, false, false, false),
        ])
    func modes(
        _ level: SchemaCompatibility, same: Bool, more: Bool, less: Bool
    ) throws {
        let rig = try rig(level)
        func isCompatible(_ text: String) throws -> Bool {
            let schema = ResolvedSchema(SchemaContent(.json, text))
            return rig.registry.compatibility(of: schema, with: try SubjectName("s"), formats: rig.formats)
                .isCompatible
        }
        // As the second version, but not the same text.
        #expect(try isCompatible(requiring("b", "a")) == same)
        #expect(try isCompatible(requiring("a", "b", "c")) == more)
        #expect(try isCompatible(requiring()) == less)
    }

    @Test("what was refused says which version, which side and what")
    func report() throws {
        var rig = try rig(.backwardTransitive)
        #expect {
            try rig.register(requiring("a", "b", "c"), "s")
        } throws: { error in
            guard case .incompatible(let report)? = error as? SchemaRegistryError else { return false }
            return report.differences.map(\.version) == [2, 1, 1]
                && report.differences.map(\.obstacle.path) == ["/c", "/b", "/c"]
                && report.differences.allSatisfy { $0.direction == .backward }
        }
    }

    @Test("the registry's own mode holds for subjects that say nothing; backward where nobody decided")
    func inheritance() throws {
        var rig = RegistryRig()
        let subject = try SubjectName("s")
        #expect(rig.registry.compatibility(of: subject) == .backward)
        try rig.configure(nil, SubjectSettingsChange(compatibility: .some(.full)))
        #expect(rig.registry.compatibility(of: subject) == .full)
        try rig.configure("s", SubjectSettingsChange(compatibility: .some(.forward)))
        #expect(rig.registry.compatibility(of: subject) == .forward)
        try rig.configure("s", SubjectSettingsChange(compatibility: .some(nil)))
        #expect(rig.registry.compatibility(of: subject) == .full)
    }

    @Test("deleted versions do not count")
    func deleted() throws {
        var rig = try rig(.backwardTransitive)
        try rig.delete("s", .number(1))
        #expect(try rig.register(requiring("b", "a"), "s").version == 3)
    }

    @Test("without anybody who compares, only the same text is taken, unless nothing is asked")
    func withoutComparer() throws {
        var rig = RegistryRig(formats: SchemaFormats())
        try rig.register("\"string\"", "s", .avro)
        #expect(throws: SchemaRegistryError.self) { try rig.register("\"int\"", "s", .avro) }
        try rig.configure("s", SubjectSettingsChange(compatibility: .some(.some(.none))))
        #expect(try rig.register("\"int\"", "s", .avro).version == 2)
    }

    @Test("another format is another language")
    func formats() throws {
        var rig = RegistryRig()
        try rig.register("true", "s")
        #expect(throws: SchemaRegistryError.self) { try rig.register("\"int\"", "s", .avro) }
    }
}
