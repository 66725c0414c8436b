// SPDX-License-Identifier: Apache-2.0

// From schemas to a program: each schema that is there or referred to becomes a node; references become indexes.

import JSONText

struct SchemaCompiler {
    let options: SchemaOptions
    let library: SchemaLibrary
    var index: SchemaIndex
    var parts = ProgramParts()
    var regexes: [Regex] = []
    var patternTexts: [String] = []
    private var regexIndexes: [String: Int32] = [:]
    private(set) var nodesByPlace: [Int: Int32] = [:]
    private var placesOfNodes: [Int] = []
    private var anchorIndexes: [String: Int32] = [:]
    private var anchorNames: [String] = []
    private var anchors: [[DynamicAnchor]] = []
    /// What making tables for regular expressions may still cost, and instructions they may still have: for all of a schema together.
    private var regexWork = 1_000_000
    private var regexInstructions: Int
    /// Properties of characters that regular expressions name.
    private var unicodeProperties: Set<String> = []

    init(options: SchemaOptions, library: SchemaLibrary) {
        self.options = options
        self.library = library
        regexInstructions = min(options.limits.regexInstructions, .max / 5) * 5
        index = SchemaIndex(options: options, library: library)
    }

    /// Compiles a document, with everything that it refers to.
    mutating func compile(_ document: JSONValue, isMetaSchema: Bool = false) throws(SchemaError) -> Program {
        let base = URIReference(options.baseURI).withoutFragment
        let place = try index.add(document, uri: base, parent: nil)
        // Before anything is read from it.
        if !isMetaSchema { try check(document, index.resources[index.places[place].resource].dialect) }
        let own = index.places.count
        let root = try node(at: place)
        // All schemas of the document, so that what is wrong shows now and not when somebody comes to use it.
        for place in 0..<own { _ = try node(at: place) }
        try finish()
        try CycleCheck.run(parts, locations: { self.location(ofNode: $0) })
        return Program(
            root: root, limits: options.limits, parts: parts, regexes: regexes, anchors: anchors,
            locations: placesOfNodes.map { self.location(ofPlace: $0) }, patternTexts: patternTexts)
    }

    /// Holds a document against its meta-schema.
    private func check(_ document: JSONValue, _ dialect: Dialect) throws(SchemaError) {
        guard let validator = try MetaSchemas.validator(dialect, library: library) else { return }
        let bytes = document.serialized()
        let violation: Violation?
        do throws(ValidationError) {
            violation = try validator.violations(bytes, limit: 1).first
        } catch {
            let reason: SchemaError.Reason =
                switch error {
                case .notJSON(let error): .notJSON(error)
                case .tooCostly(let limit): .tooLarge(what: "steps to check the schema", limit: limit)
                case .tooDeep(let limit): .tooLarge(what: "levels of the schema", limit: limit)
                }
            throw SchemaError(reason, at: options.baseURI)
        }
        guard let violation else { return }
        throw SchemaError(.notASchema(violation), at: options.baseURI + "#" + violation.instanceLocation)
    }

    /// Compiles what was asked for, and what that asks for, until nothing is left.
    private mutating func finish() throws(SchemaError) {
        var done = 0
        while true {
            while done < placesOfNodes.count {
                try compileNode(Int32(done))
                done += 1
            }
            // Every resource that answers to a dynamic reference takes part, as soon as it is known.
            var resource = 0
            while resource < index.resources.count {
                for (anchor, name) in anchorNames.enumerated() {
                    guard let place = index.resources[resource].dynamicAnchors[name],
                        !anchors[anchor].contains(where: { $0.resource == Int32(resource) })
                    else { continue }
                    anchors[anchor].append(
                        DynamicAnchor(resource: Int32(resource), node: try node(at: place)))
                }
                resource += 1
            }
            if done == placesOfNodes.count { return }
        }
    }

    /// The node of a place, to be compiled if it is new.
    mutating func node(at place: Int) throws(SchemaError) -> Int32 {
        if let known = nodesByPlace[place] { return known }
        guard placesOfNodes.count < options.limits.schemas else {
            throw SchemaError(
                .tooLarge(what: "schemas", limit: options.limits.schemas), at: location(ofPlace: place))
        }
        let node = Int32(placesOfNodes.count)
        nodesByPlace[place] = node
        placesOfNodes.append(place)
        parts.nodes.append(Node())
        return node
    }

