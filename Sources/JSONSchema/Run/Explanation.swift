// SPDX-License-Identifier: Apache-2.0

// The second look at a document that a schema does not accept: which rules does it break, and where? Each value that is not accepted
// is taken apart; whether a value is accepted is asked of an ordinary run. It has its own budget of steps, and when that is used
// up tells what it has found so far.

import JSONText

struct Explanation: ~Copyable {
    var run: Run
    var found: [Violation] = []
    let limit: Int
    var path: [String] = []

    init(_ bytes: UnsafeRawBufferPointer, program: Program, limit: Int) {
        run = Run(bytes, program: program)
        self.limit = limit
        run.steps = max(program.limits.explanationSteps, 0)
    }

    /// All violations, at least one.
    mutating func violations() -> [Violation] {
        explain(run.program.root, at: 0)
        if found.isEmpty {
            path = []
            add(run.program.root, "schema", from: 0, to: run.end, "the document does not match the schema")
        }
        return found
    }

    var isDone: Bool { found.count >= limit || run.failure != nil }

    func text(_ start: Int, _ end: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: run.base + start, count: end - start)
    }

    mutating func add(_ node: Int32, _ rule: String, from start: Int, to end: Int, _ message: String) {
        guard found.count < limit else { return }
        var location = run.program.locations[Int(node)]
        // Texts are made, of names and keywords of any length; they are memory as well.
        let lengths =
            path.reduce(0) { $0 + $1.utf8.count } + location.utf8.count + rule.utf8.count + message.utf8.count
        guard found.isEmpty && rule == "schema" || run.spend(32 + path.count + lengths >> 2) else { return }
        if rule != "false", rule != "schema" { location += "/" + rule }
        found.append(
            Violation(
                instanceLocation: path.map { "/" + JSONPointer.escape($0) }.joined(),
                schemaLocation: location, rule: rule,
                got: excerpt(start, end), message: message))
    }

    /// A value as text, shortened.
    private func excerpt(_ start: Int, _ end: Int) -> String {
        let longest = 80
        guard end - start > longest else { return String(decoding: text(start, end), as: UTF8.self) }
        var cut = start + longest
        while cut > start, run.byte(cut) & 0xC0 == 0x80 { cut -= 1 }
        return String(decoding: text(start, cut), as: UTF8.self) + "…"
    }

    /// Tells why a node does not accept the value at `place`, if it does not.
    mutating func explain(_ id: Int32, at place: Int) {
        guard !isDone else { return }
        run.position = place
        guard !run.probe(id, marks: Run.noMarks), run.failure == nil, run.levels > 0,
            run.spend(bytes: run.position - place)
        else { return }
        run.levels -= 1
        let node = run.view.nodes + Int(id)
        let isNew = run.view.hasDynamicReferences && run.scope.last != node.pointee.resource
        if isNew { run.scope.append(node.pointee.resource) }
        explainNode(id, node, at: place)
        if isNew { run.scope.removeLast() }
        run.levels += 1
    }

    mutating func explainNode(_ id: Int32, _ node: UnsafePointer<Node>, at place: Int) {
        run.position = place
        run.skipWhitespace()
        let start = run.position
        guard run.skipValue(), run.spend(bytes: run.position - start) else { return }
        let end = run.position
        let before = found.count
        guard node.pointee.types != 0 else {
            return add(id, "false", from: start, to: end, "nothing may stand here")
        }
        let type = Self.type(of: text(start, end))
        guard node.pointee.types & type != 0 else {
            return add(
                id, "type", from: start, to: end,
                "must be \(Self.names(node.pointee.types)), is \(Self.names(type))")
        }
        if node.pointee.values >= 0 { explainValues(id, node, start, end) }
        switch type {
        case TypeBits.string: explainString(id, node, start, end)
        case TypeBits.integer, TypeBits.fraction: explainNumber(id, node, start, end)
        case TypeBits.object where node.pointee.object >= 0:
            explainObject(id, run.view.objects + Int(node.pointee.object), start, end)
        case TypeBits.array where node.pointee.array >= 0:
            explainArray(id, run.view.arrays + Int(node.pointee.array), start, end)
        default: break
        }
        for item in node.pointee.inPlace.range where !isDone {
            explainInPlace(id, run.view.inPlace + item, start, end)
        }
        // What is left unevaluated is known only where everything else holds.
        if found.count == before, !isDone { explainRest(id, node, start, end) }
    }

    static func type(of text: UnsafeRawBufferPointer) -> UInt8 {
        switch text.at(0) {
        case 0x22: TypeBits.string
        case 0x7B: TypeBits.object
        case 0x5B: TypeBits.array
        case 0x74, 0x66: TypeBits.bool
        case 0x6E: TypeBits.null
        default: Decimal(text).isInteger ? TypeBits.integer : TypeBits.fraction
        }
    }

    /// Kinds in words.
    static func names(_ types: UInt8) -> String {
        var names: [String] = []
        if types & TypeBits.null != 0 { names.append("null") }
        if types & TypeBits.bool != 0 { names.append("a boolean") }
        if types & TypeBits.fraction != 0 {
            names.append("a number")
        } else if types & TypeBits.integer != 0 {
            names.append("an integer")
        }
        if types & TypeBits.string != 0 { names.append("a string") }
        if types & TypeBits.array != 0 { names.append("an array") }
        if types & TypeBits.object != 0 { names.append("an object") }
        return names.count < 2
            ? names.first ?? "nothing"
            : names.dropLast().joined(separator: ", ") + " or " + (names.last ?? "")
    }

    // MARK: Scalars

    mutating func explainValues(_ id: Int32, _ node: UnsafePointer<Node>, _ start: Int, _ end: Int) {
        let table = run.view.tables + Int(node.pointee.values)
        run.position = end
        guard !run.isAmong(table, from: start), run.failure == nil else { return }
        let given = table.pointee.entries.range.prefix(8).map { index in
            let span = run.view.entries[index].text
            let text = UnsafeRawBufferPointer(start: run.view.bytes + Int(span.start), count: Int(span.count))
            return text.count <= 40
                ? String(decoding: text, as: UTF8.self)
                : String(decoding: text.prefix(40), as: UTF8.self) + "…"
        }
        let more = table.pointee.entries.count > 8 ? " or \(table.pointee.entries.count - 8) others" : ""
        if table.pointee.isConstant {
            add(id, "const", from: start, to: end, "must be \(given.first ?? "something else")")
        } else {
            add(id, "enum", from: start, to: end, "must be one of \(given.joined(separator: ", "))\(more)")
        }
    }

    mutating func explainString(_ id: Int32, _ node: UnsafePointer<Node>, _ start: Int, _ end: Int) {
        run.position = start
        guard node.pointee.strings.count > 0, let place = run.scanString() else { return }
        run.unescape(place)
        let value = run.unescaped
        value.withUnsafeBytes { bytes in
            for index in node.pointee.strings.range {
                var length = -1
                let check = run.view.strings[index]
                guard !run.holds(check, bytes, length: &length), run.failure == nil else { continue }
                switch check.kind {
                case .minLength:
                    add(
                        id, "minLength", from: start, to: end,
                        "must be at least \(Self.count(check.value, "character")) long, has \(Run.characters(bytes))"
                    )
                case .maxLength:
                    add(
                        id, "maxLength", from: start, to: end,
                        "must be at most \(Self.count(check.value, "character")) long, has \(Run.characters(bytes))"
                    )
                case .pattern:
                    add(
                        id, "pattern", from: start, to: end,
                        "must match the regular expression \(run.program.patternTexts[Int(check.value)])")
                case .format:
                    let name = Format(rawValue: UInt8(truncatingIfNeeded: check.value))?.name ?? ""
                    add(id, "format", from: start, to: end, "must be of the format '\(name)'")
                case .encoding: add(id, "contentEncoding", from: start, to: end, "must be base64")
                case .mediaType: add(id, "contentMediaType", from: start, to: end, "must contain JSON")
                }
            }
        }
    }

    static func count(_ count: Int64, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

    mutating func explainNumber(_ id: Int32, _ node: UnsafePointer<Node>, _ start: Int, _ end: Int) {
        for index in node.pointee.numbers.range {
            let check = run.view.numbers + index
            guard !run.holds(check, for: text(start, end)), run.failure == nil else { continue }
            let span = check.pointee.text
            let bound = String(
                decoding: UnsafeRawBufferPointer(
                    start: run.view.bytes + Int(span.start), count: Int(span.count)),
                as: UTF8.self)
            switch check.pointee.kind {
            case .minimum: add(id, "minimum", from: start, to: end, "must be at least \(bound)")
            case .maximum: add(id, "maximum", from: start, to: end, "must be at most \(bound)")
            case .exclusiveMinimum:
                add(id, "exclusiveMinimum", from: start, to: end, "must be more than \(bound)")
            case .exclusiveMaximum:
                add(id, "exclusiveMaximum", from: start, to: end, "must be less than \(bound)")
            case .multipleOf: add(id, "multipleOf", from: start, to: end, "must be a multiple of \(bound)")
            }
        }
    }

    // MARK: The same value

    mutating func explainInPlace(
        _ id: Int32, _ item: UnsafePointer<InPlace>, _ start: Int, _ end: Int
    ) {
        let nodes = (0..<Int(item.pointee.nodes.count)).map {
            run.view.links[Int(item.pointee.nodes.start) + $0]
        }
        switch item.pointee.kind {
        case .all: for node in nodes { explain(node, at: start) }
        case .dynamic: explain(run.target(of: item), at: start)
        case .not:
            run.position = start
            if run.probe(nodes[0], marks: Run.noMarks) {
                add(id, "not", from: start, to: end, "must not match the schema of 'not'")
            }
        case .condition:
            run.position = start
            let holds = run.probe(nodes[0], marks: Run.noMarks)
            let next = holds ? nodes[1] : nodes[2]
            if next >= 0, run.failure == nil { explain(next, at: start) }
        case .any, .one: explainChoice(id, item.pointee.kind, nodes, start, end)
        }
    }

    /// Of several schemas none matches, or more than one. Of the failures those are told that are the fewest: most likely
    /// that schema was meant.
    mutating func explainChoice(
        _ id: Int32, _ kind: InPlace.Kind, _ nodes: [Int32], _ start: Int, _ end: Int
    ) {
        var matching: [Int] = []
        var best: [Violation] = []
        let before = found.count
        for (index, node) in nodes.enumerated() {
            run.position = start
            let accepts = run.probe(node, marks: Run.noMarks)
            guard run.failure == nil, run.spend(bytes: run.position - start) else { break }
            if accepts {
                matching.append(index)
                continue
            }
            explain(node, at: start)
            let own = Array(found[before...])
            found.removeLast(found.count - before)
            if !own.isEmpty, best.isEmpty || own.count < best.count { best = own }
        }
        guard run.failure == nil else { return }
        if matching.isEmpty {
            let rule = kind == .any ? "anyOf" : "oneOf"
            add(id, rule, from: start, to: end, "matches none of the \(nodes.count) schemas of '\(rule)'")
            found += best.prefix(max(limit - found.count, 0))
        } else if kind == .one, matching.count > 1 {
            let list = matching.map(String.init).joined(separator: " and ")
            add(
                id, "oneOf", from: start, to: end,
                "must match exactly one of the schemas of 'oneOf', matches \(list)")
        }
    }

    mutating func explainRest(_ id: Int32, _ node: UnsafePointer<Node>, _ start: Int, _ end: Int) {
        let isObject = run.byte(start) == 0x7B
        let rest = isObject ? node.pointee.unevaluatedProperties : node.pointee.unevaluatedItems
        guard rest >= 0, isObject || run.byte(start) == 0x5B else { return }
        let children = children(from: start)
        let marks = run.reserve(words: (children.count + 63) >> 6)
        run.position = start
        if run.apply(node, marks: marks) {
            for (index, child) in children.enumerated() where !run.isMarked(index, in: marks) {
                explainChild(
                    rest, of: id, keyword: isObject ? "unevaluatedProperties" : "unevaluatedItems",
                    named: child.name,
                    at: child.value, isMember: isObject)
            }
        }
        run.release(marks)
    }
}
