// SPDX-License-Identifier: Apache-2.0

// What keywords become in a node: kinds, values, strings and numbers, and schemas for the same value.

import JSONText

/// A schema that is being compiled.
struct KeywordReader {
    let place: Int
    let resource: Int
    let object: JSONObject
    let dialect: Dialect
    let location: String

    var draft: SchemaDraft { dialect.draft }

    func has(_ vocabulary: Dialect.Vocabularies) -> Bool {
        !dialect.vocabularies.isDisjoint(with: vocabulary)
    }

    func error(_ keyword: String, _ expected: String) -> SchemaError {
        SchemaError(.invalidKeyword(keyword, expected: expected), at: location + "/" + keyword)
    }

    /// A count, which may be written as `2.0`. More than fits is as good as no bound.
    func count(_ keyword: String) throws(SchemaError) -> Int64? {
        guard let value = object[keyword] else { return nil }
        guard let number = value.number else { throw error(keyword, "a number that is not negative") }
        if let count = number.int64, count >= 0 { return count }
        guard let double = number.double, double >= 0, double == double.rounded() else {
            if number.double == nil, !number.text.hasPrefix("-") { return .max }
            throw error(keyword, "a whole number that is not negative")
        }
        return double >= 9e18 ? .max : Int64(double)
    }
}

extension SchemaCompiler {
    /// Compiles the schema of a node.
    mutating func compileNode(_ id: Int32) throws(SchemaError) {
        let number = place(ofNode: id)
        let place = index.places[number]
        var node = Node()
        node.resource = Int32(place.resource)
        switch place.value {
        case .bool(let accepts):
            node.types = accepts ? TypeBits.all : 0
            node.isTrivial = accepts
            setQuick(&node)
        case .object(let object):
            let reader = KeywordReader(
                place: number, resource: place.resource, object: object,
                dialect: index.resources[place.resource].dialect, location: location(ofPlace: number))
            try compile(reader, into: &node)
            node.isTrivial =
                node.types == TypeBits.all && node.values < 0 && node.object < 0 && node.array < 0
                && node.unevaluatedItems < 0 && node.unevaluatedProperties < 0 && node.strings.count == 0
                && node.numbers.count == 0 && node.inPlace.count == 0
            node.hasRest = node.unevaluatedItems >= 0 || node.unevaluatedProperties >= 0
            setQuick(&node)
        default:
            throw SchemaError(
                .invalidKeyword("schema", expected: "an object or a boolean"), at: location(ofPlace: number))
        }
        parts.nodes[Int(id)] = node
    }

    private mutating func compile(_ reader: KeywordReader, into node: inout Node) throws(SchemaError) {
        // In draft 7 a reference is all there is.
        if reader.draft == .draft7, let reference = reader.object["$ref"] {
            node.inPlace = add([try compileReference(reference, reader)])
            return
        }
        if reader.has(.validation) {
            try compileTypes(reader, into: &node)
            try compileValues(reader, into: &node)
            node.numbers = try compileNumbers(reader)
        }
        node.strings = try compileStrings(reader)
        if reader.has([.applicator, .validation]) {
            node.object = try compileObject(reader)
            node.array = try compileArray(reader)
        }
        node.inPlace = add(try compileInPlace(reader))
        if reader.has(.unevaluated), reader.draft != .draft7 {
            node.unevaluatedProperties = try child("unevaluatedProperties", reader) ?? Node.none
            node.unevaluatedItems = try child("unevaluatedItems", reader) ?? Node.none
        }
    }

    /// The node of a schema below a keyword.
    mutating func child(_ path: String, _ reader: KeywordReader) throws(SchemaError) -> Int32? {
        guard reader.object[path] != nil else { return nil }
        return try child(at: "/" + path, reader)
    }

    /// The node of the schema at a pointer below the one that is compiled.
    mutating func child(at pointer: String, _ reader: KeywordReader) throws(SchemaError) -> Int32 {
        let place = index.places[reader.place]
        return try node(
            through: try index.resolveInside(
                place.pointer + pointer, resource: place.resource, at: reader.location + pointer))
    }

    private mutating func add(_ items: [InPlace]) -> Span {
        let span = Span(start: Int32(parts.inPlace.count), count: Int32(items.count))
        parts.inPlace += items
        return span
    }

    // MARK: Kinds and values