    /// The node of a schema that is a reference and nothing else is that of where it leads, within a resource.
    mutating func node(through place: Int) throws(SchemaError) -> Int32 {
        var place = place
        for _ in 0..<64 {
            let here = index.places[place]
            guard let object = here.value.object, let reference = object["$ref"]?.string,
                object.members.allSatisfy({ Self.isSilent($0.name) || $0.name == "$ref" })
            else { break }
            let next = try index.resolve(
                reference, from: here.resource, at: location(ofPlace: place) + "/$ref")
            guard index.places[next].resource == here.resource, next != place else { break }
            place = next
        }
        return try node(at: place)
    }

    private static func isSilent(_ keyword: String) -> Bool {
        switch keyword {
        case "title", "description", "$comment", "default", "examples", "deprecated", "readOnly", "writeOnly":
            true
        default: false
        }
    }

    func location(ofPlace place: Int) -> String {
        index.location(index.places[place].resource, index.places[place].pointer)
    }

    func location(ofNode node: Int32) -> String { location(ofPlace: placesOfNodes[Int(node)]) }

    func place(ofNode node: Int32) -> Int { placesOfNodes[Int(node)] }

    /// The index of a regular expression.
    mutating func regex(_ text: String, at location: String) throws(SchemaError) -> Int32 {
        if let known = regexIndexes[text] { return known }
        unicodeProperties.formUnion(UnicodeProperties.names(in: text))
        guard unicodeProperties.count <= options.limits.unicodeProperties else {
            throw SchemaError(
                .tooLarge(
                    what: "properties of characters in regular expressions",
                    limit: options.limits.unicodeProperties), at: location)
        }
        do throws(RegexError) {
            let limit = min(options.limits.regexInstructions, regexInstructions)
            let regex = try Regex(text, limit: limit, work: &regexWork)
            // However small, each takes some time to be made.
            regexInstructions -= max(regex.size, 16)
            regexes.append(regex)
        } catch {
            throw SchemaError(
                error.isUnsupported ? .unsupportedPattern(error) : .invalidPattern(error), at: location)
        }
        patternTexts.append(text)
        regexIndexes[text] = Int32(regexes.count - 1)
        return Int32(regexes.count - 1)
    }

    /// The index of a name that dynamic references ask for.
    mutating func anchor(_ name: String) -> Int32 {
        if let known = anchorIndexes[name] { return known }
        anchorIndexes[name] = Int32(anchorNames.count)
        anchorNames.append(name)
        anchors.append([])
        return Int32(anchorNames.count - 1)
    }
}

/// Finds references that lead back to where they began without going on in the document.
private enum CycleCheck {
    static func run(_ parts: ProgramParts, locations: (Int32) -> String) throws(SchemaError) {
        // 0: not seen, 1: on the way, 2: done.
        var states = [UInt8](repeating: 0, count: parts.nodes.count)
        for root in parts.nodes.indices where states[root] == 0 {
            var stack: [(node: Int32, links: [Int32], next: Int)] = [
                (Int32(root), links(of: Int32(root), parts), 0)
            ]
            states[root] = 1
            while let top = stack.last {
                guard top.next < top.links.count else {
                    states[Int(top.node)] = 2
                    stack.removeLast()
                    continue
                }
                stack[stack.count - 1].next += 1
                let next = top.links[top.next]
                switch states[Int(next)] {
                case 0:
                    states[Int(next)] = 1
                    stack.append((next, links(of: next, parts), 0))
                case 1: throw SchemaError(.endlessReference, at: locations(next))
                default: break
                }
            }
        }
    }

    /// The schemas that a node applies to the same value, whatever the document. Where dynamic references lead depends on it;
    /// those are bounded when they run.
    private static func links(of node: Int32, _ parts: ProgramParts) -> [Int32] {
        var links: [Int32] = []
        for item in parts.nodes[Int(node)].inPlace.range where parts.inPlace[item].kind != .dynamic {
            links += parts.links[parts.inPlace[item].nodes.range].filter { $0 >= 0 }
        }
        let object = parts.nodes[Int(node)].object
        if object >= 0 {
            for dependent in parts.objects[Int(object)].dependents.range
            where parts.dependents[dependent].node >= 0 {
                links.append(parts.dependents[dependent].node)
            }
        }
        return links
    }
}
