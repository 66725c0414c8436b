// SPDX-License-Identifier: Apache-2.0

// Whether a new version keeps what its subject promises, and what a schema refers to.

public import JSONSchemaEvolution

/// What stands between two versions of a schema.
public struct SchemaObstacle: Hashable, Sendable {
    /// Where in the data, in the way of the format: a JSON pointer, or a path; empty for the whole.
    public var path: String
    /// The rule of the schema that it is about; empty when it is about none.
    public var rule: String
    /// What is refused that was accepted, in words.
    public var message: String

    /// What stands between two versions of a schema.
    public init(path: String, rule: String, message: String) {
        self.path = path
        self.rule = rule
        self.message = message
    }
}

/// Whether a schema can be the next version of a subject, and if not, why.
public struct CompatibilityReport: Hashable, Sendable {
    /// Which side would refuse what the other accepts.
    public enum Direction: String, Hashable, Sendable {
        /// The new schema refuses what the earlier version accepts.
        case backward
        /// The earlier version refuses what the new schema accepts.
        case forward
    }

    /// One reason why not.
    public struct Difference: Hashable, Sendable {
        /// The earlier version.
        public var version: Int
        /// Which side would refuse.
        public var direction: Direction
        /// What it would refuse.
        public var obstacle: SchemaObstacle
    }

    /// The subject.
    public var subject: SubjectName
    /// What was asked of the schema.
    public var compatibility: SchemaCompatibility
    /// The reasons why not, of the latest version first; at most ``differencesMax``.
    public var differences: [Difference] = []

    /// How many reasons are told.
    public static let differencesMax = 50

    /// Whether the schema can be the next version.
    public var isCompatible: Bool { differences.isEmpty }
}

extension CompatibilityReport: CustomStringConvertible {
    public var description: String {
        guard let first = differences.first else {
            return "the schema is compatible (\(compatibility.rawValue)) with subject '\(subject)'"
        }
        let others = differences.count > 1 ? ", and \(differences.count - 1) more" : ""
        return
            "the schema is not compatible (\(compatibility.rawValue)) with version \(first.version) of subject "
            + "'\(subject)': \(first)\(others)"
    }
}

extension CompatibilityReport.Difference: CustomStringConvertible {
    public var description: String {
        let who =
            direction == .backward
            ? "the new schema refuses what version \(version) accepts"
            : "version \(version) refuses what the new schema accepts"
        let place = obstacle.path.isEmpty ? "" : "\(obstacle.path): "
        return "\(who): \(place)\(obstacle.message)"
    }
}

extension SchemaRegistry {
    /// Whether a schema can be the next version of a subject, by what is decided about that. A subject without versions takes everything.
    public func compatibility(
        of schema: ResolvedSchema, with name: SubjectName, formats: SchemaFormats
    ) -> CompatibilityReport {
        let level = compatibility(of: name)
        var versions = (all[name].map { Array($0.live) } ?? []).reversed() as [SchemaVersion]
        if !level.isTransitive { versions = Array(versions.prefix(1)) }
        return compare(schema, with: versions, level: level, of: name, formats: formats)
    }

    /// Whether a schema is compatible with one version of a subject, by what is decided about that.
    public func compatibility(
        of schema: ResolvedSchema, with selector: VersionSelector, of name: SubjectName,
        formats: SchemaFormats
    ) throws(SchemaRegistryError) -> CompatibilityReport {
        let version = try version(selector, of: name).version
        return compare(schema, with: [version], level: compatibility(of: name), of: name, formats: formats)
    }

    private func compare(
        _ schema: ResolvedSchema, with versions: [SchemaVersion], level: SchemaCompatibility,
        of name: SubjectName, formats: SchemaFormats
    ) -> CompatibilityReport {
        var report = CompatibilityReport(subject: name, compatibility: level)
        guard level != .none else { return report }
        var schema = schema
        schema.assertsFormats = assertsFormats(of: name)
        func add(_ obstacles: [SchemaObstacle], _ version: Int, _ direction: CompatibilityReport.Direction) {
            for obstacle in obstacles where report.differences.count < CompatibilityReport.differencesMax {
                report.differences.append(
                    .init(version: version, direction: direction, obstacle: obstacle))
            }
        }
        for version in versions {
            // What was registered resolves: what others refer to is not deleted permanently.
            guard let content = contents[version.id], content != schema.content,
                var earlier = try? resolve(content, limits: SchemaRegistryLimits())
            else { continue }
            earlier.assertsFormats = schema.assertsFormats
            if level.isBackward {
                let found = formats.obstacles(to: schema, from: earlier, writerIsOlder: true)
                add(found, version.version, .backward)
            }
            if level.isForward {
                let found = formats.obstacles(to: earlier, from: schema, writerIsOlder: false)
                add(found, version.version, .forward)
            }
            if report.differences.count >= CompatibilityReport.differencesMax { break }
        }
        return report
    }

    /// A schema with everything that it refers to, directly and by way of others.
    ///
    /// - Throws: ``SchemaRegistryError/unresolvedReference(_:)``, ``SchemaRegistryError/tooMany(what:limit:)``.
    public func resolve(
        _ content: SchemaContent, limits: SchemaRegistryLimits
    ) throws(SchemaRegistryError) -> ResolvedSchema {
        var resolved = ResolvedSchema(content)
        var seen: Set<SchemaReference> = []
        var waiting = content.references
        // What is referred to was there before: there are no circles.
        while let reference = waiting.popLast() {
            guard seen.insert(reference).inserted else { continue }
            guard seen.count <= limits.resolvedReferences else {
                throw .tooMany(
                    what: "schemas that a schema refers to, directly and by way of others",
                    limit: limits.resolvedReferences)
            }
            guard
                let target = try? version(
                    .number(reference.version), of: reference.subject, deleted: true)
            else { throw .unresolvedReference(reference) }
            guard target.content.format == content.format else {
                throw .invalid(
                    "the reference '\(reference.name.prefix(200))' leads from \(content.format.rawValue) to \(target.content.format.rawValue)"
                )
            }
            resolved.references.append(ResolvedReference(reference: reference, content: target.content))
            waiting += target.content.references
        }
        return resolved
    }
}
