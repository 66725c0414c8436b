// SPDX-License-Identifier: Apache-2.0

// XML Schema as a format of the schema registry, by libxml2 where it is installed.

import ApusSchemas
import ApusXSD

/// XML Schema 1.0 as a format of the registry.
struct XSDFormat: SchemaFormatSupport {
    func compile(_ schema: ResolvedSchema) throws(SchemaFlaw) -> any DataJudge {
        let references = schema.references.map {
            XSDReference(name: $0.reference.name, bytes: $0.content.text.utf8)
        }
        do throws(XSDError) {
            return XSDJudge(try XSDSchema(schema.content.text.utf8, references: references))
        } catch {
            throw SchemaFlaw("\(error)")
        }
    }
}

/// A compiled XML Schema as a judge of data.
private final class XSDJudge: DataJudge {
    let schema: XSDSchema

    init(_ schema: XSDSchema) { self.schema = schema }

    func accepts(_ data: UnsafeRawBufferPointer) -> Bool { (try? schema.accepts(Array(data))) ?? false }

    func violations(_ data: UnsafeRawBufferPointer, limit: Int) -> [SchemaViolation] {
        do throws(XSDError) {
            return try schema.violations(Array(data)).prefix(max(limit, 1)).map {
                SchemaViolation(
                    path: $0.path, rule: $0.rule, got: "line \($0.line)", message: $0.message)
            }
        } catch {
            return [SchemaViolation(rule: "xml", got: "\(data.count) bytes", message: "\(error)")]
        }
    }

    /// libxml2 finds out what is wrong while it judges.
    func refusal(of data: UnsafeRawBufferPointer, limit: Int) -> [SchemaViolation]? {
        let found = violations(data, limit: limit)
        return found.isEmpty ? nil : found
    }

    func isMeant(forMediaType mediaType: String?) -> Bool {
        guard let mediaType else { return true }
        let type = mediaType.prefix { $0 != ";" && $0 != " " }.lowercased()
        return type == "application/xml" || type == "text/xml" || type.hasSuffix("+xml")
    }
}