    private func compileTypes(_ reader: KeywordReader, into node: inout Node) throws(SchemaError) {
        guard let value = reader.object["type"] else { return }
        node.types = 0
        for name in value.array ?? [value] {
            switch name.string {
            case "null": node.types |= TypeBits.null
            case "boolean": node.types |= TypeBits.bool
            case "integer": node.types |= TypeBits.integer
            case "number": node.types |= TypeBits.number
            case "string": node.types |= TypeBits.string
            case "array": node.types |= TypeBits.array
            case "object": node.types |= TypeBits.object
            default: throw reader.error("type", "the name of a type or a list of such names")
            }
        }
    }

    private mutating func compileValues(_ reader: KeywordReader, into node: inout Node) throws(SchemaError) {
        if let values = reader.object["enum"] {
            guard let list = values.array else { throw reader.error("enum", "an array") }
            guard list.count <= options.limits.enumValues else {
                throw SchemaError(
                    .tooLarge(what: "values of 'enum'", limit: options.limits.enumValues),
                    at: reader.location + "/enum")
            }
            node.values = addTable(list, isConstant: false)
        }
        guard let constant = reader.object["const"] else { return }
        if node.values < 0 {
            node.values = addTable([constant], isConstant: true)
        } else {
            // Both must hold: those of the list that are the constant.
            let both = (reader.object["enum"]?.array ?? []).filter { isEqual($0, constant) }
            node.values = addTable(both, isConstant: true)
        }
    }

    private func isEqual(_ left: JSONValue, _ right: JSONValue) -> Bool {
        left.serialized().withUnsafeBytes { left in
            right.serialized().withUnsafeBytes { right in
                guard let mine = left.baseAddress, let theirs = right.baseAddress else { return false }
                var first = TextValue(mine, 0, left.count)
                var second = TextValue(theirs, 0, right.count)
                var steps = options.limits.steps
                return first.equals(&second, steps: &steps)
            }
        }
    }

    private mutating func addTable(_ values: [JSONValue], isConstant: Bool) -> Int32 {
        let start = Int32(parts.entries.count)
        for value in values {
            let text = value.serialized()
            let hash: UInt64 = text.withUnsafeBytes { bytes in
                guard let base = bytes.baseAddress else { return 0 }
                var cursor = TextValue(base, 0, bytes.count)
                return cursor.hash()
            }
            parts.entries.append(ValueEntry(hash: hash, text: parts.add(text: text)))
        }
        let span = Span(start: start, count: Int32(values.count))
        let slots = parts.addSlots(parts.entries[span.range].map(\.hash))
        parts.tables.append(ValueTable(entries: span, slots: slots, isConstant: isConstant))
        return Int32(parts.tables.count - 1)
    }

    // MARK: Strings and numbers

    private mutating func compileStrings(_ reader: KeywordReader) throws(SchemaError) -> Span {
        var checks: [StringCheck] = []
        if reader.has(.validation) {
            if let least = try reader.count("minLength"), least > 0 {
                checks.append(StringCheck(kind: .minLength, value: min(least, .max / 8)))
            }
            if let greatest = try reader.count("maxLength") {
                checks.append(StringCheck(kind: .maxLength, value: greatest))
            }
            if let pattern = reader.object["pattern"] {
                guard let text = pattern.string else { throw reader.error("pattern", "a regular expression") }
                let regex = try self.regex(text, at: reader.location + "/pattern")
                checks.append(StringCheck(kind: .pattern, value: Int64(regex)))
            }
        }
        let asserts =
            reader.has(.formatAssertion) || (options.assertsFormats && reader.has(.formatAnnotation))
        if asserts, let name = reader.object["format"]?.string, let format = Format(name: name) {
            checks.append(StringCheck(kind: .format, value: Int64(format.rawValue)))
        }
        if options.assertsContent, reader.has(.content) {
            let isBase64 = reader.object["contentEncoding"]?.string?.lowercased() == "base64"
            if isBase64 { checks.append(StringCheck(kind: .encoding, value: 0)) }
            if reader.object["contentMediaType"]?.string == "application/json" {
                checks.append(StringCheck(kind: .mediaType, value: isBase64 ? 1 : 0))
            }
        }
        let span = Span(start: Int32(parts.strings.count), count: Int32(checks.count))
        parts.strings += checks
        return span
    }

