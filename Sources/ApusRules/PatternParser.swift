// SPDX-License-Identifier: Apache-2.0

// From text to the pattern's tree: objects, fields, `$or`. What stands inside a list of alternatives is
// read in PatternParser+Operators.swift. Every refusal carries the field's path and the byte it is about.

import JSONText

/// Reads one pattern; enforces the limits while reading, so that a hostile text costs no more than they allow.
struct PatternParser {
    /// Which patterns are read.
    enum Dialect {
        /// Event patterns: attributes and data, all operators.
        case apus
        /// Any names at the top, EventBridge's operators.
        case bare
    }

    var scanner: JSONScanner
    let limits: PatternLimits
    let dialect: Dialect
    var path: [String] = []
    private var leafCount = 0
    var alternativeCount = 0

    /// - Parameter dialect: which language it is.
    static func parse(
        _ text: UnsafeRawBufferPointer, limits: PatternLimits, dialect: Dialect = .apus
    ) throws(PatternError) -> PatternObject {
        guard text.count <= limits.textBytesMax else {
            throw PatternError(
                .tooLong(limit: limits.textBytesMax), path: "", offset: limits.textBytesMax)
        }
        var parser = PatternParser(
            scanner: JSONScanner(text, depthLimit: limits.depthMax), limits: limits, dialect: dialect)
        return try parser.readPattern()
    }

    private init(scanner: JSONScanner, limits: PatternLimits, dialect: Dialect) {
        self.scanner = scanner
        self.limits = limits
        self.dialect = dialect
    }

    private mutating func readPattern() throws(PatternError) -> PatternObject {
        guard try nextKind() == .object else { throw error(.patternIsNotAnObject) }
        let root = try readObject(isTop: dialect == .apus)
        do { try scanner.expectEnd() } catch { throw self.error(error) }
        let combinations = root.combinationCount
        guard combinations <= limits.combinationsMax else {
            throw error(.tooManyCombinations(limit: limits.combinationsMax), at: 0)
        }
        guard root.expandedBytes <= limits.expandedBytesMax else {
            throw error(.combinationsTooLarge(limit: limits.expandedBytesMax), at: 0)
        }
        return root
    }

    private mutating func readObject(isTop: Bool) throws(PatternError) -> PatternObject {
        do { try scanner.beginObject() } catch { throw self.error(error) }
        var object = PatternObject()
        var seen: Set<[UInt8]> = []
        while let (name, start) = try nextName() {
            path.append(String(decoding: name, as: UTF8.self))
            guard seen.insert(name).inserted else {
                throw error(.json(.duplicateName(path[path.count - 1])), at: start)
            }
            if name.elementsEqual("$or".utf8) {
                object.choices = try readChoices(isTop: isTop)
            } else if dialect == .apus, name.elementsEqual("$and".utf8) {
                object.requirements = try readRequirements(isTop: isTop)
            } else {
                if isTop { try checkAttribute(name, at: start) }
                object.fields.append(
                    PatternObject.Field(name: name, content: try readContent(isAttribute: isTop)))
            }
            path.removeLast()
        }
        object.fields.sort { $0.name.lexicographicallyPrecedes($1.name) }
        return object
    }

    private mutating func readContent(isAttribute: Bool) throws(PatternError) -> PatternObject.Content {
        switch try nextKind() {
        case .object:
            let start = scanner.position
            if isAttribute, path.last != "data" {
                let name = path.last ?? ""
                throw error(.attributeHasNoFields(name, hint: Self.hint(for: name)))
            }
            let object = try readObject(isTop: false)
            guard !object.isEmpty else { throw error(.noFields, at: start) }
            return .object(object)
        case .array:
            leafCount += 1
            guard leafCount <= limits.leavesMax else {
                throw error(.tooManyLeaves(limit: limits.leavesMax))
            }
            return .leaf(try readAlternatives())
        default: throw error(.alternativesAreNotAList)
        }
    }

    private mutating func readChoices(isTop: Bool) throws(PatternError) -> [PatternObject] {
        let refusal = PatternError.Reason.invalidOperand(
            operator: "$or", expected: "a list of at least two objects")
        return try readObjects(isTop: isTop, countMin: 2, refusal)
    }

    private mutating func readRequirements(isTop: Bool) throws(PatternError) -> [PatternObject] {
        let refusal = PatternError.Reason.invalidOperand(operator: "$and", expected: "a list of objects")
        return try readObjects(isTop: isTop, countMin: 1, refusal)
    }

    private mutating func readObjects(
        isTop: Bool, countMin: Int, _ refusal: PatternError.Reason
    ) throws(PatternError) -> [PatternObject] {
        guard try nextKind() == .array else { throw error(refusal) }
        let start = scanner.position
        var objects: [PatternObject] = []
        do { try scanner.beginArray() } catch { throw self.error(error) }
        while try nextElement() {
            guard try nextKind() == .object else { throw error(refusal) }
            path.append(String(objects.count))
            let object = try readObject(isTop: isTop)
            guard !object.isEmpty else { throw error(.noFields) }
            path.removeLast()
            objects.append(object)
        }
        guard objects.count >= countMin else { throw error(refusal, at: start) }
        return objects
    }

    // MARK: - Attributes

    private func checkAttribute(_ name: [UInt8], at start: Int) throws(PatternError) {
        let isValid =
            !name.isEmpty
            && name.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) }
        guard !isValid else { return }
        let text = String(decoding: name, as: UTF8.self)
        throw error(.unknownAttribute(text, hint: Self.hint(for: text)), at: start)
    }

    /// What someone who knows EventBridge may mean.
    private static func hint(for name: String) -> String? {
        switch name {
        case "detail": "data"
        case "detail-type", "detailtype": "type"
        default: nil
        }
    }
}

// MARK: - Steps of the scanner, their errors given a path

extension PatternParser {
    func error(_ reason: PatternError.Reason, at offset: Int? = nil) -> PatternError {
        PatternError(reason, path: path.joined(separator: "."), offset: offset ?? scanner.position)
    }

    func error(_ error: JSONError) -> PatternError { self.error(.json(error.reason), at: error.offset) }

    mutating func nextKind() throws(PatternError) -> JSONKind {
        do { return try scanner.peekKind() } catch { throw self.error(error) }
    }

    mutating func nextElement() throws(PatternError) -> Bool {
        do { return try scanner.nextElement() } catch { throw self.error(error) }
    }

    /// The next member's name and the place of its quote.
    mutating func nextName() throws(PatternError) -> (text: [UInt8], start: Int)? {
        do {
            return try scanner.nextName().map { (scanner.utf8($0), $0.range.lowerBound - 1) }
        } catch { throw self.error(error) }
    }

    mutating func readString() throws(PatternError) -> [UInt8] {
        do { return scanner.utf8(try scanner.scanString()) } catch { throw self.error(error) }
    }

    mutating func readNumber() throws(PatternError) -> PatternNumber {
        do {
            return PatternNumber(text: Array(scanner.bytes(try scanner.scanNumber())))
        } catch { throw self.error(error) }
    }
}
