// SPDX-License-Identifier: Apache-2.0

// JSON Schemas of the registry, compared by what they accept.

internal import JSONSchema
internal import JSONSchemaEvolution
internal import JSONText

/// Compares versions of JSON Schemas. A member that a schema says nothing of may have any value, as JSON Schema has it and as Confluent's registry
/// compares.
struct JSONSchemaComparer: SchemaComparing {
    func obstacles(
        to reader: ResolvedSchema, from writer: ResolvedSchema, writerIsOlder: Bool
    ) -> [SchemaObstacle] {
        do throws(SchemaError) {
            let written = try JSONSchemaSupport.documents(writer)
            let read = try JSONSchemaSupport.documents(reader)
            var options = SchemaComparison.Options()
            options.schemas.assertsFormats = reader.assertsFormats
            return try SchemaComparison.differences(
                writer: written.root, in: written.library, reader: read.root, in: read.library,
                writerIsOlder: writerIsOlder, options: options
            ).map { difference in
                SchemaObstacle(
                    path: difference.instanceLocation, rule: difference.kind.rawValue,
                    message: difference.message + Self.evidence(difference))
            }
        } catch {
            return [SchemaObstacle(path: "", rule: "", message: "it cannot be compared: \(error)")]
        }
    }

    /// A document that shows it, as long as it is short; or that there is none.
    private static func evidence(_ difference: SchemaDifference) -> String {
        guard let witness = difference.witness else {
            return " (not certain, and no proof that it is not so)"
        }
        let text = String(decoding: witness.serialized(), as: UTF8.self)
        return text.utf8.count <= witnessBytesMax ? ", as with \(text)" : ""
    }

    private static let witnessBytesMax = 300
}