    private mutating func compileNumbers(_ reader: KeywordReader) throws(SchemaError) -> Span {
        let keywords: [(String, NumberCheck.Kind)] = [
            ("minimum", .minimum), ("maximum", .maximum), ("exclusiveMinimum", .exclusiveMinimum),
            ("exclusiveMaximum", .exclusiveMaximum), ("multipleOf", .multipleOf),
        ]
        let start = parts.numbers.count
        for (keyword, kind) in keywords {
            guard let value = reader.object[keyword] else { continue }
            guard let number = value.number else { throw reader.error(keyword, "a number") }
            var text = Array(number.text.utf8)
            let decimal = text.withUnsafeBytes { bytes in
                let decimal = Decimal(bytes)
                return (
                    isAboveZero: !decimal.isZero && !decimal.isNegative, digits: decimal.count,
                    isWhole: decimal.isInteger
                )
            }
            if kind == .multipleOf {
                guard decimal.isAboveZero else { throw reader.error(keyword, "a number above zero") }
                guard decimal.digits <= 1_000 else {
                    throw SchemaError(
                        .tooLarge(what: "digits of 'multipleOf'", limit: 1_000), at: reader.location)
                }
            }
            // Whole numbers of up to 18 digits are compared as such, however they are written.
            var small = number.int64
            if small == nil, decimal.isWhole, let double = number.double, abs(double) < 1e15 {
                small = Int64(double)
                text = Array(String(Int64(double)).utf8)
            }
            let isSmall = small.map { abs($0) < 1_000_000_000_000_000_000 } ?? false
            parts.numbers.append(
                NumberCheck(
                    kind: kind, isSmall: isSmall, small: isSmall ? small ?? 1 : 1, text: parts.add(text: text)
                ))
        }
        return Span(start: Int32(start), count: Int32(parts.numbers.count - start))
    }

    // MARK: The same value

    private mutating func compileInPlace(_ reader: KeywordReader) throws(SchemaError) -> [InPlace] {
        var items: [InPlace] = []
        if let reference = reader.object["$ref"] { items.append(try compileReference(reference, reader)) }
        if reader.draft == .draft2019, let reference = reader.object["$recursiveRef"]?.string {
            items.append(try compileDynamic(reference, reader, name: ""))
        }
        if reader.draft == .draft2020, let reference = reader.object["$dynamicRef"]?.string {
            items.append(try compileDynamic(reference, reader, name: nil))
        }
        guard reader.has(.applicator) else { return items }
        for (keyword, kind) in [("allOf", InPlace.Kind.all), ("anyOf", .any), ("oneOf", .one)] {
            guard let list = reader.object[keyword] else { continue }
            guard let count = list.array?.count, count > 0 else {
                throw reader.error(keyword, "an array of schemas that is not empty")
            }
            var nodes: [Int32] = []
            for place in 0..<count { nodes.append(try child(at: "/\(keyword)/\(place)", reader)) }
            items.append(InPlace(kind: kind, nodes: parts.add(links: nodes)))
        }
        if let negated = try child("not", reader) {
            items.append(InPlace(kind: .not, nodes: parts.add(links: [negated])))
        }
        if let condition = try child("if", reader) {
            let branches = [try child("then", reader) ?? Node.none, try child("else", reader) ?? Node.none]
            items.append(InPlace(kind: .condition, nodes: parts.add(links: [condition] + branches)))
        }
        return items
    }

    private mutating func compileReference(
        _ value: JSONValue, _ reader: KeywordReader
    ) throws(SchemaError) -> InPlace {
        guard let reference = value.string else { throw reader.error("$ref", "a URI reference") }
        let target = try index.resolve(reference, from: reader.resource, at: reader.location + "/$ref")
        return InPlace(kind: .all, nodes: parts.add(links: [try node(at: target)]))
    }

    /// `$dynamicRef` and `$recursiveRef`, whose name is empty: plain references unless what they lead to answers to the name.
    private mutating func compileDynamic(
        _ reference: String, _ reader: KeywordReader, name: String?
    ) throws(SchemaError) -> InPlace {
        let keyword = name == nil ? "/$dynamicRef" : "/$recursiveRef"
        let target = try index.resolve(reference, from: reader.resource, at: reader.location + keyword)
        let links = parts.add(links: [try node(at: target)])
        let name = name ?? String(URIReference(reference).fragment ?? "")
        guard index.resources[index.places[target].resource].dynamicAnchors[name] == target else {
            return InPlace(kind: .all, nodes: links)
        }
        return InPlace(kind: .dynamic, nodes: links, anchor: anchor(name))
    }
}
