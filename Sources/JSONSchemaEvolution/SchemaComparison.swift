// SPDX-License-Identifier: Apache-2.0

// The front door: does one schema accept everything that another one accepts, and if not, why.

public import JSONSchema
public import JSONText

/// Compares JSON Schemas by what they accept.
public enum SchemaComparison {
    /// What members count that a schema says nothing of.
    public enum OpenContent: String, Hashable, Sendable, CaseIterable {
        /// They may be there with any value, as JSON Schema has it. A property that is added to such an object may meet one.
        case strict
        /// Nobody sends them: of an object that declares properties and does not say what else may be there, documents have what is
        /// declared. Properties can then be added and taken away in both directions.
        case lenient
    }

    /// How schemas are compared.
    public struct Options: Sendable {
        /// How both schemas are compiled.
        public var schemas = SchemaOptions()
        /// What references to other documents may lead to.
        public var library = SchemaLibrary()
        /// What members count that a schema says nothing of.
        public var openContent = OpenContent.strict
        /// Steps a comparison may take; at least 1. Then it ends with a difference of kind `tooComplex`.
        public var steps = 50_000
        /// Whether documents are written by the older schema and read by the newer one; decides how differences are worded.
        var writerIsOld = true

        /// The options that hold unless told otherwise.
        public init() {}
    }

    /// Differences of one comparison that are told at most.
    public static let differencesMax = 100

    /// Why not every document that `writer` accepts is accepted by `reader`; nothing if every one is.
    ///
    /// Documents have each name at most once in an object. The answer is certain when it is empty; a difference without a witness is not.
    ///
    /// - Throws: `SchemaError` if one of the schemas cannot be compiled.
    public static func differences(
        writer: JSONValue, reader: JSONValue, options: Options = Options()
    ) throws(SchemaError) -> [SchemaDifference] {
        let left = try SchemaGraph(writer, options: options.schemas, library: options.library)
        let right = try SchemaGraph(reader, options: options.schemas, library: options.library)
        return differences(left, right, options)
    }

    /// The same for schemas whose references lead into a library of their own each.
    ///
    /// - Parameter writerIsOlder: whether documents are written by the older schema and read by the newer one; decides how differences are
    ///   worded.
    /// - Throws: `SchemaError` if one of the schemas cannot be compiled.
    public static func differences(
        writer: JSONValue, in writerLibrary: SchemaLibrary, reader: JSONValue,
        in readerLibrary: SchemaLibrary,
        writerIsOlder: Bool, options: Options = Options()
    ) throws(SchemaError) -> [SchemaDifference] {
        let left = try SchemaGraph(writer, options: options.schemas, library: writerLibrary)
        let right = try SchemaGraph(reader, options: options.schemas, library: readerLibrary)
        var directed = options
        directed.writerIsOld = writerIsOlder
        return differences(left, right, directed)
    }

    /// A document that `writer` accepts and `reader` refuses, by guessing alone: what tests hold proofs against.
    package static func guess(
        writer: JSONValue, reader: JSONValue, options: Options = Options()
    ) throws(SchemaError) -> JSONValue? {
        let places = Places(
            try SchemaGraph(writer, options: options.schemas, library: options.library),
            try SchemaGraph(reader, options: options.schemas, library: options.library))
        var prover = Prover(places: places, options: options)
        return prover.guess()
    }

    static func differences(
        _ left: SchemaGraph, _ right: SchemaGraph, _ options: Options
    ) -> [SchemaDifference] {
        let places = Places(left, right)
        let whole = Conjunction([.holds(places.left)])
        var prover = Prover(places: places, options: options)
        var isExhausted = false
        do throws(TooComplex) {
            if try prover.isProven(whole, places.right) { return [] }
        } catch {
            isExhausted = true
        }
        do throws(TooComplex) {
            prover.refuel(max(options.steps / 4, 1_000))
            try prover.explain(whole, places.right, Site())
            try prover.explainAll()
        } catch {
            isExhausted = isExhausted || prover.differences.isEmpty
        }
        var differences = prover.differences
        if isExhausted || differences.isEmpty {
            differences.append(
                SchemaDifference(
                    kind: .tooComplex, instanceLocation: "",
                    oldLocation: places.location(options.writerIsOld ? places.left : places.right),
                    newLocation: places.location(options.writerIsOld ? places.right : places.left),
                    message:
                        "comparing the schemas takes more than \(options.steps) steps, or they are nested too deep",
                    witness: nil))
        }
        return differences
    }
}
