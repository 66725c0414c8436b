// SPDX-License-Identifier: Apache-2.0

// A schema before libxml2 gets it: which other schemas it refers to, what its content models and regular expressions cost. References
// come out renamed to numbers, so that libxml2 can find nothing but what was handed in.

internal import CloudEvents

/// What was found out about a schema and everything that it refers to.
struct SchemaSurvey {
    /// The schema and what it refers to, with locations that are places in this list, less one.
    private(set) var texts: [[UInt8]] = []
    /// The regular expressions that values can go through in several ways.
    private(set) var patterns: [PatternPaths] = []

    init(_ schema: [UInt8], references: [XSDReference], limits: XSDLimits) throws(XSDError) {
        guard references.count <= limits.references else {
            throw .tooLarge("\(references.count) references; at most \(limits.references) are accepted")
        }
        let bytes = references.reduce(schema.count) { $0 + $1.bytes.count }
        guard bytes <= limits.schemaBytes else {
            throw .tooLarge(
                "the schema and its references have \(bytes) bytes; at most \(limits.schemaBytes) are accepted"
            )
        }
        var all = references
        // Schemas that import the attributes of XML itself say where the W3C has them.
        if !all.contains(where: { $0.name == XMLNamespaceSchema.location }) {
            all.append(XSDReference(name: XMLNamespaceSchema.location, bytes: XMLNamespaceSchema.text.utf8))
        }
        var roots: [SchemaNode] = []
        for text in [schema] + all.map(\.bytes) { roots.append(try SchemaNode.read(text)) }
        let places = Dictionary(all.enumerated().map { ($1.name, $0) }) { first, _ in first }
        for (root, text) in zip(roots, [schema] + all.map(\.bytes)) {
            texts.append(try SchemaSurvey.renamed(text, root, places))
        }
        var cost = ContentModelCost(roots)
        try cost.check(limits)
        try checkPatterns(roots, spent: cost.steps, limits)
    }

    // MARK: References

    /// The text with locations that are numbers.
    private static func renamed(
        _ text: [UInt8], _ root: SchemaNode, _ places: [String: Int]
    ) throws(XSDError) -> [UInt8] {
        var replacements: [(range: Range<Int>, place: Int)] = []
        for child in root.children {
            switch child.kind {
            case "redefine": throw .reference("'redefine' is not accepted", line: child.line)
            case "include", "import":
                guard let location = child.attributes["schemaLocation"], let range = child.location else {
                    guard child.kind == "import" else {
                        throw .reference("'include' without 'schemaLocation'", line: child.line)
                    }
                    continue
                }
                guard let place = places[location] else {
                    throw .reference(
                        "'\(child.kind)' of '\(location)', which is not among the references of the schema;"
                            + " files and addresses are never read", line: child.line)
                }
                replacements.append((range, place))
            default: break
            }
        }
        var result = text
        for (range, place) in replacements.reversed() {
            result.replaceSubrange(range, with: "apus-xsd:\(place)".utf8)
        }
        return result
    }

    // MARK: Regular expressions

    private mutating func checkPatterns(
        _ roots: [SchemaNode], spent: Double, _ limits: XSDLimits
    ) throws(XSDError) {
        var steps = spent
        var values: [String] = []
        var pending = roots
        while let node = pending.popLast() {
            pending += node.children
            guard node.kind == "pattern" else {
                values += ["value", "default", "fixed"].compactMap { node.attributes[$0] }
                continue
            }
            guard let text = node.attributes["value"] else { continue }
            let length = text.unicodeScalars.count
            guard length <= limits.patternLength else {
                throw .tooLarge(
                    "a regular expression of \(length) characters (line \(node.line)); at most"
                        + " \(limits.patternLength) are accepted")
            }
            // As measured: it grows with the cube of the length at worst.
            steps += Double(length * length * length) / 50
            guard steps <= Double(limits.compileSteps) else { throw ContentModelCost.tooCostly(limits) }
            guard let tree = PatternTree(text) else {
                throw .notASchema(
                    "'\(text.prefix(200))' is not a regular expression of XML Schema", line: node.line)
            }
            if let paths = try PatternPaths.make(tree, positionsMax: limits.patternPositions) {
                patterns.append(paths)
            }
        }
        // Values in the schema are held against its expressions while it is compiled.
        var budget = limits.patternSteps
        for value in values { PatternPaths.spend(patterns, on: Array(value.utf8), budget: &budget) }
        guard budget >= 0 else {
            throw .tooCostly(
                "the regular expressions of the schema take more than \(limits.patternSteps) steps on its own values"
            )
        }
    }
}

/// The attributes of XML itself, for schemas that import them from where the W3C has them.
enum XMLNamespaceSchema {
    static let location = "http://www.w3.org/2001/xml.xsd"
    static let text = """
        <xs:schema targetNamespace="http://www.w3.org/XML/1998/namespace" xmlns:xs="http://www.w3.org/2001/XMLSchema">
        <xs:attribute name="lang"><xs:simpleType><xs:union memberTypes="xs:language"><xs:simpleType>
        <xs:restriction base="xs:string"><xs:enumeration value=""/></xs:restriction></xs:simpleType></xs:union></xs:simpleType>
        </xs:attribute>
        <xs:attribute name="space"><xs:simpleType><xs:restriction base="xs:NCName"><xs:enumeration value="default"/>
        <xs:enumeration value="preserve"/></xs:restriction></xs:simpleType></xs:attribute>
        <xs:attribute name="base" type="xs:anyURI"/><xs:attribute name="id" type="xs:ID"/>
        <xs:attributeGroup name="specialAttrs"><xs:attribute ref="xml:base"/><xs:attribute ref="xml:lang"/>
        <xs:attribute ref="xml:space"/><xs:attribute ref="xml:id"/></xs:attributeGroup>
        </xs:schema>
        """
}
