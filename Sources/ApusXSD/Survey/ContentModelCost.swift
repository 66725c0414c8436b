// SPDX-License-Identifier: Apache-2.0

// What compiling the content models of a schema would cost libxml2, which makes an automaton of each: with all steps between
// elements written out, and compared with each other state by state. That takes milliseconds for what people write, and years for a few
// lines that are meant to. The estimate follows what was measured, and is too high rather than too low.

/// The estimate for a schema.
struct ContentModelCost {
    /// A content model, or a part of one, as an automaton: numbers of what would be there, as `Double`, because they can be huge.
    struct Model {
        /// Elements named.
        var places = 0.0
        var isNullable = true
        /// Ways in and out.
        var first = 0.0
        var last = 0.0
        /// Steps from element to element.
        var steps = 0.0
        /// Work beyond that of comparing steps.
        var work = 0.0

        /// What comparing costs: each state's steps with each other.
        var cost: Double { work + first * first + steps * steps / max(places, 1) }
    }

    private(set) var steps = 0.0
    private var entries = 0.0
    private var groups: [String: SchemaNode] = [:]
    private var types: [String: SchemaNode] = [:]
    private var groupModels: [String: Model] = [:]
    private var typeModels: [String: Model] = [:]
    /// How many elements can stand for a head of a substitution group.
    private var members: [String: [String]] = [:]
    private let roots: [SchemaNode]

    init(_ roots: [SchemaNode]) {
        self.roots = roots
        for child in roots.flatMap(\.children) {
            guard let name = child.attributes["name"] else { continue }
            switch child.kind {
            case "group": groups[name] = ContentModelCost.larger(groups[name], child)
            case "complexType": types[name] = ContentModelCost.larger(types[name], child)
            case "element":
                guard let head = child.attributes["substitutionGroup"] else { break }
                members[SchemaNode.local(head), default: []].append(name)
            default: break
            }
        }
    }

    /// Where two namespaces have one name, both are taken for the one with more in it.
    private static func larger(_ known: SchemaNode?, _ other: SchemaNode) -> SchemaNode {
        guard let known, size(known) >= size(other) else { return other }
        return known
    }

    private static func size(_ node: SchemaNode) -> Int { node.children.reduce(1) { $0 + size($1) } }

    static func tooCostly(_ limits: XSDLimits) -> XSDError {
        .tooCostly(
            "the content models and regular expressions of the schema would take more than \(limits.compileSteps)"
                + " steps to compile: make them smaller, or nest fewer repetitions of what can be empty")
    }

    mutating func check(_ limits: XSDLimits) throws(XSDError) {
        var pending = roots
        while let node = pending.popLast() {
            pending += node.children
            guard node.kind == "complexType" else { continue }
            let model = content(of: node, within: [])
            steps += model.cost
            entries += model.places * model.places
            guard steps <= Double(limits.compileSteps) else { throw ContentModelCost.tooCostly(limits) }
            guard entries <= Double(limits.modelEntries) else {
                throw .tooLarge(
                    "the content models of the schema need more than \(limits.modelEntries) entries in tables"
                )
            }
        }
    }

    // MARK: Models

    private mutating func content(of type: SchemaNode, within names: Set<String>) -> Model {
        var model = Model()
        for child in type.children {
            switch child.kind {
            case "sequence", "choice", "all", "group":
                model = ContentModelCost.sequence(model, particle(child, within: names))
            case "complexContent":
                for derivation in child.children {
                    if derivation.kind == "extension", let base = derivation.attributes["base"] {
                        model = ContentModelCost.sequence(
                            model, named(SchemaNode.local(base), within: names))
                    }
                    model = ContentModelCost.sequence(model, content(of: derivation, within: names))
                }
            default: break
            }
        }
        return model
    }

    private mutating func named(_ name: String, within names: Set<String>) -> Model {
        if let known = typeModels[name] { return known }
        // Types and groups that contain themselves are refused by libxml2.
        guard let node = types[name], !names.contains("type " + name) else { return Model() }
        let model = content(of: node, within: names.union(["type " + name]))
        typeModels[name] = model
        return model
    }

    private mutating func group(_ name: String, within names: Set<String>) -> Model {
        if let known = groupModels[name] { return known }
        guard let node = groups[name], !names.contains("group " + name) else { return Model() }
        let model = content(of: node, within: names.union(["group " + name]))
        groupModels[name] = model
        return model
    }

    private mutating func particle(_ node: SchemaNode, within names: Set<String>) -> Model {
        var model = Model()
        switch node.kind {
        case "element":
            let count = node.attributes["ref"].map { substitutes(SchemaNode.local($0)) } ?? 1
            model = Model(places: count, isNullable: false, first: count, last: 1)
        case "any": model = Model(places: 1, isNullable: false, first: 1, last: 1)
        case "group":
            if let name = node.attributes["ref"] { model = group(SchemaNode.local(name), within: names) }
        case "sequence":
            for child in node.children {
                model = ContentModelCost.sequence(model, particle(child, within: names))
            }
        case "choice", "all":
            model.isNullable = node.kind == "all"
            var hasPlain = false
            for child in node.children where ContentModelCost.particles.contains(child.kind) {
                let part = particle(child, within: names)
                // Elements that are not repeated end in one and the same state.
                let isPlain = child.kind == "element" && part.steps == 0 && !part.isNullable
                model.places += part.places
                model.isNullable = model.isNullable || part.isNullable
                model.first += part.first
                model.last += isPlain ? (hasPlain ? 0 : 1) : part.last
                model.steps += part.steps
                model.work += part.work
                hasPlain = hasPlain || isPlain
            }
            if node.kind == "all" { model.work += model.places * model.places }
        default: break
        }
        return ContentModelCost.repeated(model, node)
    }

    private static let particles: Set<String> = ["element", "any", "group", "sequence", "choice", "all"]

    /// How many elements can stand where a head is named.
    private func substitutes(_ head: String) -> Double {
        guard members[head] != nil else { return 1 }
        var seen: Set<String> = [head]
        var pending = [head]
        while let name = pending.popLast() {
            for member in members[name] ?? [] where seen.insert(member).inserted { pending.append(member) }
        }
        return Double(seen.count)
    }

    private static func sequence(_ left: Model, _ right: Model) -> Model {
        var model = left
        model.steps += right.steps + left.last * right.first
        model.work += right.work
        model.places += right.places
        model.first = left.isNullable ? left.first + right.first : left.first
        model.last = right.isNullable ? left.last + right.last : right.last
        model.isNullable = left.isNullable && right.isNullable
        return model
    }

    /// Repetitions of what can be empty, and counted ones, multiply the ways through, as was measured.
    private static func repeated(_ part: Model, _ node: SchemaNode) -> Model {
        let least = node.attributes["minOccurs"] ?? "1"
        let most = node.attributes["maxOccurs"] ?? "1"
        var model = part
        if most != "1" || (least != "0" && least != "1") {
            let isCounted = (most != "unbounded" && most != "1") || (least != "0" && least != "1")
            let factor = isCounted ? 3.0 : part.isNullable ? 2.0 : 1.0
            model.first *= factor
            model.last *= factor
            model.steps += model.first * model.last
        }
        if least == "0" { model.isNullable = true }
        return model
    }
}
