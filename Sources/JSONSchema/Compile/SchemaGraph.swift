// SPDX-License-Identifier: Apache-2.0

// A compiled schema as something to be read and not only run: every schema in it is a place with its keywords, with the places that
// it refers to, and with the question whether it accepts a document. What compares schemas and writes code from them stands on it.

package import JSONText

/// A schema document with everything it refers to.
package struct SchemaGraph: Sendable {
    /// Sets of keywords that a meta-schema can leave out.
    package enum Group: Sendable {
        case applicator, unevaluated, validation, format, content
    }

    private var index: SchemaIndex
    private let program: Program
    private let nodes: [Int: Int32]
    private let options: SchemaOptions
    /// The whole document.
    package let root: Int

    /// Compiles a schema.
    ///
    /// - Throws: `SchemaError` with the place in the schema.
    package init(
        _ schema: JSONValue, options: SchemaOptions = SchemaOptions(),
        library: SchemaLibrary = SchemaLibrary()
    ) throws(SchemaError) {
        var compiler = SchemaCompiler(options: options, library: library)
        program = try compiler.compile(schema)
        index = compiler.index
        nodes = compiler.nodesByPlace
        self.options = options
        root = 0
    }

    /// The schema at a place.
    package func value(at place: Int) -> JSONValue { index.places[place].value }

    /// Where a schema stands: the URI of its resource, if it has one, with a JSON pointer as fragment.
    package func location(of place: Int) -> String {
        index.location(index.places[place].resource, index.places[place].pointer)
    }

    /// The draft a schema is written in.
    package func draft(at place: Int) -> SchemaDraft { dialect(at: place).draft }

    /// Whether a group of keywords means something at a place.
    package func understands(_ group: Group, at place: Int) -> Bool {
        let vocabularies = dialect(at: place).vocabularies
        switch group {
        case .applicator: return vocabularies.contains(.applicator)
        case .unevaluated: return vocabularies.contains(.unevaluated) && draft(at: place) != .draft7
        case .validation: return vocabularies.contains(.validation)
        case .format:
            return vocabularies.contains(.formatAssertion)
                || options.assertsFormats && vocabularies.contains(.formatAnnotation)
        case .content: return options.assertsContent && vocabularies.contains(.content)
        }
    }

    private func dialect(at place: Int) -> Dialect { index.resources[index.places[place].resource].dialect }

    /// The place of a schema below another one, by a pointer that begins with a slash.
    package mutating func child(_ pointer: String, of place: Int) -> Int? {
        let parent = index.places[place]
        return try? index.resolveInside(
            parent.pointer + pointer, resource: parent.resource, at: location(of: place))
    }

    /// A name as it stands in a pointer.
    package static func escape(_ name: String) -> String { JSONPointer.escape(name) }

    /// Where `$ref`, `$dynamicRef` or `$recursiveRef` of a schema leads; nil if that depends on how the schema was come to.
    package mutating func target(of keyword: String, at place: Int) -> Int? {
        guard let reference = index.places[place].value[keyword]?.string,
            let target = try? index.resolve(
                reference, from: index.places[place].resource, at: location(of: place))
        else { return nil }
        guard keyword != "$ref" else { return target }
        let name = keyword == "$recursiveRef" ? "" : String(URIReference(reference).fragment ?? "")
        guard index.resources[index.places[target].resource].dynamicAnchors[name] == target else {
            return target
        }
        // Where one resource only answers to the name, it is always that one.
        return index.resources.count(where: { $0.dynamicAnchors[name] != nil }) == 1 ? target : nil
    }

    /// Whether the schema at a place accepts a document; nil if that cannot be told.
    package func accepts(_ document: [UInt8], at place: Int) -> Bool? {
        // Where dynamic references lead is known from the whole document only.
        guard let node = nodes[place], place == root || program.anchors.allSatisfy({ $0.count <= 1 }) else {
            return nil
        }
        return document.withUnsafeBytes { bytes in
            var run = Run(bytes, program: program)
            let accepted = run.judge(by: node)
            return run.failure == nil ? accepted : nil
        }
    }
}

/// Formats of strings, told apart by those who look at samples.
package enum StringFormats {
    /// The names that are known.
    package static var names: [String] { Format.allCases.map(\.name) }

    /// Whether a string is of a format; nil if the format is not known.
    package static func accepts(_ text: String, format: String) -> Bool? {
        guard let format = Format(name: format) else { return nil }
        return Array(text.utf8).withUnsafeBytes { format.accepts($0) }
    }
}
